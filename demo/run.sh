#!/usr/bin/env bash
# usage: demo/run.sh ASOF
#
# A tour of a tree that the program ASOF mounts, on sample archives that this script makes. If there is a Dolt ($DOLT or
# on PATH), the tour also shows a real Dolt history. Everything is in a temporary folder, which is removed at the end.
# Fails if any step fails.
set -euo pipefail
cd "$(dirname "$0")/.."
asof=$(realpath "${1:?usage: demo/run.sh ASOF}")
[ -z "${DOLT:-}" ] || DOLT=$(realpath "$(command -v "$DOLT" || echo "$DOLT")")
tests/setup/packages.sh run demo
tests/setup/fuse.sh

. tests/setup/session.sh
begin_session demo
mnt=$work/db

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# Shows a command, then runs it. An unexpected exit status ends the demo.
try() { # EXPECTED_STATUS COMMAND
  local status=0
  printf '%s$ %s%s\n' "$dim" "$2" "$plain"
  bash -o pipefail -c "$2" || status=$?
  [ "$status" -eq "$1" ] || { echo "demo: exit status $status, not $1: $2" >&2; exit 1; }
}

# One JSONL export of three issues: the first is closed on the third day, the second is lost on the fourth.
issues() { # DAY
  local closed=open
  [ "$1" -lt 3 ] || closed=closed
  printf '{"id":"bd-1","title":"Mount a folder of archives","status":"%s"}\n' "$closed"
  [ "$1" -ge 4 ] || echo '{"id":"bd-2","title":"Keep every snapshot","status":"open"}'
  printf '{"id":"bd-3","title":"Day %s","status":"open"}\n' "$1"
}

say "A small history: JSONL exports, zips, a SQLite file"
mkdir "$work/exports" "$work/backups" "$work/snapshots" "$mnt"
for day in 1 2 3 4; do
  issues "$day" > "$work/exports/beads-2026010$day-1200.jsonl"
  mkdir -p "$work/current/messages"
  issues "$day" > "$work/current/messages/all.jsonl"
  printf '{"version":1,"timestamp":"2026-01-0%dT18:00:00Z","repo_name":"demo","counts":{}}\n' "$day" \
    > "$work/current/manifest.json"
  (cd "$work/current" && zip -qrD "$work/backups/2026-01-0${day}T183000.zip" manifest.json messages)
done
sqlite3 "$work/snapshots/state-2026-01-20-030000.db" \
  "CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO tasks VALUES (1,'write'),(2,'restore');"
(cd "$work" && ls exports backups snapshots)

say "Mount them, each under its own name"
cd "$work"
export PATH="${asof%/*}:$PATH"
try 0 "asof mount --log-file log --timezone UTC exports thrum=backups octo=snapshots db"
cd "$mnt"
try 0 "ls . beads beads/asof"

say "Every snapshot is a folder; look one up by any time (a date is its first instant)"
try 0 "cat beads/asof/2026-01-03/issues.jsonl"
try 0 "readlink beads/asof/20260102-1500"

say "Familiar tools work across time"
try 0 "grep -rc open beads/asof"
try 1 "diff -r beads/asof/2026-01-03T120000Z beads/asof/2026-01-04T120000Z"
try 0 "ls -l --time-style=long-iso thrum/latest/ thrum/latest/messages"

say "bd-2 has been missing since the 4th: get the file of the 3rd back"
try 0 "cp beads/asof/2026-01-03T12:00/issues.jsonl $work/restored.jsonl"
cmp "$work/restored.jsonl" "$work/exports/beads-20260103-1200.jsonl"
try 0 "grep bd-2 $work/restored.jsonl"

say "A SQLite snapshot is also a file that SQLite can open"
try 0 "cp octo/latest/*.db $work/state.db && sqlite3 $work/state.db 'SELECT title FROM tasks'"
cmp "$work/state.db" "$work/snapshots/state-2026-01-20-030000.db"
cd "$work"
try 0 "asof umount db"

dolt=$(command -v "${DOLT:-dolt}" || true)
if [ -n "${DOLT:-}" ] && [ -z "$dolt" ]; then
  echo "demo: DOLT=$DOLT is not a program" >&2
  exit 1
fi
if [ -z "$dolt" ]; then
  say "No dolt on PATH, so the part on a Dolt server is left out (DOLT=/path/to/dolt make demo shows it)"
else
  say "A Dolt server with its own history ($("$dolt" version | head -n 1))"
  own_home
  name_committer Demo
  mkdir -p "$work/data/tracker"
  (
    cd data/tracker
    "$dolt" init >/dev/null
    "$dolt" sql >/dev/null <<'SQL'
CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text, status varchar(10));
INSERT INTO issues VALUES ('bd-1','Mount a server','open'),('bd-2','Read any commit','open');
CALL DOLT_COMMIT('-Am','first issues','--date','2026-01-05T12:00:00');
UPDATE issues SET status='closed' WHERE id='bd-1';
CALL DOLT_COMMIT('-am','close bd-1','--date','2026-01-06T09:00:00');
DELETE FROM issues WHERE id='bd-2';
CALL DOLT_COMMIT('-am','oops','--date','2026-01-07T20:00:00');
INSERT INTO issues VALUES ('bd-3','Not committed yet','open');
SQL
  )
  start_server "$work/data"
  try 0 "asof mount --log-file log dolt://root@127.0.0.1:$port db"
  cd "$mnt"
  try 0 "ls tracker tracker/branches"
  try 0 "cat tracker/asof/2026-01-06T12:00/issues.jsonl"
  try 1 "diff tracker/asof/HEAD~1/issues.jsonl tracker/latest/issues.jsonl"
  try 0 "cat tracker/live/issues.jsonl"
  try 0 "head -n 1 tracker/log.jsonl"
  try 0 "cp tracker/asof/HEAD~1/issues.jsonl $work/issues.jsonl && wc -l < $work/issues.jsonl"
  [ "$(wc -l < "$work/issues.jsonl")" -eq 2 ] || { echo "demo: the restored file does not have two lines" >&2; exit 1; }
  cd "$work"
  try 0 "asof umount db"
fi
say "That is all. Nothing is left behind."
