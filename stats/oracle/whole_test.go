package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/value"
)

// wholes gives what a Whole has of each stat, as JSON.
func wholes(t testing.TB, w *oracle.Whole) map[string]string {
	t.Helper()
	w.Close(-1)
	all := map[string]string{}
	w.Each(func(s *stats.Stat, v value.Value, _ oracle.Estimate) { all[s.Name] = string(value.AppendJSON(nil, v)) })
	return all
}

func newWhole(t testing.TB, d *stats.Definitions) *oracle.Whole {
	t.Helper()
	w, err := oracle.NewWhole(d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A stat of a whole log has the value of a window that is as long as the log.
func TestWholeIsOneWindow(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 20))
		seconds := int64(1 + r.IntN(60))
		d := statstest.AllKinds()
		long := &stats.Definitions{Lateness: d.Lateness}
		for _, s := range d.Stats {
			changed := *s
			changed.Window = seconds
			if s.Expire > 0 {
				s.Expire = 60 // a number's predecessor is never too old
			}
			changed.Expire = s.Expire
			long.Stats = append(long.Stats, &changed)
		}
		w := newWhole(t, d)
		var last []stats.Snapshot
		e, err := oracle.New(long, func(s stats.Snapshot) {
			if s.Time == statstest.Epoch+seconds-1 {
				last = append(last, s)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		pack := func(second, at int64, x any) {
			p := program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch+at, x)), Second: statstest.Epoch + second, Floor: statstest.Epoch + second}
			w.Pack(p)
			e.Pack(p)
		}
		pack(0, 0, 1) // so that the log is from here
		for second := range seconds {
			for range r.IntN(40) {
				pack(second, second-r.Int64N(min(second, 6)+1), r.IntN(3000)) // some are late
			}
			w.Advance(statstest.Epoch + second)
			e.Advance(statstest.Epoch + second)
		}
		pack(seconds-1, seconds-1, "text")
		e.Close(-1)
		got := wholes(t, w)
		if from, to, had := w.Span(); from != statstest.Epoch || to != statstest.Epoch+seconds-1 || had != seconds {
			t.Errorf("seed %d: the log is from %d to %d and has %d seconds, want %d from %d on", seed, from, to, had, seconds, int64(statstest.Epoch))
		}
		if w.Counts() != e.Counts() {
			t.Errorf("seed %d: %+v, want %+v", seed, w.Counts(), e.Counts())
		}
		for _, s := range last {
			if strings.HasPrefix(s.Stat, "pulse.") {
				continue // their windows are not as long as the log
			}
			if got[s.Stat] != string(s.Value) {
				t.Errorf("seed %d, %d s: %s is %s, want %s", seed, seconds, s.Stat, got[s.Stat], s.Value)
			}
			delete(got, s.Stat)
		}
		for name := range got {
			if !strings.HasPrefix(name, "pulse.") {
				t.Errorf("there is a stat %s", name)
			}
		}
	}
}

// Seconds without a clock do not count in a rate.
func TestWholeWithoutAClock(t *testing.T) {
	w := newWhole(t, rates(2))
	for second := range int64(10) {
		w.Pack(lineAt(second))
		w.Pack(lineAt(30 + second))
	}
	for _, g := range [][2]int64{{12, 28}, {20, 29}, {-5, 0}, {25, 25}, {100, 200}} {
		w.Stale(statstest.Epoch+g[0], statstest.Epoch+g[1])
	}
	got := wholes(t, w)
	if from, to, seconds := w.Span(); from != statstest.Epoch || to != statstest.Epoch+39 || seconds != 40-17 {
		t.Errorf("the log is from %d to %d and has %d seconds", from, to, seconds)
	}
	if want := fmt.Sprint(20.0 / 23); got["rate"] != want {
		t.Errorf("the rate is %s, want %s", got["rate"], want)
	}
	if want := `{"in":20,"counted":20,`; !strings.HasPrefix(got[stats.LinesStat], want) {
		t.Errorf("the lines are %s, want %s…", got[stats.LinesStat], want)
	}
}

// Of no lines there is what each kind has of nothing.
func TestWholeOfNothing(t *testing.T) {
	w := newWhole(t, statstest.AllKinds())
	got := wholes(t, w)
	if from, to, seconds := w.Span(); from != -1 || to != -1 || seconds != 0 {
		t.Errorf("the log is from %d to %d and has %d seconds", from, to, seconds)
	}
	for stat, want := range map[string]string{"rate": "0", "quantiles": "null", "delta": "null", "ratio": "null", "rate-by": `{"top":[],"other":0,"distinct":0}`} {
		if got[stat] != want {
			t.Errorf("%s is %s, want %s", stat, got[stat], want)
		}
	}
}
