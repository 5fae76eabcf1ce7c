package topicstest

import (
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"pulse/topics"
)

// Silenced starts an embedded broker for one test alone. After silence it hears nothing, and so
// says nothing, as one that is stopped or behind a network that drops all does: connections
// stay, and others are taken.
func Silenced(t testing.TB) (c topics.Cluster, silence func()) {
	t.Helper()
	silent := make(chan struct{})
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"default.replication.factor": "1"}),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			return deaf{l, silent}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return topics.Cluster{Brokers: cluster.ListenAddrs(), Session: session}, sync.OnceFunc(func() { close(silent) })
}

// deaf is a listener whose connections give nothing of what comes once silent is closed.
type deaf struct {
	net.Listener
	silent chan struct{}
}

func (d deaf) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	return &deafConn{Conn: c, silent: d.silent, closed: make(chan struct{})}, err
}

type deafConn struct {
	net.Conn
	silent, closed chan struct{}
	once           sync.Once
}

func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.silent:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *deafConn) Write(b []byte) (int, error) {
	select {
	case <-c.silent: // what was asked before
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

func (c *deafConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
