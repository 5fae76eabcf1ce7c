package prom

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	pvalue "github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"pulse/stats"
	"pulse/stats/value"
	"pulse/topics"
)

// Names of the metrics that there are.
const (
	metricValue   = "pulse_stat"
	metricCovered = "pulse_stat_covered_ratio"
)

const labelStat = "stat"

const (
	msPerSecond   = 1000
	minuteSeconds = 60
	// currentFor is how long a sample is the newest one after the history ends, in
	// seconds: a value that is older is not current, as on the page.
	currentFor = 10
)

// Bounds of one query.
const (
	maxSeconds = 3600           // that are read one by one
	maxMinutes = 31 * 24 * 3600 // seconds that are read by the minute
	maxSamples = 500_000        // that are in memory at a time, and in an answer
	maxOld     = 20             // stats whose points are read from Kafka
)

// A limit is an error of who asks: the query wants more than a query may have, or what
// the history cannot tell.
type limit struct{ error }

func limited(format string, args ...any) error { return limit{fmt.Errorf(format, args...)} }

// A readError is what the history, or the budget of reading it, failed with.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// A reading is the history as one query sees it. It is Queryable and Querier at once,
// since nothing needs to be opened.
type reading struct {
	stats    []*stats.Stat
	history  History
	byMinute bool            // samples are those of minutes, as far as these are rolled up
	samples  int             // that were read so far
	old      map[string]bool // whether a stat's points are read from Kafka
}

// readingOf chooses how a span of so many seconds is read: by the minute if it is asked
// for in steps of a minute or more, and by the second otherwise. An instant query, whose
// step is 0, is by the second as far as that goes.
func (a *API) readingOf(seconds, step int64) (*reading, error) {
	r := &reading{stats: a.Stats, history: a.History, old: map[string]bool{}}
	switch {
	case seconds > maxMinutes:
		return nil, limited("the query reads %d s of history, and %d s, 31 days, are the most", seconds, maxMinutes)
	case step >= minuteSeconds, step == 0 && seconds > maxSeconds:
		r.byMinute = true
	case seconds > maxSeconds:
		return nil, limited("the query reads %d s of history: for more than %d s, step must be %d s or more", seconds, maxSeconds, minuteSeconds)
	}
	return r, nil
}

// lookback is how old the newest sample of a series may be.
func (r *reading) lookback() time.Duration {
	if r.byMinute {
		return minuteSeconds * time.Second
	}
	return currentFor * time.Second
}

func (r *reading) Querier(_, _ int64) (storage.Querier, error) { return r, nil }

func (r *reading) Close() error { return nil }

// errOwn says that names and values of labels are found by Select.
var errOwn = errors.New("labels are answered by the API itself")

func (r *reading) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errOwn
}

func (r *reading) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errOwn
}

// Select reads the series that matchers name, of the time that hints tell.
func (r *reading) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	from, to := max(0, ceilDiv(hints.Start, msPerSecond)), hints.End/msPerSecond
	set := &seriesSet{at: -1}
	if from > to || hints.End < 0 {
		return set
	}
	if r.byMinute {
		if hints.Func == "sum_over_time" || hints.Func == "count_over_time" {
			set.err = limited("%s would take one sample of each minute, since the query is read by the minute: ask for at most %d s in steps below %d s, or use avg_over_time", hints.Func, maxSeconds, minuteSeconds)
			return set
		}
		set.warnings.Add(fmt.Errorf("%w: read by the minute: a sample is the value at the last second of a minute", annotations.PromQLInfo))
	}
	var wanted []*collector
	for _, st := range r.stats {
		for _, metric := range []string{metricValue, metricCovered} {
			if matches(matchers, model.MetricNameLabel, metric) && matches(matchers, labelStat, st.Name) {
				wanted = append(wanted, newCollector(metric, st.Name, matchers, set, r))
				r.old[st.Name] = r.old[st.Name] || from < r.history.Kept(st.Name)
			}
		}
	}
	old := 0
	for _, is := range r.old {
		if is {
			old++
		}
	}
	if old > maxOld {
		set.err = limited("the query reads the history of more than %d stats: name some by stat=\"…\"; the last five minutes can be had of all", maxOld)
		return set
	}
	known := false
	for _, c := range wanted {
		if set.err = r.collect(ctx, c, from, to, hints.Func); set.err != nil {
			return set
		}
		c.finish(to)
		known = known || c.seconds > 0
	}
	if len(wanted) > 0 && !known {
		set.warnings.Add(fmt.Errorf("nothing is known from %s to %s: Pulse did not run then, or its history does not go back that far", utc(from), utc(to)))
	}
	slices.SortFunc(set.all, func(a, b *promql.StorageSeries) int { return labels.Compare(a.Labels(), b.Labels()) })
	return set
}

// collect gives a stat's samples of the seconds [from, to] to a collector.
func (r *reading) collect(ctx context.Context, c *collector, from, to int64, function string) error {
	if r.byMinute {
		minutes, err := r.history.Minutes(ctx, c.stat, from-from%minuteSeconds, to)
		if err != nil {
			return readError{err}
		}
		for _, m := range minutes {
			if m.Seconds+m.Clockless == 0 {
				continue // only its numbers are known so far
			}
			if err := c.minute(m, function); err != nil {
				return err
			}
			from = m.Time + minuteSeconds
		}
		// Before that nothing was rolled up, as there was nothing, or not yet.
		from = max(from, to-maxSeconds+1)
	}
	if from > to {
		return nil
	}
	c.bySecond = true
	// What comes after the last second tells whether those before it are missing.
	points, err := r.history.Points(ctx, c.stat, from, to+currentFor)
	if err != nil {
		return readError{err}
	}
	for i := range points {
		for p := range points[i].Seconds(from, to+currentFor) {
			if p.Time > to && p.StaleSince == 0 {
				c.gap(p.Time)
				return nil
			}
			if err := c.point(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// A collector makes series of a stat's samples, which come in the order of time.
type collector struct {
	metric, stat string
	matchers     []*labels.Matcher
	set          *seriesSet
	reading      *reading

	series map[string]*promql.Series // by the labels beside the stat; nil: they do not match
	live   map[*promql.Series]bool   // those that the newest second has
	key    []byte
	newest int64

	bySecond bool  // samples are of all seconds that are known, no longer of minutes
	seconds  int64 // that had a value

	uncovered, partial int64
	approx             float64
}

func newCollector(metric, stat string, matchers []*labels.Matcher, set *seriesSet, r *reading) *collector {
	return &collector{metric: metric, stat: stat, matchers: matchers, set: set, reading: r, series: map[string]*promql.Series{}, live: map[*promql.Series]bool{}}
}

// minute takes a minute, as a sample of its last second.
func (c *collector) minute(m topics.Minute, function string) error {
	at := m.Time + minuteSeconds - 1
	if m.Seconds == 0 {
		return nil // nothing of it is known
	}
	c.seconds += int64(m.Seconds)
	c.uncovered += int64(m.Uncovered)
	if m.Seconds < minuteSeconds {
		c.partial++
	}
	if c.metric == metricCovered {
		return c.covered(at, 1-float64(m.Uncovered)/float64(m.Seconds))
	}
	of := m.Last
	switch function {
	case "max_over_time":
		of = m.Max
	case "min_over_time":
		if of = m.Min; string(m.Min) == "null" && string(m.Max) != "null" {
			return limited("values by key have no least by the minute: ask for at most %d s in steps below %d s", maxSeconds, minuteSeconds)
		}
	}
	return c.value(at, of)
}

// point takes a second's point.
func (c *collector) point(p stats.Snapshot) error {
	if p.StaleSince != 0 { // no clock ran: nothing is known
		c.gap(p.Time + 1)
		return nil
	}
	c.seconds++
	ratio := 1.0
	if p.Of > 0 {
		ratio = float64(p.Covered) / float64(p.Of)
	}
	if ratio < 1 {
		c.uncovered++
	}
	if c.metric == metricCovered {
		return c.covered(p.Time, ratio)
	}
	c.approx = max(c.approx, p.Approx)
	return c.value(p.Time, p.Value)
}

func (c *collector) covered(at int64, ratio float64) error {
	return c.take(at, func(yield func([]value.Label, float64) bool) { yield(nil, ratio) })
}

func (c *collector) value(at int64, text []byte) error {
	v, err := value.Parse(text)
	if err != nil {
		c.set.warnings.Add(fmt.Errorf("stat %s: a value cannot be read and is left out: %w", c.stat, err))
		return nil
	}
	if v == nil {
		return c.take(at, func(func([]value.Label, float64) bool) {})
	}
	return c.take(at, value.Samples(v))
}

// take takes the samples of a second. A series that had one before and has none now
// ends there, as do all at a second that is missing.
func (c *collector) take(at int64, samples func(func([]value.Label, float64) bool)) error {
	if c.bySecond {
		c.gap(at)
	}
	c.newest = at
	before := len(c.live)
	for s := range c.live {
		c.live[s] = false
	}
	for of, n := range samples {
		s := c.of(of)
		if s == nil {
			continue
		}
		if c.reading.samples++; c.reading.samples > maxSamples {
			return limited("the query reads more than %d samples: ask for a shorter time, fewer stats or a key", maxSamples)
		}
		s.Floats = append(s.Floats, promql.FPoint{T: at * msPerSecond, F: n})
		c.live[s] = true
	}
	if before > 0 {
		for s, has := range c.live {
			if !has {
				c.endSeries(s, at)
			}
		}
	}
	return nil
}

// of finds the series of labels; nil: they do not match.
func (c *collector) of(of []value.Label) *promql.Series {
	c.key = c.key[:0]
	for _, l := range of {
		c.key = append(append(append(c.key, l.Name...), 0), l.Text...)
		c.key = append(c.key, 0)
	}
	s, known := c.series[string(c.key)]
	if known {
		return s
	}
	all := []labels.Label{{Name: model.MetricNameLabel, Value: c.metric}, {Name: labelStat, Value: c.stat}}
	for _, l := range of {
		all = append(all, labels.Label{Name: l.Name, Value: strings.Clone(l.Text)})
	}
	s = &promql.Series{Metric: labels.New(all...)}
	for _, m := range c.matchers {
		if !m.Matches(s.Metric.Get(m.Name)) {
			s = nil
			break
		}
	}
	c.series[string(c.key)] = s
	return s
}

// gap ends all series after their newest second, unless the next one that is known is
// the one after it.
func (c *collector) gap(next int64) {
	if next > c.newest+1 {
		c.end(c.newest + 1)
	}
}

// end ends all series that go on at a second.
func (c *collector) end(at int64) {
	for s := range c.live {
		c.endSeries(s, at)
	}
}

func (c *collector) endSeries(s *promql.Series, at int64) {
	s.Floats = append(s.Floats, promql.FPoint{T: at * msPerSecond, F: math.Float64frombits(pvalue.StaleNaN)})
	delete(c.live, s)
}

// finish puts the series into the set, when all samples through second to were taken.
func (c *collector) finish(to int64) {
	if c.newest+currentFor <= to {
		c.end(c.newest + currentFor)
	}
	for _, s := range c.series {
		if s != nil {
			c.set.all = append(c.set.all, promql.NewStorageSeries(*s))
		}
	}
	if c.metric != metricValue || c.seconds == 0 {
		return
	}
	warn := func(format string, args ...any) {
		c.set.warnings.Add(fmt.Errorf("stat "+c.stat+": "+format, args...))
	}
	if c.uncovered > 0 {
		warn("in %d of %d seconds the window was not covered whole, so the value may lack lines", c.uncovered, c.seconds)
	}
	if c.partial > 0 {
		warn("minutes with seconds without a value, whose sample is the last that has one: %d", c.partial)
	}
	if c.approx > 0 {
		warn("values are estimates with a standard error of up to %.2g %%", c.approx*100)
	}
}

// utc is a second as operators write it.
func utc(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

// matches reports whether all matchers of a label match a text.
func matches(matchers []*labels.Matcher, name, text string) bool {
	for _, m := range matchers {
		if m.Name == name && !m.Matches(text) {
			return false
		}
	}
	return true
}

// ceilDiv is a/b, rounded up, of a positive b.
func ceilDiv(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// A seriesSet gives series in the order of their labels.
type seriesSet struct {
	all      []*promql.StorageSeries
	at       int
	err      error
	warnings annotations.Annotations
}

func (s *seriesSet) Next() bool {
	s.at++
	return s.err == nil && s.at < len(s.all)
}

func (s *seriesSet) At() storage.Series                { return s.all[s.at] }
func (s *seriesSet) Err() error                        { return s.err }
func (s *seriesSet) Warnings() annotations.Annotations { return s.warnings }
