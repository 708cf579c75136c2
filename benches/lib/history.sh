# Sourced: the history that most rows read: a table of $issues rows, one row changed in each of $snapshots commits.

# Serves it and sets $names and $hashes to its snapshots and commits, in order. The first one is `start`.
serve_issues() { # [COMMITS]
  local count=${1:-$snapshots}
  serve issues benches/stores/tables.sh "$count" "issues=$issues"
  mapfile -t hashes < <(commits_of_history)
  mount_cold store
  mapfile -t names < <(snapshots_of_history)
  [ "${#hashes[@]}" -eq "$((count + 1))" ] || fail "the history has ${#hashes[@]} commits, not $((count + 1))"
  [ "${#names[@]}" -eq "${#hashes[@]}" ] || fail "${#names[@]} snapshots are listed, not ${#hashes[@]}"
}

# The commits that the scripts in benches/stores made, known by their dates, oldest first.
commits_of_history() {
  query_server "$database" -e "SELECT commit_hash FROM dolt_log WHERE date < '2026-01-01' ORDER BY date"
}

# The names of the snapshots of these commits, oldest first.
snapshots_of_history() {
  local path
  for path in "$mnt/store/$database/asof"/2025-*; do echo "${path##*/}"; done
}

# A file of a snapshot in the mount of a way.
file_of() { # WAY TABLE SNAPSHOT
  echo "$mnt/$1/$database/asof/$3/$2.jsonl"
}
