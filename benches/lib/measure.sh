# Sourced: runs contestants in alternating rounds and keeps their times. A contestant is a function that writes what
# it reads to stdout; a function before_<contestant>, where there is one, makes ready what is not timed.

# What a contestant has to put out: lines and bytes (`+N` for N or more). None is measured without.
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

# Runs a contestant and compares what it puts out with what is expected of it.
check_output() { # CONTESTANT
  local lines bytes want_lines want_bytes
  [ -n "${expected[$1]:-}" ] || fail "$1: nothing says what it has to put out"
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

# Times each contestant once per round, one after the other.
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

# The same for contestants that take minutes: what they put out is counted while they are timed, for all alike.
long_contest() { run_rounds check_output "$@"; } # ROUNDS CONTESTANT...

# Minimum, median and maximum of the figures that a contestant has got.
spread() { # CONTESTANT
  sort -n "$work/times/$1" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)], t[NR] }'
}

median() { # CONTESTANT
  spread "$1" | awk '{ printf "%.3f", $2 }'
}
