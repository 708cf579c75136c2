# Sourced by the scripts of `make check` and `make test`: runs checks in sequence, each with a time limit.
# Needs: $checking (the command that the user called); $CARGO.

step() { # TITLE SECONDS COMMAND...
  local title=$1 limit=$2 begun=$SECONDS status=0
  shift 2
  echo "== $title"
  timeout --kill-after=30 "$limit" "$@" || status=$?
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    echo "$checking: '$title' did not end within $limit seconds" >&2
  elif [ "$status" -ne 0 ]; then
    echo "$checking: '$title' failed (exit status $status)" >&2
  fi
  [ "$status" -eq 0 ] || exit "$status"
  echo "   $title: $((SECONDS - begun)) s"
}

# The checks that do not run the code.
check_code() {
  step "cargo fmt" 120 "$CARGO" fmt --check
  step "cargo deny" 300 tests/setup/deny.sh
  step "cargo clippy" 900 "$CARGO" clippy --locked --workspace --all-targets -- -D warnings
}
