# A new mount up to a listing of all snapshots, compared with a query for the history.
serve_issues
open_and_list() { mount_way "$1"; ls "$mnt/$1/issues/asof"; }
before_server_open() { forget server; }
before_store_open() { forget store; }
server_open() { open_and_list server; }
store_open() { open_and_list store; }
# One more line: the commit with which Dolt begins every database.
expect $((snapshots + 2)) +$((snapshots * 18)) server_open store_open query_history

contest "$rounds" server_open store_open query_history
title="mount and list $snapshots snapshots"
reached "$title" server seconds 0.3 server_open '`SELECT * FROM dolt_log`' query_history
reached "$title" store seconds 0.1 store_open '`SELECT * FROM dolt_log`' query_history
