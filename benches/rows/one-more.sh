# One more snapshot with one changed row: its cost must not depend on how many rows did not change.
next=5
serve growing benches/stores/tables.sh "$next" "small=$issues" "wide=$wide"
mount_cold store
mapfile -t names < <(snapshots_of_history)
[ "${#names[@]}" -eq $((next + 1)) ] || fail "the growing tables have ${#names[@]} snapshots"

# Mounts again and reads the first snapshot, so that only what changed since is new.
know_first() { # WAY TABLE
  mount_cold "$1"
  cat "$(file_of "$1" "$2" "${names[0]}")" > /dev/null
}
sizes_of_next() { # WAY TABLE
  local name
  for name in "${names[@]:1}"; do file_of "$1" "$2" "$name"; done | xargs stat -c %s
}
before_server_small() { know_first server small; }
before_server_wide() { know_first server wide; }
before_store_small() { know_first store small; }
before_store_wide() { know_first store wide; }
server_small() { sizes_of_next server small; }
server_wide() { sizes_of_next server wide; }
store_small() { sizes_of_next store small; }
store_wide() { sizes_of_next store wide; }
expect "$next" +$((next * 2)) server_small server_wide store_small store_wide
mount_cold server
for table in small wide; do
  [ "$("server_$table")" = "$("store_$table")" ] || fail "the sizes of $table do not agree"
done

contest "$rounds" server_small server_wide store_small store_wide
title="$next more snapshots, one row changed in each: $wide rows"
reached "$title" server times 1.5 server_wide "$issues rows" server_small
reached "$title" store times 1.2 store_wide "$issues rows" store_small
note "One more snapshot: after the first snapshot was read, \`stat\` of the files of the next $next."

# Many more, read instead of measured, and beside another branch whose commits change every row.
next=200
serve beside benches/stores/beside.sh "$next" "small=$issues" "wide=$wide"
mount_cold store
mapfile -t names < <(snapshots_of_history)
[ "${#names[@]}" -eq $((next + 1)) ] || fail "the tables beside a branch have ${#names[@]} snapshots"
ends_of_next() { # TABLE
  local name
  for name in "${names[@]:1}"; do tail -n 1 "$(file_of server "$1" "$name")"; done
}
before_ends_small() { know_first server small; }
before_ends_wide() { know_first server wide; }
ends_small() { ends_of_next small; }
ends_wide() { ends_of_next wide; }
expect "$next" +$((next * 500)) ends_small ends_wide
contest "$rounds" ends_small ends_wide
reached "\`tail -n 1\` of $next more snapshots, beside a branch that changes all rows: $wide rows" server times 1.2 ends_wide \
  "$issues rows" ends_small
