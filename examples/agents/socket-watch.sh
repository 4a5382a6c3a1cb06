#!/bin/sh
# Counts the TCP sockets of this machine, and writes a line each time the number in use has changed by five.
set -u
trap 'kill "${nap:-0}" 2>/dev/null; echo "socket-watch stops after $count counts"; exit 0' TERM INT

count=0
told=-100
while :; do
  count=$((count + 1))
  while read -r kind _ used _; do
    [ "$kind" = TCP: ] || continue
    moved=$((used - told))
    [ "${moved#-}" -lt 5 ] && [ $((count % 6)) -ne 1 ] && continue
    told=$used
    echo "count $count: $used TCP sockets in use"
  done </proc/net/sockstat
  sleep 5 &
  nap=$!
  wait "$nap"
done
