#!/usr/bin/env bash
# usage: tests/setup/beside.sh COMMAND COMMAND
#
# Runs two commands at the same time. Prints the output of the first after both have ended. Fails if either fails.
set -u
said=$(mktemp)
trap 'cat "$said"; rm -f "$said"' EXIT
bash -c "$1" > "$said" 2>&1 < /dev/null &
first=$!
status=0
bash -c "$2" || status=$?
wait "$first" || status=$?
exit "$status"
