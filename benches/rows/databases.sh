# A server of many small databases: the mount, the first read of each, and what the polls of an idle mount cost the server.
serve rig benches/stores/databases.sh "$databases"
source_of_all=dolt://root@127.0.0.1:$port

mount_all() {
  forget server
  mkdir -p "$mnt/server"
  "$asof" mount --log-file "$work/asof-server.log" "$source_of_all" "$mnt/server"
}
before_all_mounted() { forget server; }
all_mounted() { mount_all; ls "$mnt/server"; }
before_all_read() { mount_all; }
all_read() { cat "$mnt"/server/rig*/latest/issues.jsonl; }
expect "$databases" +$((databases * 6)) all_mounted
expect $((databases * 20)) +$((databases * 1000)) all_read

contest "$long_rounds" all_mounted all_read
title="$databases small databases"
reached "$title: mount and list" server seconds 1 all_mounted
reached "$title: first \`cat\` of a table of each" server seconds "$(awk -v n="$databases" 'BEGIN { print n * 0.005 }')" all_read

# Processor time of the server, in seconds.
spent() { awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / ticks }' "/proc/$server/stat"; }
spent_in_idle() {
  local begun
  begun=$(spent)
  sleep "$idle"
  awk -v a="$begun" -v b="$(spent)" 'BEGIN { print b - a }'
}
idle=20
unmount "$mnt/server"
sleep 2
unwatched=$(spent_in_idle)
mount_all
sleep 5
awk -v a="$unwatched" -v b="$(spent_in_idle)" 'BEGIN { print b - a }' > "$work/times/polls"
reached "$title: processor time that polls of an idle mount cost the server in $idle s" server seconds 0.2 polls
unmount "$mnt/server"
