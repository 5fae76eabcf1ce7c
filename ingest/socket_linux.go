package ingest

import (
	"errors"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
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
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0) // #nosec G103 -- as package syscall asks for it
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return int64(info[drops]), err
}

// shutSocket makes a socket drop all that comes from now on, which socketDrops
// counts. What is in it stays to be read.
func shutSocket(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	var attached error
	err = raw.Control(func(fd uintptr) {
		attached = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(nothing)), Filter: &nothing[0]})
	})
	return errors.Join(err, attached)
}

// readWaiting reads a datagram that is in the socket, whatever its deadline. It
// does not wait for one: with none there, it fails.
func readWaiting(conn *net.UDPConn, datagram []byte) (n int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var read error
	err = raw.Control(func(fd uintptr) {
		for {
			n, _, read = unix.Recvfrom(int(fd), datagram, unix.MSG_DONTWAIT)
			if read != unix.EINTR {
				return
			}
		}
	})
	return n, errors.Join(err, read)
}
