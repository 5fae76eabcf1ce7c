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
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

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
	t       testing.TB
	args    []string
	stdout  *transcript
	stderr  *transcript
	stop    context.CancelFunc // what a SIGTERM does
	done    chan struct{}
	hangups chan os.Signal // what SIGHUP does
	code    int            // once done is closed
}

// start runs a command. It ends with the test, if it does not before.
func start(t testing.TB, env map[string]string, stdin io.Reader, args ...string) *pulse {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &pulse{t: t, args: args, stdout: &transcript{}, stderr: &transcript{}, stop: stop, done: make(chan struct{}), hangups: make(chan os.Signal)}
	// On a busy machine a member of a group may be silent for long.
	all := map[string]string{"PULSE_KAFKA_SESSION": "30s"}
	maps.Copy(all, env)
	e := &environment{
		Stdin: stdin, Stdout: p.stdout, Stderr: p.stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := all[name]; return v, ok }, Hangup: p.hangups,
	}
	go func() {
		defer close(p.done)
		p.code = e.main(ctx, args)
	}()
	t.Cleanup(func() {
		stop()
		<-p.done
		if t.Failed() {
			t.Logf("%s: exit code %d\n%s%s", p, p.code, p.stdout.end(), p.stderr.end())
		}
	})
	return p
}

func (p *pulse) String() string { return "pulse " + strings.Join(p.args, " ") }

// wait waits for the command's end and returns its exit code.
func (p *pulse) wait() int {
	p.t.Helper()
	testkit.Done(p.t, p.String()+" ends", p.done, func() error { return fmt.Errorf("it said\n%s%s", p.stdout, p.stderr) })
	return p.code
}

// succeed waits for the command's end, which must be a good one.
func (p *pulse) succeed() *pulse {
	p.t.Helper()
	if code := p.wait(); code != exitOK {
		p.t.Fatalf("%s: exit code %d\n%s", p, code, p.stderr)
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
func (p *pulse) field(name string) (word string) {
	p.t.Helper()
	testkit.Eventually(p.t, fmt.Sprintf("%s tells its %s", p, name), func() error {
		for line := range strings.Lines(p.stdout.String()) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
				word = fields[1]
				return nil
			}
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended with exit code %d before it told its %s\n%s", p, p.code, name, p.stderr)
		default:
		}
		return fmt.Errorf("it said %q", p.stdout)
	})
	return word
}

// prints waits until the command has printed a text.
func (p *pulse) prints(text string) {
	p.t.Helper()
	testkit.Eventually(p.t, fmt.Sprintf("%s prints %q", p, text), func() error {
		if got := p.stdout.String(); !strings.Contains(got, text) {
			return fmt.Errorf("it printed %q", got)
		}
		return nil
	})
}

// logs fails the test unless the command logs a text in time.
func (p *pulse) logs(text string) {
	p.t.Helper()
	testkit.Eventually(p.t, fmt.Sprintf("%s logs %q", p, text), func() error {
		if got := p.stderr.String(); !strings.Contains(got, text) {
			return fmt.Errorf("it logged %q", got)
		}
		return nil
	})
}

// answers fails unless a GET of the address is answered with 200.
func answers(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// ready waits until a GET of the address is answered with 200.
func ready(t testing.TB, url string) {
	t.Helper()
	testkit.Eventually(t, url+" answers", func() error { return answers(url) })
}

// A transcript is what a command has printed so far.
type transcript struct{ testkit.Transcript }

// end is the last of what was printed: all that a failed test's log needs.
func (o *transcript) end() string {
	const most = 2000
	text := o.String()
	if len(text) > most {
		text = "[…]" + text[len(text)-most:]
	}
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

// seconds takes a snapshot apart that passes an interval of seconds: how long it is
// depends on when its seconds closed.
func seconds(s stats.Snapshot) iter.Seq[stats.Snapshot] {
	return func(yield func(stats.Snapshot) bool) {
		for second := s.First(); second <= s.Time; second++ {
			one := s
			one.Time, one.Since = second, 0
			if s.StaleSince != 0 {
				one.StaleSince = second
			}
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
		if s.StaleSince == 0 {
			o.last = s.Time
		}
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

// pollTime is how long merged waits for records before it asks again whether it has
// what it waits for.
const pollTime = 100 * time.Millisecond

// until reads on until missing returns nil; it says what is not there yet.
func (m *merged) until(what string, missing func() error) {
	m.t.Helper()
	testkit.Eventually(m.t, what, func() error {
		ctx, cancel := context.WithTimeout(m.t.Context(), pollTime)
		defer cancel()
		m.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				m.t.Fatalf("%s partition %d offset %d: %v: %s", r.Topic, r.Partition, r.Offset, err, r.Value)
			}
			for s := range seconds(s) {
				m.add(s)
			}
		})
		return missing()
	})
}

// accountedFor waits until final points say of so many lines what became of them.
func (m *merged) accountedFor(lines uint64) {
	m.t.Helper()
	m.until("all lines are accounted for", func() error {
		if got := accountOf(m.t, finals(m)).Lines; got < lines {
			return fmt.Errorf("%d of %d lines", got, lines)
		}
		return nil
	})
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
// and compares what they say. It fails for final points that the oracle has not.
func (m *merged) equals(o *evaluation, shift int64) {
	m.t.Helper()
	if len(o.points) == 0 {
		m.t.Fatal("the oracle has no points")
	}
	m.until("every point of the oracle is final", func() error {
		for key := range o.points {
			if at := (point{key.stat, key.second + shift}); !m.points[at].Final {
				return fmt.Errorf("%v is not, among %d points of which the oracle has %d", at, len(m.points), len(o.points))
			}
		}
		return nil
	})
	for key, want := range o.points {
		got := m.points[point{key.stat, key.second + shift}]
		since := want.StaleSince
		if since != 0 {
			since += shift
		}
		if string(got.Value) != string(want.Value) || got.StaleSince != since || got.Version != want.Version || got.Covered != want.Covered || got.Of != want.Of {
			m.t.Errorf("%v is %s, eval says %s", key, got.AppendJSON(nil), want.AppendJSON(nil))
		}
	}
	for key, s := range m.points {
		if _, ok := o.points[point{key.stat, key.second - shift}]; !ok && s.Final &&
			!(s.StaleSince > o.last+shift) { // what a pipe's end leaves uncovered is after all that eval has
			m.t.Errorf("%v is final, and eval has no such point", key)
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
