#!/bin/sh
# Counts the processes of this machine and those that wait for a disk, and writes each count to its log.
set -u
trap 'kill "${nap:-0}" 2>/dev/null; echo "process-watch stops after $count counts"; exit 0' TERM INT

count=0
while :; do
  count=$((count + 1))
  set -- /proc/[0-9]*
  blocked=0
  while read -r name value; do
    [ "$name" = procs_blocked ] && blocked=$value
  done </proc/stat
  echo "count $count: $# processes, $blocked blocked"
  sleep 10 &
  nap=$!
  wait "$nap"
done
