#!/usr/bin/env bash
# usage: tests/setup/dolt.sh [MODULE VARIABLE]
#
# Prints the path of a Dolt for the tests: the one that the environment VARIABLE names if it is set, otherwise the version
# that tests/MODULE/go.mod pins (the defaults are DOLT and dolt). It is built once, and kept in .cache/ here and in the
# user's cache for other clones.
set -euo pipefail
cd "$(dirname "$0")/../.."
module=${1:-dolt}
variable=${2:-DOLT}

if [ -n "${!variable:-}" ]; then
  if ! path=$(command -v "${!variable}") || ! "$path" version >/dev/null 2>&1; then
    echo "set-up: $variable=${!variable} does not run, or is not Dolt" >&2
    exit 1
  fi
  realpath "$path"
  exit 0
fi

key=$(sha256sum "tests/$module/go.mod" "tests/$module/go.sum" | sha256sum | cut -c1-16)-$(uname -m)
here=$PWD/.cache/dolt-$key
shared=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/asof-test/dolt-$key

works() { [ -x "$1/dolt" ] && "$1/dolt" version >/dev/null 2>&1; }

# Puts a finished program in place in one step, so that nobody ever sees an incomplete one.
place() { # FROM INTO
  mkdir -p "$2"
  local part=$2/dolt.$$
  ln "$1" "$part" 2>/dev/null || cp "$1" "$part"
  mv "$part" "$2/dolt"
}

if ! works "$here"; then
  if works "$shared"; then
    place "$shared/dolt" "$here"
  else
    ASOF_NEEDS_GO=1 tests/setup/packages.sh dolt >&2
    echo "set-up: building the Dolt that tests/$module pins (2 to 10 minutes, once)" >&2
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    timeout --foreground --kill-after=30 1200 go build -C "tests/$module" -o "$build/dolt" github.com/dolthub/dolt/go/cmd/dolt >&2
    works "$build" || { echo "set-up: the Dolt that was built does not run" >&2; exit 1; }
    place "$build/dolt" "$here"
    place "$here/dolt" "$shared" 2>/dev/null || true
  fi
fi
ln -sfn "dolt-$key" ".cache/$module"
echo "$here/dolt"
