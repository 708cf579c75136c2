# Sourced: the other ways to the same data.

find_client() {
  client=$(command -v mysql || command -v mariadb)
  no_tls=--ssl-mode=DISABLED
  if "$client" --version | grep -qi mariadb; then no_tls=--skip-ssl; fi
}

# One client process on the current server.
query_server() { "$client" --no-defaults -h 127.0.0.1 -P "$port" -u root "$no_tls" -N -q "$@"; }

# A table at a commit, row by row: the client keeps nothing in memory (-q).
mysql_table() { # TABLE COMMIT
  query_server "$database" -e "SELECT * FROM \`$1\` AS OF '$2'" </dev/null
}

# The same as JSON, by Dolt's own command line. It uses the server that runs on the folder.
dolt_table() { # TABLE COMMIT
  (cd "$served/$database" && "$dolt" sql -r json -q "SELECT * FROM \`$1\` AS OF '$2'")
}

# The history of the database by one query.
query_history() { query_server "$database" -e "SELECT * FROM dolt_log" </dev/null; }

# Copies each snapshot of one file of the mount to a file of its own: $exports/<snapshot>.jsonl
export_snapshots() { # TABLE SNAPSHOT...
  local table=$1 snapshot
  shift
  exports=$work/exports
  mkdir -p "$exports"
  for snapshot in "$@"; do cp "$mnt/store/$database/asof/$snapshot/$table.jsonl" "$exports/$snapshot.jsonl"; done
}

# Makes zips and a restic repository of the exports. Both take minutes, so they are kept like the databases, under a
# hash of the exported bytes.
pack_exports() { # TABLE
  local table=$1 key
  key=$(cd "$exports" && sha256sum -- *.jsonl | sha256sum | cut -c1-16)
  zips=$cache/zips-$key
  [ -d "$zips" ] || make_zips "$table" "$zips"
  if command -v restic >/dev/null; then
    restic_repository=$cache/restic-$key
    [ -d "$restic_repository" ] || make_restic "$table" "$restic_repository"
  fi
}

make_zips() { # TABLE INTO
  local file
  progress "packing zips (kept in $cache for next time)"
  mkdir -p "$2.part.$$" "$work/packing"
  also_remove+=("$2.part.$$")
  for file in "$exports"/*.jsonl; do
    cp "$file" "$work/packing/$1.jsonl"
    zip -qj "$2.part.$$/$(basename "$file" .jsonl).zip" "$work/packing/$1.jsonl"
  done
  mv "$2.part.$$" "$2"
}

restic_here() { RESTIC_PASSWORD=bench restic --quiet --repo "$@"; }

make_restic() { # TABLE INTO
  local file
  progress "making restic backups (kept in $cache for next time)"
  mkdir -p "$work/packing"
  also_remove+=("$2.part.$$")
  restic_here "$2.part.$$" init
  for file in "$exports"/*.jsonl; do
    cp "$file" "$work/packing/$1.jsonl"
    (cd "$work/packing" && restic_here "$2.part.$$" backup --host bench "$1.jsonl")
  done
  mv "$2.part.$$" "$2"
}

restic_pid=
# Mounts the repository again at $mnt/restic, with none of its pages in memory.
mount_restic() {
  local files=()
  unmount_restic
  mapfile -d '' files < <(find "$restic_repository/data" -type f -print0)
  evict "${files[@]}"
  mkdir -p "$mnt/restic"
  restic_here "$restic_repository" mount "$mnt/restic" > "$work/restic.log" 2>&1 &
  restic_pid=$!
  for _ in $(seq 600); do
    if is_mounted "$mnt/restic"; then return; fi
    sleep 0.1
  done
  cat "$work/restic.log" >&2
  fail "restic does not mount"
}

unmount_restic() {
  [ -n "$restic_pid" ] || return 0
  fusermount3 -u "$mnt/restic"
  wait "$restic_pid" || true
  restic_pid=
}
