package broker

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
)

// A failing listener has no descriptor for its first connections, then one, and then it is
// closed.
type failing struct {
	single
	fails int
}

func (f *failing) Accept() (net.Conn, error) {
	switch f.fails--; {
	case f.fails >= 0:
		return nil, errors.New("accept: too many open files")
	case f.fails == -1:
		return f.single.Accept()
	}
	return nil, &net.OpError{Op: "accept", Err: net.ErrClosed}
}

// TestAcceptGoesOn: kfake listens no more after an error, so that there is none before the end.
func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		var counts Counts
		g := newGuard(&failing{single{server}, 100}, "localhost", &counts, slog.New(slog.DiscardHandler))
		c, err := g.Accept()
		if err != nil {
			t.Fatalf("after some failures: %v, want a connection", err)
		}
		c.Close()
		if _, err := g.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("of a closed listener: %v", err)
		}
	})
}
