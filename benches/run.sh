#!/usr/bin/env bash
# usage: benches/run.sh ASOF   (ROWS=20000 SNAPSHOTS=100 ROUNDS=5)
#
# Reads through a mount beside its peers, all in one run: one table cold and warm beside `mysql -q` and a file on
# tmpfs, and consecutive snapshots beside a loop of `mysql -q`. Prints medians over alternating rounds, and their
# ratios. It sets no thresholds: figures of one machine mean nothing on another, ratios of one run do.
set -euo pipefail
cd "$(dirname "$0")/.."
asof=$(realpath "${1:?usage: benches/run.sh ASOF}")
rows=${ROWS:-20000} snapshots=${SNAPSHOTS:-100} rounds=${ROUNDS:-5}
tests/setup/packages.sh run bench
tests/setup/fuse.sh
dolt=$(tests/setup/dolt.sh)

work=$(mktemp -d "${TMPDIR:-/tmp}/asof-bench.XXXXXX")
memory=$(mktemp -d /dev/shm/asof-bench.XXXXXX)
mnt=$work/db
server=
clean_up() {
  local status=$?
  cd /
  if grep -q " $mnt " /proc/self/mountinfo; then
    "$asof" umount --lazy "$mnt" || true
  fi
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$work" "$memory" || status=1
  exit "$status"
}
trap clean_up EXIT

client=$(command -v mysql || command -v mariadb)
no_tls=--ssl-mode=DISABLED
if "$client" --version | grep -qi mariadb; then
  no_tls=--skip-ssl
fi
sql() { "$client" --no-defaults -h 127.0.0.1 -P "$port" -u root "$no_tls" -N "$@"; }

start_server() {
  export DOLT_ROOT_PATH=$work/home HOME=$work/home
  mkdir -p "$HOME" "$work/data" "$mnt"
  "$dolt" config --global --add user.name Bench >/dev/null
  "$dolt" config --global --add user.email bench@example.com >/dev/null
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    "$dolt" sql-server --data-dir "$work/data" -H 127.0.0.1 -P "$port" --loglevel error >"$work/server.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
      kill -0 "$server" 2>/dev/null || break
      if sql -e 'SELECT 1' >/dev/null 2>&1; then return; fi
      sleep 0.1
    done
  done
  cat "$work/server.log" >&2
  echo "bench: the server does not start" >&2
  exit 1
}

make_history() {
  {
    echo "CREATE DATABASE bench; USE bench;"
    echo "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title varchar(500) NOT NULL, description text NOT NULL,
      status varchar(32) NOT NULL, priority int NOT NULL, assignee varchar(255), created_at datetime NOT NULL,
      updated_at datetime NOT NULL, metadata json);"
    awk -v rows="$rows" 'BEGIN {
      for (i = 0; i < 9; i++) text = text "Lorem ipsum dolor sit amet, consectetur elit. ";
      for (i = 0; i < rows; i++) {
        if (i % 500 == 0) printf "%sINSERT INTO issues VALUES", i ? ";\n" : "";
        printf "%s(\"bd-%06d\",\"Title of issue %d\",\"%s%d\",\"open\",%d,%s,\"2026-01-01 10:00:00\",\"2026-01-02 11:12:13\",\"{}\")",
          i % 500 ? "," : "", i, i, text, i, i % 5, i % 3 ? "\"somebody\"" : "null";
      }
      print ";";
    }'
    echo "CALL DOLT_COMMIT('-Am','start','--date','2026-01-01T00:00:00');"
    awk -v n="$snapshots" -v rows="$rows" 'BEGIN {
      for (i = 1; i <= n; i++) {
        printf "UPDATE issues SET title=\"changed %d\", priority=%d WHERE id=\"bd-%06d\";\n", i, i % 5, (i * 7919) % rows;
        printf "CALL DOLT_COMMIT(\"-am\",\"change %d\",\"--date\",\"2026-01-02T%02d:%02d:00\");\n", i, i / 60, i % 60;
      }
    }'
  } | sql >/dev/null
  sql bench -e "SELECT commit_hash FROM dolt_log WHERE message LIKE 'change %' ORDER BY commit_order" > "$work/commits"
}

mount_cold() {
  if grep -q " $mnt " /proc/self/mountinfo; then "$asof" umount "$mnt"; fi
  "$asof" mount --log-file "$work/asof.log" "dolt://root@127.0.0.1:$port/bench" "$mnt"
}

# Seconds that a command takes, appended to the file of its name.
clock() { # NAME COMMAND...
  local name=$1 begun=$EPOCHREALTIME
  shift
  "$@"
  awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >> "$work/$name.times"
}
median() { sort -n "$work/$1.times" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }

cat_table() { cat "$mnt/bench/asof/2026-01-01T000000Z/issues.jsonl" > /dev/null; }
cat_memory() { cat "$memory/issues.jsonl" > /dev/null; }
query_table() { sql -q bench -e "SELECT * FROM issues AS OF '$1'" > /dev/null; }
cat_snapshots() { cat "$mnt"/bench/asof/2026-01-02T*/issues.jsonl > /dev/null; }
query_snapshots() {
  local commit
  while read -r commit; do query_table "$commit" </dev/null; done < "$work/commits"
}

start_server
echo "making $snapshots snapshots of a table of $rows rows"
make_history
first=$(sql bench -e "SELECT commit_hash FROM dolt_log WHERE message = 'start'")
mount_cold
cp "$mnt/bench/asof/2026-01-01T000000Z/issues.jsonl" "$memory/"
size=$(stat -c %s "$memory/issues.jsonl")
[ "$(wc -l < "$memory/issues.jsonl")" -eq "$rows" ] || { echo "bench: the table has not $rows lines" >&2; exit 1; }
[ "$(wc -l < "$work/commits")" -eq "$snapshots" ] || { echo "bench: not $snapshots commits" >&2; exit 1; }
query_table "$first"

for _ in $(seq "$rounds"); do
  clock query query_table "$first"
  mount_cold
  clock cold cat_table
  clock warm cat_table
  clock memory cat_memory
done
for _ in $(seq "$(((rounds + 1) / 2))"); do
  clock query_many query_snapshots
  mount_cold
  clock many cat_snapshots
  clock many_warm cat_snapshots
done

line() { # TITLE NAME PEER MEGABYTES
  awk -v title="$1" -v t="$(median "$2")" -v p="${3:+$(median "$3")}" -v mb="$4" 'BEGIN {
    ratio = p == "" ? "" : sprintf("%.2f x the peer", t / p);
    printf "  %-46s %9.4f s %8.0f MB/s   %s\n", title, t, mb / t, ratio
  }'
}
one=$(awk -v b="$size" 'BEGIN { print b / 1e6 }')
all=$(awk -v b="$size" -v n="$snapshots" 'BEGIN { print b * n / 1e6 }')
echo
echo "one table, $rows rows, $one MB as JSONL (median of $rounds rounds)"
line "mysql -q ... AS OF" query "" "$one"
line "mount, cold (peer: mysql -q)" cold query "$one"
line "file on tmpfs" memory "" "$one"
line "mount, warm (peer: tmpfs)" warm memory "$one"
echo
echo "$snapshots consecutive snapshots, one row changed in each, $all MB (median of $(((rounds + 1) / 2)) rounds)"
line "mysql -q ... AS OF, $snapshots times" query_many "" "$all"
line "mount, cold (peer: mysql -q)" many query_many "$all"
line "mount, warm (peer: mysql -q)" many_warm query_many "$all"
