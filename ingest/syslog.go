package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"pulse/stats/line"
	"pulse/topics/throttle"
)

var syslogTCPKind = &Kind{
	Name: "syslog-tcp",
	Docs: []KindDoc{{"`syslog-tcp`", "`input`, `remote`", "reads no further: TCP slows the sender down", "what was in transit: syslog has no acknowledgements"}},
	New:  func() Config { return new(syslogTCPConfig) },
}

type syslogTCPConfig struct {
	address text
	reading Reading
}

func (c *syslogTCPConfig) Settings() []Setting {
	return []Setting{{Flag: "syslog-tcp", Help: "accept syslog over TCP on this `address`", Value: &c.address}, c.reading.zone(), c.reading.join()}
}

func (c *syslogTCPConfig) Open(o Opening) (*Opened, error) {
	return openSyslog(c.address, nil, c.reading, o)
}

var syslogTLSKind = &Kind{
	Name: "syslog-tls",
	Docs: []KindDoc{{"`syslog-tls`", "`input`, `remote`, `client` (the certificate's name)", "as `syslog-tcp`", "as `syslog-tcp`"}},
	New:  func() Config { return new(syslogTLSConfig) },
}

type syslogTLSConfig struct {
	address     text
	certificate keyPair
	clientCA    text
	reading     Reading
}

func (c *syslogTLSConfig) Settings() []Setting {
	return append([]Setting{{Flag: "syslog-tls", Help: "accept syslog over TLS on this `address`", Value: &c.address}},
		append(c.certificate.settings(),
			Setting{Flag: "tls-client-ca", Key: "client-ca", Help: "require a client certificate signed by one in this PEM `file`", Value: &c.clientCA}, c.reading.zone(), c.reading.join())...)
}

func (c *syslogTLSConfig) Open(o Opening) (*Opened, error) {
	config, err := c.certificate.config()
	if err != nil {
		return nil, err
	}
	if config == nil {
		return nil, asked("TLS needs a certificate and its key: give --tls-cert and --tls-key, or cert and key in an inputs file")
	}
	if c.clientCA != "" {
		pem, err := os.ReadFile(string(c.clientCA))
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM: check the file", c.clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	opened, err := openSyslog(c.address, config, c.reading, o)
	if err == nil {
		opened.Reload = c.certificate.reload()
	}
	return opened, err
}

func openSyslog(address text, config *tls.Config, reading Reading, o Opening) (*Opened, error) {
	listener, err := listenTCP(string(address))
	if err != nil {
		return nil, err
	}
	s := NewSyslog(o.Name, listener, config, o.Log)
	reading.Formats = o.Formats
	s.Reading = reading
	return &Opened{Input: reading.Watch(s, o.Name, o.Log), Addr: s.Addr(), Counters: []Counter{
		{linesMetric, linesHelp, &s.Counts.Lines},
		{connectionsMetric, connectionsHelp, &s.Counts.Connections},
		{"pulse_input_cut_connections_total", "Connections closed because of bad framing or slowness.", &s.Counts.Cut},
		{overMetric, overHelp, &s.Counts.Over},
	}}, nil
}

// fieldClient is the field of lines from who has shown a certificate: the common
// name in it.
const fieldClient = "client"

// StreamCounts count what came over connections.
type StreamCounts struct {
	Lines       atomic.Int64 // taken
	Connections atomic.Int64 // that were made
	Cut         atomic.Int64 // that were cut for bad framing, or being slow
	Over        atomic.Int64 // closed at once because there were too many
}

// Syslog is an input of syslog messages over TCP or TLS. Each connection may
// count octets or end messages with line feeds; the first bytes tell. It slows
// its senders down when Kafka does not keep up. Syslog knows no acknowledgement:
// what a connection that breaks had on its way is lost.
type Syslog struct {
	Counts StreamCounts
	// Reading is what is said of the lines, if it is set before Run.
	Reading Reading

	name     string
	listener net.Listener
	notices  *throttle.Logger
	long     budget // of connections' long messages
	events   budget // of connections' open events
}

// NewSyslog returns the input of a listener's connections; name becomes the field
// input of their lines. With config they are of TLS, and if config asks for a
// client's certificate the common name in it becomes the field client.
func NewSyslog(name string, listener net.Listener, config *tls.Config, log *slog.Logger) *Syslog {
	s := &Syslog{name: name, notices: newNotices(log), long: budget{most: longMemory}, events: budget{most: joinMemory}}
	s.listener = limit(listener, MaxConnections, func() {
		s.Counts.Over.Add(1)
		s.notices.Warn("closed a connection: there are too many", "input", name, "most", MaxConnections)
	})
	if config != nil {
		s.listener = tls.NewListener(s.listener, config)
	}
	return s
}

// Addr is where the input listens.
func (s *Syslog) Addr() net.Addr { return s.listener.Addr() }

// Run implements Input.
func (s *Syslog) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	err := acceptAll(ctx, s.listener, func(err error) {
		s.notices.Warn("cannot accept a connection: retrying", "input", s.name, "error", err)
	}, func(c net.Conn) {
		s.Counts.Connections.Add(1)
		s.serve(ctx, c, take)
	})
	if err != nil {
		return fmt.Errorf("syslog on %s: %w", s.Addr(), err)
	}
	return nil
}

func (s *Syslog) serve(ctx context.Context, c net.Conn, take func(context.Context, Batch) error) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	from, err := s.origin(ctx, c)
	if err == nil {
		err = s.read(ctx, c, from, take)
	}
	if err != nil && ctx.Err() == nil {
		s.Counts.Cut.Add(1)
		s.notices.Warn("closed a connection", "input", s.name, "remote", c.RemoteAddr().String(), "because", err)
	}
}

func (s *Syslog) origin(ctx context.Context, c net.Conn) (line.Origin, error) {
	client := ""
	if t, ok := c.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(ctx, frameTime)
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			return "", err
		}
		if shown := t.ConnectionState().VerifiedChains; len(shown) > 0 {
			client = bounded(shown[0][0].Subject.CommonName)
		}
	}
	return s.Reading.Origin(fieldInput, s.name, fieldRemote, remoteHost(c.RemoteAddr().String()), fieldClient, client)
}

// read takes a connection's messages until its end.
func (s *Syslog) read(ctx context.Context, c net.Conn, from line.Origin, take func(context.Context, Batch) error) error {
	messages := stream{long: &s.long}
	defer messages.close()
	events := s.Reading.live(ctx, from, &s.events, take)
	defer events.end(nil)              // where the connection broke, as far as lines are taken
	limit := time.Now().Add(frameTime) // for what is expected now
	for waited := true; ; {
		if quiet := time.Now().Add(quietTime); messages.large() && quiet.Before(limit) {
			c.SetReadDeadline(quiet)
		} else {
			c.SetReadDeadline(limit)
		}
		lines, err := messages.next(c)
		if len(lines) > 0 {
			if err := events.add(lines); err != nil {
				return err
			}
			s.Counts.Lines.Add(countLines(lines))
		}
		switch {
		case errors.Is(err, io.EOF):
			last := messages.rest()
			if err := events.end(last); err != nil {
				return err
			}
			s.Counts.Lines.Add(countLines(last))
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(limit):
			messages.shrink()
		case errors.Is(err, os.ErrDeadlineExceeded) && !waited:
			return nil // it was idle
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("the sender did not complete a message within %s", frameTime)
		case err != nil:
			return err
		}
		switch waits := messages.waits(); {
		case waits && (len(lines) > 0 || !waited):
			limit, waited = time.Now().Add(frameTime), true
		case !waits && len(lines) > 0:
			limit, waited = time.Now().Add(idleTime), false
		}
	}
}
