#!/usr/bin/env bash
# usage: tracker.sh DATABASE ISSUES
#
# SQL for the tables of a tracker of Beads with ISSUES issues of about 700 bytes, and half as many labels, dependencies and
# comments, in a first commit called `start`; then four commits that change every issue, and four that change one.
set -euo pipefail
database=$1 issues=$2
echo "CREATE DATABASE $database; USE $database;"
echo "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title varchar(500) NOT NULL, description text NOT NULL,
  status varchar(32) NOT NULL, priority int NOT NULL, issue_type varchar(32) NOT NULL, assignee varchar(255),
  created_at datetime NOT NULL, updated_at datetime NOT NULL);
CREATE TABLE labels (issue_id varchar(20), label varchar(100), PRIMARY KEY (issue_id, label));
CREATE TABLE dependencies (issue_id varchar(20), depends_on_id varchar(20), type varchar(20) NOT NULL,
  created_at datetime NOT NULL, PRIMARY KEY (issue_id, depends_on_id));
CREATE TABLE comments (id varchar(20) PRIMARY KEY, issue_id varchar(20) NOT NULL, author varchar(100) NOT NULL,
  text text NOT NULL, created_at datetime NOT NULL);"
awk -v rows="$issues" '
  function insert(table, count,   i) {
    for (i = 0; i < count; i++) {
      if (i % 500 == 0) printf "%sINSERT INTO %s VALUES", i ? ";\n" : "", table;
      if (i % 500) printf ",";
      values(table, i);
    }
    print ";";
  }
  function values(table, i) {
    if (table == "issues")
      printf "(\"bd-%07d\",\"Title of issue %d\",\"%s%d\",\"open\",%d,\"task\",%s,\"2026-01-01 10:00:00\",\"2026-01-02 11:12:13\")",
        i, i, text, i, i % 5, i % 3 ? "\"somebody\"" : "null";
    if (table == "labels") printf "(\"bd-%07d\",\"label %d\")", 2 * i, i % 7;
    if (table == "dependencies") printf "(\"bd-%07d\",\"bd-%07d\",\"blocks\",\"2026-01-01 10:00:00\")", 2 * i + 1, i;
    if (table == "comments") printf "(\"c%d\",\"bd-%07d\",\"somebody\",\"Comment %d\",\"2026-01-01 10:00:00\")", i, 2 * i, i;
  }
  BEGIN {
    for (i = 0; i < 10; i++) text = text "Lorem ipsum dolor sit amet, consectetur elit. ";
    insert("issues", rows);
    insert("labels", rows / 2);
    insert("dependencies", rows / 2);
    insert("comments", rows / 2);
  }'
echo "CALL DOLT_COMMIT('-Am','start','--date','2025-01-01T00:00:00');"
for n in 1 2 3 4; do
  echo "UPDATE issues SET title = concat('changed $n ', id);"
  echo "CALL DOLT_COMMIT('-am','all $n','--date','2025-01-01T00:0$n:00');"
done
for n in 5 6 7 8; do
  echo "UPDATE issues SET title = 'changed $n' WHERE id = 'bd-0000001';"
  echo "CALL DOLT_COMMIT('-am','one $n','--date','2025-01-01T00:0$n:00');"
done
