# A difference in which every row differs, cold, compared with the same by SQL and by the tools of the shell.
serve changed benches/stores/all-rows.sh "$wide"
mount_cold store
mapfile -t names < <(snapshots_of_history)
mapfile -t hashes < <(commits_of_history)
[ "${#names[@]}" -eq 2 ] || fail "${#names[@]} snapshots are listed, not 2"

read_diff() { cat "$mnt/$1/changed/diff/${names[0]}..${names[1]}/issues.jsonl"; }
before_server_diff() { mount_cold server; }
before_store_diff() { mount_cold store; }
before_shell_diff() { mount_cold store; }
server_diff() { read_diff server; }
store_diff() { read_diff store; }
query_all_changed() {
  query_server "$database" -e "SELECT * FROM dolt_diff('${hashes[0]}', '${hashes[1]}', 'issues')" </dev/null
}
shell_diff() {
  local side
  for side in 0 1; do LC_ALL=C sort "$(file_of store issues "${names[$side]}")" > "$work/side-$side"; done
  LC_ALL=C comm -3 "$work/side-0" "$work/side-1"
}
size=$(read_diff store | wc -c)
expect "$wide" "$size" server_diff store_diff
expect "$wide" +$((wide * 1000)) query_all_changed
expect $((wide * 2)) +$((wide * 1000)) shell_diff

contest "$rounds" server_diff store_diff query_all_changed shell_diff
title="\`diff/\` of $wide rows that all differ, cold, $((size / 1000000)) MB"
for limit in "store 0.5" "server 1.2"; do
  read -r way most <<< "$limit"
  reached "$title" "$way" times "$most" "${way}_diff" '`SELECT * FROM dolt_diff(...)`' query_all_changed
  reached "$title" "$way" times 1 "${way}_diff" 'two `cat`s, two `sort`s and a `comm`' shell_diff
done
rm "$work"/side-?
