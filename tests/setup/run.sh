#!/usr/bin/env bash
# All of `make test`: set-up, then every check, each with a hard time-out. Fails if any of them fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
CARGO=${CARGO:-cargo}
checking="make test"
. tests/setup/session.sh
. tests/setup/steps.sh

# Removes what a killed test left behind: its mounts and its servers, by the marks that it made.
clean_up() {
  local mark
  if [ -n "$building" ]; then kill -- "-$building" 2>/dev/null || true; fi
  while read -r mark; do
    umount -l "$mark" 2>/dev/null || fusermount3 -uz "$mark" 2>/dev/null || true
  done < <(mounts_below "$ASOF_TEST_DIR")
  for mark in "$ASOF_TEST_DIR"/*.pid; do
    if [ -e "$mark" ]; then
      kill -9 "$(cat "$mark")" 2>/dev/null || true
    fi
  done
  rm -rf --one-file-system "$ASOF_TEST_DIR"
}

tests/setup/packages.sh build check run test
tests/setup/fuse.sh
# Set-up neither builds nor installs Beads' own program: the tests use one that is there.
given_bd() { # VARIABLE VERSION
  local path said='' home
  if [ -z "${!1:-}" ]; then
    echo "== $1 is not set: the checks that need a bd $2x will say that they did not run; recorded trackers are still checked"
    return
  fi
  # It writes to its home folder, and sends usage data unless told not to.
  home=$(mktemp -d)
  path=$(command -v "${!1}") && path=$(realpath "$path") &&
    said=$(env -i HOME="$home" BD_DISABLE_METRICS=1 BD_DISABLE_EVENT_FLUSH=1 timeout 60 "$path" version 2>&1) || path=
  rm -rf "$home"
  case $path:$said in
    /*:"bd version $2"*) ;;
    *) echo "set-up: $1=${!1} does not run, or is not a bd $2x${said:+: $said}" >&2; exit 1 ;;
  esac
  export "$1=$path"
  echo "== Beads: $said ($path)"
}
given_bd BD 1.1.
given_bd BD_OLD 1.0.
if [ -z "${ASOF_REAL_HISTORY:-}" ]; then
  echo "== ASOF_REAL_HISTORY is not set: the checks on the real history will say that they did not run"
fi

# How long the tests may take, in seconds. The time that two of them can be given on top is added.
live=${ASOF_LIVE_SECONDS:-60}
if ! [[ $live =~ ^[0-9]{1,6}$ ]]; then
  echo "make test: ASOF_LIVE_SECONDS is '$live': give a number of seconds, such as 600" >&2
  exit 2
fi
test_limit=$((2700 + 10#$live))
if [ "${ASOF_LONG_TESTS:-}" = 1 ]; then
  test_limit=$((test_limit + 3600))
fi

# Many tests wait for a server or the kernel, so more run at once than there are cores.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
building=
ASOF_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/asof-test.XXXXXX")
# Some tests are about what other users may read, and those users must be able to enter it.
chmod 711 "$ASOF_TEST_DIR"
export ASOF_TEST_DIR
# The compilers of Go and Rust leave cores idle at times, so Dolt is built at the same time as the checks run.
build_dolts() {
  tests/setup/dolt.sh dolt DOLT > "$dolts/DOLT"
  tests/setup/dolt.sh dolt-1.83 DOLT_OLD > "$dolts/DOLT_OLD"
  tests/setup/dolt.sh dolt-2 DOLT_NEW > "$dolts/DOLT_NEW"
}
wait_for_dolts() {
  local variable
  wait "$building" || { cat "$dolts/log" >&2; echo "make test: Dolt was not built" >&2; exit 1; }
  building=
  for variable in DOLT DOLT_OLD DOLT_NEW; do
    export "$variable=$(cat "$dolts/$variable")"
    echo "== Dolt: $("${!variable}" version | head -n 1) (${!variable})"
  done
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

dolts=$ASOF_TEST_DIR/dolts
mkdir "$dolts"
set -m # its own process group, so that all of it can be ended
(set -e; build_dolts) < /dev/null 2> "$dolts/log" &
building=$!
set +m

check_code
# Fuzzing needs a nightly compiler, but any compiler can check that the targets still fit the program.
step "cargo check of the fuzz targets" 600 \
  "$CARGO" check --locked --manifest-path fuzz/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}"
step "build of the tests" 900 "$CARGO" test --locked --workspace --no-run
wait_for_dolts
step "cargo test" "$test_limit" "$CARGO" test --locked --workspace --no-fail-fast
echo "== all checks passed in $SECONDS s"
