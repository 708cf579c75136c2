# Zips as a source, cold, compared with other ways to read the same zips.
serve_issues
run=100
[ "$run" -le "$snapshots" ] || run=$snapshots
export_snapshots issues "${names[@]:1:run}"
pack_exports issues
size=$(cat "$exports"/*.jsonl | wc -c)

before_zips_mounted() { forget_zips zips "$zips"; mount_zips "$zips"; }
before_unzipped() { evict "$zips"/*.zip; }
before_fuse_zip_mounted() { forget_zips fuse_zip "$zips"; mount_fuse_zip "$zips"; }
before_ratarmount_mounted() { forget_zips ratarmount "$zips"; mount_ratarmount "$zips"; }
zips_mounted() { cat "$mnt"/zips/zips/asof/*/issues.jsonl; }
unzipped() { local zip; for zip in "$zips"/*.zip; do unzip -p "$zip"; done; }
fuse_zip_mounted() { cat "$mnt"/fuse_zip/*/issues.jsonl; }
ratarmount_mounted() { cat "$mnt"/ratarmount/*/issues.jsonl; }
expect $((run * issues)) "$size" zips_mounted unzipped fuse_zip_mounted ratarmount_mounted

find_zip_mounts
contest "$rounds" zips_mounted unzipped "${zip_mounts[@]/%/_mounted}"
work_title="$run zips, cold, $((size / 1000000)) MB"
reached "$work_title" archive faster 4 zips_mounted '`unzip -p`' unzipped
compare_zips() { reached "$work_title" archive faster 1.5 zips_mounted "$2" "$1_mounted"; }
for_zip_mounts "$work_title" compare_zips
note "$run zips: fuse-zip needs a process for each zip, ratarmount one for all; mounting is not timed."

# The peak memory of reading them: with the usual budget, and with a budget that holds everything, which shows what many
# zips have in common.
zips_in_budget() { zips_mounted; }
zips_all_held() { zips_mounted; }
expect $((run * issues)) "$size" zips_in_budget zips_all_held
measure_zips() { # CONTESTANT BUDGET
  forget_zips zips "$zips"
  mount_zips "$zips" --cache-size "$2"
  check_output "$1"
  memory_of "$mnt/zips" VmHWM >> "$work/times/$1"
}
measure_zips zips_in_budget 256M
measure_zips zips_all_held 4G
unmount_zips zips
memory_title="memory: $run zips that each differ in one row, $((size / 1000000)) MB, read"
reached "$memory_title" archive mib 320 zips_in_budget
reached "$memory_title, with room for all of it" archive mib $((size / 10485760 + 64)) zips_all_held
compare_memory() { # PEER NAME
  make_ready "$1_mounted"
  check_output "$1_mounted"
  memory_of_peer "$1" > "$work/times/$1_memory"
  unmount_zips "$1"
  reached "$memory_title" archive mib 320 zips_in_budget "$2" "$1_memory"
}
for_zip_mounts "$memory_title" compare_memory
