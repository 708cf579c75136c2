# Many readers wait for a stopped server while a zip, a store and a second server in the same mount are read, compared
# with the same reads without those readers. Both mounts have the stopped server among their sources.
serve_issues
run=5
[ "$run" -le "$snapshots" ] || run=$snapshots
rm -rf "$work/exports"
export_snapshots issues "${names[@]:1:run}"
pack_exports issues
second_server=$server second_port=$port

# A separate server to stop, with a table much larger than the cache.
mkdir "$work/data-stopped"
start_server "$work/data-stopped"
stopped=$server
also_end=("$stopped")
benches/stores/tables.sh stopped 0 t=150000 | query_server > /dev/null
stopped_source=dolt://root@127.0.0.1:$port/stopped
server=$second_server port=$second_port

# Mounts all four at $mnt/<contestant>, cold, and measures the size of the large table.
mount_four() { # CONTESTANT
  settle_waiting
  unmount "$mnt/$1"
  rm -rf "$XDG_CACHE_HOME/asof" "$XDG_STATE_HOME/asof"
  evict "$zips"/*.zip
  evict_store
  mkdir -p "$mnt/$1"
  "$asof" mount --log-file "$work/asof-$1.log" --cache-size 8M "second=dolt://root@127.0.0.1:$port/$database" \
    "store=$served/$database" "zips=$zips" "$stopped_source" "$mnt/$1"
  stat "$mnt/$1/stopped/latest/t.jsonl" > /dev/null
}

# Reads members of zips, versions of a store and those of a server in the mount of a contestant.
read_three() { # CONTESTANT
  local snapshot
  for snapshot in "${names[@]:1:run}"; do
    cat "$mnt/$1/zips/asof/$snapshot/issues.jsonl" "$mnt/$1/store/asof/$snapshot/issues.jsonl" \
      "$mnt/$1/second/asof/$snapshot/issues.jsonl"
  done
}

before_with_waiting() {
  mount_four with_waiting
  start_waiting "$mnt/with_waiting/stopped/latest/t.jsonl"
}
with_waiting() { read_three with_waiting; }
before_without_waiting() { mount_four without_waiting; }
without_waiting() { read_three without_waiting; }

# A process with a thread for each reader. Each reads its own part of the file. It stops the server once the file is open.
readers=
start_waiting() { # FILE
  local tries
  rm -f "$work/started"
  python3 - "$1" "$waiting" "$stopped" "$work/started" <<'END' &
import os, signal, sys, threading
path, count, server = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
file = os.open(path, os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
size = os.fstat(file).st_size
threading.stack_size(64 << 10)
os.kill(server, signal.SIGSTOP)
def read(number):
    try:
        os.pread(file, 100, size // count * number)
    except OSError:
        pass
for number in range(count):
    threading.Thread(target=read, args=(number,)).start()
open(sys.argv[4], "w")
END
  readers=$!
  also_end=("$stopped" "$readers")
  for tries in $(seq 400); do
    if [ -e "$work/started" ] && [ "$(count_waiting)" -ge $((waiting * 8 / 10)) ]; then return 0; fi
    sleep 0.05
  done
  fail "$(count_waiting) of $waiting readers wait after $tries checks"
}

# How many readers sleep in the kernel until they get an answer.
count_waiting() { cat "/proc/$readers"/task/*/stat 2>/dev/null | grep -c ') D ' || true; }

# Checks that the readers waited all the time, because that is what this row measures, and ends them.
settle_waiting() {
  [ -n "$readers" ] || return 0
  [ "$(count_waiting)" -ge $((waiting * 8 / 10)) ] || fail "only $(count_waiting) of $waiting readers waited to the end"
  kill -CONT "$stopped"
  kill -KILL "$readers"
  wait "$readers" 2>/dev/null || true
  readers=
  also_end=("$stopped")
}

size=$(cat "$exports"/*.jsonl | wc -c)
expect $((run * issues * 3)) $((size * 3)) with_waiting without_waiting
contest "$rounds" without_waiting with_waiting
settle_waiting
for contestant in with_waiting without_waiting; do unmount "$mnt/$contestant"; done
kill "$stopped"
wait "$stopped" 2>/dev/null || true
also_end=()
reached "$run zips, versions of a store and of a server, cold, $((size * 3 / 1000000)) MB, beside $waiting readers of a stopped server" \
  all times 1.2 with_waiting 'the same without them' without_waiting
