# Sourced: runs contestants in alternating rounds and keeps their times. A contestant is a function that writes what
# it reads to stdout. A function before_<contestant>, if there is one, prepares it and is not timed.

# What a contestant must write: lines and bytes (`+N` for N or more). No contestant is measured without it.
declare -A expected=()

expect() { # LINES BYTES CONTESTANT...
  local put_out="$1 $2" contestant
  shift 2
  for contestant in "$@"; do expected[$contestant]=$put_out; done
}

progress() { echo "bench: $(date -u +%H:%M:%S) $*" >&2; }
fail() { echo "bench: $*" >&2; exit 1; }

make_ready() { # CONTESTANT
  if declare -F "before_$1" >/dev/null; then "before_$1"; fi
}

# Runs a contestant and compares what it writes with what is expected.
check_output() { # CONTESTANT
  local lines bytes want_lines want_bytes
  [ -n "${expected[$1]:-}" ] || fail "$1: nothing says what it must write"
  read -r want_lines want_bytes <<< "${expected[$1]}"
  "$1" | wc -lc > "$work/counted"
  read -r lines bytes < "$work/counted"
  [ "$lines" -eq "$want_lines" ] || fail "$1: $lines lines, not $want_lines"
  case $want_bytes in
    +*) [ "$bytes" -ge "${want_bytes#+}" ] || fail "$1: $bytes bytes, not ${want_bytes#+} or more" ;;
    *) [ "$bytes" -eq "$want_bytes" ] || fail "$1: $bytes bytes, not $want_bytes" ;;
  esac
}
read_away() { "$1" > /dev/null; }

time_once() { # HOW CONTESTANT
  local begun
  make_ready "$2"
  begun=$EPOCHREALTIME
  "$1" "$2"
  awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >> "$work/times/$2"
}

# Times each contestant once per round, one after another.
run_rounds() { # HOW ROUNDS CONTESTANT...
  local how=$1 count=$2 round contestant
  shift 2
  mkdir -p "$work/times"
  for round in $(seq "$count"); do
    progress "  round $round of $count: $*"
    for contestant in "$@"; do time_once "$how" "$contestant"; done
  done
}

# Checks every contestant, then times them.
contest() { # ROUNDS CONTESTANT...
  local contestant
  for contestant in "${@:2}"; do
    progress "  checking $contestant"
    make_ready "$contestant"
    check_output "$contestant"
  done
  run_rounds read_away "$@"
}

# The same for contestants that take minutes: for all of them, what they write is counted while they are timed.
long_contest() { run_rounds check_output "$@"; } # ROUNDS CONTESTANT...

# Minimum, median and maximum of a contestant's figures.
spread() { # CONTESTANT
  sort -n "$work/times/$1" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)], t[NR] }'
}

median() { # CONTESTANT
  spread "$1" | awk '{ printf "%.3f", $2 }'
}
