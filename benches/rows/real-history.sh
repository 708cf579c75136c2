# A real history: all sizes, then all bytes, compared with a loop of queries.
if [ -z "${ASOF_REAL_HISTORY:-}" ]; then
  left_out "the real history" "ASOF_REAL_HISTORY is not set"
  return
fi
serve beads benches/load_real_history.rs "$ASOF_REAL_HISTORY"
mount_cold store

# Every table of every snapshot as the mount lists it: commit and table, one line each.
tables_of_snapshots() {
  local name hash file
  while read -r name hash; do
    for file in "$mnt/store/beads/asof/$name"/*.jsonl; do
      [ -e "$file" ] || continue
      file=${file##*/}
      echo "$hash ${file%.jsonl}"
    done
  done < <(sed -n 's/.*"name":"\([^"]*\)".*"commit":"\([^"]*\)".*/\1 \2/p' "$mnt/store/beads/log.jsonl")
}
read_all() { find "$mnt/$1/beads/asof" -name '*.jsonl' -print0 | xargs -0 cat; }
before_server_listed() { mount_cold server; }
before_store_listed() { mount_cold store; }
before_server_read() { mount_cold server; }
before_store_read() { mount_cold store; }
before_server_listed_again() { unmount "$mnt/server"; mount_way server; }
before_store_listed_again() { unmount "$mnt/store"; mount_way store; }
server_listed() { ls -lR "$mnt/server/beads/asof"; }
store_listed() { ls -lR "$mnt/store/beads/asof"; }
server_listed_again() { server_listed; }
store_listed_again() { store_listed; }
server_read() { read_all server; }
store_read() { read_all store; }
mysql_loop() {
  local hash table
  while read -r hash table; do mysql_table "$table" "$hash"; done < "$work/to-read"
}
tables_of_snapshots > "$work/to-read"
count=$(wc -l < "$work/to-read")
[ "$count" -eq "$(find "$mnt/store/beads/asof" -name '*.jsonl' | wc -l)" ] || fail "log.jsonl does not name every snapshot"
listed=$(store_listed | wc -l)
size=$(store_listed | awk '/[.]jsonl$/ { sum += $5 } END { printf "%.0f", sum }')
lines=$(store_read | wc -l)
expect "$listed" +$((count * 40)) server_listed store_listed server_listed_again store_listed_again
expect "$lines" "$size" server_read store_read
expect "$lines" +$((size / 4)) mysql_loop

long_contest "$long_rounds" server_listed server_listed_again server_read store_listed store_listed_again store_read \
  mysql_loop
title="the real history, $count files, $((size / 1000000)) MB"
report_history() { # WAY LIMIT
  local loop='a loop of `mysql -q`'
  reached "$title: \`ls -lR\`, cold" "$1" faster "$2" "$1_listed" "$loop" mysql_loop
  reached "$title: \`cat\` of everything, cold" "$1" faster "$2" "$1_read" "$loop" mysql_loop
  reached "$title: \`ls -lR\` after a remount" "$1" faster "$2" "$1_listed_again" "$loop" mysql_loop
}
report_history server 5
report_history store 10
note "The real history: the loop is one \`mysql -q\` process for each table of each snapshot ($count of them)."

# Counts requests for rows: queries in the server's log that read a table, or the changes of one.
reads_of_tables() {
  local tables
  tables=$(cut -d ' ' -f 2 "$work/to-read" | sort -u | paste -sd '|')
  grep -F 'msg="Starting query"' "$work/server.log" |
    grep -ciE "(from|join) ([^ ]+[.])?\`?($tables)\\b|dolt_(diff|history)_($tables)\\b|dolt_diff\\([^)]*'($tables)'" || true
}
log_queries
before_server_listed
check_output server_listed
unmount "$mnt/server"
asked=$(reads_of_tables)
[ "$asked" -gt 0 ] || fail "the walk of a cold mount read no table: its queries are not recognised"
log_queries
mount_way server
check_output server_listed_again
unmount "$mnt/server"
reads_of_tables > "$work/times/server_reads"
reached "$title: \`ls -lR\` after a remount: reads of tables on the server" server count 0 server_reads
note "Reads of tables are counted in the server's query log. The walk of the cold mount made $asked."
