//go:build linux

package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readAtOnce = 64 << 10
	maxKnown   = 1000 // different messages whose times are remembered
)

// A crowd is clients that cost little, as the server's are on other machines: one thread waits
// for all of their sockets, and of what comes it only notes when a message's last byte was there.
type crowd struct {
	epoll int
	came  func(m message, at time.Time) // by the thread
	ended func()                        // a client has, by itself
	used  atomic.Int64                  // ns of CPU time that the thread has taken

	mu      sync.Mutex
	clients map[int32]*client // by file descriptor

	// The thread's own.
	buf   []byte
	seed  maphash.Seed
	known map[uint64]message // by the hash of its bytes: a frame is the same for nearly all
}

// A client is one socket of a crowd.
type client struct {
	rest  []byte // of a message that has come in part
	heard func() // the first whole one has; nil: it had before
}

// A message is what one that came says of times.
type message struct {
	published, made time.Time // the first value of a second in it, and the frame
	ok              bool      // it has such a value
}

func newCrowd(came func(message, time.Time), ended func()) (*crowd, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	c := &crowd{
		epoll: epoll, came: came, ended: ended, clients: map[int32]*client{},
		buf: make([]byte, readAtOnce), seed: maphash.MakeSeed(), known: map[uint64]message{},
	}
	go c.run()
	return c, nil
}

// join opens a socket from a local address, as browsers do, and calls heard when its first
// message is there.
func (c *crowd) join(addr string, from net.IP, heard func()) error {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 30 * time.Second}).Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()                                                                                // of which there is a copy then, without Go's own waiting for it
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+ //nolint:errcheck // reading fails then
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", socketPath, addr)
	r := bufio.NewReaderSize(conn, 4<<10)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("a socket was answered with %s", answer.Status)
	}
	one := &client{rest: make([]byte, r.Buffered()), heard: heard}
	io.ReadFull(r, one.rest) //nolint:errcheck // it has them

	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	if controlled := raw.Control(func(own uintptr) { fd, err = unix.Dup(int(own)) }); err == nil {
		err = controlled
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients[int32(fd)] = one
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// leave ends all clients.
func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for fd := range c.clients {
		unix.Close(int(fd)) //nolint:errcheck // nothing was written to it
	}
	clear(c.clients)
}

// run is the thread.
func (c *crowd) run() {
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(c.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic(err) // it is open, and the events are ours
		}
		c.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			c.read(e.Fd)
		}
		c.mu.Unlock()
		var own unix.Rusage
		if unix.Getrusage(unix.RUSAGE_THREAD, &own) == nil {
			c.used.Store(own.Utime.Nano() + own.Stime.Nano())
		}
	}
}

// read takes what has come to a client; c.mu is held.
func (c *crowd) read(fd int32) {
	one := c.clients[fd]
	if one == nil {
		return // it has left
	}
	n, err := unix.Read(int(fd), c.buf)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if n <= 0 {
		unix.Close(int(fd)) //nolint:errcheck // nothing was written to it
		delete(c.clients, fd)
		c.ended()
		return
	}
	at := time.Now()
	b := c.buf[:n]
	if len(one.rest) > 0 {
		one.rest = append(one.rest, b...)
		b = one.rest
	}
	for {
		header, size, whole := frameSize(b)
		if !whole {
			break
		}
		if opcode := b[0] & 0xf; opcode == 1 {
			if one.heard != nil {
				one.heard()
				one.heard = nil
			}
			if m := c.look(b[header:size], b[0]&0x40 != 0); m.ok {
				c.came(m, at)
			}
		}
		b = b[size:]
	}
	switch {
	case len(b) > 0:
		one.rest = append([]byte(nil), b...)
	default:
		one.rest = nil
	}
}

// frameSize is how long the head of the first frame in b is, and all of it, and whether all
// of it is there. A server's frames have no mask, and ours no continuation.
func frameSize(b []byte) (header, size int, whole bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	header, size = 2, int(b[1]&0x7f)
	switch {
	case size == 126 && len(b) >= 4:
		header, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	case size == 127 && len(b) >= 10:
		header, size = 10, int(binary.BigEndian.Uint64(b[2:]))
	case size >= 126:
		return 0, 0, false
	}
	return header, header + size, len(b) >= header+size
}

// look reads the times of a message, once for all that get it.
func (c *crowd) look(payload []byte, compressed bool) message {
	hash := maphash.Bytes(c.seed, payload)
	m, ok := c.known[hash]
	if ok {
		return m
	}
	head := payload
	if compressed {
		head = make([]byte, headBytes)
		n, _ := io.ReadFull(flate.NewReader(bytes.NewReader(payload)), head) // it lacks its end
		head = head[:n]
	}
	m.published, m.made, m.ok = published(head[:min(len(head), headBytes)])
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[hash] = m
	return m
}
