# Very many commits: mount, first listing, memory then, and a listing again.
if [ "$commits" -eq 0 ]; then
  left_out "many commits" "COMMITS=0"
  return
fi
serve commits benches/stores/commits.sh "$commits"
names_of() { ls "$mnt/$1/commits/asof"; }
remember_memory() { memory_of "$mnt/$1" VmRSS >> "$work/times/$1_commits_memory"; }
before_server_commits() { forget server; }
before_store_commits() { forget store; }
server_commits() { mount_way server; names_of server; }
store_commits() { mount_way store; names_of store; }
before_server_names() { remember_memory server; }
before_store_names() { remember_memory store; }
server_names() { names_of server; }
store_names() { names_of store; }
# One more: the commit that Dolt begins every database with.
expect $((commits + 1)) +$(((commits + 1) * 19)) server_commits store_commits server_names store_names

mkdir -p "$work/times"
contest "$rounds" server_commits server_names store_commits store_names
for way in server store; do
  if [ "$way" = server ]; then limit=5; else limit=1.5; fi
  reached "$commits commits: mount and first \`ls\`" "$way" seconds "$limit" "${way}_commits"
  reached "$commits commits: resident memory then" "$way" mib 300 "${way}_commits_memory"
  reached "\`ls\` of $commits snapshots again" "$way" seconds 0.6 "${way}_names"
done
