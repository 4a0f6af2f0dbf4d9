#!/bin/sh
# dpkg says `configure` and the version before, rpm the number of versions that are installed. Nothing is started at the first time:
# the settings have no collector of yours yet.
set -e

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
# as at each boot, so that none is needed now
/usr/lib/systemd/systemd-modules-load ctflow.conf || true
/usr/lib/systemd/systemd-sysctl --prefix=/proc/sys/net/netfilter || true
if [ "$1" = configure ] && [ -n "$2" ] || [ "$1" = 2 ]; then
  systemctl try-restart ctflow.service || true
fi
