#!/usr/bin/env bash
# usage: commits.sh DATABASE COMMITS
#
# SQL for a small table with COMMITS commits that change one row each, a minute apart.
set -euo pipefail
echo "CREATE DATABASE $1; USE $1; CREATE TABLE t (id int PRIMARY KEY, v varchar(40));"
awk -v n="$2" 'BEGIN {
  for (i = 0; i < n; i++) {
    day = int(i / 1440);
    printf "REPLACE INTO t VALUES (%d,\"v%d\");\n", i % 1000, i;
    printf "CALL DOLT_COMMIT(\"-Am\",\"c%d\",\"--date\",\"2025-%02d-%02dT%02d:%02d:00\");\n",
      i, 1 + int(day / 28), 1 + day % 28, int(i / 60) % 24, i % 60;
  }
}'
