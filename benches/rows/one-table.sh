# One table, cold, compared with the same SELECT.
serve_issues
size=$(stat -c %s "$(file_of store issues "${names[0]}")")

before_server_table() { mount_cold server; }
before_store_table() { mount_cold store; }
server_table() { cat "$(file_of server issues "${names[0]}")"; }
store_table() { cat "$(file_of store issues "${names[0]}")"; }
mysql_one() { mysql_table issues "${hashes[0]}"; }
dolt_one() { dolt_table issues "${hashes[0]}"; }
expect "$issues" "$size" server_table store_table
expect "$issues" +$((issues * 500)) mysql_one
expect 1 +$((issues * 500)) dolt_one

contest "$rounds" server_table store_table mysql_one dolt_one
work_title="one table, cold, $issues rows, $((size / 1000000)) MB"
reached "$work_title" server times 1.1 server_table '`mysql -q`' mysql_one
reached "$work_title" store times 0.35 store_table '`mysql -q`' mysql_one
note "One table: \`SELECT * FROM issues AS OF '<hash>'\`; \`dolt sql -r json\` took $(median dolt_one) s."
