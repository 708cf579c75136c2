# Consecutive snapshots, cold, compared with every other way to read them.
serve_issues
run=100
[ "$run" -le "$snapshots" ] || run=$snapshots
some=$(((run + 9) / 10))
export_snapshots issues "${names[@]:1:run}"
pack_exports issues
size=$(cat "$exports"/*.jsonl | wc -c)

# The files of the run in a mount.
run_files() { # WAY
  local name
  for name in "${names[@]:1:run}"; do file_of "$1" issues "$name"; done
}
before_server_run() { mount_cold server; }
before_store_run() { mount_cold store; }
before_zip_run() { evict "$zips"/*.zip; }
before_restic_run() { mount_restic; }
before_file_run() { evict "$exports"/*.jsonl; }
server_run() { run_files server | xargs cat; }
store_run() { run_files store | xargs cat; }
mysql_run() { local hash; for hash in "${hashes[@]:1:run}"; do mysql_table issues "$hash"; done; }
dolt_some() { local hash; for hash in "${hashes[@]:1:some}"; do dolt_table issues "$hash"; done; }
zip_run() { local zip; for zip in "$zips"/*.zip; do unzip -p "$zip"; done; }
restic_run() { cat "$mnt"/restic/ids/*/issues.jsonl; }
file_run() { cat "$exports"/*.jsonl; }
expect $((run * issues)) "$size" server_run store_run zip_run restic_run file_run
expect $((run * issues)) +$((run * issues * 500)) mysql_run
expect "$some" +$((some * issues * 500)) dolt_some

contestants=(server_run store_run mysql_run dolt_some zip_run file_run)
if [ -n "${restic_repository:-}" ]; then contestants+=(restic_run); fi
contest "$rounds" "${contestants[@]}"
unmount_restic
awk -v times="$((run / some))" '{ print $1 * times }' "$work/times/dolt_some" > "$work/times/dolt_run"
work_title="$run consecutive snapshots, cold, $((size / 1000000)) MB"
reached "$work_title" server faster 5 server_run '`mysql -q`' mysql_run
reached "$work_title" server faster 5 server_run '`unzip -p`' zip_run
if [ -n "${restic_repository:-}" ]; then
  reached "$work_title" server faster 5 server_run 'restic mount' restic_run
else
  left_out "$work_title" "restic is not installed"
fi
reached "$work_title" server faster 30 server_run '`dolt sql -r json`' dolt_run
reached "$work_title" store times 0.9 store_run '`cat` of ready files' file_run
note "Consecutive snapshots: one process of \`mysql\`, \`dolt\` or \`unzip\` for each snapshot; \`dolt sql\` read $some of" \
  "them, and its time was multiplied by $((run / some)). restic: each snapshot is a backup of its own."
