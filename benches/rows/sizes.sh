# Exact sizes of all snapshots, cold and after a remount, compared with one query for everything that changed in them.
list_sizes() { ls -lR "$mnt/$1/issues/asof"; }
sum_of_sizes() { list_sizes "$1" | awk '/^-/ { sum += $5; files++ } END { printf "%.0f bytes in %d files\n", sum, files }'; }
query_changes() { query_server "$database" -e "SELECT * FROM dolt_diff_issues" </dev/null; }

before_server_sizes() { mount_cold server; }
before_store_sizes() { mount_cold store; }
before_server_again() { unmount "$mnt/server"; mount_way server; }
before_store_again() { unmount "$mnt/store"; mount_way store; }
server_sizes() { list_sizes server; }
store_sizes() { list_sizes store; }
server_again() { list_sizes server; }
store_again() { list_sizes store; }
# The same mount once more.
server_twice() { list_sizes server; }
store_twice() { list_sizes store; }

measure_sizes() { # WAY COMMITS LIMIT CONTEST ROUNDS
  local way=$1 lines title
  serve_issues "$2"
  progress "  adding up the sizes"
  lines=$(list_sizes store | wc -l)
  expect "$lines" +$((lines * 20)) "${way}_sizes" "${way}_again" "${way}_twice"
  # One line for each row that was ever added or changed.
  expect $((issues + $2)) +$(((issues + $2) * 500)) query_changes
  "$4" "$5" "${way}_sizes" "${way}_again" "${way}_twice" query_changes
  title="exact sizes (\`ls -lR\`) of $2 snapshots"
  reached "$title, cold" "$way" times "$3" "${way}_sizes" 'one `SELECT * FROM dolt_diff_issues`' query_changes
  reached "$title, after a remount" "$way" times 1.5 "${way}_again" 'the second walk of that mount' "${way}_twice"
  reached "$title, second walk" "$way" seconds 0.2 "${way}_twice" 'one `SELECT * FROM dolt_diff_issues`' query_changes
  sums[$way]=$(sum_of_sizes "$way")
  rm "$work/times/query_changes"
}

declare -A sums=()
measure_sizes server "$server_snapshots" 1.5 long_contest "$long_rounds"
measure_sizes store "$snapshots" 0.5 contest "$rounds"
[ "$server_snapshots" -ne "$snapshots" ] || [ "${sums[server]}" = "${sums[store]}" ] ||
  fail "the sizes do not agree: ${sums[server]} over a server, ${sums[store]} from the store"
note "Sizes: ${sums[store]} from the store, ${sums[server]} over a server."
