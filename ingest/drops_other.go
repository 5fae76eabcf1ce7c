//go:build !linux

package ingest

import (
	"errors"
	"net"
)

// socketDrops is known on Linux only.
func socketDrops(*net.UDPConn) (int64, error) { return 0, errors.ErrUnsupported }
