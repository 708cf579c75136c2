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

# All versions of all tables, and a search through them.
list_versions() { ls -lR "$mnt/$1/beads/versions"; }
find_text() { "$asof" find --cache-dir '' --from "$(source_of "$1")" 'export'; }
before_server_versions() { mount_cold server; }
before_store_versions() { mount_cold store; }
server_versions() { list_versions server; }
store_versions() { list_versions store; }
before_store_find() { evict_store; }
server_find() { find_text server; }
store_find() { find_text store; }
mount_cold store
mount_cold server
listed=$(list_versions store | wc -l)
expect "$listed" +$((listed * 20)) server_versions store_versions
find_text store > "$work/found"
expect "$(wc -l < "$work/found")" "$(wc -c < "$work/found")" server_find store_find
contest "$long_rounds" server_versions store_versions server_find store_find
reached "$title: \`ls -lR versions\`, cold" server seconds 3 server_versions
reached "$title: \`ls -lR versions\`, cold" store seconds 3 store_versions
reached "$title: \`asof find\` of a text, $(wc -l < "$work/found") lines" server seconds 1.5 server_find
reached "$title: \`asof find\` of a text, $(wc -l < "$work/found") lines" store seconds 0.3 store_find

# A dry run of rsync against a copy that is up to date, compared with one between two folders of the same disk.
rsync -aH "$mnt/store/beads/asof/" "$work/copy"
cp -a "$work/copy" "$work/other"
would_send() { rsync -aHn --stats "$1/beads/asof/" "$work/copy" | sed -n 's/^Number of regular files transferred: //p'; }
before_server_rsync() { unmount "$mnt/server"; mount_way server; }
before_store_rsync() { unmount "$mnt/store"; mount_way store; }
server_rsync() { would_send "$mnt/server"; }
store_rsync() { would_send "$mnt/store"; }
folder_rsync() { rsync -aHn --stats "$work/other/" "$work/copy" | sed -n 's/^Number of regular files transferred: //p'; }
expect 1 2 server_rsync store_rsync folder_rsync
contest "$rounds" server_rsync store_rsync folder_rsync
for way in server store; do
  reached "$title: \`rsync -aHn\` to a copy that is up to date, after a remount" "$way" times 3 "${way}_rsync" \
    'the same between two folders' folder_rsync
done
rm -rf "$work/copy" "$work/other"

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
