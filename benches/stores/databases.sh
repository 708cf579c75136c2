#!/usr/bin/env bash
# usage: databases.sh DATABASE COUNT
#
# SQL for COUNT databases called DATABASE000 and so on, each with three small tables and ten commits, a minute apart.
set -euo pipefail
awk -v prefix="$1" -v count="$2" 'BEGIN {
  for (d = 0; d < count; d++) {
    printf "CREATE DATABASE %s%03d; USE %s%03d;\n", prefix, d, prefix, d;
    print "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text, status varchar(20), created_at datetime);";
    print "CREATE TABLE labels (issue_id varchar(20), label varchar(40), PRIMARY KEY (issue_id, label));";
    print "CREATE TABLE config (name varchar(40) PRIMARY KEY, value text);";
    printf "INSERT INTO issues VALUES";
    for (i = 0; i < 20; i++)
      printf "%s(\"bd-%d\",\"Issue %d of database %d\",\"open\",\"2026-01-01 00:00:00\")", i ? "," : "", i, i, d;
    print "; INSERT INTO labels VALUES (\"bd-1\",\"a\"),(\"bd-2\",\"b\"); INSERT INTO config VALUES (\"prefix\",\"bd\");";
    print "CALL DOLT_COMMIT(\"-Am\",\"start\",\"--date\",\"2025-01-01T00:00:00\");";
    for (i = 1; i < 10; i++) {
      printf "UPDATE issues SET status=\"closed\" WHERE id=\"bd-%d\";\n", i;
      printf "CALL DOLT_COMMIT(\"-am\",\"change %d\",\"--date\",\"2025-01-01T00:%02d:00\");\n", i, i;
    }
  }
}'
