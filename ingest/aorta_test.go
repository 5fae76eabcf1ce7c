package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

func TestAortaURLs(t *testing.T) {
	a, err := NewAorta("aorta", "aorta://s3cret@a.example.com:5000, aorta://a:b%40c@[::1]:5001", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []aortaServer{
		{"a.example.com:5000", "s3cret", "input=aorta&remote=a.example.com"},
		{"[::1]:5001", "a:b@c", "input=aorta&remote=::1"},
	}
	if fmt.Sprint(a.servers) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", a.servers, want)
	}
	for _, bad := range []string{
		"", "s3cret@a:1", "http://s3cret@a:1", "aorta://a:1", "aorta://s3cret@a", "aorta://@a:1", "aorta://s3cret@:1",
		"aorta://s3cret@a:1/x", "aorta://s3cret@a:1,", "aorta://s3cret%0a@a:1", "aorta://" + strings.Repeat("s3cret", 200) + "@a:1", "aorta://s3cret@a:x",
	} {
		if _, err := NewAorta("aorta", bad, nil); err == nil {
			t.Errorf("%.40q is taken", bad)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

// Lines of a connection are joined, and what is open at its end is taken.
func TestAortaJoins(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a, err := NewAorta("aorta", "aorta://s3cret@"+listener.Addr().String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a.Reading.Join = "indent"
	k := &taker{}
	stop := runInput(t, a, k)
	defer stop()
	for i := range 2 {
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "a%d\n b\nc\n d\n e\n  half", i)
		c.Close()
	}
	want := []string{"a0\u2028 b", "c\u2028 d\u2028 e", "a1\u2028 b", "c\u2028 d\u2028 e"}
	testkit.Eventually(t, "both connections' events came", func() error {
		if got := k.taken(); !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
	if got := a.Counts.Lines.Load(); got != 10 {
		t.Errorf("%d lines are counted, want 10", got)
	}
}

// TestAorta has a server that ends each connection in the middle of a line.
func TestAorta(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var log strings.Builder
	a, err := NewAorta("aorta", "aorta://s3cret@"+listener.Addr().String(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{}
	stop := runInput(t, a, k)
	var last time.Time
	for i := range 3 {
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if since := time.Since(last); i > 0 && since < aortaPause {
			t.Errorf("it connected again after %s", since)
		}
		if said, err := bufio.NewReader(c).ReadString('\n'); said != "s3cret\n" || err != nil {
			t.Errorf("it said %q, %v", said, err)
		}
		last = time.Now()
		fmt.Fprintf(c, "a=%d\nb=%d\nhalf", i, i)
		c.Close()
	}
	testkit.Eventually(t, "all lines came, and three halves", func() error {
		return errors.Join(atLeast(int64(len(k.taken())), 6), atLeast(a.Counts.Partial.Load(), 3))
	})
	stop()
	if got := strings.Join(k.taken(), " "); got != "a=0 b=0 a=1 b=1 a=2 b=2" || k.origins[0] != "input=aorta&remote=127.0.0.1" {
		t.Errorf("got %s from %s", got, k.origins[0])
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log tells the secret: %s", &log)
	}
}

// TestAortaServer has Pulse at both ends.
func TestAortaServer(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(dated(at(float64(i)/1000), fmt.Sprintf("n=%d\n", i)))
	}
	name := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	recording, err := OpenRecording([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(s AortaServer) (address string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.Recording, s.Secret, s.Log = recording, "s3cret", slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, listener) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return listener.Addr().String()
	}

	whole := serve(AortaServer{Speed: MaxSpeed})
	a, err := NewAorta("aorta", "aorta://s3cret@"+whole, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{}
	stop := runInput(t, a, k)
	testkit.Eventually(t, "the recording came", func() error { return atLeast(int64(len(k.taken())), 1000) })
	stop()
	if got := strings.Join(k.taken()[:1000], "\n") + "\n"; got != text.String() {
		t.Errorf("the recording came as %.200q", got)
	}

	// Who has it all is not sent away: it would come again.
	c, err := net.Dial("tcp", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "s3cret\n")
	if _, err := io.ReadFull(c, make([]byte, text.Len())); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(2 * aortaPause))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the recording came %d bytes, and %v", n, err)
	}

	c, err = net.Dial("tcp", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "wrong\n")
	if got, _ := io.ReadAll(c); len(got) > 0 {
		t.Errorf("a stranger got %.80q", got)
	}

	paced, err := net.Dial("tcp", serve(AortaServer{Speed: 10_000, Loop: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer paced.Close()
	start := time.Now()
	io.WriteString(paced, "s3cret\n")
	lines := bufio.NewScanner(paced)
	for n := range 1500 { // it goes on from the start
		if !lines.Scan() {
			t.Fatalf("the lines ended after %d: %v", n, lines.Err())
		}
		sent, ok := new(line.Times).Near(lines.Bytes(), -1)
		if !ok || !strings.HasSuffix(lines.Text(), fmt.Sprintf(" n=%d", n%1000)) {
			t.Fatalf("line %d is %q", n, lines.Text())
		}
		if sent < start.UnixNano()-int64(time.Second) || sent > time.Now().UnixNano()+int64(time.Second) {
			t.Fatalf("line %d has the time of %s", n, time.Unix(0, sent))
		}
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("a second was sent within %s, ten times its pace", took)
	}
}

func TestRestamp(t *testing.T) {
	m := line.Mapping{From: 0, To: int64(time.Hour)}
	for l, want := range map[string]string{
		"1970-01-01T00:00:01Z x":                "1970-01-01T01:00:01.000000Z x",
		"1970-01-01T02:00:01.5+02:00 x y":       "1970-01-01T03:00:01.500000+02:00 x y",
		"<13>1 1970-01-01T00:00:01Z host x - -": "<13>1 1970-01-01T01:00:01.000000Z host x - -",
		"1970-01-01T00:00:01Z":                  "1970-01-01T01:00:01.000000Z",
		"<13>1 - host":                          "<13>1 - host",
		"<13>":                                  "<13>",
		"<":                                     "<",
		"":                                      "",
		"x=1":                                   "x=1",
		" 1970":                                 " 1970",
	} {
		if got := string(restamp(nil, []byte(l), m)); got != want {
			t.Errorf("%q became %q, want %q", l, got, want)
		}
	}
}
