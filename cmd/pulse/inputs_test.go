package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// addresses waits until a command has logged that its inputs listen, and returns
// where, by their names.
func (p *pulse) addresses(inputs int) map[string]string {
	p.t.Helper()
	logged := regexp.MustCompile(`input=(\S+) address=(\S+)`)
	found := map[string]string{}
	testkit.Eventually(p.t, fmt.Sprintf("%d inputs listen", inputs), func() error {
		for _, m := range logged.FindAllStringSubmatch(p.stderr.String(), -1) {
			found[m[1]] = m[2]
		}
		if len(found) < inputs {
			return fmt.Errorf("%d do: %s", len(found), p.stderr)
		}
		return nil
	})
	return found
}

// One ingester with every input, and what events.raw holds of each, with where it
// is from; and pulse tail, which prints some of it.
func TestInputs(t *testing.T) {
	t.Parallel()
	d := deploy(t, "", 2, 0)
	all := d.start("tail", "--log-level", "debug")
	some := d.start("tail", "--log-level", "debug", "--where", `source == "heroku" && status >= 500 && tier == "front end"`)
	requests := d.start("tail", "--log-level", "debug", "--stat", "requests-per-second")
	objects := d.start("tail", "--log-level", "debug", "--json", "--where", `remote == "127.0.0.1" && status >= 500`)
	for _, tail := range []*pulse{all, some, requests, objects} {
		tail.logs("from now on")
	}

	recording := writeFile(t, "recording.log", "2012-11-22T09:00:00Z aorta=1\n2012-11-22T09:00:00.5Z aorta=2\n")
	server := start(t, map[string]string{"AORTA_SECRET": "s3cret"}, nil, "replay", recording, "--serve-aorta", "127.0.0.1:0", "--original-times", "--speed", "1000")
	d.env["AORTA_URLS"], d.env["TOKEN"], d.env["PULSE_LOG_LEVEL"] = "aorta://s3cret@"+server.field("aorta"), "d.shop", "info"
	more := writeFile(t, "inputs.yaml", `
inputs:
  - drain: 127.0.0.1:0
    name: drains
    sources:
      - {name: shop, token: "${TOKEN}", fields: {tier: front end}}
  - syslog-tcp: 127.0.0.1:0
`)
	ingester := d.start("ingest", "--inputs", more, "--syslog-udp", "127.0.0.1:0", "--ops", "127.0.0.1:0")
	address := ingester.addresses(3)

	post := func(token, body string) int {
		r, err := http.NewRequest("POST", "http://"+address["drains"]+"/drain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/logplex-1")
		r.Header.Set("Logplex-Drain-Token", token)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		return w.StatusCode
	}
	router := func(status int) string {
		return fmt.Sprintf(`<158>1 %s host heroku router - at=info method=GET path="/" host=a.example.com connect=1ms service=2ms status=%d bytes=5`,
			time.Now().UTC().Format(time.RFC3339), status)
	}
	good, bad := router(200), router(503)
	if status := post("d.shop", fmt.Sprintf("%d %s%d %s", len(good), good, len(bad), bad)); status != http.StatusNoContent {
		t.Fatalf("the drain's request was answered with %d", status)
	}
	if status := post("d.stranger", "1 x"); status != http.StatusUnauthorized {
		t.Errorf("a stranger's request was answered with %d", status)
	}
	for network, name := range map[string]string{"tcp": "syslog-tcp", "udp": "syslog-udp"} {
		c, err := net.Dial(network, address[name])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "<13>1 - - app web.1 - "+network+"=1\n")
	}

	want := []string{
		"input=drains&drain=shop&drain_token=d.shop&remote=127.0.0.1&tier=front%20end " + good,
		"input=drains&drain=shop&drain_token=d.shop&remote=127.0.0.1&tier=front%20end " + bad,
		"input=syslog-tcp&remote=127.0.0.1 <13>1 - - app web.1 - tcp=1",
		"input=syslog-udp&remote=127.0.0.1 <13>1 - - app web.1 - udp=1",
		"input=aorta&remote=127.0.0.1 2012-11-22T09:00:00Z aorta=1",
		"input=aorta&remote=127.0.0.1 2012-11-22T09:00:00.5Z aorta=2",
	}
	testkit.Eventually(t, "events.raw holds the lines of all inputs", func() error {
		return lacks(attributedLines(t, d), want)
	})
	for _, l := range attributedLines(t, d) {
		if !slices.Contains(want, l) {
			t.Errorf("events.raw holds %q", l)
		}
	}
	for _, l := range want {
		_, l, _ := strings.Cut(l, " ")
		all.prints(l + "\n")
	}
	objects.prints("\n")
	for p, want := range map[*pulse]string{some: bad + "\n", requests: good + "\n" + bad + "\n"} {
		if p.prints(want); p.stdout.String() != want {
			t.Errorf("%s prints %q, want %q", p, p.stdout, want)
		}
	}
	var object struct {
		Clock, Ingester, Line string
		Origin                map[string]string
	}
	if err := json.Unmarshal([]byte(objects.stdout.String()), &object); err != nil || object.Line != bad || object.Ingester == "" ||
		object.Origin["tier"] != "front end" || object.Origin["remote"] != "127.0.0.1" {
		t.Errorf("tail --json prints %s (%v)", objects.stdout, err)
	}
	if _, err := time.Parse(time.RFC3339, object.Clock); err != nil {
		t.Error(err)
	}
	survey := d.start("fields", "--kafka", d.cluster.Brokers[0], "--last", "5m").succeed().stdout.String()
	for _, want := range []string{"6 lines\n", "tier", "count: lines"} {
		if !strings.Contains(survey, want) {
			t.Errorf("pulse fields --kafka prints %s, want it to have %q", survey, want)
		}
	}
	for _, p := range []*pulse{ingester, server} {
		for _, secret := range []string{"s3cret", "d.shop", "d.stranger"} {
			if strings.Contains(p.stderr.String(), secret) {
				t.Errorf("pulse %s logs %q", p.args[0], secret)
			}
		}
	}
	for _, p := range []*pulse{ingester, server, all, some, requests} {
		p.terminate()
	}
}

// Stats ask where lines come from, by receivers and mergers and in eval alike, and a
// line cannot say otherwise.
func TestStatsOfOrigins(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", `
stats:
  - {name: by-input, sum: n, by: input, over: 3600s}
  - {name: true-drains, rate: minute, where: input == "drain"}
`)
	d := deploy(t, file, 2, 1)
	text := func(ago time.Duration) string {
		at := time.Now().Add(-ago).UTC().Format(time.RFC3339)
		return fmt.Sprintf("time=%s n=1 input=drain\ntime=%[1]s n=2\n\ntime=%[1]s n=3 input=syslog\n", at)
	}
	start(t, d.env, strings.NewReader(text(60*time.Second)), "ingest", "--stdin").succeed()
	start(t, d.env, nil, "ingest", "--file", writeFile(t, "a.log", text(30*time.Second))).succeed()
	want := evaluate(t, d.env, "--raw")
	for stat, value := range map[string]string{
		"by-input":    `{"top":[{"key":"file","value":6},{"key":"stdin","value":6}],"other":0,"distinct":2}`,
		"true-drains": "0",
	} {
		if got := string(want.points[point{stat, want.last}].Value); got != value {
			t.Errorf("eval says that %s is %s, want %s", stat, got, value)
		}
	}
	follow(t, d.cluster, d.names).equals(want, 0)
}

// A source's format is named, and holds in eval and through Kafka alike.
func TestNamedFormat(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", "stats: [{name: unparsed, rate: minute, over: 3600s, where: unparsed}]\n")
	at := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	log := writeFile(t, "a.log", fmt.Sprintf("{\"time\":%q}\ntime=%s n=1\n{\"time\":%[1]q}\n", at, at))
	for format, value := range map[string]string{"json": "60", "logfmt": "120", "text": "0"} {
		alone := evaluate(t, nil, "--stats", file, "--format", format, log)
		if got := string(alone.points[point{"unparsed", alone.last}].Value); got != value {
			t.Errorf("of lines in %s eval says that %s are unparsed, want %s", format, got, value)
		}
	}
	d := deploy(t, file, 2, 1)
	start(t, d.env, nil, "ingest", "--file", log, "--format", "logfmt").succeed()
	raw := evaluate(t, d.env, "--raw")
	if got, want := string(raw.points[point{"unparsed", raw.last}].Value), "120"; got != want {
		t.Errorf("of lines in logfmt eval --raw says that %s are unparsed, want %s", got, want)
	}
	follow(t, d.cluster, d.names).equals(raw, 0)
}

// lacks is an error that names lines that are wanted and not there.
func lacks(got, want []string) error {
	var missing []string
	for _, l := range want {
		if !slices.Contains(got, l) {
			missing = append(missing, l)
		}
	}
	if missing != nil {
		return fmt.Errorf("%d lines and not %q", len(got), missing)
	}
	return nil
}

// attributedLines are those of events.raw, each after where it is from.
func attributedLines(t testing.TB, d *deployment) []string {
	t.Helper()
	var lines []string
	topicstest.Read(t, d.cluster, d.names.Raw(), func(r *kgo.Record) {
		if len(r.Value) == 0 {
			return
		}
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			t.Fatal(err)
		}
		left := strings.Split(string(r.Value), "\n")
		for _, run := range h.Runs() {
			for _, l := range left[:run.Lines] {
				lines = append(lines, string(run.From)+" "+l)
			}
			left = left[run.Lines:]
		}
		if len(left) > 0 {
			t.Fatalf("%d lines are of nowhere", len(left))
		}
	})
	return lines
}

func TestInputErrors(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inputs := func(text string) []string { return []string{"--inputs", writeFile(t, "inputs.yaml", text)} }
	env := map[string]string{"SECRET": "s3cret"}
	for _, test := range []struct {
		code int
		says []string
		args []string
	}{
		{2, []string{"--drain-sources"}, []string{"--drain", ":0"}},
		{2, []string{"drain-sources", "name=token"}, []string{"--drain", ":0", "--drain-sources", "name"}},
		{2, []string{"is for --drain"}, []string{"--drain-sources", "a=b"}},
		{2, []string{"stdin may send lines of the past", "syslog-tcp sends current lines", "a separate pulse ingest for each"}, []string{"--stdin", "--syslog-tcp", ":0"}},
		{2, []string{"stdin may send lines of the past", "syslog-tcp sends current lines"}, append(inputs("inputs: [{stdin: true}]"), "--syslog-tcp", ":0")},
		{2, []string{"input kafka", "a separate pulse ingest"}, []string{"--stdin", "--kafka-topic", "x"}},
		{2, []string{"input file", "a separate pulse ingest"}, []string{"--stdin", "--file", "x", "--follow"}},
		{2, []string{"--follow is for --file"}, []string{"--stdin", "--follow"}},
		{2, []string{"--kafka-field is for --kafka-topic"}, []string{"--stdin", "--kafka-field", "x"}},
		{2, []string{"--tls-cert is for --drain, --otlp, --otlp-grpc, --loki, --elasticsearch, --http-lines, --syslog-tls"}, []string{"--syslog-tcp", ":0", "--tls-cert", "x"}},
		{1, []string{"syslog-tcp", "in use", "choose another"}, []string{"--syslog-tcp", taken.Addr().String()}},
		{2, []string{"certificate"}, []string{"--syslog-tls", ":0"}},
		{1, []string{"missing.pem"}, []string{"--syslog-tls", ":0", "--tls-cert", "missing.pem", "--tls-key", "missing.pem"}},
		{1, []string{"aorta://secret@host:port"}, []string{"--aorta", "s3cret@a:1"}},
		{2, []string{"cannot read", "missing"}, []string{"--inputs", "missing"}},
		{2, []string{"0 inputs"}, inputs("")},
		{2, []string{"line 2", "drian"}, inputs("inputs:\n  - drian: :0")},
		{2, []string{"number 2", "one of"}, inputs("inputs: [{syslog-udp: ':0'}, {name: x}]")},
		{2, []string{"number 1", "syslog-udp", "syslog-tcp", "has one kind"}, inputs("inputs: [{syslog-udp: ':0', syslog-tcp: ':0'}]")},
		{2, []string{"unknown key \"input\"", "only key is inputs"}, inputs("input: [{syslog-udp: ':0'}]")},
		{2, []string{"number 1", "key: value"}, inputs("inputs: [syslog-udp]")},
		{2, []string{"number 1", "is empty"}, inputs("inputs: [{file: []}]")},
		{2, []string{"line 3", "format", "xml"}, inputs("inputs:\n- stdin: true\n  format: xml")},
		{2, []string{"line 1", "source", "tokn", "password"}, inputs("inputs: [{drain: ':0', sources: [{name: a, tokn: b}]}]")},
		{2, []string{"two inputs", "syslog-udp"}, inputs("inputs: [{syslog-udp: ':0'}, {syslog-udp: ':0'}]")},
		{2, []string{"ABSENT is not set"}, inputs("inputs: [{aorta: 'aorta://${ABSENT}@a:1'}]")},
		{1, []string{"neither token nor password"}, inputs("inputs: [{drain: '127.0.0.1:0', sources: [{name: a, user: u}]}]")},
		{2, []string{"aorta has no setting", "sources"}, inputs("inputs: [{aorta: 'aorta://${SECRET}@a:1', sources: [{name: a}]}]")},
		{2, []string{"syslog-tcp has no setting", "cert"}, inputs("inputs: [{syslog-tcp: ':0', cert: a, key: b}]")},
	} {
		p := start(t, env, nil, append([]string{"ingest"}, test.args...)...)
		p.fails(test.code, test.says...)
		if strings.Contains(p.stderr.String(), "s3cret") {
			t.Errorf("pulse ingest %q tells the secret: %s", test.args, p.stderr)
		}
	}
	refused(t, nil, 2, []string{"--aorta-secret"}, "replay", writeFile(t, "a.log", "x\n"), "--serve-aorta", "127.0.0.1:0")
	refused(t, nil, 2, []string{"give one"}, "tail", "--where", "a", "--stat", "b")
	refused(t, nil, 2, []string{"--where", "byte"}, "tail", "--where", "a ==")
	refused(t, nil, 2, []string{"--stat", "no stat"}, "tail", "--stat", "nosuch")
	cluster, prefix := topicstest.Cluster(t)
	refused(t, nil, 1, []string{"there is no topic", "pulse topics --create"}, "tail", "--kafka", cluster.Brokers[0], "--prefix", prefix)
}

// Files are followed in transactions: what reads events.raw sees what was committed,
// and gets past their ends.
func TestFollowInTransactions(t *testing.T) {
	t.Parallel()
	d := deploy(t, "", 2, 1)
	tail := d.start("tail")
	file := writeFile(t, "a.log", "")
	ingester := d.start("ingest", "--file", file, "--follow")
	grow := func(text string) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The first line may come before tail is there.
	testkit.Eventually(t, "tail prints lines", func() error {
		grow(time.Now().UTC().Format(time.RFC3339) + " a=1\n")
		if got := tail.stdout.String(); !strings.Contains(got, " a=1\n") {
			return fmt.Errorf("it printed %q", got)
		}
		return nil
	})
	closes(t, d.cluster, d.names)
	ingester.terminate()
	again := d.start("ingest", "--file", file, "--follow")
	grow(time.Now().UTC().Format(time.RFC3339) + " a=2\n")
	tail.prints(" a=2\n")
	again.terminate()

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if raw, want := evaluate(t, d.env, "--raw"), strings.Count(string(data), "\n"); raw.Lines != uint64(want) {
		t.Errorf("events.raw holds %d lines, the file %d", raw.Lines, want)
	}
}

// TestEndOfStdinLive: the seconds in which an ingester waits after the end of its input are
// stale in stats.merged and in eval alike.
func TestEndOfStdinLive(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	d := deploy(t, writeFile(t, "stats.yaml", "stats: [{name: lines, rate: second}]\n"), 2, 1)
	lines := fmt.Sprintf("time=%s n=1\n", time.Now().UTC().Format(time.RFC3339))
	start(t, d.env, strings.NewReader(lines), "ingest", "--stdin").succeed()
	follow(t, d.cluster, d.names).equals(evaluate(t, d.env, "--raw"), 0)
}
