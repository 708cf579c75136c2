# Sourced: mounts of folders of zips, by asof at $mnt/zips and by others.

# Unmounts what a way has mounted at or below $mnt/<way>, and throws away whatever might be remembered of the zips.
forget_zips() { # WAY FOLDER
  unmount_zips "$1"
  rm -rf "$XDG_CACHE_HOME/asof"
  evict "$2"/*.zip
}

unmount_zips() { # WAY
  local point
  if [ "$1" = zips ]; then unmount "$mnt/zips"; fi
  if is_mounted "$mnt/$1"; then fusermount3 -u "$mnt/$1"; fi
  while read -r point; do fusermount3 -u "$point"; done < <(mounts_below "$mnt/$1")
}

mount_zips() { # FOLDER [OPTION...]
  local folder=$1
  shift
  mkdir -p "$mnt/zips"
  "$asof" mount --log-file "$work/asof-zips.log" "$@" "zips=$folder" "$mnt/zips"
}

# The other mounts that are here: fuse_zip, ratarmount.
zip_mounts=()
find_zip_mounts() {
  zip_mounts=()
  if command -v fuse-zip >/dev/null; then zip_mounts+=(fuse_zip); fi
  if [ -n "$ratarmount" ]; then zip_mounts+=(ratarmount); fi
}

# Does COMMAND with each mount that is here and its name; of the others the row says that they are not.
for_zip_mounts() { # WORK COMMAND
  local peer
  for peer in fuse_zip ratarmount; do
    if [[ " ${zip_mounts[*]} " == *" $peer "* ]]; then
      "$2" "$peer" "${peer/_/-}"
    else
      left_out "$1" "${peer/_/-} is not installed"
    fi
  done
}

# One process for each zip, as fuse-zip mounts a single one: at $mnt/fuse_zip/<zip>.
mount_fuse_zip() { # FOLDER
  local zip point
  for zip in "$1"/*.zip; do
    point=$mnt/fuse_zip/$(basename "$zip" .zip)
    mkdir -p "$point"
    fuse-zip -r "$zip" "$point"
  done
}

# One process for all zips: at $mnt/ratarmount/<zip>. Its index is made anew each time.
mount_ratarmount() { # FOLDER
  mkdir -p "$mnt/ratarmount"
  if ! "$ratarmount" --recursive --index-file :memory: "$1" "$mnt/ratarmount" > "$work/ratarmount.log" 2>&1; then
    cat "$work/ratarmount.log" >&2
    fail "ratarmount does not mount"
  fi
}

# The most memory that the processes of a peer ever took, in MiB.
memory_of_peer() { # PEER
  local point
  if is_mounted "$mnt/$1"; then
    memory_of "$mnt/$1" VmHWM
  else
    mounts_below "$mnt/$1" | while read -r point; do memory_of "$point" VmHWM; done
  fi | awk '{ sum += $1 } END { print sum }'
}

ratarmount_version=1.3.0
ratarmount=
# Installs ratarmount from PyPI into $cache where it is not there yet: $ratarmount is its path, or nothing.
find_ratarmount() {
  local home=$cache/ratarmount-$ratarmount_version
  if [ ! -x "$home/bin/ratarmount" ]; then
    progress "installing ratarmount (kept in $cache for the next time)"
    install_ratarmount "$home" || true
  fi
  # It cannot tell its version without the FUSE library that it needs.
  if "$home/bin/ratarmount" --version >/dev/null 2>&1; then
    ratarmount=$home/bin/ratarmount
  else
    echo "bench: ratarmount is not here: its figures are left out" >&2
  fi
}
install_ratarmount() { # INTO
  rm -rf "$1"
  python3 -c 'import ensurepip' 2>/dev/null || tests/setup/packages.sh venv || return
  python3 -m venv "$1" >&2 || return
  "$1/bin/pip" install --quiet --only-binary :all: "ratarmount==$ratarmount_version" >&2
}
