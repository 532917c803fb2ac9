#!/bin/bash
# What ran on the hub before Axle: after each change, copies what is newer here to every site.
DATA=/var/directsponsor-data/userdata
inotifywait -m -r -q -e close_write,moved_to --format '%f' "$DATA" | while read -r _; do
  sleep 0.5
  for site in roflfaucet clickforcharity; do
    rsync -rtu --chown=www-data:www-data --include='*/' --include='*.txt' --exclude='*' "$DATA/" "$site:/var/$site-data/userdata/"
  done
done
