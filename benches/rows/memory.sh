# The peak memory of a mount, with a budget of 256 MiB.
budget=256
measure_memory() { # WAY LIST_OF_FILES CONTESTANT
  "$2" "$1" > "$work/to-read"
  mount_cold "$1" --cache-size "${budget}M"
  progress "  checking $3"
  check_output "$3"
  memory_of "$mnt/$1" VmHWM >> "$work/times/$3"
}
mkdir -p "$work/times"

spread_files() { # WAY
  local step=$((${#names[@]} / read_snapshots)) at
  [ "$step" -gt 0 ] || step=1
  for ((at = 0; at < ${#names[@]}; at += step)); do file_of "$1" issues "${names[at]}"; done
}
eight_readers() { xargs -P 8 -n 1 cat < "$work/to-read"; }
server_readers() { eight_readers; }
store_readers() { eight_readers; }
serve_issues
count=$(spread_files store | wc -l)
size=$(spread_files store | xargs stat -c %s | awk '{ sum += $1 } END { printf "%.0f", sum }')
expect $((count * issues)) "$size" server_readers store_readers
for way in server store; do
  measure_memory "$way" spread_files "${way}_readers"
  reached "memory: 8 readers of $count snapshots, $((size / 1000000)) MB" "$way" mib $((budget + 64)) "${way}_readers"
done

if [ "$million" -eq 0 ]; then
  left_out "memory: a very long table" "MILLION=0"
  return
fi
million_file() { file_of "$1" million "${names[0]}"; }
server_million() { cat "$(million_file server)"; }
store_million() { cat "$(million_file store)"; }
serve lengthy benches/stores/tables.sh 0 "million=$million"
mount_cold store
mapfile -t names < <(snapshots_of_history)
size=$(stat -c %s "$(million_file store)")
expect "$million" "$size" server_million store_million
for way in server store; do
  measure_memory "$way" million_file "${way}_million"
  reached "memory: a table of $million rows, $((size / 1000000)) MB" "$way" mib $((budget + 64)) "${way}_million"
done
