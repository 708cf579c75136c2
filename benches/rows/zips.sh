# Zips as a source: the same zips, and a zip of very many members.
serve_issues
run=100
[ "$run" -le "$snapshots" ] || run=$snapshots
export_snapshots issues "${names[@]:1:run}"
pack_exports issues
size=$(cat "$exports"/*.jsonl | wc -c)

mount_zips() { # FOLDER
  unmount "$mnt/zips"
  evict "$1"/*.zip
  mkdir -p "$mnt/zips"
  "$asof" mount --log-file "$work/asof-zips.log" "zips=$1" "$mnt/zips"
}
make_members() { # INTO
  local folder=$work/members
  mkdir -p "$folder"
  seq -f '{"id":"bd-%.0f"}' "$members" | split -l 1 -a 5 --additional-suffix=.jsonl - "$folder/issue-"
  mkdir -p "$1"
  (cd "$folder" && ls | zip -q -@ "$1/2025-01-01T000000.zip")
  rm -rf "$folder"
}
before_zips_mounted() { mount_zips "$zips"; }
before_unzipped() { evict "$zips"/*.zip; }
before_members_listed() { mount_zips "$work/many"; }
zips_mounted() { cat "$mnt"/zips/zips/asof/*/issues.jsonl; }
unzipped() { local zip; for zip in "$zips"/*.zip; do unzip -p "$zip"; done; }
members_listed() { ls "$mnt"/zips/zips/latest/; }
make_members "$work/many"
expect $((run * issues)) "$size" zips_mounted unzipped
expect "$members" +$((members * 12)) members_listed

contest "$rounds" zips_mounted unzipped members_listed
unmount "$mnt/zips"
reached "$run zips, cold, $((size / 1000000)) MB" archive faster 2 zips_mounted '`unzip -p`' unzipped
reached "\`ls\` of a zip of $members members" archive seconds 0.6 members_listed
