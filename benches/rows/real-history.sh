# A real history: all sizes, then all bytes, beside a loop of queries.
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
server_listed() { ls -lR "$mnt/server/beads/asof"; }
store_listed() { ls -lR "$mnt/store/beads/asof"; }
server_read() { read_all server; }
store_read() { read_all store; }
mysql_loop() {
  local hash table
  while read -r hash table; do mysql_table "$table" "$hash"; done < "$work/to-read"
}
tables_of_snapshots > "$work/to-read"
count=$(wc -l < "$work/to-read")
[ "$count" -eq "$(find "$mnt/store/beads/asof" -name '*.jsonl' | wc -l)" ] || fail "log.jsonl names not every snapshot"
listed=$(store_listed | wc -l)
size=$(store_listed | awk '/[.]jsonl$/ { sum += $5 } END { printf "%.0f", sum }')
lines=$(store_read | wc -l)
expect "$listed" +$((count * 40)) server_listed store_listed
expect "$lines" "$size" server_read store_read
expect "$lines" +$((size / 4)) mysql_loop

long_contest "$long_rounds" server_listed server_read store_listed store_read mysql_loop
title="the real history, $count files, $((size / 1000000)) MB"
for way in server store; do
  reached "$title: \`ls -lR\`, cold" "$way" faster 10 "${way}_listed" 'a loop of `mysql -q`' mysql_loop
  reached "$title: then \`cat\` of everything" "$way" faster 10 "${way}_read" 'a loop of `mysql -q`' mysql_loop
done
note "The real history: the loop is one \`mysql -q\` process for each table of each snapshot ($count of them)."
