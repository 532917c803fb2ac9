#!/bin/sh
# A site's PHP while somebody earns: reads, adds 1, writes, about once a second, until COUNT.stop is there. How often is in COUNT.
file=$1 count=$2 n=0
while [ ! -e "$count.stop" ]; do
  balance=$(sed -n 's/.*"balance": *\([0-9]*\).*/\1/p' "$file")
  if [ -z "$balance" ]; then sleep 0.1; continue; fi
  printf '{"user_id": "%s", "balance": %s}\n' "$(basename "$file" .txt)" $((balance + 1)) > "$file"
  n=$((n + 1))
  echo $n > "$count"
  # Whoever compares whole seconds sees each write.
  sleep 1.1
done
