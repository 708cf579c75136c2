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

# Runs a contestant once, untimed, and compares what it put out with what is expected of it.
check_output() { # CONTESTANT
  local lines bytes want_lines want_bytes
  [ -n "${expected[$1]:-}" ] || fail "$1: nothing says what it has to put out"
  read -r want_lines want_bytes <<< "${expected[$1]}"
  make_ready "$1"
  "$1" | wc -lc > "$work/counted"
  read -r lines bytes < "$work/counted"
  [ "$lines" -eq "$want_lines" ] || fail "$1: $lines lines, not $want_lines"
  case $want_bytes in
    +*) [ "$bytes" -ge "${want_bytes#+}" ] || fail "$1: $bytes bytes, not ${want_bytes#+} or more" ;;
    *) [ "$bytes" -eq "$want_bytes" ] || fail "$1: $bytes bytes, not $want_bytes" ;;
  esac
}

time_once() { # CONTESTANT
  local begun
  make_ready "$1"
  begun=$EPOCHREALTIME
  "$1" > /dev/null
  awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >> "$work/times/$1"
}

# Checks every contestant, then times each once per round, one after the other.
contest() { # ROUNDS CONTESTANT...
  local count=$1 round contestant
  shift
  mkdir -p "$work/times"
  for contestant in "$@"; do
    progress "  checking $contestant"
    check_output "$contestant"
  done
  for round in $(seq "$count"); do
    progress "  round $round of $count: $*"
    for contestant in "$@"; do time_once "$contestant"; done
  done
}

# Minimum, median and maximum of the figures that a contestant has got.
spread() { # CONTESTANT
  sort -n "$work/times/$1" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)], t[NR] }'
}

median() { # CONTESTANT
  spread "$1" | awk '{ printf "%.3f", $2 }'
}
