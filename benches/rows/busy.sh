# The peak memory of a mount while everything draws on its budget at once: 8 differences of whole tables, 8 exports and
# 8 readers of whole tables.
budget=256
busy_files() { # WAY
  local root=$mnt/$1/$database at pair
  for pair in "0 1" "0 2" "0 3" "0 4" "1 2" "1 3" "2 3" "3 4"; do
    echo "$root/diff/${names[${pair% *}]}..${names[${pair#* }]}/issues.jsonl"
  done
  for at in 0 1 2 3 4 5 6 7; do
    echo "$root/export/${names[at]}.jsonl"
    file_of "$1" issues "${names[at]}"
  done
}
all_at_once() { busy_files "$1" | xargs -P 24 -n 1 cat; }
server_busy() { all_at_once server; }
store_busy() { all_at_once store; }

serve tracker benches/stores/tracker.sh "$wide"
mount_cold store
mapfile -t names < <(snapshots_of_history)
[ "${#names[@]}" -eq 9 ] || fail "the tracker has ${#names[@]} snapshots, not 9"
expect $((24 * wide)) +$((24 * wide * 300)) server_busy store_busy
mkdir -p "$work/times"
for way in server store; do
  mount_cold "$way" --cache-size "${budget}M"
  progress "  checking ${way}_busy"
  check_output "${way}_busy"
  memory_of "$mnt/$way" VmHWM >> "$work/times/${way}_busy"
  title="memory: 8 differences, 8 exports and 8 readers of $wide rows at once"
  reached "$title" "$way" mib $((budget + 64)) "${way}_busy"
done
