package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pulse/stats"
)

const gen = "abcdef"

func snapshot(second int64, revision int, value string, final bool) stats.Snapshot {
	return stats.Snapshot{Stat: "s", Time: second, Revision: revision, Value: []byte(value), Final: final, Version: gen}
}

func TestCompare(t *testing.T) {
	gap := snapshot(13, 0, "null", true)
	gap.StaleSince = 11
	other := snapshot(10, 5, "9", true)
	other.Version = "another"
	expected := func() *oracle {
		return &oracle{values: map[point]string{{"s", 10}: "1", {"s", 11}: stale, {"s", 12}: stale, {"s", 13}: stale}}
	}
	for name, c := range map[string]struct {
		published []stats.Snapshot
		want      verdict
	}{
		"as it should be":                {[]stats.Snapshot{snapshot(10, 0, "1", true), gap}, verdict{}},
		"the highest revision wins":      {[]stats.Snapshot{snapshot(10, 1, "1", true), snapshot(10, 0, "7", false), gap}, verdict{}},
		"of another definitions version": {[]stats.Snapshot{snapshot(10, 0, "1", true), other, gap}, verdict{}},
		"said twice":                     {[]stats.Snapshot{snapshot(10, 0, "1", false), snapshot(10, 0, "1", true), gap}, verdict{}},
		"another value":                  {[]stats.Snapshot{snapshot(10, 0, "2", true), gap}, verdict{Wrong: 1}},
		"a value where no clock was":     {[]stats.Snapshot{snapshot(10, 0, "1", true), gap, snapshot(12, 1, "0", true)}, verdict{Wrong: 1}},
		"never final":                    {[]stats.Snapshot{snapshot(10, 0, "1", false), gap}, verdict{Missing: 1}},
		"final and then amended":         {[]stats.Snapshot{snapshot(10, 0, "1", true), snapshot(10, 1, "1", false), gap}, verdict{Missing: 1}},
		"nothing":                        {nil, verdict{Missing: 4}},
		"two values of a revision":       {[]stats.Snapshot{snapshot(10, 0, "7", false), snapshot(10, 0, "1", true), gap}, verdict{Conflicting: 1}},
		"a revision that no longer wins": {[]stats.Snapshot{snapshot(10, 0, "7", false), snapshot(10, 0, "8", false), snapshot(10, 1, "1", true), gap}, verdict{Conflicting: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMerged(gen, &logger{w: io.Discard})
			for _, s := range c.published {
				m.add(s, time.Now())
			}
			c.want.Points, c.want.Stale = 4, 3
			if got := compare(expected(), m); got != c.want {
				t.Errorf("the verdict is %+v, want %+v", got, c.want)
			}
			if got, want := complete(expected(), m), c.want.Missing == 0; got != want {
				t.Errorf("complete says %v, want %v", got, want)
			}
		})
	}
}

func TestReadOracle(t *testing.T) {
	gap := snapshot(13, 0, "null", true)
	gap.StaleSince = 12
	var out bytes.Buffer
	for _, s := range []stats.Snapshot{snapshot(10, 0, "1", true), snapshot(11, 0, "null", true), gap} {
		out.Write(append(s.AppendJSON(nil), '\n'))
	}
	o, err := readOracle(out.Bytes(), []byte("a warning\n{\"lines\":10,\"counted\":7,\"late\":2,\"unreadable\":1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (counts{10, 7, 2, 1}); o.counts != want || !o.counts.addUp() {
		t.Errorf("the account is %+v, want %+v", o.counts, want)
	}
	want := map[point]string{{"s", 10}: "1", {"s", 11}: "null", {"s", 12}: stale, {"s", 13}: stale}
	if fmt.Sprint(o.values) != fmt.Sprint(want) {
		t.Errorf("the oracle says %v, want %v", o.values, want)
	}
	if open := o.until(12); open != 2 || len(o.values) != 2 {
		t.Errorf("%d points are open and %d are not, want 2 and 2", open, len(o.values))
	}
}

func TestDelays(t *testing.T) {
	m := newMerged(gen, &logger{w: io.Discard})
	start := time.Unix(1000, 0)
	// Seconds 0, 1, and then, after a standstill of three, the rest at once.
	for _, a := range []struct{ second, at int64 }{{0, 1}, {1, 2}, {2, 6}, {3, 6}, {4, 6}, {5, 7}} {
		m.add(snapshot(1000+a.second, 0, "1", false), start.Add(time.Duration(a.at)*time.Second))
	}
	d := m.delays(start, start.Add(8*time.Second))
	if got := quantile(d.gaps, 1); got != 3*time.Second {
		t.Errorf("the longest gap is %v, want 3 s", got)
	}
	if got := quantile(d.gaps, 0.5); got != 0 {
		t.Errorf("the median gap is %v, want 0", got)
	}
	if got := quantile(d.lags, 1); got != 3*time.Second {
		t.Errorf("the longest lag is %v, want 3 s", got)
	}
	// Nothing more for ten seconds: that counts although it is not over.
	if got := quantile(m.delays(start, start.Add(18*time.Second)).gaps, 1); got != 10*time.Second {
		t.Errorf("with a standstill at the end the longest gap is %v, want 10 s", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []time.Duration{1, 2, 3, 4}
	for q, want := range map[float64]time.Duration{0: 1, 0.25: 1, 0.5: 2, 0.51: 3, 0.99: 4, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("the median of nothing is %v, want 0", got)
	}
}

// Every line of the load can be found again.
func TestNumbers(t *testing.T) {
	l := load{tag: "ingest-7-2"}
	chance := rand.New(rand.NewPCG(1, 1))
	for i := range 2 * longEvery {
		var out bytes.Buffer
		l.write(&out, chance, time.Now(), i)
		text, found := strings.CutSuffix(out.String(), "\n")
		if !found || strings.Contains(text, "\n") {
			t.Fatalf("line %d is not one line: %.100q", i, text)
		}
		// What an ingester keeps of a line that is too long is its beginning.
		tag, n, ok := numberOf([]byte(text[:min(len(text), 1000)]))
		if tag != l.tag || n != i || !ok {
			t.Fatalf("line %d has the number %d of %q (%v): %.100q", i, n, tag, ok, text)
		}
	}
	for _, text := range []string{"", "no number", "n=a.1", " n=a", " n=a.x"} {
		if tag, n, ok := numberOf([]byte(text)); ok {
			t.Errorf("%q has the number %d of %q, want none", text, n, tag)
		}
	}
}

func TestLedger(t *testing.T) {
	l := &ledger{ranges: map[string][][2]int{}}
	l.read(strings.NewReader("acked a 0 9\nacked a 10 19\nacked b 0 4\nacked b 5 4\nnonsense\nacked c 0"))
	if got := l.lines(); got != 25 {
		t.Errorf("%d lines are acknowledged, want 25", got)
	}
	missing := l.missing(func(tag string, n int) bool { return tag == "a" && n != 7 })
	if missing != 6 {
		t.Errorf("%d acknowledged lines are missing, want 6", missing)
	}
}

func TestLateLines(t *testing.T) {
	seconds := []int64{100, 103, 100, 101, 98, 110, 103}
	for lateness, want := range map[int64]int64{0: 4, 1: 4, 2: 3, 6: 1, 10: 0} {
		if got := lateLines(seconds, lateness); got != want {
			t.Errorf("at a lateness of %d s %d lines are late, want %d", lateness, got, want)
		}
	}
}

// A schedule is a function of its seed.
func TestScheduleFollowsSeed(t *testing.T) {
	times := func(seed uint64) (all []time.Duration) {
		r := newRun(scenario{}, options{Seed: seed})
		for range 20 {
			all = append(all, r.between(time.Second, 5*time.Second))
		}
		return all
	}
	if a, b := fmt.Sprint(times(1)), fmt.Sprint(times(1)); a != b {
		t.Errorf("of one seed there are two schedules:\n%s\n%s", a, b)
	}
	if a, b := fmt.Sprint(times(1)), fmt.Sprint(times(2)); a == b {
		t.Errorf("two seeds have the schedule %s", a)
	}
}
