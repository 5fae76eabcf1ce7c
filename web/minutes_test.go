package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/window"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// A spike of one second is in the column of a chart of a week.
func TestThinKeepsSpikes(t *testing.T) {
	var all []extent
	for s := int64(600); s < 1800; s++ {
		v := "1"
		if s == 1000 {
			v = "77"
		}
		all = append(all, ofPoint(stats.Snapshot{Time: s, Value: json.RawMessage(v)}, false, s, s))
	}
	splitClockless(extent{Time: 1800, Clockless: 700}, 600, func(s extent) { all = append(all, s) })
	thinned := thin(all, 600)
	got, _ := json.Marshal(thinned)
	want := `[{"time":"1970-01-01T00:10:00Z","seconds":600,"min":1,"max":77,"last":1},{"time":"1970-01-01T00:20:00Z","seconds":600,"min":1,"max":1,"last":1},` +
		`{"time":"1970-01-01T00:30:00Z","seconds":0,"clockless":600,"min":null,"max":null,"last":null},{"time":"1970-01-01T00:40:00Z","seconds":0,"clockless":100,"min":null,"max":null,"last":null}]`
	if string(got) != want {
		t.Errorf("thinned to\n%s, want\n%s", got, want)
	}
}

// minuteOf is a minute of the stat a, whose every number is v.
func minuteOf(k *kafka, minute int64, seconds int, v string) topics.Minute {
	n := json.RawMessage(v)
	return topics.Minute{Stat: "a", Version: k.names.Version, Time: minute, Seconds: seconds, Min: n, Max: n, Last: n}
}

// roll writes minutes as those who roll them up do.
func (k *kafka) roll(minutes ...topics.Minute) {
	k.t.Helper()
	for _, m := range minutes {
		line, err := topics.AppendMinute(nil, m)
		if err != nil {
			k.t.Fatal(err)
		}
		k.produce(&kgo.Record{Topic: k.names.Minutes(), Key: []byte(m.Stat), Value: line})
	}
}

// The API answers by the minute, with what was rolled up and what was not yet.
func TestHistoryByTheMinute(t *testing.T) {
	k := newKafka(t)
	start := time.Now().Unix()/120*120 - 600
	other := minuteOf(k, start+60, 60, "9")
	other.Stat = "b"
	another := minuteOf(k, start+60, 60, "8")
	another.Version = "000000"
	k.roll(minuteOf(k, start, 60, "1"), minuteOf(k, start+60, 58, "2"), other, another)
	k.roll(minuteOf(k, start+60, 12, "7")) // by one that did not read its beginning
	for s := start + 120; s < start+130; s++ {
		k.publish(revised(point("a", s, "5"), 0, true))
	}
	s := k.idle(nil)
	for _, c := range []struct {
		step int64
		want string
	}{
		{60, "0: 60 of 1, 60: 58 of 2, 120: 10 of 5, "},
		{120, "0: 118 of 2, 120: 10 of 5, "},
	} {
		_, body := get(t, s, fmt.Sprintf("/api/stats/a?from=%d&to=%d&step=%d", start, start+179, c.step), nil)
		var answer struct {
			Step    int64
			Extents []struct {
				Time    time.Time
				Seconds int
				Max     *float64
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%v in %.300s", err, body)
		}
		got := ""
		for _, one := range answer.Extents {
			got += fmt.Sprintf("%d: %d of %v, ", one.Time.Unix()-start, one.Seconds, *one.Max)
		}
		if answer.Step != c.step || got != c.want {
			t.Errorf("step %d: %s, want %s", c.step, got, c.want)
		}
	}
}

// someDigest is that of a minute's 6,000 numbers of the first stat.
func someDigest(b *testing.B, r *rand.Rand, d *stats.Definitions) ([]byte, uint64) {
	p, err := program.Compile(d)
	if err != nil {
		b.Fatal(err)
	}
	total, folder := window.NewTotal(p.Kind(0)), p.NewFolder()
	for range 6000 {
		folder.Fold(program.Pack{Lines: fmt.Appendf(nil, "level=info x=%.1f", math.Exp(r.NormFloat64()+5))})
	}
	folder.Flush(func(stat int, fragment []byte) {
		if stat == 0 {
			err = total.Join(fragment, 0, 1)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	return total.Digest()
}

// BenchmarkWeek reads a day and a week of one stat with a week of 161 stats in
// Kafka, as a chart does.
func BenchmarkWeek(b *testing.B) {
	const every = 8 // one in so many stats is of quantiles
	cluster, prefix := topicstest.Cluster(b)
	d := &stats.Definitions{}
	for i := range 160 {
		s := &stats.Stat{Name: fmt.Sprintf("router-requests-of-%03d-per-second", i), Kind: "rate", Window: 10}
		if i%every == 0 {
			s.Kind, s.Field, s.Quantiles = "quantiles", "x", []float64{0.5, 0.99}
		}
		d.Stats = append(d.Stats, s)
	}
	names := topics.Names{Prefix: prefix, Version: d.Version()}
	topicstest.Ensure(b, cluster, names, 8)
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	now := time.Now().Unix() / 60 * 60
	r := rand.New(rand.NewPCG(1, 1))
	digest, numbers := someDigest(b, r, d)
	bytes := 0
	for m := now - 7*86400; m < now; m += 60 {
		values := make([][]byte, 8)
		for _, st := range d.All() {
			p := topics.Partition(st.Name, 8)
			v := r.Float64() * 1000
			minute := topics.Minute{Stat: st.Name, Version: names.Version, Time: m, Seconds: 60,
				Min: fmt.Appendf(nil, "%.1f", v), Max: fmt.Appendf(nil, "%.1f", v*1.2), Last: fmt.Appendf(nil, "%.1f", v*1.1)}
			if st.Kind == "quantiles" {
				minute.Digest, minute.Numbers = digest, numbers
			}
			if values[p], err = topics.AppendMinute(values[p], minute); err != nil {
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
			s.store.Upsert(stats.Snapshot{Stat: st.Name, Time: t, Value: json.RawMessage("7"), Final: true, Version: names.Version}, time.Now())
		}
	}
	start(b, s)
	for _, c := range []struct {
		name            string
		length, step, n int64
		first           int
	}{{"24h", 86400, 120, 720, 1}, {"7d", 7 * 86400, 600, 1008, 1}, {"24h-quantiles", 86400, 120, 720, 0}, {"7d-quantiles", 7 * 86400, 600, 1008, 0}} {
		b.Run(c.name, func(b *testing.B) {
			for i := c.first; b.Loop(); i += every {
				_, body := get(b, s, fmt.Sprintf("/api/stats/%s?from=%d&to=%d&step=%d", d.Stats[i%160].Name, now+60-c.length, now+59, c.step), nil)
				var answer struct{ Extents []struct{ Seconds int } }
				if err := json.Unmarshal([]byte(body), &answer); err != nil || int64(len(answer.Extents)) < c.n {
					b.Fatalf("%d stretches, %v: %.300s", len(answer.Extents), err, body)
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
			all = append(all, evaluate[float64](b, c, `window.took`))
		}
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], "ms-median")
		b.ReportMetric(all[len(all)-1], "ms-most")
	})
}

// recorded is the minutes of a stat, and no points, for a server without Kafka.
type recorded []topics.Minute

func (recorded) Points(context.Context, string, int64, int64) ([]stats.Snapshot, error) {
	return nil, nil
}

func (r recorded) Minutes(context.Context, string, int64, int64) ([]topics.Minute, error) {
	return r, nil
}

// A interval of quantiles has the value of all numbers of its minutes, not the
// extremes of its seconds.
func TestExtentsOfQuantiles(t *testing.T) {
	q := &stats.Stat{Name: "q", Title: "q", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5, 1}, Window: 10}
	s := idle(t, func(c *Config) { c.Definitions = &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{q}} })
	const start = 1_700_000_040 // a multiple of 120
	digest := func(minute int64, numbers ...int) topics.Minute {
		total, folder := window.NewTotal(s.program.Kind(0)), s.program.NewFolder()
		for _, n := range numbers {
			folder.Fold(program.Pack{Lines: fmt.Appendf(nil, "ts=%d x=%d", minute, n), Second: minute, Floor: minute})
		}
		folder.Flush(func(stat int, fragment []byte) {
			if stat > 0 {
				return
			}
			if err := total.Join(fragment, 0, minute+60); err != nil {
				t.Fatal(err)
			}
		})
		m := topics.Minute{Stat: "q", Version: s.store.gen, Time: minute}
		m.Digest, m.Numbers = total.Digest()
		return m
	}
	rolled := func(m topics.Minute) topics.Minute {
		m.Seconds, m.Min, m.Max, m.Last = 60, json.RawMessage(`{"0.5":0,"1":0}`), json.RawMessage(`{"0.5":900,"1":900}`), json.RawMessage("null")
		return m
	}
	bad := rolled(digest(start+240, 7))
	bad.Digest = []byte{0xff}
	all := recorded{
		rolled(digest(start, 1, 2, 3)), rolled(digest(start+60, 100, 100)),
		rolled(topics.Minute{Stat: "q", Version: s.store.gen, Time: start + 120}), rolled(digest(start+180, 5)),
		bad,
		digest(start+360, 8, 9), // whose final values are not rolled up yet
	}
	s.minutes, s.history = all, all
	for second := int64(start + 360); second < start+400; second++ {
		put(s.store, stats.Snapshot{Stat: "q", Time: second, Value: json.RawMessage(`{"0.5":8,"1":9}`), Final: true, Version: s.store.gen})
	}
	_, body := get(t, s, fmt.Sprintf("/api/stats/q?from=%d&to=%d&step=120", start, start+399), nil)
	var answer struct {
		Extents []struct {
			Seconds int
			Numbers uint64
			Value   json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	got := ""
	for _, one := range answer.Extents {
		got += fmt.Sprintf("%d s, %d: %s\n", one.Seconds, one.Numbers, one.Value)
	}
	want := `120 s, 5: {"0.5":3,"1":100}
120 s, 1: {"0.5":5,"1":5}
60 s, 0: 
40 s, 2: {"0.5":8,"1":9}
`
	if got != want {
		t.Errorf("the stretches are\n%swant\n%s", got, want)
	}
}
