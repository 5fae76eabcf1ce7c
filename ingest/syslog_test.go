package ingest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulse/cmd/dev/testkit"
)

const octets = "<13>1 - - a b - x=1"

// readStream reads all of a stream. It fails if a line is not whole, or more is
// held than may be.
func readStream(t *testing.T, r io.Reader) (lines string, err error) {
	t.Helper()
	var s stream
	var all strings.Builder
	for {
		some, err := s.next(r)
		if len(some) > 0 && some[len(some)-1] != '\n' {
			t.Fatalf("half a line: %.80q", some)
		}
		all.Write(some)
		if cap(s.buf) > mostBuffer+mostBuffer/4 {
			t.Fatalf("%d bytes are held", cap(s.buf))
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
				all.Write(s.rest())
			}
			return all.String(), err
		}
	}
}

func TestStream(t *testing.T) {
	long := "<13>" + strings.Repeat("x", 2*mostBuffer)
	for _, test := range []struct {
		name, sent, lines string
		bad               bool
		says              string // of what is bad
	}{
		{name: "nothing"},
		{name: "counted", sent: frame(octets) + frame(octets), lines: octets + "\n" + octets + "\n"},
		{name: "counted, line feeds within", sent: frame("<13>1 a\nb\n"), lines: "<13>1 a b\n"},
		{name: "counted, line feeds between", sent: frame(octets) + "\n" + frame(octets) + "\n", lines: octets + "\n" + octets + "\n"},
		{name: "counted, cut off", sent: frame(octets) + "30 <13>", lines: octets + "\n"},
		{name: "counted, too long", sent: frame(long) + frame(octets), lines: long[:maxLine] + "\n" + octets + "\n"},
		{name: "counted, then not", sent: frame(octets) + octets + "\n", lines: octets + "\n", bad: true},
		{name: "counted, 10^9", sent: "1000000000 <13>x", bad: true},
		{name: "counted, 10^30", sent: "1" + strings.Repeat("0", 30) + " <13>x", bad: true},
		{name: "counted, 10^100", sent: "1" + strings.Repeat("0", 100) + " <13>x", bad: true},
		{name: "counted, later 10^30", sent: frame(octets) + "1" + strings.Repeat("0", 30), lines: octets + "\n", bad: true},
		{name: "counted, later negative", sent: frame(octets) + "-1 x", lines: octets + "\n", bad: true},
		{name: "counted, NUL between", sent: frame(octets) + "\x00" + frame(octets) + "\x00", lines: octets + "\n" + octets + "\n"},
		{name: "counted, NUL within and at the end", sent: frame("<13>1 a\x00b\x00"), lines: "<13>1 a\x00b\n"},
		{name: "counted, leading zero", sent: "0" + frame(octets), bad: true, says: "begins with 0"},
		{name: "counted, later leading zero", sent: frame(octets) + "0" + frame(octets), lines: octets + "\n", bad: true, says: "begins with 0"},
		{name: "counted, zero", sent: "0 <13>x", bad: true, says: "begins with 0"},
		{name: "NUL", sent: octets + "\x00" + octets + "\x00", lines: octets + "\n" + octets + "\n"},
		{name: "NUL, not at the end", sent: octets + "\x00" + octets, lines: octets + "\n" + octets + "\n"},
		{name: "NUL and line feeds by turns", sent: octets + "\x00" + octets + "\n" + octets + "\x00", lines: octets + "\n" + octets + "\n" + octets + "\n"},
		{name: "line feed and NUL together", sent: octets + "\n\x00" + octets + "\r\n\x00", lines: octets + "\n" + octets + "\n"},
		{name: "NUL first", sent: "\x00" + octets + "\x00", lines: octets + "\n"},
		{name: "NUL, too long", sent: long + "\x00" + octets + "\x00", lines: long[:maxLine] + "\n" + octets + "\n"},
		{name: "NUL, numbers", sent: "12 x\x0012 <13>x\x00", lines: "12 x\n12 <13>x\n"},
		{name: "line feeds, zero and text", sent: "0 errors\n007 <13>x\n", lines: "0 errors\n007 <13>x\n"},
		{name: "line feeds, many zeros", sent: strings.Repeat("0", 100) + "\n", lines: strings.Repeat("0", 100) + "\n"},
		{name: "line feeds", sent: octets + "\n\n" + octets + "\r\n", lines: octets + "\n" + octets + "\n"},
		{name: "line feeds, not at the end", sent: octets + "\n" + octets, lines: octets + "\n" + octets + "\n"},
		{name: "line feeds, too long", sent: long + "\n" + octets + "\n", lines: long[:maxLine] + "\n" + octets + "\n"},
		{name: "line feeds, too long and no end", sent: long, lines: long[:maxLine] + "\n"},
		{name: "line feeds, numbers", sent: "2012-11-30 x\n12 <13>x\n", lines: "2012-11-30 x\n12 <13>x\n"},
		{name: "line feeds, negative", sent: "-5 <13>x\n", lines: "-5 <13>x\n"},
		{name: "line feeds, a number and text", sent: "200 OK\n", lines: "200 OK\n"},
		{name: "line feeds, a number alone", sent: "17", lines: "17\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pieces := []int{1, 7, len(test.sent)}
			if len(test.sent) > maxLine {
				pieces[0] = 101 // byte by byte takes long, and FuzzStream has any size
			}
			for _, size := range pieces {
				got, err := readStream(t, &piecemeal{[]byte(test.sent), size})
				if got != test.lines || errors.Is(err, errFrames) != test.bad || test.says != "" && !strings.Contains(err.Error(), test.says) {
					t.Errorf("in pieces of %d: got %.100q, %v; want %.100q", size, got, err, test.lines)
				}
			}
		})
	}
}

// FuzzStream reads the same bytes in pieces of any size: the lines are the same.
func FuzzStream(f *testing.F) {
	f.Add([]byte(frame(octets)+frame("<1>a\nb")), uint8(3))
	f.Add([]byte(octets+"\n\r\n"+octets), uint8(1))
	f.Add([]byte("1000000000000 <"), uint8(7))
	f.Add([]byte(octets+"\x00"+octets+"\n\x00"), uint8(2))
	f.Add([]byte("0012 <13>x"), uint8(1))
	f.Fuzz(func(t *testing.T, sent []byte, size uint8) {
		want, wantErr := readStream(t, bytes.NewReader(sent))
		got, err := readStream(t, &piecemeal{sent, int(size) + 1})
		if got != want || errors.Is(err, errFrames) != errors.Is(wantErr, errFrames) {
			t.Fatalf("in pieces of %d: %q, %v; at once %q, %v", size+1, got, err, want, wantErr)
		}
		if len(want) > len(sent)+1 {
			t.Fatalf("%d bytes became %d", len(sent), len(want))
		}
	})
}

type piecemeal struct {
	left []byte
	size int
}

func (p *piecemeal) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(p.size, len(p.left))])
	p.left = p.left[n:]
	return n, nil
}

// runInput runs an input until the test's end, and returns how to end it before.
func runInput(t *testing.T, in Input, k *taker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx, k.take) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the input ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// TestSyslogCuts has senders that misbehave among one that does not.
func TestSyslogCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, k := newPipes(), &taker{}
		s := NewSyslog("syslog", listener, nil, slog.New(slog.DiscardHandler))
		defer runInput(t, s, k)()
		honest := listener.dial()
		io.WriteString(honest, octets+"\n")
		for _, test := range []struct {
			name, sent string
			drip       time.Duration
			within     time.Duration
			cut        bool
		}{
			{name: "silent", within: 30 * time.Second, cut: true},
			{name: "half a message", sent: "<13>1 half", within: 30 * time.Second, cut: true},
			{name: "half a count", sent: "1234", within: 30 * time.Second, cut: true},
			{name: "half a counted message", sent: "999 <13>1 half", within: 30 * time.Second, cut: true},
			{name: "half after a whole one", sent: octets + "\nhalf", within: 30 * time.Second, cut: true},
			{name: "no end", sent: strings.Repeat("x", 300_000), within: 30 * time.Second, cut: true},
			{name: "slow drip", sent: strings.Repeat("x", 1000), drip: time.Second, within: 30 * time.Second, cut: true},
			{name: "slow drip behind a message", sent: octets + "\n" + strings.Repeat("x", 1000), drip: 500 * time.Millisecond, within: 45 * time.Second, cut: true},
			{name: "10^9", sent: "1000000000 <13>x", cut: true},
			{name: "10^30", sent: "1" + strings.Repeat("0", 30) + " <", cut: true},
			{name: "long silent", sent: octets + "\n", within: idleTime + time.Second},
		} {
			before := s.Counts.Cut.Load()
			c := listener.dial()
			start := time.Now()
			go func() {
				if test.drip == 0 {
					io.WriteString(c, test.sent)
					return
				}
				for _, b := range []byte(test.sent) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(test.drip)
				}
			}()
			io.Copy(io.Discard, c)
			if took := time.Since(start); took > test.within {
				t.Errorf("%s: cut after %s, want %s", test.name, took, test.within)
			}
			synctest.Wait()
			if cut := s.Counts.Cut.Load() > before; cut != test.cut {
				t.Errorf("%s: counted as cut: %v", test.name, cut)
			}
			if _, err := io.WriteString(honest, octets+"\n"); err != nil && test.cut {
				t.Fatalf("%s: the honest sender was cut: %v", test.name, err)
			}
			c.Close()
		}
		synctest.Wait()
		if got := len(k.taken()); got < 12 {
			t.Errorf("%d lines came", got)
		}
		if got := k.origins[0]; got != "input=syslog&remote=pipe" {
			t.Errorf("the origin is %q", got)
		}
	})
}

// TestSyslogHoldsLittle measures what connections take up that send nothing, or
// lines without an end.
func TestSyslogHoldsLittle(t *testing.T) {
	for _, test := range []struct {
		name string
		sent string
		most int
	}{
		{"silent", "", 32 << 10},
		{"silent after a long line", "\x01" + strings.Repeat("x", 60_000) + "\ny\n", 32 << 10},
		{"endless line", strings.Repeat("x", mostBuffer-leastBuffer), 96 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener, k := newPipes(), &taker{}
				s := NewSyslog("syslog", listener, nil, slog.New(slog.DiscardHandler))
				stop := runInput(t, s, k)
				const connections = 200
				memory := func() int {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return int(m.HeapInuse + m.StackInuse)
				}
				before := memory()
				var all []net.Conn
				for range connections {
					c := listener.dial()
					defer c.Close()
					all = append(all, c)
					io.WriteString(c, test.sent)
					k.mu.Lock()
					k.lines, k.origins = nil, nil
					k.mu.Unlock()
				}
				time.Sleep(quietTime + quietTime/2) // silence is what is measured
				synctest.Wait()
				if each := (memory() - before) / connections; each > test.most {
					t.Errorf("a connection takes up %d bytes, more than %d", each, test.most)
				} else {
					t.Logf("a connection takes up %d bytes", each)
				}
				runtime.KeepAlive(all)
				stop()
			})
		})
	}
}

func TestTooManyConnections(t *testing.T) {
	var over atomic.Int64
	listener := newPipes()
	l := limit(listener, 2, func() { over.Add(1) })
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	listener.dial()
	first := <-accepted
	listener.dial()
	<-accepted
	if _, err := listener.dial().Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the third connection is served: %v", err)
	}
	first.Close()
	first.Close() // counts once
	listener.dial()
	<-accepted
	if _, err := listener.dial().Read(make([]byte, 1)); err != io.EOF || over.Load() < 1 {
		t.Errorf("the fourth connection is served: %v", err)
	}
	l.Close()
}

// certificate makes a certificate for a name, signed by another one or itself.
func certificate(t *testing.T, name string, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: by == nil,
	}
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestSyslogTLS(t *testing.T) {
	authority := certificate(t, "authority", nil)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{}
	s := NewSyslog("tls", listener, &tls.Config{
		Certificates: []tls.Certificate{certificate(t, "pulse", &authority)}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}, slog.New(slog.DiscardHandler))
	runInput(t, s, k)
	send := func(config *tls.Config) error {
		config.RootCAs, config.ServerName = pool, "pulse"
		c, err := tls.Dial("tcp", s.Addr().String(), config)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := io.WriteString(c, frame(octets)); err != nil {
			return err
		}
		c.CloseWrite()
		_, err = c.Read(make([]byte, 1))
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if err := send(&tls.Config{Certificates: []tls.Certificate{certificate(t, "web 1", &authority)}}); err != nil {
		t.Fatal(err)
	}
	if got := k.taken(); len(got) != 1 || got[0] != octets || k.origins[0] != "input=tls&remote=127.0.0.1&client=web%201" {
		t.Errorf("got %q from %q", got, k.origins)
	}
	stranger := certificate(t, "stranger", nil)
	for name, config := range map[string]*tls.Config{"none": {}, "foreign": {Certificates: []tls.Certificate{stranger}}} {
		if err := send(config); err == nil {
			t.Errorf("certificate: %s: the sender was let in", name)
		}
	}
	if got := len(k.taken()); got != 1 {
		t.Errorf("%d lines got in, want 1", got)
	}
}

func listenUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// atLeast is a condition of testkit.Eventually: something has been counted so far.
func atLeast(got, want int64) error {
	if got < want {
		return fmt.Errorf("%d of %d", got, want)
	}
	return nil
}

// TestSyslogUDPCounts sends more datagrams than are taken: each is taken, or
// dropped by the socket, or was without text.
func TestSyslogUDPCounts(t *testing.T) {
	conn, k := listenUDP(t), &taker{}
	s := NewSyslogUDP("udp", conn, slog.New(slog.DiscardHandler))
	conn.SetReadBuffer(64 << 10)
	if _, err := socketDrops(conn); err != nil {
		testkit.Missing(t, fmt.Sprintf("the system does not count what its sockets drop: %v", err))
	}
	c, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const sent = 5000
	for i := range sent - 1 { // nobody reads yet
		fmt.Fprintf(c, "<13>1 - - a b - n=%d\nx", i)
	}
	stop := runInput(t, s, k)
	testkit.Eventually(t, "what was not dropped is taken", func() error {
		drops, _ := socketDrops(conn)
		return atLeast(s.Counts.Lines.Load()+drops, sent-1)
	})
	io.WriteString(c, "\n")
	testkit.Eventually(t, "the empty datagram is counted", func() error { return atLeast(s.Counts.Empty.Load(), 1) })
	stop()
	n := &s.Counts
	if lines, dropped := n.Lines.Load(), n.Dropped.Load(); lines+n.Empty.Load()+n.Refused.Load()+dropped != sent || dropped == 0 || lines == 0 {
		t.Errorf("%d taken, %d dropped, %d refused: sent %d", lines, dropped, n.Refused.Load(), sent)
	}
	if got := k.taken(); int64(len(got)) != n.Lines.Load() || got[0] != "<13>1 - - a b - n=0 x" || k.origins[0] != "input=udp&remote=127.0.0.1" {
		t.Errorf("%d lines came, the first %q from %q", len(got), got[0], k.origins[0])
	}
}

// TestSyslogUDPEnds ends an input while datagrams are in its socket, in its spool, and
// with whoever takes its lines: each is in one count.
func TestSyslogUDPEnds(t *testing.T) {
	for _, test := range []struct {
		name         string
		unread, read int // datagrams that are sent before it runs, and while it does
		blocks       bool
	}{
		{name: "nothing came"},
		{name: "all are in the socket", unread: 500},
		{name: "more than the socket holds", unread: 5000},
		{name: "nobody takes them", unread: 10, read: 400, blocks: true},
		{name: "some are taken", read: 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, k := listenUDP(t), &taker{block: test.blocks}
			s := NewSyslogUDP("udp", conn, slog.New(slog.DiscardHandler))
			conn.SetReadBuffer(256 << 10)
			if _, err := socketDrops(conn); err != nil {
				testkit.Missing(t, fmt.Sprintf("the system does not count what its sockets drop: %v", err))
			}
			c, err := net.Dial("udp", conn.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			sent := int64(0)
			send := func(times int) {
				for range times {
					text := octets
					if sent%10 == 3 {
						text = "\n"
					}
					if _, err := io.WriteString(c, text); err != nil {
						t.Fatal(err)
					}
					sent++
				}
			}
			send(test.unread)
			ctx, stop := context.WithCancel(t.Context())
			if test.read == 0 {
				stop() // before it reads anything
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx, k.take) }()
			if test.blocks {
				testkit.Eventually(t, "a line waits", func() error { return atLeast(k.blocked.Load(), 1) })
			}
			send(test.read)
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			n := &s.Counts
			lines, empty, refused, dropped := n.Lines.Load(), n.Empty.Load(), n.Refused.Load(), n.Dropped.Load()
			if lines+empty+refused+dropped != sent {
				t.Errorf("%d taken, %d empty, %d refused, %d dropped: sent %d", lines, empty, refused, dropped, sent)
			}
			if got := int64(len(k.taken())); got != lines {
				t.Errorf("%d lines came, and %d are counted", got, lines)
			}
			if test.unread == 5000 && (dropped == 0 || refused == 0) {
				t.Errorf("%d dropped, %d refused: want some of both", dropped, refused)
			}
		})
	}
}

// TestSyslogLogger lets the logger of util-linux send.
func TestSyslogLogger(t *testing.T) {
	testkit.Long(t)
	logger := testkit.Tool(t, "logger")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{}
	s := NewSyslog("tcp", listener, nil, slog.New(slog.DiscardHandler))
	runInput(t, s, k)
	conn := listenUDP(t)
	runInput(t, NewSyslogUDP("udp", conn, slog.New(slog.DiscardHandler)), k)
	_, tcp, _ := net.SplitHostPort(s.Addr().String())
	_, udp, _ := net.SplitHostPort(conn.LocalAddr().String())
	for i, args := range [][]string{
		{"--tcp", "--port", tcp, "--rfc5424"}, {"--tcp", "--port", tcp, "--rfc5424", "--octet-count"},
		{"--tcp", "--port", tcp, "--rfc3164"}, {"--udp", "--port", udp, "--rfc5424"},
	} {
		text := fmt.Sprintf("at=info n=%d", i)
		args = append([]string{"--server", "127.0.0.1", "--priority", "local0.info"}, append(args, text)...)
		if out, err := exec.Command(logger, args...).CombinedOutput(); err != nil {
			t.Fatalf("logger %q: %v\n%s", args, err, out)
		}
		testkit.Eventually(t, "a line came", func() error { return atLeast(int64(len(k.taken())), int64(i+1)) })
		if got := k.taken()[i]; !strings.HasPrefix(got, "<134>") || !strings.HasSuffix(got, text) {
			t.Errorf("logger %q: got %q", args, got)
		}
	}
}

// TestLongMessages has more long messages come at a time than there is memory for:
// those beyond it are cut, and usual ones never are.
func TestLongMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, k := newPipes(), &taker{}
		s := NewSyslog("syslog", listener, nil, slog.New(slog.DiscardHandler))
		const together = 3
		s.long.most = together * (mostBuffer - ownBuffer)
		stop := runInput(t, s, k)
		var all []net.Conn
		for range 2 * together {
			c := listener.dial()
			defer c.Close()
			go io.WriteString(c, "<13>"+strings.Repeat("x", 60_000))
			all = append(all, c)
		}
		synctest.Wait()
		if cut := s.Counts.Cut.Load(); cut != together {
			t.Errorf("%d of %d are cut, want %d", cut, len(all), together)
		}
		honest := listener.dial()
		defer honest.Close()
		io.WriteString(honest, strings.Repeat("y", ownBuffer-1)+"\n")
		synctest.Wait()
		if got := k.taken(); len(got) != 1 || len(got[0]) != ownBuffer-1 {
			t.Errorf("%d lines came of the honest sender", len(got))
		}
		stop()
		if left := s.long.used.Load(); left != 0 {
			t.Errorf("%d bytes are still held", left)
		}
	})
}
