#!/bin/sh
# After a removal or a purge. An rpm knows no purge, and keeps its data.
set -e
if [ "$1" = purge ]; then
	rm -rf "$DPKG_ROOT/var/lib/private/pulse-run" "$DPKG_ROOT/var/lib/pulse-run"
fi
if [ -d "$DPKG_ROOT/run/systemd/system" ]; then
	systemctl daemon-reload
fi
