#!/usr/bin/env bash
# usage: all-rows.sh DATABASE ROWS
#
# SQL for a table of ROWS rows, about 700 bytes each as JSONL, in a commit called `start`, and a commit that changes each of them.
set -euo pipefail
"$(dirname "$0")/tables.sh" "$1" 0 "issues=$2"
echo "UPDATE issues SET title = concat('changed ', id), priority = priority + 1;"
echo "CALL DOLT_COMMIT('-am','change all','--date','2025-01-01T00:01:00');"
