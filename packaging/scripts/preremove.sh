#!/bin/sh
# dpkg says `remove`, rpm 0; at an upgrade ctflow runs on until the new one takes over
set -e

case "$1" in
  remove | 0)
    if [ -d /run/systemd/system ]; then
      systemctl --no-reload disable --now ctflow.service || true
    elif command -v systemctl >/dev/null; then
      systemctl --no-reload disable ctflow.service || true
    fi
    ;;
esac
