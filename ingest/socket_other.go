//go:build !linux

package ingest

import (
	"errors"
	"net"
	"time"
)

// socketDrops is known on Linux only.
func socketDrops(*net.UDPConn) (int64, error) { return 0, errors.ErrUnsupported }

// shutSocket would need socketDrops.
func shutSocket(*net.UDPConn) error { return errors.ErrUnsupported }

// readWaiting reads a datagram that is in the socket, or comes very soon.
func readWaiting(conn *net.UDPConn, datagram []byte) (int, error) {
	conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	return conn.Read(datagram)
}
