package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

// A taker is the other end of an input. It acknowledges at once, unless hold
// says that it waits for release.
type taker struct {
	hold  bool
	block bool  // take waits until its context ends
	fail  error // what acknowledgements say

	blocked atomic.Int64 // batches that wait so

	mu      sync.Mutex
	lines   []string // each after its origin and a space
	origins []line.Origin
	acks    []func(error)
}

func (k *taker) take(ctx context.Context, b Batch) error {
	if k.block {
		k.blocked.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for l := range strings.Lines(string(b.Lines)) {
		k.lines = append(k.lines, strings.TrimSuffix(l, "\n"))
		k.origins = append(k.origins, b.Origin)
	}
	if b.Acked != nil {
		if k.hold {
			k.acks = append(k.acks, b.Acked)
		} else {
			b.Acked(k.fail)
		}
	}
	return nil
}

func (k *taker) release(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, ack := range k.acks {
		ack(err)
	}
	k.acks = nil
}

func (k *taker) taken() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.lines...)
}

var testSources = []DrainSource{
	{Name: "shop", Token: "d.73ea7440-270a-435a-a0ea-adf50b4e5f5a", Fields: map[string]string{"app": "shop", "tier": "a b"}},
	{Name: "blog", User: "logs", Password: "hunter2"},
	{Name: "both", Token: "d.both", User: "u", Password: "p"},
}

// newDrain returns a drain that nobody can connect to but by its handler.
func newDrain(t *testing.T, log io.Writer) *Drain {
	t.Helper()
	d, err := NewDrain("drain", newPipes(), nil, testSources, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// frame is a message as a drain sends it.
func frame(message string) string { return fmt.Sprintf("%d %s", len(message), message) }

const routerLine = `<158>1 2012-11-30T06:45:29+00:00 host heroku router - at=info method=GET path="/" status=200 bytes=2`

// post is a request of the shop's drain; headers are name, value, ….
func post(body string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "/logs", strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("Content-Type", "application/logplex-1")
	r.Header.Set("Logplex-Drain-Token", testSources[0].Token)
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// released waits until a drain holds no memory: it is given back beside the answer.
func released(t testing.TB, d *Drain) {
	t.Helper()
	testkit.Eventually(t, "memory of requests is given back", func() error {
		if held := d.memory.used.Load(); held != 0 {
			return fmt.Errorf("%d bytes are held", held)
		}
		return nil
	})
}

// send gives a request to a drain's handler and returns the status.
func send(t *testing.T, d *Drain, k *taker, r *http.Request) int {
	t.Helper()
	w := httptest.NewRecorder()
	d.handler(t.Context(), k.take).ServeHTTP(w, r)
	return w.Code
}

func TestDrainTakes(t *testing.T) {
	for _, test := range []struct {
		name, body string
		headers    []string
		lines      []string
		origin     map[string]string
		lost       int64
	}{
		{
			name: "frames", body: frame(routerLine+"\n") + frame("<13>1 - - app web.1 - x=1"), headers: []string{"Logplex-Msg-Count", "2"},
			lines:  []string{routerLine, "<13>1 - - app web.1 - x=1"},
			origin: map[string]string{"input": "drain", "drain": "shop", "drain_token": testSources[0].Token, "remote": "192.0.2.7", "app": "shop", "tier": "a b"},
		},
		{name: "bytes are counted, not characters", body: frame("<13>1 - - a b - größe=1\n") + frame("y"), lines: []string{"<13>1 - - a b - größe=1", "y"}},
		{name: "a frame is one line", body: frame("a\nb\n\nc\r\n") + frame("\n") + frame("\x00"), headers: []string{"Logplex-Msg-Count", "3"}, lines: []string{"a b  c"}},
		{name: "a frame that looks like two", body: frame("1 a5 bbbbb"), lines: []string{"1 a5 bbbbb"}},
		{name: "nothing", body: ""},
		{name: "a frame too long to be read", body: frame(strings.Repeat("x", 100_000)) + frame("y"), lines: []string{strings.Repeat("x", maxLine), "y"}},
		{
			name: "by password", body: frame("x"), headers: []string{"Logplex-Drain-Token", "", "Authorization", "Basic bG9nczpodW50ZXIy"},
			lines: []string{"x"}, origin: map[string]string{"input": "drain", "drain": "blog", "remote": "192.0.2.7"},
		},
		{
			name: "by both", body: frame("x"), headers: []string{"Logplex-Drain-Token", "d.both", "Authorization", "Basic dTpw"},
			lines: []string{"x"}, origin: map[string]string{"input": "drain", "drain": "both", "drain_token": "d.both", "remote": "192.0.2.7"},
		},
		{
			name: "losses", body: frame("<172>1 2012-07-04T18:23:40+00:00 host heroku logplex - Error L10 (output buffer overflow): 26 messages dropped since 2012-07-04T18:23:40+00:00.\n") +
				frame("<13>1 2012-07-04T18:23:40+00:00 host app web.1 - 5 messages dropped"),
			lines: []string{
				"<172>1 2012-07-04T18:23:40+00:00 host heroku logplex - Error L10 (output buffer overflow): 26 messages dropped since 2012-07-04T18:23:40+00:00.",
				"<13>1 2012-07-04T18:23:40+00:00 host app web.1 - 5 messages dropped"},
			lost: 26,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, k := newDrain(t, io.Discard), &taker{}
				if status := send(t, d, k, post(test.body, test.headers...)); status != http.StatusNoContent {
					t.Fatalf("answered %d", status)
				}
				synctest.Wait()
				if got, want := strings.Join(k.taken(), "\n"), strings.Join(test.lines, "\n"); got != want {
					t.Errorf("got lines\n%.200s\nwant\n%.200s", got, want)
				}
				if test.origin != nil {
					if got := maps.Collect(k.origins[0].Fields()); !maps.Equal(got, test.origin) {
						t.Errorf("got origin %q, want %q", got, test.origin)
					}
				}
				if got := d.Counts.Lost.Load(); got != test.lost {
					t.Errorf("%d messages were lost, want %d", got, test.lost)
				}
				if got := d.Counts.Accepted.Load(); got != int64(len(test.lines)) {
					t.Errorf("%d lines are accepted, want %d", got, len(test.lines))
				}
				released(t, d)
			})
		})
	}
}

// pack compresses a body in one of the ways that a drain reads.
func pack(t testing.TB, encoding string, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	switch encoding {
	case "gzip":
		w := gzip.NewWriter(&b)
		w.Write(body)
		w.Close()
	case "zstd":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(body)
		w.Close()
	case "snappy":
		return string(snappy.Encode(nil, body))
	case "x-snappy-framed":
		w := snappy.NewBufferedWriter(&b)
		w.Write(body)
		w.Close()
	}
	return b.String()
}

func TestDrainUnpacks(t *testing.T) {
	body := []byte(strings.Repeat(frame(routerLine+"\n"), 500))
	for _, encoding := range []string{"gzip", "zstd", "snappy", "x-snappy-framed"} {
		t.Run(encoding, func(t *testing.T) {
			d, k := newDrain(t, io.Discard), &taker{}
			packed := pack(t, encoding, body)
			if status := send(t, d, k, post(packed, "Content-Encoding", encoding, "Logplex-Msg-Count", "500")); status != 204 {
				t.Fatalf("answered %d", status)
			}
			if got := len(k.taken()); got != 500 {
				t.Errorf("%d lines came of 500", got)
			}
			bomb := pack(t, encoding, make([]byte, 2*maxUnpacked))
			if status := send(t, d, k, post(bomb, "Content-Encoding", encoding)); status != http.StatusRequestEntityTooLarge {
				t.Errorf("a bomb of %d bytes was answered with %d", len(bomb), status)
			}
			if status := send(t, d, k, post(packed[:len(packed)/2], "Content-Encoding", encoding)); status != http.StatusBadRequest {
				t.Errorf("half a body was answered with %d", status)
			}
			released(t, d)
		})
	}
}

// TestDrainUnpacksInBounds sends more compressed bodies at a time than there is memory
// for what they unpack to, hundreds of times their size.
func TestDrainUnpacksInBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDrain(t, io.Discard), &taker{block: true}
		d.memory.most = 3 * int64(roomFor(maxUnpacked))
		long := frame(strings.Repeat("x", 60_000))
		body := pack(t, "gzip", []byte(strings.Repeat(long, maxUnpacked/len(long))))
		if len(body)*250 > maxUnpacked {
			t.Fatalf("the body of %d bytes does not grow enough", len(body))
		}
		var wg sync.WaitGroup
		var busy atomic.Int64
		const requests = 50
		for range requests {
			wg.Go(func() {
				if send(t, d, k, post(body, "Content-Encoding", "gzip")) == http.StatusServiceUnavailable {
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		if held, taken := d.memory.used.Load(), k.blocked.Load(); held > d.memory.most || taken == 0 || taken > 3*int64(roomFor(maxUnpacked))/maxUnpacked {
			t.Errorf("%d bytes are held, of %d bodies; %d may be", held, taken, d.memory.most)
		}
		wg.Wait()
		if busy.Load() != requests || d.memory.used.Load() != 0 {
			t.Errorf("%d of %d were told to send again, and %d bytes are still held", busy.Load(), requests, d.memory.used.Load())
		}
	})
}

func TestDrainRefuses(t *testing.T) {
	good := frame(routerLine)
	for _, test := range []struct {
		name, body string
		headers    []string
		status     int
	}{
		{"no token", good, []string{"Logplex-Drain-Token", ""}, 401},
		{"foreign token", good, []string{"Logplex-Drain-Token", "d.other-secret"}, 401},
		{"wrong password", good, []string{"Logplex-Drain-Token", "", "Authorization", "Basic bG9nczpodW50ZXIz"}, 401},
		{"half of both: the token", good, []string{"Logplex-Drain-Token", "d.both"}, 401},
		{"half of both: the password", good, []string{"Logplex-Drain-Token", "", "Authorization", "Basic dTpw"}, 401},
		{"content type", good, []string{"Content-Type", "text/plain"}, 415},
		{"no content type", good, []string{"Content-Type", ""}, 415},
		{"encoding", good, []string{"Content-Encoding", "br"}, 415},
		{"count", good, []string{"Logplex-Msg-Count", "2"}, 400},
		{"count that is none", good, []string{"Logplex-Msg-Count", "-1"}, 400},
		{"10^9", "1000000000 x", nil, 400},
		{"10^30", "1" + strings.Repeat("0", 30) + " x", nil, 400},
		{"negative", "-5 hello", nil, 400},
		{"leading zero", "05 hello", nil, 400},
		{"no count", " hello", nil, 400},
		{"no frames", routerLine, nil, 400},
		{"cut off", good + "10 short", nil, 400},
		{"cut off in the count", good + "10", nil, 400},
		{"text behind the frames", good + "\n", nil, 400},
		{"too large", strings.Repeat("x", maxBody+1), nil, 413},
		{"no gzip", good, []string{"Content-Encoding", "gzip"}, 400},
		{"no zstd", good, []string{"Content-Encoding", "zstd"}, 400},
		{"no snappy", good, []string{"Content-Encoding", "snappy"}, 400},
		{"snappy that lies about its size", "\xff\xff\xff\x01x", []string{"Content-Encoding", "snappy"}, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			d, k := newDrain(t, &log), &taker{}
			if status := send(t, d, k, post(test.body, test.headers...)); status != test.status {
				t.Errorf("answered %d, want %d", status, test.status)
			}
			if got := k.taken(); len(got) > 0 {
				t.Errorf("%d lines got in: %.80q", len(got), got[0])
			}
			released(t, d)
			if !strings.Contains(log.String(), "rejected") {
				t.Error("nothing was logged")
			}
			for _, secret := range []string{"secret", "d.both", testSources[0].Token, "hunter", "bG9n", "dTpw"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log tells %q: %s", secret, log.String())
				}
			}
		})
	}
}

func TestDrainSources(t *testing.T) {
	for name, sources := range map[string][]DrainSource{
		"none":        nil,
		"no name":     {{Token: "x"}},
		"open":        {{Name: "a"}},
		"user alone":  {{Name: "a", User: "u"}},
		"own field":   {{Name: "a", Token: "x", Fields: map[string]string{"remote": "me"}}},
		"huge fields": {{Name: "a", Token: "x", Fields: map[string]string{"f": strings.Repeat("x", 1000)}}},
	} {
		if _, err := NewDrain("drain", newPipes(), nil, sources, nil); err == nil {
			t.Errorf("%s: sources are taken that must not be", name)
		}
	}
}

// TestDrainRepeats sends a request again after Kafka took too long for the first:
// its lines come once.
func TestDrainRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDrain(t, io.Discard), &taker{hold: true}
		request := func() *http.Request { return post(frame("a")+frame("b"), "Logplex-Frame-Id", "09C557EAFCFB6CF2") }
		start := time.Now()
		if status := send(t, d, k, request()); status != 503 {
			t.Fatalf("without an acknowledgement: %d", status)
		}
		if took := time.Since(start); took > drainAck+2*time.Second {
			t.Errorf("it waited for %s", took)
		}
		start = time.Now()
		if status := send(t, d, k, request()); status != 503 || time.Since(start) > 0 {
			t.Errorf("with Kafka away: %d after %s", status, time.Since(start))
		}
		k.release(nil)
		if status := send(t, d, k, request()); status != 204 {
			t.Errorf("when Kafka is back: %d", status)
		}
		if got := len(k.taken()); got != 2 {
			t.Errorf("%d lines were taken of 2", got)
		}
		c := &d.Counts
		if a, r, u, f := c.Accepted.Load(), c.Repeated.Load(), c.Unsure.Load(), c.Refused.Load(); a != 0 || r != 2 || u != 2 || f != 0 {
			t.Errorf("accepted %d, repeated %d, unsure %d, refused %d", a, r, u, f)
		}
		// The id of another drain is another one; so is that of long ago.
		k.hold = false
		if send(t, d, k, post(frame("c"), "Logplex-Frame-Id", "09C557EAFCFB6CF2", "Logplex-Drain-Token", "", "Authorization", "Basic bG9nczpodW50ZXIy")); len(k.taken()) != 3 {
			t.Error("an equal id of another source was taken for a repetition")
		}
		time.Sleep(repeatWindow + time.Second)
		if send(t, d, k, request()); len(k.taken()) != 5 {
			t.Error("an id of more than ten minutes ago was taken for a repetition")
		}
	})
}

// TestDrainFails sends a request again after the first one's lines were lost.
func TestDrainFails(t *testing.T) {
	d, k := newDrain(t, io.Discard), &taker{fail: errors.New("no")}
	request := func() *http.Request { return post(frame("a"), "Logplex-Frame-Id", "1") }
	if status := send(t, d, k, request()); status != 503 {
		t.Errorf("with an error: %d", status)
	}
	k.fail = nil
	if status := send(t, d, k, request()); status != 204 || d.Counts.Accepted.Load() != 1 {
		t.Errorf("sent again: %d", status)
	}
}

// TestDrainBlocks lets nobody take lines: they are refused, not held.
func TestDrainBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDrain(t, io.Discard), &taker{block: true}
		if status := send(t, d, k, post(frame("a"), "Logplex-Frame-Id", "1")); status != 503 {
			t.Errorf("answered %d", status)
		}
		if got := d.Counts.Refused.Load(); got != 1 {
			t.Errorf("%d lines are refused, want 1", got)
		}
		released(t, d)
	})
}

func TestRepeatsAreBounded(t *testing.T) {
	var r repeats
	now := time.Unix(0, 0)
	for i := range maxRepeats + 1000 {
		if _, first := r.begin(newRequestID("a", "b", fmt.Sprint(i)), now); !first {
			t.Fatalf("request %d is a repetition", i)
		}
	}
	if len(r.known) > maxRepeats || len(r.order) > maxRepeats {
		t.Errorf("%d ids are kept", len(r.known))
	}
	if _, first := r.begin(newRequestID("a", "b", fmt.Sprint(maxRepeats)), now); first {
		t.Error("a fresh id was forgotten")
	}
	if _, first := r.begin(newRequestID("a", "b", "0"), now); !first {
		t.Error("the oldest id is still known")
	}
}

// pipes is a listener on connections within the test.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// TestDrainConnections looks at what goes over connections.
func TestDrainConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, k := newPipes(), &taker{}
		d, err := NewDrain("drain", listener, nil, testSources, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx, k.take) }()

		request := "POST /drain HTTP/1.1\r\nHost: a\r\nContent-Type: application/logplex-1\r\nLogplex-Drain-Token: " + testSources[0].Token +
			"\r\nContent-Length: 3\r\n\r\n1 x"
		answer := func(c net.Conn) string {
			go io.WriteString(c, request)
			var b strings.Builder
			for in := bufio.NewReader(c); !strings.HasSuffix(b.String(), "\r\n\r\n"); {
				l, err := in.ReadString('\n')
				if b.WriteString(l); err != nil {
					break
				}
			}
			return b.String()
		}
		c := listener.dial()
		first := answer(c)
		if !strings.HasPrefix(first, "HTTP/1.1 204 ") || !strings.Contains(first, "\r\ncontent-length: 0\r\n") || strings.Contains(first, "close") {
			t.Errorf("answered\n%s", first)
		}
		for i := 0; i*20 < int(drainAge/time.Second); i++ {
			time.Sleep(20 * time.Second)
			if i < 10 {
				answer(c)
			} else if got := answer(c); strings.Contains(got, "Connection: close") {
				break
			}
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a connection of five minutes is not closed: %v", err)
		}

		// Who says nothing, or says it slowly, is cut off.
		for name, said := range map[string]string{
			"idle": "", "headers": "POST /drain HTTP/1.1\r\nHost: a", "body": strings.TrimSuffix(request, "x"),
			"length": strings.Replace(request, "Content-Length: 3", "Content-Length: 1000000", 1),
		} {
			c := listener.dial()
			start := time.Now()
			go io.WriteString(c, said)
			io.Copy(io.Discard, c)
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("%s: cut off after %s", name, took)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainOverload sends far more than is taken: what was accepted is in the
// packs, and with what was refused it is all.
func TestDrainOverload(t *testing.T) {
	synctest.Test(t, testDrainOverload)
}

func testDrainOverload(t *testing.T) {
	listener := newPipes()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return listener.dial(), nil }}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	d, err := NewDrain("drain", listener, nil, testSources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d.memory.most = 200 << 10 // a few bodies
	o := &fakeOutput{partitions: 2, block: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Live{Inputs: []Input{d}}.Run(ctx, o) }()
	var sent, accepted, refused atomic.Int64
	var output sync.WaitGroup
	defer output.Wait()
	enough := make(chan struct{})
	defer close(enough)
	output.Go(func() { // it takes its time
		for {
			select {
			case o.block <- struct{}{}:
				time.Sleep(time.Millisecond)
			case <-enough:
				return
			}
		}
	})
	var wg sync.WaitGroup
	body := strings.Repeat(frame(routerLine+"\n"), 500)
	for range 16 {
		wg.Go(func() {
			for range 12 {
				r, _ := http.NewRequest("POST", "http://drain/logs", strings.NewReader(body))
				r.Header = post("").Header.Clone()
				r.Header.Set("Logplex-Msg-Count", "500")
				sent.Add(500)
				w, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				w.Body.Close()
				switch w.StatusCode {
				case 204:
					accepted.Add(500)
				case 503:
					refused.Add(500)
				default:
					t.Errorf("answered %d", w.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	c := &d.Counts
	if c.Accepted.Load() != accepted.Load() || c.Refused.Load() != refused.Load() || accepted.Load()+refused.Load() != sent.Load() {
		t.Errorf("accepted %d (clients say %d) + refused %d (%d), unsure %d: sent %d", c.Accepted.Load(), accepted.Load(),
			c.Refused.Load(), refused.Load(), c.Unsure.Load(), sent.Load())
	}
	if accepted.Load() == 0 || refused.Load() == 0 {
		t.Errorf("accepted %d, refused %d: no overload", accepted.Load(), refused.Load())
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := int64(len(o.lines())); got != accepted.Load() {
		t.Errorf("%d lines are in packs, %d were accepted", got, accepted.Load())
	}
}

func FuzzUnframe(f *testing.F) {
	f.Add([]byte(frame(routerLine+"\n") + frame("a\nb") + frame("")))
	f.Add([]byte("1000000000 x"))
	f.Add([]byte("-1 x"))
	f.Add([]byte("3 \n\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := string(body)
		set, err := unframe(body)
		if err != nil {
			return
		}
		if n := strings.Count(string(set.lines), "\n"); n != set.count || set.count > set.frames || set.lost < 0 {
			t.Fatalf("%q: %d lines in %d frames, counted %d", before, n, set.frames, set.count)
		}
		// The lines framed again are the same lines.
		var again []byte
		for l := range bytes.Lines(set.lines) {
			again = append(again, frame(string(l))...)
		}
		lines := string(set.lines)
		if set, err := unframe(again); err != nil || string(set.lines) != lines {
			t.Fatalf("%q: %q became %q: %v", before, lines, set.lines, err)
		}
	})
}

func BenchmarkDrain(b *testing.B) {
	d, err := NewDrain("drain", newPipes(), nil, testSources, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	acked := func(_ context.Context, batch Batch) error { batch.Acked(nil); return nil }
	handler := d.handler(b.Context(), acked)
	const lines = 1000
	body := strings.Repeat(frame(routerLine+"\n"), lines)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), post(body))
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
}

// TestRepeatsRestored: what positions say is known for what is left of the window, and
// the positions of what is not known any longer are given up.
func TestRepeatsRestored(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var before repeats
	before.restore(nil)
	positions := Positions{}
	for i, age := range []time.Duration{time.Minute, repeatWindow + time.Minute, 0} {
		id := newRequestID("shop", "token", fmt.Sprint(i))
		before.begin(id, now.Add(-age))
		maps.Copy(positions, before.position(id, now.Add(-age)))
	}
	positions["frame xyz"], positions["file 1:2"], positions[frameKeys+strings.Repeat("0", 32)] = []byte("1"), []byte("{}"), []byte("x")

	var after repeats
	after.restore(positions)
	for i, known := range []bool{true, false, true} {
		d, first := after.begin(newRequestID("shop", "token", fmt.Sprint(i)), now)
		if first == known {
			t.Errorf("request %d is known: %v, want %v", i, !first, known)
		}
		if known {
			<-d.done
		}
	}
	id := newRequestID("shop", "token", "1")
	after.gone = append(after.gone, newRequestID("shop", "token", "9"))
	got := after.position(id, now)
	if value, ok := got[newRequestID("shop", "token", "9").key()]; !ok || value != nil || got[id.key()] == nil {
		t.Errorf("the positions are %q", got)
	}
	if again := after.position(id, now); len(again) != 1 {
		t.Errorf("what is not needed was given up twice: %q", again)
	}
}
