#!/bin/sh
# Before a removal, and not before an upgrade: $1 is "remove" of a deb, and 0 of an rpm.
set -e
case $1 in remove | 0) ;; *) exit 0 ;; esac
if [ -d "$DPKG_ROOT/run/systemd/system" ]; then
	systemctl stop pulse-run.service pulse-topics.service pulse-emit.service pulse-web.service \
		pulse-ingest-files.service pulse-ingest-network.service \
		'pulse-alert@*.service' 'pulse-merge@*.service' 'pulse-receive@*.service'
fi
if command -v systemctl >/dev/null; then
	systemctl --root "$DPKG_ROOT/" disable pulse-run.service pulse-topics.service pulse-emit.service \
		pulse-web.service pulse-ingest-files.service pulse-ingest-network.service \
		pulse-alert@.service pulse-merge@.service pulse-receive@.service
fi
