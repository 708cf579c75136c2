# Sourced by the scripts that mount things and run servers (demo, benches). It gives them a temporary folder and a Dolt
# server in it, and makes sure that no mount, server or file outlives the script.
# Needs $asof (the program), and $dolt for start_server.

work=
server=
port=
also_remove=()
also_end=()

# Prints the mountpoints below a folder, innermost first, with the kernel's escapes decoded.
mounts_below() { # FOLDER
  local point
  awk -v top="$1/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | tac |
    while read -r point; do printf '%b\n' "$point"; done
}

# Begins the session: $work is a new folder, and everything in it is gone when the script ends.
begin_session() { # NAME
  session=$1
  work=$(mktemp -d "${TMPDIR:-/tmp}/asof-$session.XXXXXX")
  trap end_session EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

end_session() {
  local status=$? point
  trap - EXIT
  cd /
  if [ ${#also_end[@]} -gt 0 ]; then kill -KILL "${also_end[@]}" 2>/dev/null || true; fi
  while read -r point; do
    "$asof" umount "$point" 2>/dev/null || "$asof" umount --lazy "$point" 2>/dev/null ||
      fusermount3 -uz "$point" || status=1
  done < <(mounts_below "$work")
  stop_server
  rm -rf --one-file-system "$work" ${also_remove[@]+"${also_remove[@]}"} || status=1
  [ "$status" -eq 0 ] || echo "$session: failed (exit status $status)" >&2
  exit "$status"
}

# Sets a separate home folder for everything that runs, so that the user's settings and caches have no effect.
own_home() {
  export HOME=$work/home DOLT_ROOT_PATH=$work/home
  export XDG_CACHE_HOME=$HOME/cache XDG_STATE_HOME=$HOME/state XDG_CONFIG_HOME=$HOME/config
  mkdir -p "$HOME"
}

# Writes Dolt's settings in that home: who commits; no statistics, which would run beside what is shown or measured; no
# metrics, because the process that sends them outlives its parent.
name_committer() { # NAME
  mkdir -p "$DOLT_ROOT_PATH/.dolt"
  printf '{"user.name":"%s","user.email":"%s@example.com","sqlserver.global.dolt_stats_enabled":"0","%s":"true"}\n' \
    "$1" "${1,,}" metrics.disabled > "$DOLT_ROOT_PATH/.dolt/config_global.json"
}

# Starts a server on a data folder, waits until it answers, and sets $port. The server writes to $work/server.log.
start_server() { # DATA [LOG_LEVEL [PORT]]
  for _ in 1 2 3 4 5; do
    port=${3:-$((20000 + RANDOM % 20000))}
    "$dolt" sql-server --data-dir "$1" -H 127.0.0.1 -P "$port" --loglevel "${2:-error}" >"$work/server.log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
      kill -0 "$server" 2>/dev/null || break
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
      sleep 0.1
    done
    stop_server
  done
  cat "$work/server.log" >&2
  echo "$session: the Dolt server does not start" >&2
  exit 1
}

stop_server() {
  [ -n "$server" ] || return 0
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}
