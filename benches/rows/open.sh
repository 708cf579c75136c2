# From nothing to a listing of all snapshots.
serve_issues
open_and_list() { mount_way "$1"; ls "$mnt/$1/issues/asof"; }
before_server_open() { forget server; }
before_store_open() { forget store; }
server_open() { open_and_list server; }
store_open() { open_and_list store; }
# One line more: the commit that Dolt begins every database with.
expect $((snapshots + 2)) +$((snapshots * 18)) server_open store_open

contest "$rounds" server_open store_open
reached "mount and list $snapshots snapshots" server seconds 0.3 server_open
reached "mount and list $snapshots snapshots" store seconds 0.1 store_open
