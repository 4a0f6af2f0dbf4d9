#!/bin/sh
# dpkg says `remove`, and later `purge`; rpm knows no purge, and leaves what ctflow has written
set -e

[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
if [ "$1" = purge ]; then
  # the unit's StateDirectory, RuntimeDirectory, and the LogsDirectory of a drop-in; a DynamicUser has them in private/
  for folder in /var/lib /var/cache /var/log /run; do
    rm -rf "$folder/private/ctflow" "$folder/ctflow"
    rmdir "$folder/private" 2>/dev/null || true
  done
fi
