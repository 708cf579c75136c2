# A file read again, compared with the same file on tmpfs: ten times in a row, because one read takes milliseconds.
serve_issues
mount_cold server
cp "$(file_of store issues "${names[0]}")" "$memory/issues.jsonl"
size=$(stat -c %s "$memory/issues.jsonl")

ten_times() { cat "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1"; }
server_warm() { ten_times "$(file_of server issues "${names[0]}")"; }
store_warm() { ten_times "$(file_of store issues "${names[0]}")"; }
tmpfs_warm() { ten_times "$memory/issues.jsonl"; }
expect $((issues * 10)) $((size * 10)) server_warm store_warm tmpfs_warm

contest "$rounds" server_warm store_warm tmpfs_warm
for way in server store; do
  reached "warm read, $((size * 10 / 1000000)) MB" "$way" faster 0.97 "${way}_warm" 'the same file on tmpfs' tmpfs_warm
done
