# The history of one row, cold, and then of another row, compared with the SQL that one would write by hand.
serve_issues
mapfile -t row_ids < <(query_server "$database" -e \
  "SELECT to_id FROM dolt_diff_issues WHERE diff_type = 'modified' GROUP BY to_id ORDER BY count(*) DESC, to_id LIMIT 2")
[ "${#row_ids[@]}" -eq 2 ] || fail "no two rows were ever modified"
read_history() { cat "$mnt/$1/issues/history/issues/${row_ids[$2]}.jsonl"; }

# A mount that has listed its snapshots: the kernel, and anyone who looks at the tree, requests these first.
before_server_history() { mount_cold server; ls "$mnt/server/issues/versions/issues" > "$work/listed"; }
before_store_history() { mount_cold store; ls "$mnt/store/issues/versions/issues" > "$work/listed"; }
server_history() { read_history server 0; }
store_history() { read_history store 0; }
server_next_history() { read_history server 1; }
store_next_history() { read_history store 1; }
before_server_first_history() { mount_cold server; }
before_store_first_history() { mount_cold store; }
server_first_history() { read_history server 0; }
store_first_history() { read_history store 0; }
query_diff() {
  query_server "$database" -e "SELECT * FROM dolt_diff_issues WHERE to_id = '${row_ids[0]}' OR from_id = '${row_ids[0]}'" </dev/null
}
query_row_history() {
  query_server "$database" -e "SELECT * FROM dolt_history_issues WHERE id = '${row_ids[0]}'" </dev/null
}

mount_cold store
changes=$(read_history store 0 | wc -l)
next_changes=$(read_history store 1 | wc -l)
expect "$changes" +$((changes * 500)) server_history store_history server_first_history store_first_history query_diff
expect "$next_changes" +$((next_changes * 500)) server_next_history store_next_history
# The row exists from the first commit on.
expect $((snapshots + 1)) +$((snapshots * 500)) query_row_history
contest "$rounds" server_first_history store_first_history server_history server_next_history store_history \
  store_next_history query_diff query_row_history
work_title="history of one row in $snapshots commits"
for way in server store; do
  reached "$work_title, mount just made" $way times 1.5 ${way}_first_history '`SELECT * FROM dolt_diff_issues WHERE` key' query_diff
  reached "$work_title" $way times 1.5 ${way}_history '`SELECT * FROM dolt_diff_issues WHERE` key' query_diff
  reached "$work_title" $way times 1.5 ${way}_history '`SELECT * FROM dolt_history_issues WHERE` key' query_row_history
  reached "$work_title, another row next" $way times 1.5 ${way}_next_history '`SELECT * FROM dolt_diff_issues WHERE` key' query_diff
done
note "History: \`dolt_diff_issues\` returns $changes changes of the row, as asof does, but not who made them; \`dolt_history_issues\` returns the row at each commit, changed or not."

# One row of a large table: the versions are too large to be read for it.
if [ "$million" -eq 0 ]; then
  left_out "history of one row of a large table" "MILLION=0"
  return
fi
serve large benches/stores/tables.sh 5 "million=$million"
# The second commit after the first one changes this row.
row_id=$(printf 'bd-%07d' $((2 * 7919 % million)))
before_store_large() { mount_cold store; }
store_large() { cat "$mnt/store/large/history/million/$row_id.jsonl"; }
query_large() {
  query_server large -e "SELECT * FROM dolt_diff_million WHERE to_id = '$row_id' OR from_id = '$row_id'" </dev/null
}
expect 2 +1000 store_large query_large
contest "$rounds" store_large query_large
reached "history of one row of $million in 6 commits, mount just made" store seconds 0.05 store_large \
  '`SELECT * FROM dolt_diff_million WHERE` key' query_large
