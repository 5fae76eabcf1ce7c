package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/topics"
	"pulse/topics/incident"
)

// incidentLog is a recording of 25 minutes that a deployment has worked off, and the points
// that came of it.
func incidentLog(t *testing.T, lines int) (d *deployment, file string, published map[point]stats.Snapshot) {
	file = writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "5s"))
	recording := record(t, traffic.Options{Kind: "mixed", Lines: lines, Rate: float64(lines) / 1500, Seed: 5, Disorder: 3 * time.Second, Garbage: 0.05})
	d = deploy(t, file, 3, 2)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	got := follow(t, d.cluster, d.names)
	got.equals(evaluate(t, nil, "--stats", file, recording), 0)
	return d, file, got.points
}

// An incident's points are those that were published, byte for byte; and what it keeps of the
// log gives them again, in the oracle and after the log itself is gone.
func TestIncident(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	d, _, published := incidentLog(t, testkit.Size(6000, 60_000))
	from, to := recordingStart.Unix()+900, recordingStart.Unix()+1020
	args := []string{"incident", "save", "Checkout: slow", "--from", utc(from), "--to", utc(to), "--note", "it was\nthe cache"}
	saved := d.start(args...).succeed().stdout.String()
	const id = "checkout-slow-20121122-091500"
	if !strings.HasPrefix(saved, "saved "+id+": ") {
		t.Fatalf("it says %q", saved)
	}
	if again := d.start(args...); again.wait() != exitFailed || !strings.Contains(again.stderr.String(), "there is an incident of that name") {
		t.Errorf("saved twice it says %q", again.stderr)
	}
	before := comparePoints(t, d.start("incident", "print", id).succeed().stdout.String(), published, to)
	if want := from - 299; before > want {
		t.Errorf("the first second is %s, want %s or earlier", utc(before), utc(want))
	}

	admin, err := d.cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	forgetLog(t, admin, d.names.Raw(), from-600)
	for _, c := range []struct {
		from, to int64
		want     string
	}{
		{from - 580, from - 500, "there is log from 2012-11-22T09:"},
		{to, to + 60, ""},
	} {
		p := d.start("incident", "save", "later", "--from", utc(c.from), "--to", utc(c.to))
		if c.want == "" {
			p.succeed()
			comparePoints(t, d.start("incident", "print", "later-20121122-091700").succeed().stdout.String(), published, c.to)
		} else if p.wait() != exitFailed || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("from %s on it says %q, want %q", utc(c.from), p.stderr, c.want)
		}
	}

	again := evaluateIncident(t, d, admin, id)
	if printed := d.start("incident", "print", id).succeed().stdout.String(); again != printed {
		t.Errorf("the records of the incident give other points than it has: %s", firstDifference(again, printed))
	}

	d.start("incident", "note", id, "it was the network").succeed()
	if list := d.start("incident", "list").succeed().stdout.String(); !strings.Contains(list, id+`  "Checkout: slow" from 2012-11-22T09:15:00Z to 2012-11-22T09:17:00Z; note "it was the network"`+"\n") {
		t.Errorf("the list is\n%s", list)
	}
	d.start("incident", "delete", id).succeed()
	for _, args := range [][]string{{"delete", id}, {"print", id}, {"note", id, "x"}, {"print", "../x"}} {
		if p := d.start(append([]string{"incident"}, args...)...); p.wait() != exitUsage || !strings.Contains(p.stderr.String(), "there is no such incident") {
			t.Errorf("%v of a deleted one says %q", args, p.stderr)
		}
	}
}

// comparePoints compares what an incident has with what was published, and gives its first second.
func comparePoints(t *testing.T, printed string, published map[point]stats.Snapshot, to int64) (first int64) {
	t.Helper()
	compared := 0
	first = to
	for line := range strings.Lines(printed) {
		var s stats.Snapshot
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for s := range seconds(s) {
			want, ok := published[point{s.Stat, s.Time}]
			want.Revision = 0 // of amendments, not of what is final
			if a, b := s.AppendJSON(nil), want.AppendJSON(nil); !ok || !bytes.Equal(a, b) {
				t.Fatalf("got  %s\nwant %s", a, b)
			}
			first = min(first, s.Time)
			compared++
		}
	}
	names := map[string]bool{}
	for p := range published {
		names[p.stat] = true
	}
	if compared != len(names)*int(to-first+1) {
		t.Errorf("%d points were compared, from %s to %s", compared, utc(first), utc(to))
	}
	return first
}

// forgetLog deletes the records of a topic before a second.
func forgetLog(t *testing.T, admin *topics.Admin, topic string, second int64) {
	t.Helper()
	log, err := admin.RawLog(t.Context(), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	all, err := admin.Readable(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := admin.Fetcher(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	gone := kadm.Offsets{}
	for _, p := range log.Partitions {
		span, _, err := fetcher.First(t.Context(), p, all[p], second)
		if err != nil {
			t.Fatal(err)
		}
		gone.Add(kadm.Offset{Topic: topic, Partition: p, At: span.From})
	}
	if _, err := admin.DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
}

// evaluateIncident evaluates what an incident keeps of the log.
func evaluateIncident(t *testing.T, d *deployment, admin *topics.Admin, id string) string {
	t.Helper()
	one, err := incident.Get(t.Context(), admin, d.names, id)
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := one.Source.Parse()
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	e, err := oracle.New(definitions, func(s stats.Snapshot) {
		if s, ok := s.Cut(one.First, one.To); ok {
			b = append(s.AppendJSON(b), '\n')
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Start(one.First)
	feed := topics.NewRawFeed(e, one.Partitions)
	beginnings, err := one.Beginnings()
	if err != nil {
		t.Fatal(err)
	}
	feed.Resume(beginnings)
	topic := d.names.Incidents() + id
	all, err := admin.Readable(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Read(t.Context(), topic, all, func(r *kgo.Record) bool {
		if p, err := topics.SourceOf(r); err == nil { // else it is no raw record
			feed.Feed(p, r)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	e.Close(one.To)
	return string(b)
}

// firstDifference is the first line in which two texts differ.
func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d of %d and %d:\n%s\n%s", i+1, len(as), len(bs), as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(as), len(bs))
}

func TestIncidentFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "say what to do"},
		{[]string{"keep"}, `"keep" is not one of`},
		{[]string{"save", "--from", "09:10", "--to", "09:40"}, "give a name to save"},
		{[]string{"save", "x", "--from", "09:10"}, "--from and --to"},
		{[]string{"save", "x", "--from", "noon", "--to", "09:40"}, `--from "noon": write a time such as`},
		{[]string{"save", "x", "--from", "2026-01-01T09:10:00Z", "--to", "2026-01-01T09:00:00Z"}, "from is after to"},
		{[]string{"save", "x", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T09:00:00Z"}, "at most 6 hours"},
		{[]string{"save", " ", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}, "the name has"},
		{[]string{"list", "--note", "x"}, "are for save"},
		{[]string{"note", "x"}, "give an id and a text to note"},
	} {
		p := start(t, nil, nil, append([]string{"incident"}, c.args...)...)
		if p.wait() != exitUsage || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("%v: exit code %d, %q; want %q", c.args, p.code, p.stderr, c.want)
		}
	}
}

func TestPastTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"09:10": "2026-03-01T09:10:00Z", "09:30": "2026-03-01T09:30:00Z", "09:31": "2026-02-28T09:31:00Z", "23:59:59": "2026-02-28T23:59:59Z",
		"2025-01-02T03:04:05+01:00": "2025-01-02T02:04:05Z",
	} {
		if got, err := pastTime(text, now); err != nil || utc(got) != want {
			t.Errorf("%s is %s (%v), want %s", text, utc(got), err, want)
		}
	}
}
