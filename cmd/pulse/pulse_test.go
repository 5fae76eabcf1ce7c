package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// patience is how long a test waits for what must come. Nothing takes a tenth of
// it on an idle machine.
const patience = 60 * time.Second

// everyKind has each kind of stat over what a mixed recording holds: integers and
// fractions, few and many distinct values, short and long windows.
const everyKind = `
lateness: %s
define:
  router: source == "heroku" && ps == "router"
  nginx: source == "nginx" && http_status != nil
stats:
  - {name: lines, rate: second, over: 1s}
  - {name: unparsed, rate: minute, where: unparsed}
  - {name: requests, rate: second, where: router}
  - {name: errors, rate: minute, where: router && status >= 500}
  - {name: bytes, sum: bytes, where: router, over: 1s}
  - {name: revenue, sum: amount}
  - {name: order, mean: amount, over: 10s}
  - {name: order-min, min: amount, over: 10s}
  - {name: order-max, max: amount}
  - {name: duration, mean: duration}
  - {name: wait, quantiles: wait, over: 10s}
  - {name: service, quantiles: service, at: [0.5, 0.95, 0.99], where: router}
  - {name: nginx-bytes, quantiles: http_bytes, at: [0.001, 0.5, 0.999, 1], where: nginx}
  - {name: hosts, unique: host, where: router}
  - {name: paths, unique: path, where: router}
  - {name: clients, unique: http_host, where: nginx}
pages:
  - title: All
    rows: [[lines, requests, service]]
`

// recordingStart is when the recordings of these tests begin.
var recordingStart = time.Date(2012, 11, 22, 9, 0, 0, 0, time.UTC)

// writeFile writes a file of the test's own and returns its path.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// record writes a recording and returns its path.
func record(t testing.TB, o traffic.Options) string {
	t.Helper()
	var b bytes.Buffer
	if o.Start.IsZero() {
		o.Start = recordingStart
	}
	if err := traffic.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "recording.log", b.String())
}

// A pulse is a command that runs within the test as it would by itself.
type pulse struct {
	t      testing.TB
	args   []string
	stdout *transcript
	stderr *transcript
	stop   context.CancelFunc // what a SIGTERM does
	done   chan struct{}
	code   int // once done is closed
}

// start runs a command. It ends with the test, if it does not before.
func start(t testing.TB, env map[string]string, stdin io.Reader, args ...string) *pulse {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &pulse{t: t, args: args, stdout: newTranscript(), stderr: newTranscript(), stop: stop, done: make(chan struct{})}
	env = maps.Clone(env)
	e := &environment{
		Stdin: stdin, Stdout: p.stdout, Stderr: p.stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	go func() {
		defer close(p.done)
		p.code = e.main(ctx, args)
	}()
	t.Cleanup(func() {
		stop()
		<-p.done
		if t.Failed() {
			t.Logf("pulse %s: exit code %d\n%s%s", strings.Join(args, " "), p.code, p.stdout, p.stderr)
		}
	})
	return p
}

// wait waits for the command's end and returns its exit code.
func (p *pulse) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("pulse %s has not ended after %v", strings.Join(p.args, " "), patience)
	}
	return p.code
}

// succeed waits for the command's end, which must be a good one.
func (p *pulse) succeed() *pulse {
	p.t.Helper()
	if code := p.wait(); code != exitOK {
		p.t.Fatalf("pulse %s: exit code %d\n%s", strings.Join(p.args, " "), code, p.stderr)
	}
	return p
}

// terminate ends the command as a SIGTERM would and waits for a good end.
func (p *pulse) terminate() {
	p.t.Helper()
	p.stop()
	p.succeed()
}

// field waits until the command has printed a line that begins with name, and
// returns the word after it.
func (p *pulse) field(name string) string {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		text, changed := p.stdout.read()
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
				return fields[1]
			}
		}
		select {
		case <-changed:
		case <-p.done:
			p.t.Fatalf("pulse %s ended with exit code %d before it told its %s\n%s", strings.Join(p.args, " "), p.code, name, p.stderr)
		case <-deadline:
			p.t.Fatalf("pulse %s has not told its %s", strings.Join(p.args, " "), name)
		}
	}
}

// eventually waits until the function reports true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answers reports whether a GET of the address is answered with 200.
func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// A transcript is what a command has printed so far.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed at the next write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (o *transcript) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(b)
}

func (o *transcript) read() (text string, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

func (o *transcript) String() string {
	text, _ := o.read()
	return text
}

// A point is what a snapshot is about.
type point struct {
	stat   string
	second int64
}

func (p point) String() string {
	return fmt.Sprintf("%s at %s", p.stat, time.Unix(p.second, 0).UTC().Format(time.TimeOnly))
}

// seconds takes a snapshot apart that passes a interval of stale seconds: how long
// a interval is depends on when its seconds closed.
func seconds(s stats.Snapshot) iter.Seq[stats.Snapshot] {
	return func(yield func(stats.Snapshot) bool) {
		if s.StaleSince == 0 {
			yield(s)
			return
		}
		for second := s.StaleSince; second <= s.Time; second++ {
			one := s
			one.Time, one.StaleSince = second, second
			if !yield(one) {
				return
			}
		}
	}
}

// An account is the last line that eval writes to standard error.
type account struct {
	Lines, Counted, Late, Unreadable uint64
}

// An evaluation is what `pulse eval` says.
type evaluation struct {
	account
	points map[point]stats.Snapshot
	first  int64
	last   int64
	stderr string
}

// evaluate runs `pulse eval`.
func evaluate(t testing.TB, env map[string]string, args ...string) *evaluation {
	t.Helper()
	p := start(t, env, nil, append([]string{"eval"}, args...)...).succeed()
	o := &evaluation{points: map[point]stats.Snapshot{}, first: -1, stderr: p.stderr.String()}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &o.account); err != nil {
		t.Fatalf("eval's account is %q: %v", lines[len(lines)-1], err)
	}
	for scanner := bufio.NewScanner(strings.NewReader(p.stdout.String())); scanner.Scan(); {
		var s stats.Snapshot
		if err := json.Unmarshal(scanner.Bytes(), &s); err != nil {
			t.Fatalf("eval printed %q: %v", scanner.Text(), err)
		}
		for s := range seconds(s) {
			o.points[point{s.Stat, s.Time}] = s
		}
		if o.first < 0 {
			o.first = s.Time
		}
		o.last = s.Time
	}
	return o
}

// A merged is what the topic stats.merged says: of each point the highest
// revision, with what was final if that was said of any.
type merged struct {
	t      testing.TB
	client *kgo.Client
	points map[point]stats.Snapshot
}

// follow reads stats.merged from its start.
func follow(t testing.TB, cluster topics.Cluster, names topics.Names) *merged {
	t.Helper()
	client, err := kgo.NewClient(append(cluster.ClientOptions("pulse-test"), kgo.ConsumeTopics(names.Merged()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &merged{t, client, map[point]stats.Snapshot{}}
}

// until reads on until done reports true; it is asked after each batch.
func (m *merged) until(what string, done func() bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	for !done() {
		fetches := m.client.PollFetches(ctx)
		if ctx.Err() != nil {
			m.t.Fatalf("not after %v: %s (%d points)", patience, what, len(m.points))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				m.t.Fatalf("%s partition %d offset %d: %v: %s", r.Topic, r.Partition, r.Offset, err, r.Value)
			}
			for s := range seconds(s) {
				m.add(s)
			}
		})
	}
}

func (m *merged) add(s stats.Snapshot) {
	key := point{s.Stat, s.Time}
	before, ok := m.points[key]
	switch {
	case !ok || s.Revision > before.Revision:
		m.points[key] = s
	case s.Revision == before.Revision:
		if string(s.Value) != string(before.Value) {
			m.t.Errorf("%v has two values at revision %d: %s and %s", key, s.Revision, before.Value, s.Value)
		}
		s.Final = s.Final || before.Final
		m.points[key] = s
	}
}

// equals waits for every point of an oracle, as many seconds later, to be final,
// and compares the values. It fails for final points that the oracle has not.
func (m *merged) equals(o *evaluation, shift int64) {
	m.t.Helper()
	if len(o.points) == 0 {
		m.t.Fatal("the oracle has no points")
	}
	m.until("every point of the oracle is final", func() bool {
		for key := range o.points {
			if !m.points[point{key.stat, key.second + shift}].Final {
				return false
			}
		}
		return true
	})
	for key, want := range o.points {
		got := m.points[point{key.stat, key.second + shift}]
		since := want.StaleSince
		if since != 0 {
			since += shift
		}
		if string(got.Value) != string(want.Value) || got.StaleSince != since || got.Version != want.Version {
			m.t.Errorf("%v is %s, eval says %s", key, got.AppendJSON(nil), want.AppendJSON(nil))
		}
	}
	for key, s := range m.points {
		if key.second > o.last+shift && s.Final {
			m.t.Errorf("%v is final, and after the last second", key)
		}
	}
}

// accountOf adds up the internal stat.
func accountOf(t testing.TB, points map[point]stats.Snapshot) account {
	t.Helper()
	var sum account
	for key, s := range points {
		if key.stat != stats.LinesStat || string(s.Value) == "null" {
			continue
		}
		var of struct{ In, Counted, Late, Unreadable uint64 }
		if err := json.Unmarshal(s.Value, &of); err != nil {
			t.Fatalf("%s: %v", s.Value, err)
		}
		sum.Lines += of.In
		sum.Counted += of.Counted
		sum.Late += of.Late
		sum.Unreadable += of.Unreadable
	}
	return sum
}

// rawLines reads the lines that events.raw holds now.
func rawLines(t testing.TB, cluster topics.Cluster, names topics.Names) []string {
	t.Helper()
	var lines []string
	topicstest.Read(t, cluster, names.Raw(), func(r *kgo.Record) {
		if len(r.Value) > 0 {
			lines = append(lines, strings.Split(string(r.Value), "\n")...)
		}
	})
	return lines
}

// namesOf are those of the topics for a definitions file.
func namesOf(t testing.TB, prefix, file string) topics.Names {
	t.Helper()
	s := statsFlag{file: file, env: &environment{LookupEnv: os.LookupEnv}}
	d, err := s.load()
	if err != nil {
		t.Fatal(errors.Join(err))
	}
	return topics.Names{Prefix: prefix, Version: d.Version()}
}

// A running is a `pulse run`.
type running struct {
	*pulse
	url     string
	cluster topics.Cluster
	names   topics.Names
}

// startRun starts `pulse run` on free ports; with file empty the built-in
// definitions serve, with dir empty the broker keeps its data in memory.
func startRun(t testing.TB, file, dir string, stdin io.Reader, args ...string) *running {
	t.Helper()
	args = append([]string{"run", "--http", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--data-dir", dir, "--stats", file, "--log-level", "warn"}, args...)
	r := &running{pulse: start(t, nil, stdin, args...), names: namesOf(t, "", file)}
	r.url = r.field("dashboard")
	r.cluster = topics.Cluster{Brokers: []string{r.field("kafka")}}
	return r
}

// env lets other commands use the run's broker.
func (r *running) env(file string) map[string]string {
	return map[string]string{"KAFKA_URL": r.cluster.Brokers[0], "PULSE_STATS": file}
}
