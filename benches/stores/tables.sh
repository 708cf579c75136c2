#!/usr/bin/env bash
# usage: tables.sh DATABASE COMMITS TABLE=ROWS...
#
# SQL for tables of ROWS rows, about 700 bytes each as JSONL, in a first commit called `start`, and COMMITS commits
# called `change <n>`, a minute apart, that change one row of each table.
set -euo pipefail
database=$1 commits=$2
shift 2
echo "CREATE DATABASE $database; USE $database;"
for table in "$@"; do
  echo "CREATE TABLE ${table%=*} (id varchar(20) PRIMARY KEY, title varchar(500) NOT NULL, description text NOT NULL,
    status varchar(32) NOT NULL, priority int NOT NULL, assignee varchar(255), created_at datetime NOT NULL,
    updated_at datetime NOT NULL, metadata json);"
  awk -v name="${table%=*}" -v rows="${table#*=}" 'BEGIN {
    for (i = 0; i < 10; i++) text = text "Lorem ipsum dolor sit amet, consectetur elit. ";
    for (i = 0; i < rows; i++) {
      if (i % 500 == 0) printf "%sINSERT INTO %s VALUES", i ? ";\n" : "", name;
      printf "%s(\"bd-%07d\",\"Title of issue %d\",\"%s%d\",\"open\",%d,%s,", i % 500 ? "," : "", i, i, text, i, i % 5,
        i % 3 ? "\"somebody\"" : "null";
      printf "\"2026-01-01 10:00:00\",\"2026-01-02 11:12:13\",\"{}\")";
    }
    print ";";
  }'
done
echo "CALL DOLT_COMMIT('-Am','start','--date','2025-01-01T00:00:00');"
awk -v n="$commits" -v tables="$*" 'BEGIN {
  count = split(tables, table, " ");
  for (i = 1; i <= n; i++) {
    for (t = 1; t <= count; t++) {
      split(table[t], part, "=");
      printf "UPDATE %s SET title=\"changed %d\", priority=%d WHERE id=\"bd-%07d\";\n",
        part[1], i, i % 5, (i * 7919) % part[2];
    }
    day = int(i / 1440);
    printf "CALL DOLT_COMMIT(\"-am\",\"change %d\",\"--date\",\"2025-%02d-%02dT%02d:%02d:00\");\n",
      i, 2 + int(day / 28), 1 + day % 28, int(i / 60) % 24, i % 60;
  }
}'
