# Very many commits: a mount, a first listing, the memory after that, and a second listing. First with the store as a
# server leaves it, all of it in the journal, then after a garbage collection.
if [ "$commits" -eq 0 ]; then
  left_out "many commits" "COMMITS=0"
  return
fi
serve commits benches/stores/commits.sh "$commits"
names_of() { ls "$mnt/$1/commits/asof"; }
mount_and_list() { mount_way "$1"; names_of "$1"; }
remember_memory() { memory_of "$mnt/$1" VmRSS >> "$work/times/$2"; }
store_size() { du -sm "$served/commits/.dolt/noms" | cut -f 1; }

before_server_commits() { forget server; }
before_store_commits() { forget store; }
before_collected_commits() { forget store; }
before_server_names() { remember_memory server server_commits_memory; }
before_store_names() { remember_memory store store_commits_memory; }
before_collected_names() { remember_memory store collected_commits_memory; }
server_commits() { mount_and_list server; }
store_commits() { mount_and_list store; }
collected_commits() { mount_and_list store; }
server_names() { names_of server; }
store_names() { names_of store; }
collected_names() { names_of store; }
folder_names() { ls "$memory/folders"; }
# For comparison: as many folders on tmpfs as there are snapshots.
mkdir "$memory/folders"
(cd "$memory/folders" && seq -f '2025-01-01T%06.0fZ' 0 "$commits" | xargs mkdir)
# One more than that: the commit with which Dolt begins every database.
expect $((commits + 1)) +$(((commits + 1) * 19)) server_commits store_commits collected_commits server_names \
  store_names collected_names folder_names query_history

report_commits() { # WAY CONTESTANTS LIMIT
  reached "$commits commits: mount and first \`ls\`" "$1" seconds "$3" "$2_commits" '`SELECT * FROM dolt_log`' query_history
  reached "$commits commits: resident memory after that" "$1" mib 300 "$2_commits_memory"
  reached "\`ls\` of $commits snapshots again" "$1" seconds 0.6 "$2_names" '`ls` on tmpfs' folder_names
}
mkdir -p "$work/times"
contest "$rounds" server_commits server_names store_commits store_names folder_names query_history
report_commits server server 5
report_commits "store of $(store_size) MiB, uncollected" store 1.5

unmount "$mnt/server"
unmount "$mnt/store"
progress "  collecting garbage"
query_server commits -e "CALL DOLT_GC()" > /dev/null
rm "$work/times/folder_names" "$work/times/query_history"
contest "$rounds" collected_commits collected_names folder_names query_history
report_commits "store of $(store_size) MiB, collected" collected 1.5
