package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/explain"
	"pulse/stats/mark"
	"pulse/stats/survey"
	"pulse/stats/value"
	"pulse/topics"
	"pulse/topics/retry"
)

// synthetic is a made-up log: definitions, and for each stat and second a value
// that follows from a seed, so that tests and pictures need no Kafka.
type synthetic struct {
	definitions *stats.Definitions
	curves      map[string]func(second int64) string
	// silent says which seconds of a stat have not closed.
	silent func(stat string, second, now int64) bool
	// doubt says how sure a point is.
	doubt func(st *stats.Stat, p *stats.Snapshot)
	// clock is how far the clocks of a source partition are when a second closes.
	clock func(partition int, second int64) int64
	lag   int64 // seconds after its end that a second closes
	// ingesters are those that the clocks are of.
	ingesters []string
}

func ptr(v float64) *float64 { return &v }

// curve is a value that wanders about base: slow waves, some noise of each
// second, and where a spike is asked for, one that decays.
func curve(seed uint64, base, wander, noise float64) func(second int64) float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	p1, p2, p3 := r.Float64()*7, r.Float64()*7, r.Float64()*7
	return func(second int64) float64 {
		t := float64(second)
		jitter := rand.New(rand.NewPCG(seed, uint64(second))).Float64() - 0.5
		v := base * (1 + wander*(0.6*math.Sin(t/61+p1)+0.3*math.Sin(t/17+p2)+0.2*math.Sin(t/7.3+p3)) + noise*jitter)
		return max(0, v)
	}
}

func number(f func(int64) float64, decimals int) func(int64) string {
	return func(s int64) string {
		shift := math.Pow10(decimals)
		return fmt.Sprint(math.Round(f(s)*shift) / shift)
	}
}

// newSynthetic has a page like that of a router, with rows of its own, and extra
// more stats that are on no page.
func newSynthetic(extra int) *synthetic {
	s := &synthetic{definitions: &stats.Definitions{Lateness: 2}, curves: map[string]func(int64) string{}}
	seed := uint64(40)
	add := func(st *stats.Stat, f func(int64) string) string {
		if st.Window == 0 {
			st.Window = 10
		}
		st.Name = fmt.Sprintf("stat-%02d", len(s.definitions.Stats))
		s.definitions.Stats = append(s.definitions.Stats, st)
		s.curves[st.Name] = f
		return st.Name
	}
	rate := func(title string, base, wander, noise float64, warn, crit *float64) string {
		seed++
		return add(&stats.Stat{Title: title, Unit: "/s", Kind: "rate", Per: 1, Warn: warn, Crit: crit}, number(curve(seed, base, wander, noise), 1))
	}
	// few is a rate per minute of events that are rare: each lifts it for 70 s.
	few := func(title string, every float64, warn, crit *float64) string {
		seed++
		mine := seed
		return add(&stats.Stat{Title: title, Unit: "/min", Kind: "rate", Per: 60, Window: 70, Warn: warn, Crit: crit}, func(t int64) string {
			n := 0
			for i := t - 69; i <= t; i++ {
				if rand.New(rand.NewPCG(mine, uint64(i))).Float64() < 1/every {
					n++
				}
			}
			return fmt.Sprint(math.Round(float64(n)*60/70*1000) / 1000)
		})
	}
	quantiles := func(title, unit string, at []float64, base float64) string {
		seed++
		mine := seed
		return add(&stats.Stat{Title: title, Unit: unit, Kind: "quantiles", Quantiles: at, Window: 60}, func(t int64) string {
			v := map[string]float64{}
			for i, q := range at {
				b := base * math.Pow(4.4, float64(i))
				v[fmt.Sprint(q)] = math.Round(curve(mine+uint64(i)*1000, b, 0.12*float64(i+1), 0.05)(t)*10) / 10
			}
			b, _ := json.Marshal(v)
			return string(b)
		})
	}
	// It decays in some seconds to a third.
	spike := func(f func(int64) float64, start int64, height, decay float64) func(int64) float64 {
		return func(t int64) float64 {
			v := f(t)
			if d := t%100000 - start; d >= 0 && d < 1000 {
				v *= 1 + height*math.Exp(-float64(d)/decay)
			}
			return v
		}
	}
	now := time.Now().Unix()

	linked := few // with a link
	few = func(title string, every float64, warn, crit *float64) string {
		name := linked(title, every, warn, crit)
		s.definitions.Stats[len(s.definitions.Stats)-1].Link = "https://example.com/runbook"
		return name
	}
	edge := []string{
		rate("nginx requests", 14200, 0.05, 0.01, ptr(17000), nil),
		few("nginx 500", 8, nil, nil),
		add(&stats.Stat{Title: "nginx 502", Unit: "/min", Kind: "rate", Per: 60, Window: 70, Warn: ptr(20), Crit: ptr(60)}, number(spike(curve(3, 13, 0.3, 0.05), (now-60)%100000, 1.9, 25), 1)),
		add(&stats.Stat{Title: "nginx 503", Unit: "/min", Kind: "rate", Per: 60, Window: 70, Warn: ptr(30), Crit: ptr(60)}, number(spike(curve(4, 11, 0.2, 0.05), (now-35)%100000, 26, 100), 1)),
		few("nginx 504", 90, ptr(10), ptr(60)),
		add(&stats.Stat{Title: "domains with 503", Unit: "distinct", Kind: "unique", Window: 60}, number(curve(6, 14, 0.3, 0.1), 0)),
	}
	times := []string{
		quantiles("service time", "ms", []float64{0.5, 0.95, 0.99}, 20),
		quantiles("bytes out", "B", []float64{0.5, 0.9, 0.99}, 900),
		add(&stats.Stat{Title: "bytes out, all", Unit: "B/s", Kind: "sum", Window: 1}, number(curve(8, 8.9e6, 0.1, 0.05), 0)),
		add(&stats.Stat{Title: "connect time, mean", Unit: "ms", Kind: "mean", Window: 10}, func(t int64) string {
			if t%70 < 12 {
				return "null"
			}
			return number(curve(9, 3.1, 0.2, 0.3), 2)(t)
		}),
	}
	mesh := []string{
		rate("router requests", 15900, 0.04, 0.01, nil, nil),
		few("H10 app crashed", 2, nil, nil),
		few("H12 timeout", 3, nil, nil),
		few("H13 closed", 30, nil, nil),
		add(&stats.Stat{Title: "H99 platform error", Unit: "/min", Kind: "rate", Per: 60, Window: 70, Crit: ptr(1)}, func(int64) string { return "0" }),
		add(&stats.Stat{Title: "processes up", Kind: "max", Window: 60, Warn: ptr(40000), Reversed: true}, number(curve(12, 53200, 0.02, 0), 0)),
	}
	table := add(&stats.Stat{Title: "busiest domains", Unit: "/s", Kind: "rate", Per: 1, GroupBy: []string{"domain"}, Top: 8}, func(t int64) string {
		names := []string{"shop.example.com", "api.example.org", "www.example.net", "cdn.example.com", "blog.example.org", "a.example.io", "m.example.com", "img.example.net"}
		type kv struct {
			Key   string  `json:"key"`
			Value float64 `json:"value"`
		}
		var top []kv
		for i, n := range names {
			top = append(top, kv{n, math.Round(curve(uint64(70+i), 4200*math.Pow(0.62, float64(i)), 0.02, 0.02)(t))})
		}
		b, _ := json.Marshal(map[string]any{"top": top, "other": 3696, "distinct": 2318})
		return string(b)
	})
	heat := add(&stats.Stat{Title: "service time", Unit: "ms", Kind: "histogram", Window: 1, Buckets: []float64{5, 10, 20, 50, 100, 200, 500, 1000}}, func(t int64) string {
		le := []float64{5, 10, 20, 50, 100, 200, 500, 1000}
		counts := make([]int, len(le)+1)
		center := curve(90, 3, 0.25, 0.1)(t)
		if d := now - t; d > 70 && d < 110 {
			center += 2.6
		}
		for i := range counts {
			counts[i] = int(900 * math.Exp(-math.Pow(float64(i)-center, 2)/1.4))
		}
		b, _ := json.Marshal(map[string]any{"le": le, "counts": counts})
		return string(b)
	})
	var names []string
	for i := range extra {
		title := fmt.Sprintf("%s %s", []string{"router", "api", "worker", "queue", "cache", "store", "logs"}[i%7], []string{"requests", "errors", "timeouts", "connections", "retries"}[i/7%5])
		switch i % 5 {
		case 0, 1:
			names = append(names, rate(title, math.Pow(7, float64(i%6)), 0.2, 0.1, ptr(math.Pow(7, float64(i%6))*1.17), nil))
		case 2:
			names = append(names, few(title, float64(i%37+2), nil, ptr(28)))
		default:
			names = append(names, rate(title, 40+float64(i), 0.1, 0.4, nil, nil))
		}
	}
	s.definitions.Pages = []stats.Page{
		{Title: "Routing", Rows: [][]string{edge, times, {table, heat}, mesh}},
		{Title: "Edge", Rows: [][]string{edge[:5]}},
	}
	if extra > 0 {
		s.definitions.Pages = append(s.definitions.Pages, stats.Page{Title: "Platform", Rows: [][]string{names}})
	}
	return s
}

// feed gives a store the second of every stat, unless it is silent.
func (s *synthetic) feed(store *Store, second, now int64) {
	for _, st := range s.definitions.Stats {
		if s.silent != nil && s.silent(st.Name, second, now) {
			continue
		}
		p := stats.Snapshot{Stat: st.Name, Time: second, Value: json.RawMessage(s.curves[st.Name](second)), Final: true, Version: store.gen}
		if s.doubt != nil {
			s.doubt(st, &p)
		}
		store.Upsert(p, time.Now())
	}
	in := int(curve(99, 18240, 0.05, 0.02)(second))
	late := 0
	if second%37 < 4 {
		late = int(second % 37 * 90)
	}
	if s.silent == nil || !s.silent(stats.LinesStat, second, now) {
		store.Upsert(stats.Snapshot{Stat: stats.LinesStat, Time: second, Final: true, Version: store.gen, Value: fmt.Appendf(nil,
			`{"in":%d,"counted":%d,"late":%d,"unreadable":0,"ahead":0,"bytes":%d}`, in, in-late, late, in*212)}, time.Now())
	}
	clocks := topics.Clocks{Version: store.gen, Ingesters: s.ingesters}
	for p := range 8 {
		c := second + 1
		if s.clock != nil {
			c = s.clock(p, second)
		}
		clocks.Seconds = append(clocks.Seconds, c)
	}
	store.Clocks(clocks, time.Now())
}

// run fills a store with the last minutes and then feeds it each second until
// ctx is done: what a Server of tests has in place of Kafka.
func (s *synthetic) run(store *Store) func(ctx context.Context, ready func()) error {
	return func(ctx context.Context, ready func()) error {
		next := time.Now().Unix() - Window - 5
		for {
			now := time.Now()
			for ; next < now.Unix(); next++ {
				s.feed(store, next-s.lag, now.Unix())
			}
			ready()
			retry.Wait(ctx, time.Until(time.Unix(next+1, int64(20*time.Millisecond))))
			if ctx.Err() != nil {
				return nil
			}
		}
	}
}

// Points is the history of a stat, as far back as is asked.
func (s *synthetic) Points(_ context.Context, stat string, from, to int64) (points []stats.Snapshot, err error) {
	for t := from; t <= to && s.curves[stat] != nil; t++ {
		points = append(points, stats.Snapshot{Stat: stat, Time: t, Value: json.RawMessage(s.curves[stat](t)), Final: true})
	}
	return points, nil
}

// Minutes is what the minutes of a stat amount to, as far back as is asked, of
// every twentieth second.
func (s *synthetic) Minutes(_ context.Context, stat string, from, to int64) (all []topics.Minute, err error) {
	if s.curves[stat] == nil {
		return nil, nil
	}
	for m := from; m <= min(to, time.Now().Unix()-90); m += 60 {
		minute := extent{Time: m}
		for t := m; t < m+60; t += 20 {
			minute.add(ofPoint(stats.Snapshot{Time: t, Value: json.RawMessage(s.curves[stat](t))}, false, t, t))
		}
		all = append(all, topics.Minute{Stat: stat, Time: m, Seconds: 60, Min: value.AppendJSON(nil, minute.Min), Max: value.AppendJSON(nil, minute.Max), Last: minute.Last})
	}
	return all, nil
}

// Around is twenty lines before one, and as many after it.
func (s *synthetic) Around(_ context.Context, at place) (n neighborhood, err error) {
	n = neighborhood{ingester: "web-1", from: "file=%2Fvar%2Flog%2Fapp.log", found: at.offset > 20}
	for i := -aroundLines; i <= aroundLines; i++ {
		n.lines = append(n.lines, neighbor{place{at.partition, at.offset + int64(i), at.start}, fmt.Sprintf("level=info neighbor=%d path=/a\u202e", i)})
	}
	return n, nil
}

// Narrowed is a half of what the stat has.
func (s *synthetic) Narrowed(_ context.Context, q narrowedQuery, tell func(readSoFar)) (n narrowed, err error) {
	tell(readSoFar{1000, 212000})
	curve, ok := s.curves[q.stat]
	if !ok {
		return n, nil
	}
	for second := q.from; second <= q.to; second++ {
		v := curve(second)
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			v = fmt.Sprint(f / 2)
		}
		n.points = append(n.points, stats.Snapshot{Stat: q.stat, Time: second, Value: json.RawMessage(v), Version: s.definitions.Version()})
	}
	return n, nil
}

// Survey is what some made-up lines have.
func (s *synthetic) Survey(_ context.Context, from, to int64, tell func(readSoFar)) (surveyed, error) {
	found := surveyed{Survey: survey.New(survey.NewReader(nil, to)), whole: to-from < 1000}
	for i := range 2000 {
		text := fmt.Sprintf("level=%s path=/shop/%d ms=%d customer=c%d cached=%t host=web-%d request_id=%x", []string{"info", "info", "warn", "error"}[i%4], i%7, i*i%977, i%61, i%3 == 0, i%4, i*7919)
		if i%16 == 0 {
			text = fmt.Sprintf("user %d did \"x%d\" to <b>, it's 0xab%d", i, i, i)
		}
		if err := found.Add("", []byte(text)); err != nil {
			return found, err
		}
		found.read = readSoFar{found.read.Lines + 1, found.read.Bytes + int64(len(text))}
	}
	tell(found.read)
	return found, nil
}

// Lines is one line for every ten seconds; those of an hour ago are expired, and the time is
// over before all lines that are slow were read.
func (s *synthetic) Lines(_ context.Context, q lineQuery, _ func(foundLines)) (found foundLines, err error) {
	if q.to < time.Now().Unix()-3600 {
		return foundLines{expired: true}, nil
	}
	found = everyTen(q)
	found.stopped = q.where == "slow"
	return found, nil
}

// everyTen is a query's line of every ten seconds.
func everyTen(q lineQuery) (found foundLines) {
	for t := q.to; t >= q.from; t-- {
		if t%10 == 0 {
			l := foundLine{second: t, text: fmt.Sprintf("level=error <b>stat</b>=%s second=%d key=%s where=%s", q.stat, t, q.key, q.where), at: place{1, t, 0}, ingester: "web-1", from: "file=%2Fvar%2Flog%2Fapp.log"}
			if q.fields {
				l.fields = map[string]any{"level": "error", "second": t, "ms": float64(t%97) + 0.5}
			}
			found.lines = append(found.lines, l)
		}
	}
	return found
}

// Explain says of any seconds that one customer has all that came, but with a condition that
// names it: then it is an endpoint.
func (s *synthetic) Explain(_ context.Context, q explain.Question, tell func(readSoFar)) (explain.Answer, error) {
	tell(readSoFar{1000, 212000})
	parts := func(peaks ...int) []float64 {
		p := make([]float64, 24)
		for i := range p {
			for _, peak := range peaks {
				p[i] += math.Exp(-math.Pow(float64(i-peak)/2.5, 2)) / 4.4 / float64(len(peaks))
			}
		}
		return p
	}
	edges := make([]float64, 25)
	for i := range edges {
		edges[i] = 2 * math.Pow(600, float64(i)/24)
	}
	a := explain.Answer{
		Question: q, Lines: 1240, Before: 1000, Read: 1, ReadBefore: 1, Tried: 312,
		Values: []explain.Value{
			{Field: "customer", Value: "acme\u202e<b>", Where: "customer == \"acme\u202e<b>\"", Lines: 260, Before: 20, Share: 260. / 1240, ShareBefore: 0.02, Part: 0.98, G: 321.5},
			{Field: "endpoint", Value: "/" + strings.Repeat("long/", 24), Where: "endpoint startsWith \"/long\"", Lines: 310, Before: 70, Share: 0.25, ShareBefore: 0.07, Part: 0.93, G: 201},
		},
		Numbers: []explain.Numbers{{Field: "service", Edges: edges, Now: explain.Distribution{Lines: 1240, Min: 1, P10: 8, P50: 21, P90: 960, P99: 1210, Max: 1900, Parts: parts(8, 20)}, Before: explain.Distribution{Lines: 1000, Min: 1, P10: 8, P50: 19, P90: 64, P99: 120, Max: 300, Parts: parts(9)}, G: 99}},
	}
	if strings.Contains(q.Where, "customer") {
		a.Values = a.Values[1:]
	}
	return a, nil
}

// Each is the minutes of all stats.
func (s *synthetic) Each(ctx context.Context, from, to int64, take func(topics.Minute)) error {
	for _, st := range s.definitions.Stats {
		all, _ := s.Minutes(ctx, st.Name, from, to)
		for _, m := range all {
			take(m)
		}
	}
	return nil
}

// Published says that each point was published when its second was over.
func (s *synthetic) Published(_ context.Context, from, to int64, take func(stats.Snapshot, time.Time) bool) error {
	gen := s.definitions.Version()
	for second := from; second < to; second++ {
		for _, st := range s.definitions.Stats {
			if s.silent != nil && s.silent(st.Name, second, to) {
				continue
			}
			if !take(stats.Snapshot{Stat: st.Name, Time: second, Value: json.RawMessage(s.curves[st.Name](second)), Final: true, Version: gen}, time.Unix(second+1, 0)) {
				return nil
			}
		}
	}
	return nil
}

// PutMark keeps nothing: the store has the mark already.
func (s *synthetic) PutMark(context.Context, mark.Mark) error { return nil }

// idle makes a server whose past is the synthetic log's, and that is not run.
func (s *synthetic) idle(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	server := idle(t, func(c *Config) {
		c.Definitions = s.definitions
		if change != nil {
			change(c)
		}
	})
	server.incidents = newMemoryIncidents(keptLines{s})
	server.history, server.minutes, server.raw, server.marker = s, s, s, s
	server.usual.minutes, server.published = s, s
	return server
}

// serve runs a server over the synthetic log until the test ends.
func (s *synthetic) serve(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	server := s.idle(t, change)
	server.fill = s.run(server.store)
	onPort(t, server)
	return server
}
