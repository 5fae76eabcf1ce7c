package emit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

var graphiteOutput = Output{
	Doc: "`PREFIXmetric value time`, a line for each point, over TCP. It has no room for how much of a window is covered. The prefix is of letters, digits, `.`, `-` and `_`; other characters of names become `_`",
	New: func() OutputConfig { return new(graphiteConfig) },
}

type graphiteConfig struct{ address, prefix text }

func (c *graphiteConfig) Settings() []Setting {
	return []Setting{
		{Flag: "graphite", Help: "send points to this Graphite server, `host:port`, in plaintext", Value: &c.address},
		{Flag: "graphite-prefix", Variable: "GRAPHITE_PREFIX", Help: "a `prefix` for all metric names in Graphite, with its final dot if you want one", Value: &c.prefix},
	}
}

func (c *graphiteConfig) Senders() ([]Sender, error) {
	if c.address == "" {
		return nil, nil
	}
	g, err := NewGraphite(string(c.address), string(c.prefix))
	return []Sender{g}, err
}

// Graphite is a sender of Graphite's plaintext protocol over TCP: a line of metric,
// value and Unix time for each point. The protocol has no acknowledgement: what was
// on its way when a connection broke is lost.
type Graphite struct {
	address string
	prefix  string
	conn    net.Conn
}

// NewGraphite returns a sender to a host:port. The prefix goes before all names, as it
// is.
func NewGraphite(address, prefix string) (*Graphite, error) {
	if err := checkPlain("Graphite", "localhost:2003", address, prefix); err != nil {
		return nil, err
	}
	return &Graphite{address: address, prefix: prefix}, nil
}

// String implements Sender.
func (g *Graphite) String() string { return "graphite://" + g.address }

// Send implements Sender.
func (g *Graphite) Send(ctx context.Context, points []Point) error {
	if g.conn != nil && g.broken() {
		g.close()
	}
	if g.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.address)
		if err != nil {
			return err
		}
		g.conn = conn
	}
	var b []byte
	for _, p := range points {
		b = g.appendPoint(b, p)
	}
	if deadline, ok := ctx.Deadline(); ok {
		g.conn.SetWriteDeadline(deadline)
	}
	if _, err := g.conn.Write(b); err != nil {
		g.close()
		return err
	}
	return nil
}

// broken tells whether the server has closed the connection, on which it says
// nothing: the first write after that would seem to succeed.
func (g *Graphite) broken() bool {
	g.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := io.CopyN(io.Discard, g.conn, 4<<10)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (g *Graphite) close() {
	g.conn.Close()
	g.conn = nil
}

func (g *Graphite) appendPoint(b []byte, p Point) []byte {
	b = appendPlain(append(b, g.prefix...), p.Metric)
	b = append(b, ' ')
	b = append(b, p.Value...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, p.Time, 10)
	return append(b, '\n')
}

// appendPlain appends a metric's name, with _ for what cannot be in one.
func appendPlain(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if !plain(c) {
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

// checkPlain reports what is wrong with the address of a system whose metrics have plain names,
// such as the example, or with the prefix of these names.
func checkPlain(system, example, address, prefix string) error {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is not a %s address: write host:port, for example %s", address, system, example)
	}
	for i := range len(prefix) {
		if !plain(prefix[i]) {
			return fmt.Errorf("the %s prefix %q has the character %q: use only letters, digits, dots, - and _", system, prefix, prefix[i])
		}
	}
	return nil
}

// plain tells whether a character can be in a metric's name.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
}
