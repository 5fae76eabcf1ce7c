package ingest

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
)

// A fullListener has no more file descriptors, for its first tries.
type fullListener struct {
	net.Listener
	tries  int
	client net.Conn
	closed chan struct{}
}

func (l *fullListener) Accept() (net.Conn, error) {
	if l.tries--; l.tries > 0 {
		return nil, errors.New("too many open files")
	}
	if l.client != nil {
		c := l.client
		l.client = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *fullListener) Close() error {
	close(l.closed)
	return nil
}

// A listener that cannot accept says so and tries again, until its context ends.
func TestAcceptAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client, server := net.Pipe()
		defer client.Close()
		failed, served := 0, 0
		l := &fullListener{tries: 5, client: server, closed: make(chan struct{})}
		err := acceptAll(ctx, l, func(error) { failed++ }, func(c net.Conn) {
			served++
			c.Close()
			cancel()
		})
		if err != nil || failed != 4 || served != 1 {
			t.Errorf("after %d failures %d connections were served (%v), want 4 and 1", failed, served, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &fullListener{tries: 1 << 30, closed: make(chan struct{})}
		if err := acceptAll(ctx, l, func(error) { cancel() }, nil); err != nil || l.tries < 1<<30-2 {
			t.Errorf("it goes on after its context's end (%v)", err)
		}
	})
}
