# Sourced: mounts to measure. Each way to the data has a mountpoint of its own, so that contestants do not share one.

is_mounted() { grep -qF " $1 " /proc/self/mountinfo; }

unmount() { # MOUNTPOINT
  if is_mounted "$1"; then "$asof" umount "$1"; fi
}

# Drops files from the page cache, without root and without dropping other files: posix_fadvise(DONTNEED), which is what
# dd's nocache requests. Pages that were never written back would stay, hence sync.
evict() { # FILE...
  local file
  sync "$@"
  for file in "$@"; do dd if="$file" iflag=nocache count=0 status=none; done
}

# The source of the mount `server` or `store`.
source_of() { # WAY
  case $1 in
    server) echo "dolt://root@127.0.0.1:$port/$database" ;;
    store) echo "$served/$database" ;;
  esac
}

# Mounts a way to the current database at $mnt/<way>.
mount_way() { # WAY [OPTION...]
  local way=$1 point=$mnt/$1
  shift
  mkdir -p "$point"
  "$asof" mount --log-file "$work/asof-$way.log" "$@" "$(source_of "$way")" "$point"
}

# The same with nothing kept from before: no mount, no kept lengths, no page of the store.
mount_cold() { # WAY [OPTION...]
  forget "$1"
  mount_way "$@"
}

# Unmounts, and removes whatever a mount of that way might remember.
forget() { # WAY
  unmount "$mnt/$1"
  rm -rf "$XDG_CACHE_HOME/asof" "$XDG_STATE_HOME/asof"
  if [ "$1" = store ]; then evict_store; fi
}

evict_store() {
  local files=()
  mapfile -d '' files < <(find "$served/$database/.dolt/noms" -type f -size +0 -print0)
  evict "${files[@]}"
}

# The process that serves a mountpoint: the one that has it among its arguments.
server_of() { # MOUNTPOINT
  local found
  # The pattern comes from a file, so that grep does not find itself.
  echo "$1" > "$work/mountpoint"
  found=$(grep -lzxF -f "$work/mountpoint" /proc/[0-9]*/cmdline 2>/dev/null | sed -n 1p) || true
  [ -n "$found" ] || fail "no process serves $1"
  found=${found#/proc/}
  echo "${found%/cmdline}"
}

# A memory figure of the process that serves a mountpoint, in MiB: VmRSS, VmHWM.
memory_of() { # MOUNTPOINT FIGURE
  awk -v figure="$2:" '$1 == figure { printf "%.1f\n", $2 / 1024 }' "/proc/$(server_of "$1")/status"
}
