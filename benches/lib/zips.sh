# Sourced: mounts of folders of zips, by asof at $mnt/zips and by its peers.

# Unmounts what a way mounted at or below $mnt/<way>, and removes whatever might be remembered of the zips.
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

# The peers that are installed: fuse_zip, ratarmount.
zip_mounts=()
find_zip_mounts() {
  zip_mounts=()
  if command -v fuse-zip >/dev/null; then zip_mounts+=(fuse_zip); fi
  if [ -n "$ratarmount" ]; then zip_mounts+=(ratarmount); fi
}

# Runs COMMAND with each installed peer and its name. For the others, the row says that they are not installed.
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

# One process for each zip, because fuse-zip mounts a single one: at $mnt/fuse_zip/<zip>.
mount_fuse_zip() { # FOLDER
  local zip point
  for zip in "$1"/*.zip; do
    point=$mnt/fuse_zip/$(basename "$zip" .zip)
    mkdir -p "$point"
    fuse-zip -r "$zip" "$point"
  done
}

# One process for all zips: at $mnt/ratarmount/<zip>. Its index is made again each time.
mount_ratarmount() { # FOLDER
  mkdir -p "$mnt/ratarmount"
  if ! "$ratarmount" --recursive --index-file :memory: "$1" "$mnt/ratarmount" > "$work/ratarmount.log" 2>&1; then
    cat "$work/ratarmount.log" >&2
    fail "ratarmount does not mount"
  fi
}

# The peak memory of a peer's processes, in MiB.
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
# Installs ratarmount from PyPI into $cache unless it is there: $ratarmount is its path, or empty.
find_ratarmount() {
  local home=$cache/ratarmount-$ratarmount_version
  if [ ! -x "$home/bin/ratarmount" ]; then
    progress "installing ratarmount (kept in $cache for next time)"
    install_ratarmount "$home" || true
  fi
  # It prints its version only if the FUSE library that it needs is there.
  if "$home/bin/ratarmount" --version >/dev/null 2>&1; then
    ratarmount=$home/bin/ratarmount
  else
    echo "bench: ratarmount is not installed: its figures are left out" >&2
  fi
}
install_ratarmount() { # INTO
  rm -rf "$1"
  python3 -c 'import ensurepip' 2>/dev/null || tests/setup/packages.sh venv || return
  python3 -m venv "$1" >&2 || return
  "$1/bin/pip" install --quiet --only-binary :all: "ratarmount==$ratarmount_version" >&2
}
