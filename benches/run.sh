#!/usr/bin/env bash
# usage: benches/run.sh ASOF
#
# Measures reads through a mount side by side with other ways to the same data, all in one run, and writes
# docs/BENCHMARKS.md. No timing makes it fail, because a busy machine could miss any limit. It checks what was read to
# the byte.
#
#   ROWS="..."           some of the rows below; the page is then printed, not written
#   REPORT=FILE          where the page goes instead of docs/BENCHMARKS.md
#   ROUNDS=5             rounds of each row; LONG_ROUNDS=2 for rows whose peers take minutes
#   ISSUES=20000 SNAPSHOTS=3000 WIDE=200000 MILLION=1000000 COMMITS=100000 MEMBERS=70000 DATABASES=300
#                        rows, commits, zip members and databases; COMMITS=0 and MILLION=0 leave their rows out
#   SERVER_SNAPSHOTS=$SNAPSHOTS  commits of the history whose sizes the row `sizes` requests from a server
#   WAITING=2000         readers of a stopped server in the row `waiting`
#   READ_SNAPSHOTS=400   snapshots that the eight readers of the row `memory` read, spread over all of history
#   ASOF_REAL_HISTORY    the bundle of the row `real-history`
#   BENCH_CACHE          where generated data is kept (.cache/bench)
set -euo pipefail
cd "$(dirname "$0")/.."
asof=$(realpath "${1:?usage: benches/run.sh ASOF}")
CARGO=${CARGO:-cargo}
all_rows="one-table warm snapshots sizes history open one-more diff databases commits memory busy zips zip-members waiting real-history"
rows=${ROWS:-$all_rows}
rounds=${ROUNDS:-5} long_rounds=${LONG_ROUNDS:-2}
issues=${ISSUES:-20000} snapshots=${SNAPSHOTS:-3000} wide=${WIDE:-200000} million=${MILLION:-1000000}
commits=${COMMITS:-100000} members=${MEMBERS:-70000} read_snapshots=${READ_SNAPSHOTS:-400}
server_snapshots=${SERVER_SNAPSHOTS:-$snapshots} waiting=${WAITING:-2000} databases=${DATABASES:-300}
for row in $rows; do
  [ -e "benches/rows/$row.sh" ] || { echo "bench: there is no row $row; the rows are: $all_rows" >&2; exit 1; }
done
tests/setup/packages.sh run bench
for peer in restic fuse-zip; do
  tests/setup/packages.sh "$peer" || echo "bench: $peer is not installed: its figures are left out" >&2
done
tests/setup/fuse.sh
dolt=$(tests/setup/dolt.sh)
cache=${BENCH_CACHE:-$PWD/.cache/bench}
mkdir -p "$cache"
load_before=$(cut -d ' ' -f 1 /proc/loadavg)

. tests/setup/session.sh
for part in measure mounts stores history peers zips report; do . "benches/lib/$part.sh"; done
begin_session bench
find_ratarmount
memory=$(mktemp -d /dev/shm/asof-bench.XXXXXX)
also_remove+=("$memory")
mnt=$work/mnt
mkdir "$mnt"
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
own_home
name_committer Bench
find_client

for row in $rows; do
  progress "row $row"
  . "benches/rows/$row.sh"
done
stop_serving

if [ -n "${REPORT:-}" ]; then
  write_report "$REPORT"
elif [ "$rows" = "$all_rows" ]; then
  write_report docs/BENCHMARKS.md
  echo "bench: wrote docs/BENCHMARKS.md" >&2
else
  write_report /dev/stdout
fi
