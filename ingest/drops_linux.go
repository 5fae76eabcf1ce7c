package ingest

import (
	"net"
	"syscall"
	"unsafe"
)

// socketDrops is the number of datagrams that a socket has dropped because its
// buffer was full: the last of what SO_MEMINFO tells (socket(7), sock_diag(7)).
func socketDrops(conn *net.UDPConn) (int64, error) {
	const (
		soMeminfo = 55
		drops     = 8
	)
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMeminfo,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return int64(info[drops]), err
}
