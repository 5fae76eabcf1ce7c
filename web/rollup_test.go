package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// finals are the final snapshots of a stat in the order of their seconds: mostly
// numbers, some null, some seconds that never came, and some without a clock.
func finals(r *rand.Rand, stat string, from, to int64) (points []stats.Snapshot) {
	for t := from; t < to; t++ {
		switch n := r.IntN(100); {
		case n < 3: // unknown
		case n == 3:
			since := t
			t = min(to-1, t+r.Int64N(200))
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage("null"), StaleSince: since})
		case n < 10:
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage("null")})
		default:
			points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: fmt.Appendf(nil, "%d.5", r.IntN(2000)-1000)})
		}
	}
	for i := range points {
		points[i].Final, points[i].Gen = true, two().Generation()
	}
	return points
}

// minutesOf works out minutes the plain way.
func minutesOf(points []stats.Snapshot) map[string]topics.Minute {
	bySecond := map[string]stats.Snapshot{}
	all := map[string]topics.Minute{}
	for _, p := range points {
		for t := p.Time; t >= p.Time-max(0, p.Time-p.StaleSince)*sign(p.StaleSince); t-- {
			bySecond[fmt.Sprint(p.Stat, " ", t)] = p
			key := fmt.Sprint(p.Stat, " ", t-t%60)
			all[key] = topics.Minute{Stat: p.Stat, Gen: p.Gen, Time: t - t%60}
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
					if isNull(m.Min) || num(v) < num(m.Min) {
						m.Min = v
					}
					if isNull(m.Max) || num(v) > num(m.Max) {
						m.Max = v
					}
				} else if m.Min == nil {
					m.Min, m.Max = v, v
				}
			}
		}
		all[key] = m
	}
	return all
}

func sign(n int64) int64 { return min(n, 1) }

func num(v json.RawMessage) (f float64) {
	if json.Unmarshal(v, &f) != nil {
		return 0
	}
	return f
}

// However often a server is replaced by another one that goes on from its commit,
// and whatever comes twice, the minutes that hold are the same.
func TestRollupIsFreeOfRestarts(t *testing.T) {
	for seed := range uint64(50) {
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
				open := stats.Snapshot{Stat: "a", Time: to, Value: json.RawMessage("99999"), Gen: two().Generation()}
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
			log = append(log, stats.Snapshot{Stat: stat, Time: to + 3600, Value: json.RawMessage("0"), Final: true, Gen: two().Generation()})
		}

		got := map[string]topics.Minute{}
		emit := func(m topics.Minute) {
			key := fmt.Sprint(m.Stat, " ", m.Time)
			if old, ok := got[key]; !ok || m.Supersedes(old) {
				got[key] = m
			}
		}
		commit, restarts := int64(0), 8
		server := newRoller(two().All(), two().Generation())
		for offset := int64(0); offset < int64(len(log)); offset++ {
			server.add(offset, log[offset].AppendJSON(nil), emit)
			if r.IntN(5) == 0 {
				commit = server.needed()
			}
			if restarts > 0 && r.IntN(100) == 0 {
				restarts--
				server = newRoller(two().All(), two().Generation())
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

func TestExtremes(t *testing.T) {
	for _, c := range []struct{ a, b, least, greatest string }{
		{"1", "2", "1", "2"},
		{"2", "1", "1", "2"},
		{"1.0", "1", "1.0", "1.0"},
		{"null", "1", "1", "1"},
		{"-5", "null", "-5", "-5"},
		{"null", "null", "null", "null"},
		{`{"0.5":1,"0.9":7}`, `{"0.5":2,"0.9":null}`, `{"0.5":1,"0.9":7}`, `{"0.5":2,"0.9":7}`},
		{`{"le":[1,2],"counts":[3,0,1]}`, `{"le":[1,2],"counts":[1,4,1]}`, `{"counts":[1,0,1],"le":[1,2]}`, `{"counts":[3,4,1],"le":[1,2]}`},
		{
			`{"top":[{"key":"x","value":3},{"key":"y","value":1}],"other":0,"distinct":2}`, `{"top":[{"key":"z","value":9},{"key":"x","value":2}],"other":5,"distinct":3}`,
			`{"distinct":2,"other":0,"top":[{"key":"x","value":2},{"key":"y","value":1},{"key":"z","value":9}]}`,
			`{"distinct":3,"other":5,"top":[{"key":"x","value":3},{"key":"y","value":1},{"key":"z","value":9}]}`,
		},
		{"not JSON", "1", "not JSON", "not JSON"},
	} {
		if got := extreme(json.RawMessage(c.a), json.RawMessage(c.b), false); string(got) != c.least && c.a != "not JSON" {
			t.Errorf("the least of %s and %s is %s, want %s", c.a, c.b, got, c.least)
		}
		if got := extreme(json.RawMessage(c.a), json.RawMessage(c.b), true); string(got) != c.greatest && c.a != "not JSON" {
			t.Errorf("the greatest of %s and %s is %s, want %s", c.a, c.b, got, c.greatest)
		}
	}
}

// A spike of one second is in the column of a chart of a week.
func TestThinKeepsSpikes(t *testing.T) {
	var all []stretch
	for s := int64(600); s < 1800; s++ {
		v := "1"
		if s == 1000 {
			v = "77"
		}
		all = append(all, ofPoint(stats.Snapshot{Time: s, Value: json.RawMessage(v)}, false, s, s))
	}
	splitClockless(stretch{Time: 1800, Clockless: 700}, 600, func(s stretch) { all = append(all, s) })
	thinned := thin(all, 600)
	got, _ := json.Marshal(thinned)
	want := `[{"time":"1970-01-01T00:10:00Z","seconds":600,"min":1,"max":77,"last":1},{"time":"1970-01-01T00:20:00Z","seconds":600,"min":1,"max":1,"last":1},` +
		`{"time":"1970-01-01T00:30:00Z","seconds":0,"clockless":600,"min":null,"max":null,"last":null},{"time":"1970-01-01T00:40:00Z","seconds":0,"clockless":100,"min":null,"max":null,"last":null}]`
	if string(got) != want {
		t.Errorf("thinned to\n%s, want\n%s", got, want)
	}
}

// Two servers roll up together, and one goes on when the other is gone.
func TestRollupInKafka(t *testing.T) {
	k := newKafka(t)
	start := time.Now().Unix()/60*60 - 3600
	r := rand.New(rand.NewPCG(5, 5))
	var all []stats.Snapshot
	publish := func(from, to int64) {
		t.Helper()
		for _, stat := range []string{"a", "b"} {
			points := finals(r, stat, from, to)
			k.publish(points...)
			all = append(all, points...)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	first, err := New(Config{Cluster: k.cluster, Names: k.names, Definitions: two(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	publish(start, start+400)
	second := k.serve()
	rolled := func(minutes int) func() bool {
		return func() bool {
			a, errA := second.minutes.Minutes(t.Context(), "a", start, start+3600)
			b, errB := second.minutes.Minutes(t.Context(), "b", start, start+3600)
			return errA == nil && errB == nil && len(a) >= minutes && len(b) >= minutes
		}
	}
	eventually(t, "the first minutes are rolled up", rolled(5))
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	publish(start+400, start+1000)
	eventually(t, "the other server goes on", rolled(15))

	want := minutesOf(all)
	for _, stat := range []string{"a", "b"} {
		minutes, err := second.minutes.Minutes(t.Context(), stat, start, start+14*60)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range minutes {
			w := want[fmt.Sprint(stat, " ", m.Time)]
			w.Min, w.Max, w.Last = nullIfNil(w.Min), nullIfNil(w.Max), nullIfNil(w.Last)
			if !reflect.DeepEqual(m, w) {
				t.Errorf("minute %d of %s is %+v, want %+v", m.Time, stat, m, w)
			}
		}
	}

	// The API answers by the minute, with what was rolled up and what was not yet.
	_, body := get(t, second, fmt.Sprintf("/api/stats/a?from=%d&to=%d&step=60", start, start+999), nil)
	var answer struct {
		Step      int64
		Stretches []struct {
			Time     time.Time
			Seconds  int
			Min, Max *float64
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	if answer.Step != 60 || len(answer.Stretches) < 15 {
		t.Fatalf("the answer has %d stretches: %.500s", len(answer.Stretches), body)
	}
	for _, got := range answer.Stretches {
		w := want[fmt.Sprint("a ", got.Time.Unix())]
		if got.Seconds != w.Seconds || !isNull(w.Max) && (*got.Max != num(w.Max) || *got.Min != num(w.Min)) {
			t.Errorf("the stretch of %v has %d seconds, want %+v", got.Time, got.Seconds, w)
		}
	}
}

func nullIfNil(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

// BenchmarkWeek reads a day and a week of one stat with a week of 161 stats in
// Kafka, as a chart does.
func BenchmarkWeek(b *testing.B) {
	cluster, prefix := topicstest.Cluster(b)
	d := &stats.Definitions{}
	for i := range 160 {
		d.Stats = append(d.Stats, &stats.Stat{Name: fmt.Sprintf("router-requests-of-%03d-per-second", i), Kind: "rate", Over: 10})
	}
	names := topics.Names{Prefix: prefix, Generation: d.Generation()}
	topicstest.Ensure(b, cluster, names, 8)
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	now := time.Now().Unix() / 60 * 60
	r := rand.New(rand.NewPCG(1, 1))
	bytes := 0
	for m := now - 7*86400; m < now; m += 60 {
		values := make([][]byte, 8)
		for _, st := range d.All() {
			p := topics.Partition(st.Name, 8)
			v := r.Float64() * 1000
			if values[p], err = topics.AppendMinute(values[p], topics.Minute{Stat: st.Name, Gen: names.Generation, Time: m, Seconds: 60,
				Min: fmt.Appendf(nil, "%.1f", v), Max: fmt.Appendf(nil, "%.1f", v*1.2), Last: fmt.Appendf(nil, "%.1f", v*1.1)}); err != nil {
				b.Fatal(err)
			}
		}
		for p, v := range values {
			bytes += len(v)
			client.Produce(context.Background(), &kgo.Record{Topic: names.Minutes(), Partition: int32(p), Value: v, Timestamp: time.Unix(m+62, 0)}, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
	}
	if err := client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d MB of minutes", bytes>>20)
	s, err := New(Config{Cluster: cluster, Names: names, Definitions: d, Addr: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	s.fill = func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	}
	for t := now; t < now+60; t++ {
		for _, st := range d.All() {
			s.store.Upsert(stats.Snapshot{Stat: st.Name, Time: t, Value: json.RawMessage("7"), Final: true, Gen: names.Generation}, time.Now())
		}
	}
	start(b, s)
	for _, c := range []struct {
		name            string
		length, step, n int64
	}{{"24h", 86400, 120, 720}, {"7d", 7 * 86400, 600, 1008}} {
		b.Run(c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				_, body := get(b, s, fmt.Sprintf("/api/stats/%s?from=%d&to=%d&step=%d", d.Stats[i%160].Name, now+60-c.length, now+59, c.step), nil)
				var answer struct{ Stretches []struct{ Seconds int } }
				if err := json.Unmarshal([]byte(body), &answer); err != nil || int64(len(answer.Stretches)) < c.n {
					b.Fatalf("%d stretches, %v: %.300s", len(answer.Stretches), err, body)
				}
			}
		})
	}
	// From the click to the frame that has the week.
	b.Run("7d-drawn", func(b *testing.B) {
		c := openBrowser(b)
		c.do(b, look(1440, 900, "light"), chromedp.Navigate(s.URL()+"/#/all"))
		c.until(b, `document.querySelectorAll(".panel[data-state]").length > 10`)
		var all []float64
		for i := 0; b.Loop(); i++ {
			c.do(b, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{
				window.took = 0;
				location.hash = "#/stat/%s/300";
				const chosen = (text) => document.querySelector(".detail nav [aria-current]")?.textContent === text;
				const wait = (ready, then) => requestAnimationFrame(() => ready() ? then() : wait(ready, then));
				wait(() => chosen("5 min"), () => {
					const clicked = performance.now();
					[...document.querySelectorAll(".detail nav a")].find((a) => a.textContent === "7 d").click();
					wait(() => chosen("7 d") && document.querySelector(".detail").dataset.loaded === "yes", () => requestAnimationFrame(() => { window.took = performance.now() - clicked; }));
				});
			}`, d.Stats[i%160].Name)))
			c.until(b, `window.took > 0`)
			all = append(all, value[float64](b, c, `window.took`))
		}
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], "ms-median")
		b.ReportMetric(all[len(all)-1], "ms-most")
	})
}
