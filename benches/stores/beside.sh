#!/usr/bin/env bash
# usage: beside.sh DATABASE COMMITS TABLE=ROWS...
#
# SQL for the tables of tables.sh, and another branch with two commits that change each row of each table.
set -euo pipefail
"$(dirname "$0")/tables.sh" "$@"
echo "CALL DOLT_CHECKOUT('-b', 'aside');"
for n in 1 2; do
  for table in "${@:3}"; do echo "UPDATE ${table%=*} SET title = concat('aside $n ', id);"; done
  echo "CALL DOLT_COMMIT('-am','aside $n','--date','2026-06-01T00:0$n:00');"
done
echo "CALL DOLT_CHECKOUT('main');"
