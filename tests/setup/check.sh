#!/usr/bin/env bash
# All of `make check`: the checks that need no Dolt and no mount. Fails when any check fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
CARGO=${CARGO:-cargo}
checking="make check"
. tests/setup/steps.sh

tests/setup/packages.sh build check
check_code
step "build of the tests" 900 "$CARGO" test --locked --workspace --no-run --lib --test architecture --test vfs
step "unit tests, tests of the tree" 600 "$CARGO" test --locked --workspace --no-fail-fast --lib --test architecture --test vfs
echo "== all checks passed in $SECONDS s"
