package web

import (
	"compress/flate"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	pingEvery  = 20 * time.Second
	pongWithin = 3 * time.Minute // a client not heard of for so long is gone; on a slow line a ping waits
	maxMessage = 512             // bytes of a message from a client, which has little to say
)

// serve gives a client the first message and then frame after frame of what it
// subscribed to, until it leaves, makes no progress, or ctx is done. It closes the connection.
func (h *Hub) serve(ctx context.Context, conn *websocket.Conn, sub Subscription) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	read, wish := make(chan struct{}), pace{changed: make(chan struct{}, 1)}
	go func() {
		defer close(read)
		defer cancel()
		listen(conn, &wish)
	}()
	// Closing the connection ends listen.
	defer func() {
		conn.Close()
		<-read
	}()

	err := h.feed(ctx, conn, sub, &wish)
	var timeout net.Error // as gorilla hides it
	switch {
	case ctx.Err() != nil:
		goodbye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
		conn.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second)) //nolint:errcheck // it may be gone already
	case errors.As(err, &timeout) && timeout.Timeout():
		h.cut.Add(1)
	}
}

// slowEvery is between two frames for a page that nobody looks at: a hidden tab needs its
// title and its icon, and a page takes longer silence for the end.
const slowEvery = 3 * time.Second

// A pace is how often a client wants frames.
type pace struct {
	slow    atomic.Bool
	changed chan struct{} // has one when it was changed
}

// wait lets the time between two frames pass for a client that wants few.
func (p *pace) wait(ctx context.Context) {
	for begun := time.Now(); p.slow.Load() && ctx.Err() == nil; {
		left := time.NewTimer(slowEvery - time.Since(begun))
		select {
		case <-ctx.Done():
		case <-p.changed:
		case <-left.C:
			return
		}
		left.Stop()
	}
}

// listen reads what a client sends, which is answers to pings, and slow or fast for how
// often it wants frames, until the connection ends or the client says something else.
func listen(conn *websocket.Conn, wish *pace) {
	conn.SetReadLimit(maxMessage)
	heard := func(string) error { return conn.SetReadDeadline(time.Now().Add(pongWithin)) }
	conn.SetPongHandler(heard)
	if heard("") != nil {
		return
	}
	for {
		_, said, err := conn.ReadMessage()
		if err != nil || string(said) != "slow" && string(said) != "fast" || heard("") != nil {
			return
		}
		wish.slow.Store(string(said) == "slow")
		select {
		case wish.changed <- struct{}{}:
		default:
		}
	}
}

// feed writes to a client. A write that makes no progress fails by itself: see
// steadyConn.
func (h *Hub) feed(ctx context.Context, conn *websocket.Conn, sub Subscription, wish *pace) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	write := func(message *websocket.PreparedMessage) error {
		if err := conn.WritePreparedMessage(message); err != nil {
			return err
		}
		select {
		case <-ping.C:
			return conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(progressWithin))
		default:
			return nil
		}
	}
	give := func(p *parcel) error {
		defer h.outgoing.take(p, func() { conn.Close() })()
		for _, message := range p.messages {
			if err := write(message); err != nil {
				return err
			}
		}
		return nil
	}
	parcel, version := h.Welcome(sub)
	conn.SetCompressionLevel(flate.BestSpeed) //nolint:errcheck // it is a level
	for {
		err := give(parcel)
		if err != nil {
			return err
		}
		// The first messages are long and for few; each frame after them is compressed once for all.
		conn.SetCompressionLevel(flate.DefaultCompression) //nolint:errcheck // it is a level
		wish.wait(ctx)
		if parcel, version, err = h.Next(ctx, sub, version); err != nil {
			return err
		}
	}
}

// progressWithin is how long a client may take no bytes; one that takes none for
// longer is cut. However large a message is, a slow client that goes on reading gets it.
const progressWithin = 10 * time.Second

// sendBuffer is how many bytes the kernel is asked to keep for a client: little
// enough that what a slow one is sent is soon of now, and that its progress is seen.
const sendBuffer = 32 << 10

// steadyListener's connections are steady, and no more than there is room for: those
// beyond it are closed at once.
type steadyListener struct {
	net.Listener
	within time.Duration
	room   chan struct{} // holds one for each connection
}

func (l steadyListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.room <- struct{}{}:
			return l.steady(c), nil
		default:
			c.Close()
		}
	}
}

func (l steadyListener) steady(c net.Conn) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(sendBuffer) //nolint:errcheck // it is only slower to see a slow client then
	}
	return steadyConn{Conn: c, within: l.within, leave: sync.OnceFunc(func() { <-l.room })}
}

// steadyConn is a connection whose writes fail when the peer stops taking bytes
// for a time, rather than when a whole message took long.
type steadyConn struct {
	net.Conn
	within time.Duration
	leave  func() // makes room for another one
}

// Close implements net.Conn.
func (c steadyConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// Write is one system call where the peer takes all at once: of what a frame costs
// for thousands of clients that is the most. Where it does not, it is seen a few
// times within the bound whether something went.
func (c steadyConn) Write(b []byte) (n int, err error) {
	moved := time.Now()
	for now := moved; ; now = time.Now() {
		if err := c.Conn.SetWriteDeadline(now.Add(min(c.within/4, c.within-now.Sub(moved)))); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(b[n:])
		n += m
		switch {
		case n == len(b), !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case m > 0:
			moved = time.Now()
		case time.Since(moved) >= c.within:
			return n, err
		}
	}
}
