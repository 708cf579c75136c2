# A zip of very many members: a new mount up to a listing.
many=$cache/members-$members
make_members() {
  local folder=$memory/members
  progress "packing $members members (kept in $cache for next time)"
  mkdir -p "$folder" "$many.part.$$"
  also_remove+=("$many.part.$$")
  seq -f '{"id":"bd-%.0f"}' "$members" | split -l 1 -a 5 --additional-suffix=.jsonl - "$folder/issue-"
  (cd "$folder" && ls | zip -q -@ "$many.part.$$/2025-01-01T000000.zip")
  rm -rf "$folder"
  mv "$many.part.$$" "$many"
}
[ -d "$many" ] || make_members
before_members_zips() { forget_zips zips "$many"; }
before_members_unzip() { evict "$many"/*.zip; }
before_members_fuse_zip() { forget_zips fuse_zip "$many"; }
before_members_ratarmount() { forget_zips ratarmount "$many"; }
members_zips() { mount_zips "$many"; ls "$mnt"/zips/zips/latest/; }
members_unzip() { unzip -Z1 "$many"/*.zip; }
members_fuse_zip() { mount_fuse_zip "$many"; ls "$mnt/fuse_zip/2025-01-01T000000"; }
members_ratarmount() { mount_ratarmount "$many"; ls "$mnt/ratarmount/2025-01-01T000000.zip"; }
expect "$members" +$((members * 12)) members_zips members_unzip members_fuse_zip members_ratarmount

find_zip_mounts
contest "$rounds" members_zips members_unzip "${zip_mounts[@]/#/members_}"
for way in zips fuse_zip ratarmount; do unmount_zips "$way"; done
members_title="mount and \`ls\` of a zip of $members members"
reached "$members_title" archive seconds 0.6 members_zips '`unzip -Z1`' members_unzip
compare_members() { reached "$members_title" archive times 1 members_zips "$2" "members_$1"; }
for_zip_mounts "$members_title" compare_members
