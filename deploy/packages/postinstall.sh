#!/bin/sh
# After an installation or an upgrade, of deb or rpm. Nothing is started that did not run.
set -e
[ -d "$DPKG_ROOT/run/systemd/system" ] || exit 0
systemctl daemon-reload
# Of an upgrade: what runs goes on with the new binary.
systemctl try-restart pulse-run.service pulse-emit.service pulse-web.service \
	pulse-ingest-files.service pulse-ingest-network.service \
	'pulse-alert@*.service' 'pulse-merge@*.service' 'pulse-receive@*.service'
