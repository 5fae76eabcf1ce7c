package minutes

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
)

func two() *stats.Definitions {
	return &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "a", Kind: "rate", Per: 1, Window: 10},
		{Name: "b", Kind: "mean", Window: 10},
	}}
}

// finals are the final snapshots of a stat in the order of their seconds: mostly
// numbers, some null, some seconds that never came, some without a clock, and some
// that are one run.
func finals(r *rand.Rand, stat string, from, to int64) (points []stats.Snapshot) {
	for t := from; t < to; t++ {
		switch n := r.IntN(100); {
		case n < 3: // unknown
		case n == 3:
			since := t
			t = min(to-1, t+r.Int64N(200))
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage("null"), StaleSince: since})
		case n == 4:
			since := t
			t = min(to-1, t+r.Int64N(200))
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage("7"), Since: since})
		case n < 10:
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage("null")})
		default:
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: fmt.Appendf(nil, "%d.5", r.IntN(2000)-1000)})
		}
	}
	for i := range points {
		points[i].Final, points[i].Version = true, two().Version()
	}
	return points
}

// minutesOf works out minutes the plain way.
func minutesOf(points []stats.Snapshot) map[string]topics.Minute {
	bySecond := map[string]stats.Snapshot{}
	all := map[string]topics.Minute{}
	for _, p := range points {
		for t := p.First(); t <= p.Time; t++ {
			bySecond[fmt.Sprint(p.Stat, " ", t)] = p
			key := fmt.Sprint(p.Stat, " ", t-t%60)
			null := json.RawMessage("null")
			all[key] = topics.Minute{Stat: p.Stat, Version: p.Version, Time: t - t%60, Min: null, Max: null}
		}
	}
	for key, m := range all {
		for t := m.Time; t < m.Time+60; t++ {
			p, ok := bySecond[fmt.Sprint(m.Stat, " ", t)]
			switch {
			case !ok:
			case p.StaleSince != 0:
				m.Clockless++
			default:
				m.Seconds++
				m.Last = p.Value
				if v := p.Value; string(v) != "null" {
					if string(m.Min) == "null" || num(v) < num(m.Min) {
						m.Min = v
					}
					if string(m.Max) == "null" || num(v) > num(m.Max) {
						m.Max = v
					}
				}
			}
		}
		all[key] = m
	}
	return all
}

func num(v json.RawMessage) (f float64) {
	if json.Unmarshal(v, &f) != nil {
		return 0
	}
	return f
}

// However often a member is replaced by another one that goes on from its commit,
// and whatever comes twice, the minutes that hold are the same.
func TestRollUpIsFreeOfRestarts(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		const from, to = 6000, 6000 + 700
		a, b := finals(r, "a", from, to), finals(r, "b", from, to)
		want := minutesOf(append(append([]stats.Snapshot{}, a...), b...))

		// The log: both in order, now and then some of it once more, with what is
		// not final in between.
		var log []stats.Snapshot
		for i, j := 0, 0; i < len(a) || j < len(b); {
			switch n := r.IntN(40); {
			case n == 0 && len(log) > 0:
				back := max(0, len(log)-1-r.IntN(150))
				log = append(log, log[back:min(len(log), back+r.IntN(40))]...)
			case n < 5:
				open := stats.Snapshot{Stat: "a", Time: to, Value: json.RawMessage("99999"), Version: two().Version()}
				log = append(log, open)
			case n < 22 && i < len(a):
				log = append(log, a[i])
				i++
			case j < len(b):
				log = append(log, b[j])
				j++
			}
		}
		// What ends the last minute.
		for _, stat := range []string{"a", "b"} {
			log = append(log, stats.Snapshot{Stat: stat, Time: to + 3600, Value: json.RawMessage("0"), Final: true, Version: two().Version()})
		}

		got := map[string]topics.Minute{}
		emit := func(m topics.Minute) {
			key := fmt.Sprint(m.Stat, " ", m.Time)
			if known, ok := got[key]; ok {
				known.Join(m)
				m = known
			}
			got[key] = m
		}
		commit, restarts := int64(0), 8
		member := newRoller(two().All(), two().Version())
		for offset := int64(0); offset < int64(len(log)); offset++ {
			member.add(&kgo.Record{Offset: offset, Value: log[offset].AppendJSON(nil), Timestamp: time.Unix(log[offset].Time, 0)}, emit, nil)
			if r.IntN(5) == 0 {
				commit = member.needed()
			}
			if restarts > 0 && r.IntN(100) == 0 {
				restarts--
				member = newRoller(two().All(), two().Version())
				offset = commit - 1
			}
		}
		if !reflect.DeepEqual(got, want) {
			for key := range want {
				if !reflect.DeepEqual(got[key], want[key]) {
					t.Errorf("seed %d: minute %s is %+v, want %+v", seed, key, got[key], want[key])
				}
			}
			t.Fatalf("seed %d: %d minutes, want %d", seed, len(got), len(want))
		}
	}
}

// TestRollerIsBounded: what is not of the definitions opens no minute.
func TestRollerIsBounded(t *testing.T) {
	d := two()
	r := newRoller(d.All(), d.Version())
	for second := range int64(500) {
		for _, s := range []stats.Snapshot{{Stat: d.Stats[0].Name, Version: d.Version()}, {Stat: fmt.Sprint("forged", second), Version: d.Version()}, {Stat: d.Stats[0].Name, Version: fmt.Sprintf("%06x", second)}} {
			s.Time, s.Value, s.Final = 60*second, json.RawMessage("1"), true
			r.add(&kgo.Record{Offset: second, Value: s.AppendJSON(nil), Timestamp: time.Unix(60*second, 0)}, func(topics.Minute) {}, nil)
		}
	}
	if len(r.open) != 1 || len(r.done) != 1 {
		t.Errorf("%d minutes are open, of %d stats some are done, want one", len(r.open), len(r.done))
	}
}

// TestRollerBeyond: a point that is days ahead of its record does not end the
// minutes that come after it.
func TestRollerBeyond(t *testing.T) {
	d := two()
	r := newRoller(d.All(), d.Version())
	minutes := map[int64]int{}
	offset := int64(0)
	add := func(second int64, at int64) {
		s := stats.Snapshot{Stat: d.Stats[0].Name, Time: second, Value: json.RawMessage("1"), Final: true, Version: d.Version()}
		r.add(&kgo.Record{Offset: offset, Value: s.AppendJSON(nil), Timestamp: time.Unix(at, 0)}, func(m topics.Minute) { minutes[m.Time] = m.Seconds }, nil)
		offset++
	}
	for second := int64(6000); second < 6180; second++ {
		add(second, second+1)
		if second == 6100 {
			add(timing.LastSecond, second)
		}
	}
	if want := map[int64]int{6000: 60, 6060: 60, 6120: 60}; !reflect.DeepEqual(minutes, want) || r.beyond != 1 {
		t.Errorf("the minutes are %v, and %d points were left out; want %v and 1", minutes, r.beyond, want)
	}
}
