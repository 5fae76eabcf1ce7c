package emit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/timing"
	"pulse/stats/value"
	"pulse/topics"
	"pulse/topics/topicstest"
)

func TestAppendPoints(t *testing.T) {
	for value, want := range map[string]string{
		`12.500000001`:               "s=12.500000001",
		`null`:                       "",
		`{"0.5":1,"0.99":2.5}`:       "s.0_5=1 s.0_99=2.5",
		`{"le":[10],"counts":[3,1]}`: "s.10=3 s.+Inf=1",
		`{"in":2,"late":0}`:          "s.in=2 s.late=0",
		`{"top":[{"key":"a.b","value":9.5},{"key":"c","value":1}],"other":3,"distinct":12}`:                   "s.a_b=9.5 s.c=1 s.other=3 s.distinct=12",
		`{"top":[{"key":"a","value":{"0.5":7}}],"other":null,"distinct":1}`:                                   "s.a.0_5=7 s.distinct=1",
		`{"top":[{"key":"a","value":0.5},{"key":"b","value":null,"dropped":true}],"other":null,"distinct":2}`: "s.a=0.5 s.distinct=2",
		`-0.25`:  "s=-0.25",
		`"text"`: "",
		`{`:      "",
	} {
		var got []string
		for _, p := range AppendPoints(nil, stats.Snapshot{Stat: "s", Time: 7, Value: json.RawMessage(value)}) {
			if p.Time != 7 {
				t.Errorf("%s: the time is %d", value, p.Time)
			}
			got = append(got, p.Metric+"="+string(p.Value))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
	many := `{"top":[` + strings.Repeat(`{"key":"a","value":1},`, 5000) + `{"key":"a","value":1}],"other":0,"distinct":5001}`
	if n := len(AppendPoints(nil, stats.Snapshot{Value: json.RawMessage(many)})); n != maxPoints {
		t.Errorf("a value of 5,003 numbers is %d points, want %d", n, maxPoints)
	}
}

// Of a run of seconds with one value its ends are sent, and with each number how much
// of its window is covered.
func TestRun(t *testing.T) {
	e := New(Config{Names: topics.Names{Version: "v"}})
	var got []Point
	for _, s := range []stats.Snapshot{
		{Stat: "s", Time: 7, Value: json.RawMessage("1"), Final: true, Version: "v", Covered: 3, Of: 10},
		{Stat: "s", Time: 90, Since: 8, Value: json.RawMessage("2"), Final: true, Version: "v"},
	} {
		got = appendFinal(e, got, &kgo.Record{Value: s.AppendJSON(nil), Timestamp: time.Unix(90, 0)})
	}
	want := []Point{{Metric: "s", Value: "1", Time: 7, Covered: 3, Of: 10}, {Metric: "s", Value: "2", Time: 8}, {Metric: "s", Value: "2", Time: 90}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestDocs: the table of outputs is made of their descriptions.
func TestDocs(t *testing.T) {
	testkit.Listed(t, "Outputs", "Output")
	var b strings.Builder
	b.WriteString("| output | variable | what is sent |\n| --- | --- | --- |\n")
	for _, o := range Outputs {
		settings := o.New().Settings()
		if len(settings) == 0 {
			t.Fatalf("the Output with the Doc %q has no Settings", o.Doc)
		}
		if o.Doc == "" {
			t.Errorf("the Output with the flag --%s lacks Doc: add it, then run make generate", settings[0].Flag)
		}
		var names, variables []string
		for _, s := range settings {
			name, _ := flag.UnquoteUsage(&flag.Flag{Name: s.Flag, Usage: s.Help})
			names = append(names, fmt.Sprintf("`--%s %s`", s.Flag, name))
			variable := s.Variable
			if variable == "" {
				variable = "PULSE_" + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
			}
			variables = append(variables, "`"+variable+"`")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(names, ", "), strings.Join(variables, ", "), o.Doc)
	}
	testkit.Generated(t, "../../docs/outputs.md", "outputs", b.String())
}

// TestPost: which answers are final.
func TestPost(t *testing.T) {
	status := 200
	var body, user string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		user, _, _ = r.BasicAuth()
		w.WriteHeader(status)
	}))
	defer server.Close()
	p, err := NewPost(strings.Replace(server.URL, "http://", "http://me:s3cret@", 1) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.String(), "s3cret") {
		t.Errorf("the place is called %s", p)
	}
	points := []Point{{Metric: "a", Value: "1.5", Time: 1353576694}, {Metric: "b", Value: "0", Time: 1353576694, Covered: 0, Of: 1}}
	for code, want := range map[int]string{200: "taken", 204: "taken", 302: "refused", 400: "refused", 401: "refused", 408: "again", 429: "again", 500: "again", 503: "again"} {
		status = code
		got := "again"
		switch err := p.Send(t.Context(), points); {
		case err == nil:
			got = "taken"
		case errors.Is(err, ErrRefused):
			got = "refused"
		}
		if got != want {
			t.Errorf("after %d the points are %s, want %s", code, got, want)
		}
	}
	const want = `[{"metric":"a","value":1.5,"measure_time":1353576694,"measure_period":60},{"metric":"b","value":0,"measure_time":1353576694,"measure_period":60,"covered":0,"of":1}]`
	if body != want || user != "me" {
		t.Errorf("the body is %s of user %q, want %s of me", body, user, want)
	}
	server.Close()
	if err := p.Send(t.Context(), points); err == nil || errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("without a server: %v", err)
	}
	for _, bad := range []string{"", "localhost:80", "ftp://a/b", "http://", "http://me:s3cret@a:b:c/"} {
		if _, err := NewPost(bad); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("NewPost(%q): %v", bad, err)
		}
	}
}

// TestGraphite goes on after the server has closed the connection.
func TestGraphite(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	lines := make(chan string, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l, _ := bufio.NewReader(conn).ReadString('\n')
			conn.Close() // after one line
			lines <- l
		}
	}()
	g, err := NewGraphite(listener.Addr().String(), "team-a.pulse.")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := g.Send(t.Context(), []Point{{Metric: "by host/a b.x_y", Value: value.Number(fmt.Sprint(i, ".5")), Time: 1353576694}}); err != nil {
			t.Fatal(err)
		}
		if got, want := <-lines, fmt.Sprintf("team-a.pulse.by_host_a_b.x_y %d.5 1353576694\n", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for address, prefix := range map[string]string{"localhost": "", ":2003": "", "localhost:2003": "a b"} {
		if _, err := NewGraphite(address, prefix); err == nil {
			t.Errorf("NewGraphite(%q, %q) succeeds", address, prefix)
		}
	}
}

// fakeSender notes what it is sent, unless it fails.
type fakeSender struct {
	mu   sync.Mutex
	err  error
	sent []string
}

func (f *fakeSender) String() string { return "fake" }
func (f *fakeSender) Send(_ context.Context, points []Point) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	for _, p := range points {
		f.sent = append(f.sent, fmt.Sprintf("%s@%d=%s", p.Metric, p.Time, p.Value))
	}
	return nil
}

func (f *fakeSender) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeSender) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.sent, " ")
}

// until waits until what was sent is as it should be.
func (f *fakeSender) until(t *testing.T, what string, is func(text string) bool) {
	t.Helper()
	testkit.Eventually(t, what, func() error {
		if text := f.text(); !is(text) {
			return fmt.Errorf("%q was sent", text)
		}
		return nil
	})
}

// TestQueue: a sender that fails gets the newest points when it is back; each point is
// counted once.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSender{err: errors.New("away")}
		q := &queue{sender: f, log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1)}
		ended := make(chan struct{})
		go func() { q.run(t.Context()); close(ended) }()
		const portions, each = 300, 1000
		done := 0
		for i := range portions {
			points := make([]Point, each)
			for j := range points {
				points[j] = Point{Metric: "a", Value: "1", Time: int64(i)}
			}
			q.put(points, func() { done++ })
			time.Sleep(time.Second)
		}
		if w := q.counts.Waiting.Load(); w > maxWaiting+each || w < maxWaiting {
			t.Errorf("%d points wait, the bound is %d", w, maxWaiting)
		}
		f.fail(nil)
		time.Sleep(mostPause + maxWaiting/maxBatch*every)
		f.fail(fmt.Errorf("%w: no", ErrRefused))
		q.put(make([]Point, 3), func() { done++ })
		q.end()
		<-ended
		sent, dropped, refused := q.counts.Sent.Load(), q.counts.Dropped.Load(), q.counts.Refused.Load()
		if sent+dropped != portions*each || refused != 3 || q.counts.Waiting.Load() != 0 || done != portions+1 {
			t.Errorf("%d sent, %d dropped, %d refused, %d wait, and %d portions are done", sent, dropped, refused, q.counts.Waiting.Load(), done)
		}
		if int64(len(f.sent)) != sent || f.sent[sent-1] != "a@299=1" {
			t.Errorf("%d points came, the last is %s", len(f.sent), f.sent[len(f.sent)-1])
		}
	})
}

// TestEmitter: final values of one definitions version, each once, and after a restart from
// where it was.
func TestEmitter(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 2)
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.DefaultProduceTopic(names.Merged()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	publish := func(snapshots ...stats.Snapshot) {
		t.Helper()
		for _, s := range snapshots {
			record := &kgo.Record{Key: []byte(s.Stat), Value: s.AppendJSON(nil)}
			if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	final := func(second int64, revision int, value string) stats.Snapshot {
		return stats.Snapshot{Stat: "a", Time: second, Value: json.RawMessage(value), Revision: revision, Final: true, Version: "g"}
	}
	begin := func(f *fakeSender) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		e := New(Config{Cluster: cluster, Names: names, Senders: []Sender{f}, Logger: slog.New(slog.DiscardHandler)})
		go func() { ended <- e.Run(ctx) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	first := &fakeSender{}
	stop := begin(first)
	// It begins with what comes when it is there.
	second := int64(100)
	first.until(t, "a point comes", func(text string) bool {
		if text == "" {
			second++
			publish(final(second, 0, "0"))
		}
		return text != ""
	})
	first.until(t, "all do", func(text string) bool { return strings.HasSuffix(text, fmt.Sprintf("a@%d=0", second)) })
	before := first.text()
	old := final(second+2, 9, "7")
	old.Version = "other"
	open := final(second+2, 0, "7")
	open.Final = false
	publish(old, open, final(second+1, 1, "1"), final(second+1, 1, "1"), final(second+1, 0, "7"), final(second, 0, "7"),
		final(second+1, 2, "2"), final(second+2, 0, "3"))
	want := fmt.Sprintf(" a@%d=1 a@%d=2 a@%d=3", second+1, second+1, second+2)
	first.until(t, "what is new comes", func(text string) bool { return len(text) >= len(before+want) })
	if got := first.text(); got != before+want {
		t.Errorf("got %q, want %q", got[len(before):], want)
	}
	stop()
	publish(final(second+3, 0, "4"))
	again := &fakeSender{}
	stop = begin(again)
	want = fmt.Sprintf("a@%d=4", second+3)
	again.until(t, "what was published meanwhile comes", func(text string) bool { return text != "" })
	if got := again.text(); got != want {
		t.Errorf("after a restart got %q, want %q", got, want)
	}
	stop()

	// Those of other definitions go on where these were.
	names.Version = "h"
	changed := final(second+4, 0, "5")
	changed.Version = "h"
	publish(changed)
	other := &fakeSender{}
	stop = begin(other)
	want = fmt.Sprintf("a@%d=5", second+4)
	other.until(t, "what other definitions published meanwhile comes", func(text string) bool { return text != "" })
	if got := other.text(); got != want {
		t.Errorf("by other definitions got %q, want %q", got, want)
	}
	stop()
}

// TestBeyond: a point of the year 9999 is left out and counted; one that is some
// hours ahead, which may be a clock's, does not keep back what comes after it.
func TestBeyond(t *testing.T) {
	e := New(Config{Names: topics.Names{Version: "g"}, Logger: slog.New(slog.DiscardHandler)})
	const start = 1_700_000_000
	var sent []int64
	for _, second := range []int64{start, timing.LastSecond, start + 1, start + 20_000, start + 2, start + 1, start + 3} {
		s := stats.Snapshot{Stat: "a", Time: second, Value: json.RawMessage("1"), Final: true, Version: "g"}
		for _, p := range appendFinal(e, nil, &kgo.Record{Value: s.AppendJSON(nil), Timestamp: time.Unix(start, 0)}) {
			sent = append(sent, p.Time-start)
		}
	}
	if want := []int64{0, 1, 20_000, 2, 3}; !slices.Equal(sent, want) || e.Beyond() != 1 {
		t.Errorf("sent are %v, %d were left out; want %v and 1", sent, e.Beyond(), want)
	}
}

// appendFinal appends what a record says that is final.
func appendFinal(e *Emitter, points []Point, r *kgo.Record) []Point {
	s, ok := e.final(r)
	if !ok {
		return points
	}
	return appendAll(points, s)
}
