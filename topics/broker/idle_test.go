package broker

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A single is a listener of one connection.
type single struct{ net.Conn }

func (s single) Accept() (net.Conn, error) { return s.Conn, nil }
func (s single) Addr() net.Addr            { return s.LocalAddr() }

// TestIdle: a connection that says nothing, or does not end what it says, or does not
// read what it asked for, is given up.
func TestIdle(t *testing.T) {
	read := func(c net.Conn) error {
		_, err := c.Read(make([]byte, 100))
		return err
	}
	for name, test := range map[string]struct {
		says string
		do   func(net.Conn) error
		want time.Duration
	}{
		"says nothing":              {"", read, idleFor},
		"says a part of a size":     {"\x00\x00", read, idleFor},
		"says a size":               {"\x00\x00\x00\x20", read, partFor},
		"says less than its header": {"\x00\x00\x00\x20\x00\x12", read, partFor},
		"says less than its size": {"\x00\x00\x00\x20\x00\x12\x00\x00\x00\x00\x00\x07", func(c net.Conn) error {
			return errors.Join(read(c), read(c))
		}, partFor},
		"does not read": {"", func(c net.Conn) error {
			_, err := c.Write(make([]byte, 3*maxRequest))
			return err
		}, partFor},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				var counts Counts
				c, err := newGuard(single{server}, "localhost", &counts, nil).Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				go client.Write([]byte(test.says))
				began := time.Now()
				if err := test.do(c); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("it ends with %v", err)
				}
				if n := counts.Idle.Load(); n != 1 {
					t.Errorf("%d connections are counted", n)
				}
				if took := time.Since(began); took != test.want {
					t.Errorf("it ends after %v, want %v", took, test.want)
				}
			})
		})
	}
}
