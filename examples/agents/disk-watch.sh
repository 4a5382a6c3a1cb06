#!/bin/sh
# Watches how full the disk is, and writes each sample to its log.
set -u
trap 'kill "${nap:-0}" 2>/dev/null; echo "disk-watch stops after $count samples"; exit 0' TERM INT

count=0
while :; do
  count=$((count + 1))
  # The second line of df: file system, blocks, used, available, capacity, where.
  df -P . | {
    read -r _
    read -r system blocks used available capacity where
    echo "sample $count: $system on $where is $capacity full, $((available / 1024)) MiB free"
  }
  sleep 10 &
  nap=$!
  wait "$nap"
done
