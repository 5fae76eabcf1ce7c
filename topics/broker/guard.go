package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/topics/retry"
	"pulse/topics/throttle"
)

// What the broker takes from a connection.
const (
	// maxProduce bounds a request to write records, as Kafka's socket.request.max.bytes
	// does by default.
	maxProduce = 100 << 20
	// maxRequest bounds all others: the greatest is a group's commit, of some 4 KB a
	// partition.
	maxRequest = 1 << 20
	// maxSmall bounds the requests for which kfake may make room before they are there,
	// once for each connection.
	maxSmall = 64 << 10
	// maxHeld bounds what is there of larger ones, of all connections together. Beyond it
	// the one that has been at its request for longest is closed.
	maxHeld = 256 << 20
	// maxConnections bounds the connections. Beyond it the one that has said nothing
	// for longest is closed.
	maxConnections = 1000
	// idleFor is how long a connection may say nothing, as Kafka's
	// connections.max.idle.ms by default. A client connects again.
	idleFor = 10 * time.Minute
	// partFor is how long the next part of a request may take, or of an answer.
	partFor = 30 * time.Second
)

// Counts count what a broker has closed.
type Counts struct {
	Refused atomic.Int64 // connections that sent something other than a Kafka request, or one for too much
	Crowded atomic.Int64 // because there were too many, or all their requests too large
	Idle    atomic.Int64 // that said nothing, or read nothing, for too long
}

// A guard is a listener whose connections give what Kafka requests begin with, or
// end: kfake would make room for whatever size is said, and end the process
// at a request of a kind that there is not.
//
// It says the host that it was asked to listen on: clients are sent there, and
// names work where addresses might not.
type guard struct {
	net.Listener
	host   string
	counts *Counts
	log    *throttle.Logger

	mu   sync.Mutex
	open map[*guarded]time.Time // since when each has said nothing
	most int64                  // that may be held
	held int64                  // bytes of requests that are not answered
}

func newGuard(l net.Listener, host string, counts *Counts, log *slog.Logger) *guard {
	return &guard{Listener: l, host: host, counts: counts, log: &throttle.Logger{Log: log}, open: map[*guarded]time.Time{}, most: maxHeld}
}

func (g *guard) Addr() net.Addr {
	_, port, _ := net.SplitHostPort(g.Listener.Addr().String()) // it is a TCP listener's
	return address(net.JoinHostPort(g.host, port))
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// Accept fails only when the listener is closed: kfake listens no more after an error, and
// one such as too many open files passes.
func (g *guard) Accept() (net.Conn, error) {
	pause := retry.Backoff{Least: 50 * time.Millisecond, Most: time.Second}
	c, err := g.Listener.Accept()
	for err != nil {
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		g.log.Warn("the broker cannot accept connections; it tries again", "error", err)
		_ = pause.Wait(context.Background()) // if the listener is closed meanwhile, Accept says so
		c, err = g.Listener.Accept()
	}
	guarded := &guarded{Conn: c, guard: g}
	if silent := g.add(guarded); silent != nil {
		g.counts.Crowded.Add(1)
		silent.Close()
	}
	return guarded, nil
}

// add enters a connection, and returns the one that makes room for it, if there
// is none.
func (g *guard) add(c *guarded) (silent *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.open) >= maxConnections {
		for other, since := range g.open {
			if silent == nil || since.Before(g.open[silent]) {
				silent = other
			}
		}
		delete(g.open, silent)
	}
	g.open[c] = time.Now()
	return silent
}

// said notes that a connection has said something.
func (g *guard) said(c *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.open[c]; ok {
		g.open[c] = time.Now()
	}
}

func (g *guard) remove(c *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	g.held -= c.held + c.earlier
	c.held, c.earlier = 0, 0
}

// hold counts more bytes of a connection's request.
func (g *guard) hold(c *guarded, n int64) {
	g.mu.Lock()
	var slow []*guarded
	if _, open := g.open[c]; open {
		g.held, c.held = g.held+n, c.held+n
	}
	for g.held > g.most {
		longest := c
		for other := range g.open {
			if other.held+other.earlier > 0 && g.open[other].Before(g.open[longest]) {
				longest = other
			}
		}
		if longest.held+longest.earlier == 0 {
			break
		}
		g.held -= longest.held + longest.earlier
		longest.held, longest.earlier = 0, 0
		delete(g.open, longest)
		slow = append(slow, longest)
	}
	g.mu.Unlock()
	for _, c := range slow {
		g.counts.Crowded.Add(1)
		c.Close()
	}
}

// pass says that kfake has taken a connection's request, and is done with the one before
// it: of those that are not answered, too.
func (g *guard) pass(c *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held -= c.earlier
	c.earlier, c.held = c.held, 0
}

// answered says that a request was answered, which is the one that kfake took last.
func (g *guard) answered(c *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held -= c.earlier
	c.earlier = 0
}

// guarded is a connection that is read by kfake alone, a request at a time.
type guarded struct {
	net.Conn
	guard *guard
	ready []byte // of a request: checked, and not yet read
	left  int    // bytes of the request that come after them

	held, earlier int64 // bytes of the large request, and of the one before; the guard's
}

// Close implements net.Conn.
func (c *guarded) Close() error {
	c.guard.remove(c)
	return c.Conn.Close()
}

// Read implements io.Reader.
func (c *guarded) Read(b []byte) (int, error) {
	n, err := c.read(b)
	c.count(err)
	return n, err
}

func (c *guarded) count(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.guard.counts.Idle.Add(1)
	}
}

func (c *guarded) read(b []byte) (int, error) {
	if len(c.ready) == 0 && c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.ready) > 0 {
		n := copy(b, c.ready)
		c.ready = c.ready[n:]
		return n, nil
	}
	if err := c.SetReadDeadline(time.Now().Add(partFor)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// Write implements io.Writer. Who asks and does not read is not waited for.
func (c *guarded) Write(b []byte) (written int, err error) {
	c.guard.answered(c)
	for len(b) > 0 && err == nil {
		if err := c.SetWriteDeadline(time.Now().Add(partFor)); err != nil {
			return written, err
		}
		var n int
		n, err = c.Conn.Write(b[:min(len(b), maxRequest)])
		written, b = written+n, b[n:]
	}
	c.count(err)
	return written, err
}

var errNoRequest = errors.New("not a Kafka request")

// next reads the beginning of a request.
func (c *guarded) next() error {
	c.guard.pass(c)
	begin := make([]byte, 12) // size, kind, version, correlation
	if err := c.SetReadDeadline(time.Now().Add(idleFor)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.Conn, begin[:4]); err != nil {
		return err
	}
	c.guard.said(c)
	size := int64(binary.BigEndian.Uint32(begin))
	// Whatever else speaks first has another size there: "POST" is 1.3 GB.
	if size < int64(len(begin)-4) || size > maxProduce {
		return c.refuse()
	}
	if err := c.SetReadDeadline(time.Now().Add(partFor)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.Conn, begin[4:]); err != nil {
		return err
	}
	if !takes(int16(binary.BigEndian.Uint16(begin[4:])), int16(binary.BigEndian.Uint16(begin[6:])), size) {
		return c.refuse()
	}
	c.ready, c.left = begin, int(size)-len(begin)+4
	if size > maxSmall {
		return c.gather()
	}
	return nil
}

// gather reads a large request whole before kfake makes room for it, so that it
// takes up what was sent and not what was said.
func (c *guarded) gather() error {
	for c.left > 0 {
		if err := c.SetReadDeadline(time.Now().Add(partFor)); err != nil {
			return err
		}
		part := min(c.left, max(len(c.ready), maxSmall))
		c.guard.hold(c, int64(part))
		c.ready = append(c.ready, make([]byte, part)...)
		if _, err := io.ReadFull(c.Conn, c.ready[len(c.ready)-part:]); err != nil {
			return err
		}
		c.left -= part
	}
	return nil
}

func (c *guarded) refuse() error {
	c.guard.counts.Refused.Add(1)
	return errNoRequest
}

// kept are the requests of which kfake keeps what they say for good, and that no client of
// records sends; and those that end others' transactions.
var kept = map[kmsg.Key]bool{
	kmsg.CreateACLs: true, kmsg.AlterClientQuotas: true, kmsg.AlterUserSCRAMCredentials: true, kmsg.UpdateFeatures: true, kmsg.WriteTxnMarkers: true,
	kmsg.ShareGroupHeartbeat: true, kmsg.ShareFetch: true, kmsg.ShareAcknowledge: true, kmsg.AlterShareGroupOffsets: true,
}

// takes reports whether there are requests of a kind and version, of such a size.
func takes(key, version int16, size int64) bool {
	if key != int16(kmsg.Produce) && size > maxRequest {
		return false
	}
	request := kmsg.RequestForKey(key)
	if request == nil || version < 0 || kept[kmsg.Key(key)] {
		return false
	}
	// A version of ApiVersions that is too new is answered with those there are.
	return version <= request.MaxVersion() || key == int16(kmsg.ApiVersions)
}
