#!/usr/bin/env bash
# usage: tests/setup/beside.sh COMMAND COMMAND
#
# Runs two commands at once. What the first prints comes when the second has ended. Fails when either fails.
set -u
said=$(mktemp)
trap 'cat "$said"; rm -f "$said"' EXIT
bash -c "$1" > "$said" 2>&1 < /dev/null &
first=$!
status=0
bash -c "$2" || status=$?
wait "$first" || status=$?
exit "$status"
