#!/bin/bash
# What ran on a site before Axle: after each change, copies what is newer here to the hub.
DATA=/var/$1-data/userdata
inotifywait -m -r -q -e close_write,moved_to --format '%f' "$DATA" | while read -r _; do
  sleep 0.5
  rsync -rtu --chown=apache:apache --include='*/' --include='*.txt' --exclude='*' "$DATA/" directsponsor:/var/directsponsor-data/userdata/
done
