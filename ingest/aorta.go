package ingest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"pulse/stats/line"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	// aortaPause is how long a client waits before it connects again.
	aortaPause = 100 * time.Millisecond

	// aortaDial is how long a server has to answer, and a client to say its
	// secret.
	aortaDial = 10 * time.Second

	// aortaStall is how long a client of AortaServer may take nothing.
	aortaStall = 30 * time.Second

	// maxAortas bounds the servers that an input connects to, and the clients
	// that a server has.
	maxAortas = 1000

	// maxSecret bounds a secret's length in bytes.
	maxSecret = 1 << 10
)

var aortaKind = &Kind{
	Name: "aorta",
	Docs: []KindDoc{{"`aorta`", "`input`, `remote` (the server)", "reads no further", "what was in transit"}},
	New:  func() Config { return new(aortaConfig) },
}

type aortaConfig struct {
	urls    text
	reading Reading
}

func (c *aortaConfig) Settings() []Setting {
	return []Setting{{Flag: "aorta", Variable: "AORTA_URLS", Help: "connect to these Aorta servers, a comma-separated list of `aorta://secret@host:port`", Value: &c.urls},
		c.reading.join()}
}

func (c *aortaConfig) Open(o Opening) (*Opened, error) {
	a, err := NewAorta(o.Name, string(c.urls), o.Log)
	if err != nil {
		return nil, err
	}
	a.Reading = c.reading
	return &Opened{Input: a, Counters: []Counter{
		{linesMetric, linesHelp, &a.Counts.Lines},
		{connectionsMetric, connectionsHelp, &a.Counts.Connects},
		{"pulse_input_partial_lines_total", "Lines cut off by the end of a connection; they are not counted.", &a.Counts.Partial},
	}}, nil
}

// AortaCounts count what came from the servers.
type AortaCounts struct {
	Lines    atomic.Int64 // taken
	Connects atomic.Int64 // connections that were made
	Partial  atomic.Int64 // lines that a connection's end cut off; not taken
}

// Aorta is an input of lines from servers that it connects to. It says a secret
// and reads lines, and when a connection ends it connects again after 100 ms. The
// servers do not learn what was taken: what was on its way at an end is lost.
type Aorta struct {
	Counts AortaCounts
	// Reading is how the lines of a connection are joined, if it is set before Run.
	Reading Reading

	servers []aortaServer
	notices *throttle.Logger
	events  budget // of connections' open events
}

type aortaServer struct {
	address, secret string
	from            line.Origin
}

// NewAorta returns the input of a comma list of servers, each
// aorta://secret@host:port; name becomes the field input of its lines, and host
// the field remote. No error tells a secret.
func NewAorta(name, urls string, log *slog.Logger) (*Aorta, error) {
	a := &Aorta{notices: newNotices(log), events: budget{most: joinMemory}}
	for i, text := range strings.Split(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Scheme != "aorta" || u.User == nil || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.RawQuery != "" {
			return nil, fmt.Errorf("Aorta server number %d is not a URL of an Aorta server: write aorta://secret@host:port", i+1)
		}
		secret := u.User.Username()
		if password, ok := u.User.Password(); ok {
			secret += ":" + password
		}
		if secret == "" || len(secret) > maxSecret || strings.ContainsAny(secret, "\r\n") {
			return nil, fmt.Errorf("the secret of the Aorta server %s must be one line of 1 to %d bytes", u.Host, maxSecret)
		}
		from, err := line.NewOrigin(fieldInput, name, fieldRemote, u.Hostname())
		if err != nil {
			return nil, err
		}
		a.servers = append(a.servers, aortaServer{u.Host, secret, from})
	}
	if len(a.servers) > maxAortas {
		return nil, fmt.Errorf("there are %d Aorta servers: give at most %d", len(a.servers), maxAortas)
	}
	return a, nil
}

// Run implements Input.
func (a *Aorta) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(a.servers))
	for _, s := range a.servers {
		go func() { ended <- a.follow(ctx, s, take) }()
	}
	var first error
	for range a.servers {
		if err := <-ended; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// follow reads a server's lines until ctx ends, or they are not taken.
func (a *Aorta) follow(ctx context.Context, s aortaServer, take func(context.Context, Batch) error) error {
	for {
		taken, err := a.read(ctx, s, take)
		if ctx.Err() != nil || taken != nil {
			return taken
		}
		a.notices.Warn("lost the connection to an Aorta server; reconnecting", "server", s.address, "because", err)
		if retry.Wait(ctx, aortaPause) != nil {
			return nil
		}
	}
}

// read reads the lines of one connection. The first error is take's, the second
// one the connection's.
func (a *Aorta) read(ctx context.Context, s aortaServer, take func(context.Context, Batch) error) (taken, ended error) {
	dialer := net.Dialer{Timeout: aortaDial}
	c, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	a.Counts.Connects.Add(1)
	c.SetWriteDeadline(time.Now().Add(aortaDial))
	if _, err := io.WriteString(c, s.secret+"\n"); err != nil {
		return nil, err
	}
	messages := stream{framing: lineFeeds}
	events := a.Reading.live(ctx, s.from, &a.events, take)
	for {
		lines, err := messages.next(c)
		if len(lines) > 0 {
			if err := events.add(lines); err != nil {
				return errors.Join(err, events.end(nil)), nil
			}
			a.Counts.Lines.Add(countLines(lines))
		}
		if err != nil {
			// What no line feed ends may be half a line.
			if len(messages.rest()) > 0 {
				a.Counts.Partial.Add(1)
			}
			return events.end(nil), err
		}
	}
}

// AortaServer sends a recording to each client that says the secret, from its
// start and to its end.
type AortaServer struct {
	Recording *Recording
	Secret    string
	// Speed is as in Replay.
	Speed uint32
	// OriginalTimes leaves the lines' times as they are. Otherwise a time
	// that a line begins with, or that follows a syslog priority, is that of
	// sending it; at MaxSpeed times are left as they are too.
	OriginalTimes bool
	// Loop begins anew at the recording's end; else the connection stays, and
	// nothing comes any more.
	Loop bool
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// Run serves a listener's clients until ctx ends.
func (s AortaServer) Run(ctx context.Context, listener net.Listener) error {
	if s.Secret == "" || len(s.Secret) > maxSecret || strings.ContainsAny(s.Secret, "\r\n") {
		return fmt.Errorf("--aorta-secret must be one line of 1 to %d bytes", maxSecret)
	}
	if !s.Recording.regular {
		return fmt.Errorf("%s can be read only once, and serving it takes more: copy it to a file first", strings.Join(s.Recording.names, ", "))
	}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	return acceptAll(ctx, limit(listener, maxAortas, func() {}), func(err error) {
		s.Log.Warn("cannot accept a connection: retrying", "error", err)
	}, func(c net.Conn) { s.serve(ctx, c) })
}

func (s AortaServer) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.SetReadDeadline(time.Now().Add(aortaDial))
	said, err := bufio.NewReader(io.LimitReader(c, maxSecret+1)).ReadString('\n')
	got, want := sha256.Sum256([]byte(strings.TrimRight(said, "\r\n"))), sha256.Sum256([]byte(s.Secret))
	if err != nil || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
		s.Log.Warn("rejected an Aorta client: its secret is wrong", "remote", c.RemoteAddr().String())
		return
	}
	s.Log.Info("an Aorta client has connected", "remote", c.RemoteAddr().String())
	if err = s.play(ctx, c); err == nil {
		// A client whose connection ends comes again, and would get it all twice.
		s.Log.Info("sent the whole recording to an Aorta client", "remote", c.RemoteAddr().String())
		c.SetReadDeadline(time.Time{})
		_, err = io.Copy(io.Discard, c)
	}
	if ctx.Err() == nil {
		args := []any{"remote", c.RemoteAddr().String()}
		if err != nil {
			args = append(args, "error", err)
		}
		s.Log.Info("an Aorta client has disconnected", args...)
	}
}

// play sends the recording.
func (s AortaServer) play(ctx context.Context, c net.Conn) error {
	p := &aortaPlayer{AortaServer: s, ctx: ctx, conn: c, out: bufio.NewWriterSize(c, 32<<10)}
	for {
		p.started = false
		t := newRecordedTimeline(s.Recording.Modified()).of(s.Recording.Reading.Formats)
		err := s.Recording.Lines(func(piece Piece) error { return t.addPiece(piece, p.emit) })
		if err == nil {
			err = t.settle(p.emit)
		}
		if err == nil {
			err = p.flush()
		}
		if err != nil || !s.Loop || !p.started {
			return err
		}
	}
}

type aortaPlayer struct {
	AortaServer
	ctx     context.Context
	conn    net.Conn
	out     *bufio.Writer
	started bool
	pace    line.Mapping // from the recording's clock to the wall clock
	text    []byte
}

func (p *aortaPlayer) emit(clock int64, l []byte) error {
	if !p.started {
		p.started = true
		p.pace = line.Mapping{From: clock, To: time.Now().UnixNano(), Milli: p.Speed}
	}
	if p.Speed != MaxSpeed {
		if wait := time.Until(time.Unix(0, p.pace.Apply(clock))); wait >= pace {
			if err := p.flush(); err != nil {
				return err
			}
			select {
			case <-time.After(wait):
			case <-p.ctx.Done():
				return p.ctx.Err()
			}
		}
	}
	p.text = p.text[:0]
	if p.OriginalTimes || p.Speed == MaxSpeed {
		p.text = append(p.text, l...)
	} else {
		p.text = restamp(p.text, l, p.pace)
	}
	p.text = append(p.text, '\n')
	if p.out.Available() < len(p.text) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	_, err := p.out.Write(p.text)
	return err
}

func (p *aortaPlayer) flush() error {
	p.conn.SetWriteDeadline(time.Now().Add(aortaStall))
	return p.out.Flush()
}

// restamp appends l to b with the RFC 3339 time mapped that it begins with, or
// that follows a syslog priority and version. A line without one stays as it is.
func restamp(b, l []byte, m line.Mapping) []byte {
	start := 0
	if len(l) > 0 && l[0] == '<' {
		for start < min(len(l), 8) && l[start] != ' ' {
			start++
		}
		start++
	}
	end := start
	for end < len(l) && end-start < len("2006-01-02T15:04:05.999999999+00:00") && l[end] != ' ' {
		end++
	}
	if start >= end {
		return append(b, l...)
	}
	at, err := time.Parse(time.RFC3339, string(l[start:end]))
	if err != nil {
		return append(b, l...)
	}
	mapped := time.Unix(0, m.Apply(at.UnixNano())).In(at.Location())
	b = append(b, l[:start]...)
	b = mapped.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	return append(b, l[end:]...)
}
