package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/topics/topicstest"
)

// refused runs a command that must fail with an exit code and say certain things
// on standard error, and nothing on standard output.
func refused(t *testing.T, env map[string]string, code int, says []string, args ...string) {
	t.Helper()
	start(t, env, strings.NewReader("a line\n"), args...).fails(code, says...)
}

// fails waits for an end as refused wants it.
func (p *pulse) fails(code int, says ...string) {
	p.t.Helper()
	if got := p.wait(); got != code {
		p.t.Errorf("%s: exit code %d, want %d", p, got, code)
	}
	for _, want := range says {
		if !strings.Contains(p.stderr.String(), want) {
			p.t.Errorf("%s says nothing about %q:\n%s", p, want, p.stderr)
		}
	}
	// At most a heading and a line for each of the topics.
	if n := strings.Count(p.stderr.String(), "\n"); n > 12 {
		p.t.Errorf("%s says it in %d lines:\n%s", p, n, p.stderr)
	}
	if text := p.stdout.String(); text != "" {
		p.t.Errorf("%s prints %q", p, text)
	}
}

func TestCommandLineErrors(t *testing.T) {
	t.Parallel()
	wrong := writeFile(t, "wrong.yaml", "lateness: 2s\nstats:\n  - name: a\n    rate: hour\n  - name: b\n    maen: x\n")
	atOnce := writeFile(t, "recording.yaml", "lateness: 0s\nstats: [{name: lines, rate: second}]\n")
	missing := filepath.Join(t.TempDir(), "missing")
	recording := writeFile(t, "a.log", "2012-11-22T09:00:00Z a\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	inUse := []string{port, "in use", "choose another"}
	memory := func(args ...string) []string {
		return append([]string{"run", "--data-dir", "", "--http", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0"}, args...)
	}
	type env = map[string]string
	for _, test := range []struct {
		code int
		env  env
		args []string
		says []string
	}{
		{2, nil, []string{"nope"}, []string{`"nope"`, "pulse help"}},
		{2, nil, []string{"run", "--nope"}, []string{"not defined: --nope", "pulse run --help"}},
		{2, nil, []string{"run", "file.log"}, []string{`"file.log"`, "--replay file.log", "--file file.log --follow"}},
		{2, nil, []string{"receive", "--kafka", ""}, []string{"no broker is given", "localhost:9092"}},
		{2, nil, []string{"receive", "--kafka-session", "1s"}, []string{"--kafka-session", "from 6s"}},
		{2, nil, []string{"replay", "--kafka-compression", "gzip", "log"}, []string{"--kafka-compression", "lz4, none, snappy, zstd"}},
		{2, nil, []string{"receive", "--kafka", "http://a"}, []string{`"http://a"`, "host:port"}},
		{2, nil, []string{"merge", "--prefix", "a/b"}, []string{`"a/b"`, `'/'`}},
		{2, nil, []string{"eval", "--raw", "--prefix", "a/b"}, []string{`"a/b"`, `'/'`}},
		{2, nil, []string{"web", "--http", "8080"}, []string{"--http", `"8080"`, "host:port"}},
		{2, nil, []string{"web", "--http", ":80800"}, []string{"--http", "65535"}},
		{2, nil, []string{"web", "--http-auth", "me"}, []string{"--http-auth", "user:password"}},
		{2, nil, []string{"web", "--http-url", "pulse.example.com"}, []string{"--http-url", "https://host"}},
		{2, nil, []string{"web", "--http-session", "12"}, []string{"http-session", "1h30m"}},
		{1, nil, []string{"web", "--http-auth", "a:b", "--http-session", "1000h"}, []string{"1000h", "720h"}},
		{2, nil, []string{"topics", "--grow", "0"}, []string{"grow", "write a number from 1 to"}},
		{2, nil, []string{"topics", "--grow", "x"}, []string{"grow", "write a number from 1 to"}},
		{2, nil, []string{"web", "--http-session", "8h"}, []string{"--http-session", "--http-token-file", "--oidc-issuer"}},
		{2, nil, []string{"web", "--http-share-key", "0123456789abcdef"}, []string{"--http-share-key", "--http-tokens", "--oidc-issuer"}},
		{1, nil, []string{"web", "--http-token-file", "/nowhere/tokens"}, []string{"cannot read the tokens", "/nowhere/tokens"}},
		{2, nil, []string{"web", "--allow-edit"}, []string{"--http-auth", "--http-token-file"}},
		{2, nil, []string{"web", "--oidc-client-id", "x"}, []string{"need --oidc-issuer"}},
		{2, nil, []string{"web", "--oidc-issuer", "login.example.com"}, []string{"https://host", "/.well-known/openid-configuration"}},
		{2, nil, []string{"web", "--oidc-issuer", "https://x/.well-known/openid-configuration"}, []string{"the address before"}},
		{2, nil, []string{"web", "--oidc-issuer", "https://x"}, []string{"--oidc-client-id"}},
		{2, nil, []string{"web", "--oidc-issuer", "https://x", "--oidc-client-id", "x"}, []string{"--http-url", "/login/callback"}},
		{2, nil, []string{"web", "--oidc-issuer", "https://x", "--oidc-client-id", "x", "--http-url", "https://p"}, []string{"--oidc-role", "edit=sre"}},
		{2, nil, []string{"web", "--oidc-issuer", "https://x", "--oidc-client-id", "x", "--http-url", "https://p", "--oidc-role", "admin=sre"}, []string{"--oidc-role", "admin=sre"}},
		{2, nil, []string{"web", "--log-format", "xml"}, []string{"--log-format", "text or json"}},
		{2, nil, []string{"web", "--log-level", "loud"}, []string{"log-level", "loud"}},
		{2, nil, []string{"ingest"}, []string{"nothing to read", "--stdin", "--file"}},
		{2, nil, []string{"ingest", "--file", ""}, []string{"file", "empty"}},
		{2, nil, []string{"replay"}, []string{"no recording"}},
		{2, nil, []string{"replay", "--speed", "fast", recording}, []string{"speed", "fast", "or max"}},
		{2, nil, []string{"replay", "--speed", "0", recording}, []string{"speed", "0.001"}},
		{2, nil, []string{"replay", "--speed", "max", "--loop", recording}, []string{"--loop", "--speed"}},
		{2, nil, memory("--loop"), []string{"--loop", "--replay"}},
		{2, nil, memory("--file", "a", "--syslog-udp", ":0"), []string{"lines of the past"}},
		{2, nil, []string{"topics", "--partitions", "65"}, []string{"--partitions", "64"}},
		{2, nil, []string{"topics", "--replication", "-1"}, []string{"--replication"}},
		{2, nil, []string{"eval", "--lateness", "1500ms", recording}, []string{"--lateness", "whole"}},
		{2, nil, []string{"eval", "--lateness", "2", recording}, []string{"--lateness", "2s"}},
		{2, nil, []string{"eval", "--lateness", "-5s", recording}, []string{"--lateness", "from 0s"}},
		{2, env{"PULSE_LATENESS": "2h"}, []string{"eval", recording}, []string{"$PULSE_LATENESS", "to 1h"}},
		{2, nil, []string{"eval", "--log-format", "xml", recording}, []string{"--log-format", "text or json"}},
		{2, nil, []string{"ingest", "--stdin", "--format", "xml"}, []string{"--format", `"xml"`, "json, "}},
		{2, nil, []string{"ingest", "--syslog-udp", ":0", "--format", "json"}, []string{"--format", "--stdin"}},
		{2, nil, []string{"ingest", "--stdin", "--zone", "CEST"}, []string{"--zone", `"CEST"`, "Europe/Berlin"}},
		{2, nil, []string{"eval", "--raw", "--format", "json"}, []string{"--format", "events.raw"}},
		{2, nil, []string{"eval", "--raw", recording}, []string{"--raw", recording}},
		{2, nil, []string{"validate"}, []string{"one definitions file"}},
		{2, nil, []string{"health"}, []string{"one URL"}},
		{2, env{"PULSE_SPEED": "fast"}, []string{"replay", recording}, []string{"$PULSE_SPEED", "fast"}},
		{2, env{"PULSE_LOOP": "maybe"}, []string{"run"}, []string{"$PULSE_LOOP", "maybe"}},
		{2, env{"KAFKA_URL": "http://a"}, []string{"receive"}, []string{`"http://a"`}},

		{3, nil, []string{"validate", wrong}, []string{wrong + ":4:11: ", wrong + ":6:5: ", "maen", "did you mean mean?"}},
		{3, nil, []string{"eval", "--stats", wrong, recording}, []string{wrong + ":4:11: "}},
		{3, nil, memory("--stats", wrong), []string{wrong + ":4:11: "}},
		{3, env{"PULSE_STATS": wrong}, []string{"receive"}, []string{wrong + ":4:11: "}},
		{3, env{"PULSE_STATS": wrong}, []string{"merge"}, []string{wrong + ":4:11: "}},
		{3, env{"PULSE_STATS": wrong}, []string{"web"}, []string{wrong + ":4:11: "}},
		{3, env{"PULSE_STATS": wrong}, []string{"topics"}, []string{wrong + ":4:11: "}},
		{3, env{"PULSE_STATS": wrong}, []string{"ingest", "--stdin"}, []string{wrong + ":4:11: "}},
		{3, nil, []string{"validate", missing}, []string{missing, "no such file"}},
		{3, nil, memory("--stats", missing), []string{missing, "no such file"}},
		{3, nil, []string{"ingest", "--stdin", "--stats", atOnce}, []string{atOnce, "lateness: 0s is for recordings only: live lines need at least 1s"}},
		{3, nil, memory("--stats", atOnce), []string{atOnce, "lateness: 0s is for recordings only: live lines need at least 1s"}},

		{1, nil, []string{"eval", missing}, []string{"cannot read the log " + missing + ": no such file"}},
		{2, nil, []string{"eval", "--undated", "ignore", recording}, []string{"--undated", "count or refuse"}},
		{1, nil, []string{"replay", missing}, []string{missing, "no such file"}},
		{1, nil, memory("--replay", missing), []string{missing, "no such file"}},
		{1, nil, []string{"replay", filepath.Dir(recording)}, []string{"is a directory"}},
		{1, nil, memory("--http", port), append(inUse, "--http")},
		{1, nil, memory("--kafka-listen", port), append(inUse, "--kafka-listen")},
		{1, nil, memory("--kafka-listen", "0.0.0.0:9092"), []string{"has no host", "localhost:9092"}},
		{1, nil, memory("--data-dir", recording), []string{recording, "not a directory", "--data-dir"}},
		{1, nil, []string{"health", "http://" + port + "/", "--timeout", "10ms"}, []string{port}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) { refused(t, test.env, test.code, test.says, test.args...) })
	}
}

// A log most of whose lines have no time is warned of, or refused, by whatever reads it.
func TestUndatedLogs(t *testing.T) {
	t.Parallel()
	log := writeFile(t, "undated.log", "hello there\nn=1\ntime=2012-11-22T09:31:34Z n=1\n")
	file := writeFile(t, "stats.yaml", "stats: [{name: lines, rate: second}]\n")
	for _, args := range [][]string{
		{"eval", "--stats", file, log},
		{"run", "--stats", file, "--data-dir", "", "--http", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--speed", "max", "--replay", log},
	} {
		t.Run(args[0], func(t *testing.T) {
			p := start(t, nil, nil, append(args, "--undated", "refuse")...)
			if got := p.wait(); got != 1 {
				t.Errorf("%s: exit code %d, want 1", p, got)
			}
			if got := p.stdout.String(); args[0] == "eval" && got != "" {
				t.Errorf("%s prints\n%s", p, got)
			}
			for _, want := range []string{"pulse " + args[0] + ": 2 of 3 lines of " + log + " have no time", `"hello there"`, "docs/formats.md"} {
				if !strings.Contains(p.stderr.String(), want) {
					t.Errorf("%s says nothing of %q:\n%s", p, want, p.stderr)
				}
			}
		})
	}
	p := start(t, nil, nil, "eval", "--stats", file, log).succeed()
	if n := strings.Count(p.stderr.String(), "2 of 3 lines of "+log+" have no time"); n != 1 {
		t.Errorf("%s warns %d times:\n%s", p, n, p.stderr)
	}
}

// The line whose wrong date made others late is quoted.
func TestLeapIsQuoted(t *testing.T) {
	t.Parallel()
	log := writeFile(t, "leap.log", "time=2012-11-22T09:31:34Z n=1\n"+strings.Repeat("time=2212-11-22T09:31:34Z n=wrong\n", 3)+strings.Repeat("time=2012-11-22T09:31:35Z n=1\n", 20))
	p := start(t, nil, nil, "eval", log).succeed()
	for _, want := range []string{"out of order", "wrong date", `line="time=2212-11-22T09:31:34Z n=wrong"`} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%s says nothing of %q:\n%s", p, want, p.stderr)
		}
	}
}

// A format whose where holds for no line is warned of.
func TestUnmetFormat(t *testing.T) {
	t.Parallel()
	log := writeFile(t, "job.log", "job a took 5\njob b took 7\n")
	file := writeFile(t, "stats.yaml", "formats: [{name: job, pattern: job <job> took <ms>, where: input == \"billing\"}, {name: all, pattern: job <job> took <ms>, where: input != \"x\" || true}]\nstats: [{name: ms, sum: ms}]\n")
	p := start(t, nil, nil, "eval", "--stats", file, log).succeed()
	if got := p.stderr.String(); !strings.Contains(got, "the where of a format holds for no line") || !strings.Contains(got, "format=job") || strings.Contains(got, "format=all") {
		t.Errorf("%s says\n%s", p, got)
	}
}

// roles are the commands that need a Kafka, each as it is started first.
func roles(recording string) [][]string {
	return [][]string{
		{"topics"},
		{"topics", "--create"},
		{"receive"},
		{"merge"},
		{"web", "--http", "127.0.0.1:0"},
		{"ingest", "--stdin"},
		{"ingest", "--file", recording},
		{"replay", recording},
		{"replay", "--original-times", "--speed", "max", recording},
		{"eval", "--raw"},
	}
}

// Whoever starts without a broker ends with the address in the message: it is
// wrong as a rule, and where it is not a supervisor tries again.
func TestNoBroker(t *testing.T) {
	t.Parallel()
	recording := writeFile(t, "a.log", "2012-11-22T09:00:00Z a\n")
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	type attempt struct {
		*pulse
		address string
	}
	var all []attempt
	for _, address := range []string{gone.Addr().String(), silent.Addr().String()} {
		for _, args := range roles(recording) {
			p := start(t, map[string]string{"KAFKA_URL": address}, strings.NewReader("a line\n"), args...)
			all = append(all, attempt{p, address})
		}
	}
	for _, p := range all {
		p.fails(exitFailed, p.address, "address right")
	}
	// A monitor that reads JSON gets some all the same.
	p := start(t, map[string]string{"KAFKA_URL": gone.Addr().String()}, nil, "status", "--json")
	code := p.wait()
	var got unseen
	if err := json.Unmarshal([]byte(p.stdout.String()), &got); err != nil {
		t.Fatalf("pulse status --json: %v in %s", err, p.stdout)
	}
	if code != exitFailed || got.Well || len(got.Problems) != 1 || !strings.Contains(got.Headline, gone.Addr().String()) {
		t.Errorf("pulse status --json: exit code %d and %+v, want %d and one problem", code, got, exitFailed)
	}
}

func TestNoTopics(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	recording := writeFile(t, "a.log", "2012-11-22T09:00:00Z a\n")
	env := map[string]string{"KAFKA_URL": strings.Join(cluster.Brokers, ","), "KAFKA_PREFIX": prefix}
	var all []*pulse
	for _, args := range roles(recording) {
		if !slices.Contains(args, "--create") {
			all = append(all, start(t, env, strings.NewReader("a line\n"), args...))
		}
	}
	for _, p := range all {
		p.fails(exitFailed, prefix+"events.raw", "`pulse topics --create`")
	}
}

// Topics go by one clock: that of one recording, or the wall clock.
func TestClocksDoNotMix(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s"))
	recording := writeFile(t, "a.log", "2012-11-22T09:00:00Z a\n2012-11-22T09:00:01Z b\n")
	other := writeFile(t, "b.log", "2012-11-22T09:00:00Z c\n2012-11-22T09:00:01Z d\n")
	original := []string{"replay", "--original-times", "--speed", "max"}

	d := deployOn(t, cluster, prefix+"wall.", file, 2, 0)
	d.start("replay", "--speed", "max", recording).succeed()
	refused(t, d.env, exitFailed, []string{"another recording or a live stream", "--prefix"}, append(original, recording)...)

	d = deployOn(t, cluster, prefix+"recording.", file, 2, 0)
	d.start(append(original, recording)...).succeed()
	for _, args := range [][]string{{"ingest", "--stdin"}, {"replay", recording}, append(original, recording), append(original, other)} {
		refused(t, d.env, exitFailed, []string{"--prefix"}, args...)
	}
	if lines := rawLines(t, d.cluster, d.names); len(lines) != 2 {
		t.Errorf("events.raw holds %q after what was refused", lines)
	}
}

// The command line wins over the environment, and that over the default.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, "1 [localhost:9092]"},
		{map[string]string{"PULSE_SPEED": "2", "KAFKA_URL": "a:1,b:2"}, nil, "2 [a:1 b:2]"},
		{map[string]string{"PULSE_SPEED": "2", "KAFKA_URL": "a:1,b:2"}, []string{"--speed", "max", "--kafka", "c"}, "max [c:9092]"},
		{map[string]string{"PULSE_SPEED": "x", "KAFKA_URL": ""}, []string{"--speed", "0.5"}, "0.5 [localhost:9092]"},
		{map[string]string{"PULSE_FILE": "a"}, nil, "1 [localhost:9092] a"},
		{map[string]string{"PULSE_FILE": "a"}, []string{"--file", "b", "--file", "c"}, "1 [localhost:9092] b,c"},
	} {
		e := &environment{LookupEnv: func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }}
		f := newFlags(e, &command{name: "test"})
		var k kafkaFlags
		var inputs inputFlags
		k.add(f)
		inputs.add(f)
		if _, err := f.parse(test.args); err != nil {
			t.Errorf("%v %v: %v", test.env, test.args, err)
			continue
		}
		cluster, err := k.cluster()
		if got := strings.TrimSpace(fmt.Sprintf("%v %v %v", f.Lookup("speed").Value, cluster.Brokers, f.Lookup("file").Value)); err != nil || got != test.want {
			t.Errorf("%v %v give %q (%v), want %q", test.env, test.args, got, err, test.want)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	all := start(t, nil, nil, "help").succeed().stdout.String()
	for _, c := range commands() {
		if !strings.Contains(all, "\n  "+c.name+" ") {
			t.Errorf("pulse help does not list %s", c.name)
		}
		p := start(t, nil, nil, c.name, "--help").succeed()
		help := p.stdout.String()
		if !strings.HasPrefix(help, "usage: pulse "+c.name) || p.stderr.String() != "" {
			t.Errorf("pulse %s --help prints\n%s%s", c.name, help, p.stderr)
		}
		for l := range strings.Lines(help) {
			if flag := strings.HasPrefix(l, "  --"); flag != strings.Contains(l, "[$") {
				t.Errorf("pulse %s --help: %q does not name its environment variable", c.name, l)
			}
			if len(l) > 130 {
				t.Errorf("pulse %s --help: a line of %d bytes: %q", c.name, len(l), l)
			}
		}
		for _, hidden := range []string{" string [", " int [", "value ["} {
			if strings.Contains(help, hidden) {
				t.Errorf("pulse %s --help names a value %q", c.name, hidden)
			}
		}
	}
	joins := []string{"run", "receive", "merge", "emit", "alert"} // a consumer group
	for _, c := range commands() {
		help := start(t, nil, nil, c.name, "--help").succeed().stdout.String()
		if got, want := strings.Contains(help, "--kafka-session"), slices.Contains(joins, c.name); got != want {
			t.Errorf("pulse %s --help has --kafka-session: %v, want %v", c.name, got, want)
		}
	}
	for command, variables := range map[string][]string{
		"run":     {"PORT", "WEB_AUTH", "FORCE_HTTPS", "CANONICAL_HOST", "KAFKA_PREFIX", "PULSE_REPLAY", "PULSE_DATA_DIR"},
		"receive": {"KAFKA_URL", "KAFKA_PREFIX", "PULSE_STATS", "PULSE_OPS", "PULSE_INSTANCE"},
	} {
		help := start(t, nil, nil, command, "--help").succeed().stdout.String()
		for _, v := range variables {
			if !strings.Contains(help, "$"+v) {
				t.Errorf("pulse %s --help does not name $%s", command, v)
			}
		}
	}
	if p := start(t, nil, nil); p.wait() != exitUsage || p.stdout.String() != all {
		t.Errorf("pulse alone: exit code %d\n%s", p.code, p.stdout)
	}
}

// Lines of every bad sort: each is accounted for, and kept as it is but for what
// is too long.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	at := func(second int, text string) string {
		return "time=" + recordingStart.Add(time.Duration(second)*time.Second).Format(time.RFC3339) + " " + text
	}
	long := at(2, strings.Repeat("x", line.MaxLen))
	lines := []string{
		at(0, "level=info n=1"),
		at(1, "not \xff\xfe UTF-8 \xc3"),
		at(1, "zero \x00 and \x00\x01"),
		long,
		"time=2038-01-19T03:14:07Z level=info n=2", // moves no clock
		at(3, "level=info n=3"),
		"",
		"\r",
		at(4, "level=info n=4") + "\r",
		"\x00\xff",
		at(5, "level=info n=5"),
	}
	recording := writeFile(t, "hostile.log", strings.Join(lines, "\n"))
	file := writeFile(t, "stats.yaml", "lateness: 1s\nstats:\n  - {name: lines, rate: second, over: 1s}\n  - {name: n, sum: n, over: 10s}\n")
	want := evaluate(t, nil, "--stats", file, recording)
	if want.account != (account{Lines: 9, Counted: 8, Unreadable: 1}) {
		t.Errorf("eval accounts for %+v", want.account)
	}
	if p := start(t, nil, nil, "eval", "--stats", file, recording).succeed(); !strings.Contains(p.stderr.String(), "longer than 64 KiB") {
		t.Errorf("eval says nothing of the line that is too long:\n%s", p.stderr)
	}
	// The line from the future counts where the clock was, 1 and 2 to 5 after it.
	last := recordingStart.Unix() + 5
	if got := string(want.points[point{"n", last}].Value); want.last != last || got != "15" {
		t.Errorf("the sum of n is %s; the last second is %d, want 15 at %d", got, want.last, last)
	}

	d := deploy(t, file, 2, 1)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	got := follow(t, d.cluster, d.names)
	got.equals(want, 0)
	if sum := accountOf(t, got.points); sum != want.account {
		t.Errorf("pulse.lines adds up to %+v, want %+v", sum, want.account)
	}
	var ahead bool
	for key, s := range got.points {
		ahead = ahead || key.stat == stats.LinesStat && bytes.Contains(s.Value, []byte(`"ahead":1`))
	}
	if !ahead {
		t.Error("pulse.lines has no line that is ahead")
	}
	kept := rawLines(t, d.cluster, d.names)
	for _, l := range lines {
		switch {
		case l == "" || l == "\r":
		case l == long:
			if !slices.ContainsFunc(kept, func(k string) bool { return len(k) > line.MaxLen && strings.HasPrefix(l, k) }) {
				t.Errorf("events.raw has nothing of the line of %d bytes", len(l))
			}
		case !slices.Contains(kept, l):
			t.Errorf("events.raw has no %q", l)
		}
	}
	if len(kept) != 9 {
		t.Errorf("events.raw holds %d lines, want 9", len(kept))
	}
}

// Two processes never work in one folder.
func TestDataDirInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := startRun(t, "", dir, nil)
	refused(t, nil, exitFailed, []string{dir, "another broker"}, "run", "--http", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--data-dir", dir)
	run.terminate()
}

// A folder of which something is lost is not used before somebody has decided.
func TestDataDirDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := topics.Ensure(t.Context(), topics.Cluster{Brokers: b.Addrs()}, topics.Names{Version: "x"}, topics.Options{}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := os.Mkdir(filepath.Join(dir, "partitions", "other-0"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--http", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--data-dir", dir}
	refused(t, nil, exitFailed, []string{dir, "other-0: no topic is known", "pulse run --drop-damaged"}, args...)
	run := startRun(t, "", dir, nil, "--drop-damaged")
	run.terminate()
}

// The topics are made as asked for, and what is not as asked for is named.
func TestTopics(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	env := map[string]string{"KAFKA_URL": strings.Join(cluster.Brokers, ","), "KAFKA_PREFIX": prefix}
	for range 2 { // once more does no harm
		start(t, env, nil, "topics", "--create", "--partitions", "3").succeed()
	}
	start(t, env, nil, "topics").succeed()
	start(t, env, nil, "topics", "--partitions", "3", "--replication", "1").succeed()
	refused(t, env, exitFailed, []string{prefix + "events.raw has 3 partitions, not 4"}, "topics", "--partitions", "4")
	names := topics.Names{Prefix: prefix, Version: stats.Builtin().Version()}
	if n, err := topics.PartitionCount(t.Context(), cluster, names.Merged()); n != 3 || err != nil {
		t.Errorf("%s has %d partitions (%v), want 3", names.Merged(), n, err)
	}
	// Other definitions have fragments of their own.
	env["PULSE_STATS"] = writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s"))
	var all []*pulse
	for _, command := range []string{"receive", "web", "status"} {
		all = append(all, start(t, env, nil, command))
	}
	for _, p := range all {
		p.fails(exitFailed, "Give --stats the file that the running roles use.\nTo roll out a new file", "stats.fragments.", "missing", "`pulse topics --create`")
	}
}

// A role tells its supervisor how it is.
func TestHealth(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s"))
	d := deploy(t, file, 2, 0)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	role := d.start("receive", "--ops", address)
	ready(t, "http://"+address+"/readyz")
	start(t, nil, nil, "health", "http://"+address+"/readyz").succeed()
	start(t, nil, nil, "health", "http://"+address+"/healthz", "--timeout", "20s").succeed()
	refused(t, nil, exitFailed, []string{"404"}, "health", "http://"+address+"/nope")
	refused(t, d.env, exitFailed, []string{"--ops", address, "choose another"}, "merge", "--ops", address)
	role.terminate()
	if _, err := os.Stat("pulse-data"); err == nil {
		t.Error("a test has left pulse-data behind")
	}
}

func TestByteSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0": "0", "1024": "1KiB", "500MiB": "500MiB", "2GiB": "2GiB", "1000": "1000",
		"-1": "", "x": "", "2GB": "", "": "", "9223372036854775807KiB": ""} {
		var b byteSize
		if err := b.Set(text); (err == nil) != (want != "") || err == nil && b.String() != want {
			t.Errorf("%q is %s (%v), want %q", text, &b, err, want)
		}
	}
}
