package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	// MaxConnections bounds the connections of one listener; those beyond it
	// are closed at once, so that those that are served stay unharmed.
	MaxConnections = 16384

	// noticeEvery is how often the same thing is logged at most.
	noticeEvery = 10 * time.Second
)

// listenTCP listens on an address.
func listenTCP(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address", err)
	}
	return listener, nil
}

// A keyPair is the settings of a listener's TLS.
type keyPair struct {
	cert, key text
	loaded    atomic.Pointer[tls.Certificate]
}

func (c *keyPair) settings() []Setting {
	return []Setting{
		{Flag: "tls-cert", Key: "cert", Help: "the certificate for TLS, a PEM `file`", Value: &c.cert},
		{Flag: "tls-key", Key: "key", Help: "the private key of --tls-cert, a PEM `file`", Value: &c.key},
	}
}

// config is nil if there is no certificate.
func (c *keyPair) config() (*tls.Config, error) {
	if c.cert == "" && c.key == "" {
		return nil, nil
	}
	if err := c.load(); err != nil {
		return nil, err
	}
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.loaded.Load(), nil }
	return &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12}, nil
}

// load reads the files for the connections that follow.
func (c *keyPair) load() error {
	if c.cert == "" || c.key == "" {
		return errors.New("TLS needs both files: give --tls-cert and --tls-key")
	}
	loaded, err := tls.LoadX509KeyPair(string(c.cert), string(c.key))
	if err != nil {
		return fmt.Errorf("cannot use the certificate %s with the key %s: %w", c.cert, c.key, err)
	}
	c.loaded.Store(&loaded)
	return nil
}

// reload is load, nil if there is no certificate.
func (c *keyPair) reload() func() error {
	if c.loaded.Load() == nil {
		return nil
	}
	return c.load
}

// acceptAll serves a listener's connections, each in a goroutine of its own, until ctx
// ends, and returns when all have ended. It closes the listener. An error says that
// another has closed it.
func acceptAll(ctx context.Context, l net.Listener, failed func(error), serve func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var connections sync.WaitGroup
	defer connections.Wait()
	pause := retry.Backoff{Least: 50 * time.Millisecond, Most: time.Second}
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many open files, say
			failed(err)
			_ = pause.Wait(ctx) // then Accept fails
		default:
			pause.Reset()
			connections.Go(func() { serve(c) })
		}
	}
}

// A limitedListener closes connections beyond a number.
type limitedListener struct {
	net.Listener
	room chan struct{}
	over func() // a connection was closed
}

func limit(l net.Listener, connections int, over func()) net.Listener {
	return &limitedListener{l, make(chan struct{}, connections), over}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.room <- struct{}{}:
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
		default:
			l.over()
			c.Close()
		}
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}

// remoteHost is a peer's address without its port.
func remoteHost(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// newNotices logs what others can cause as often as they like.
func newNotices(log *slog.Logger) *throttle.Logger {
	if log == nil {
		log = slog.Default()
	}
	return &throttle.Logger{Log: log, Every: noticeEvery}
}

// A budget is bytes that many share. Who gets none must do without.
type budget struct {
	most int64
	used atomic.Int64
}

func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) > b.most {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }
