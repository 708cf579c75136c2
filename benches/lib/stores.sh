# Sourced: the databases to measure. Each is made once by a server from the SQL that benches/stores/<name>.sh writes,
# and kept in $cache under a hash of that script, its sizes and Dolt's version.

database='' served='' serving=''

# Makes the database if it is not in the cache, and serves a copy of it: $port and $served/<name>.
serve() { # NAME MAKER [ARGUMENT...]
  local name=$1 kept
  kept=$cache/$name-$( { cat "$2"; echo "$@"; "$dolt" version | sed -n 1p; } | sha256sum | cut -c1-16)
  [ "$serving" != "$kept" ] || return 0
  stop_serving
  [ -d "$kept" ] || make_store "$kept" "$@"
  served=$work/data-$name
  cp -a --reflink=auto "$kept" "$served"
  start_server "$served"
  database=$name serving=$kept
}

make_store() { # INTO NAME MAKER [ARGUMENT...]
  local into=$1 name=$2 maker=$3
  shift 3
  progress "making the database $name (kept in $cache for next time)"
  mkdir -p "$into.part.$$"
  also_remove+=("$into.part.$$")
  start_server "$into.part.$$"
  if [ -x "$maker" ]; then
    "$maker" "$name" "$@" | query_server > /dev/null
  else
    "$CARGO" bench --locked --quiet --bench "$(basename "$maker" .rs)" -- "$port" "$name" "$@"
  fi
  stop_server
  mv "$into.part.$$" "$into"
}

# Serves on the same port again, with a server that writes each query to $work/server.log.
log_queries() {
  stop_server
  start_server "$served" debug "$port"
}

stop_serving() {
  local way
  [ -n "$database" ] || return 0
  for way in server store; do unmount "$mnt/$way"; done
  stop_server
  rm -rf --one-file-system "$served"
  database='' served='' serving=''
}
