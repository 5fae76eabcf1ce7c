package main

import (
	"bufio"
	"io"
	"net"
	"pulse/cmd/dev/testkit"
	"testing"
	"time"
)

// echo starts a server that sends back each line, and a proxy in front of it.
func echo(t *testing.T) *proxy {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	p, err := listen(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	go p.serve(server.Addr().String())
	return p
}

func dial(t *testing.T, p *proxy) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

func TestProxyCutsConnections(t *testing.T) {
	p := echo(t)
	c, r := dial(t, p)
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if s, err := r.ReadString('\n'); s != "hello\n" || err != nil {
		t.Fatalf("through the proxy came %q, %v", s, err)
	}
	p.set(trouble{least: time.Millisecond, most: 10 * time.Millisecond})
	c.SetReadDeadline(time.Now().Add(testkit.Patience()))
	if s, err := r.ReadString('\n'); err == nil || s != "" {
		t.Errorf("a connection that was to be cut gave %q, %v", s, err)
	}
	if p.cuts() != 1 {
		t.Errorf("%d connections were cut, want 1", p.cuts())
	}
}

// What is sent while one way is silent comes when it is not any more, as TCP
// sends again what was lost.
func TestProxySilence(t *testing.T) {
	for name, way := range map[string]direction{"to the broker": toBroker, "to the client": toClient} {
		t.Run(name, func(t *testing.T) {
			p := echo(t)
			c, r := dial(t, p)
			p.set(trouble{silent: way})
			if _, err := io.WriteString(c, "hello\n"); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if s, err := r.ReadString('\n'); err == nil {
				t.Fatalf("through the silence came %q", s)
			}
			p.set(trouble{})
			c.SetReadDeadline(time.Now().Add(testkit.Patience()))
			if s, err := r.ReadString('\n'); s != "hello\n" || err != nil {
				t.Errorf("after the silence came %q, %v", s, err)
			}
		})
	}
}

func TestProxyLatency(t *testing.T) {
	const each = 50 * time.Millisecond
	p := echo(t)
	p.set(trouble{latency: each})
	c, r := dial(t, p)
	start := time.Now()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if s, err := r.ReadString('\n'); s != "hello\n" || err != nil {
		t.Fatalf("through the proxy came %q, %v", s, err)
	}
	if took := time.Since(start); took < 2*each {
		t.Errorf("there and back took %v, at least %v was to be", took, 2*each)
	}
}
