package prom

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"pulse/stats"
	"pulse/stats/value"
)

// recent is how far back labels are looked for if no start is given.
const recent = 5 * time.Minute

// maxExemplified is how many stats one question may ask exemplars of.
const maxExemplified = 3

// everything matches all series.
var everything = []*labels.Matcher{labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, "")}

// labelSets reads the labels of the series that a form's selectors match. Where they match
// more stats than a query may read the history of, it is those that the stats have now.
func (a *API) labelSets(ctx context.Context, form url.Values) ([]labels.Labels, annotations.Annotations, error) {
	now := time.Now()
	from, to, err := span(form, now.Add(-recent), now)
	if err != nil {
		return nil, nil, err
	}
	if n := len(form["match[]"]); n > maxSelectors {
		return nil, nil, bad("match[]: there are %d selectors, and %d are the most", n, maxSelectors)
	}
	selectors := [][]*labels.Matcher{everything}
	if texts := form["match[]"]; len(texts) > 0 {
		if selectors, err = a.parser.ParseMetricSelectors(texts); err != nil {
			return nil, nil, bad("match[]: %w", err)
		}
	}
	type sets struct {
		all   []labels.Labels
		notes annotations.Annotations
	}
	question := fmt.Sprintf("labels %d %d %q", from.Unix(), to.Unix(), form["match[]"])
	read, err := read(ctx, a, question, func(ctx context.Context) (sets, error) {
		history, err := a.readingOf(to.Unix()-from.Unix(), 0)
		if err != nil {
			return sets{}, err
		}
		var s sets
		for _, matchers := range selectors {
			hints := &storage.SelectHints{Start: from.UnixMilli(), End: to.UnixMilli(), Func: "series"}
			if oldest, many := a.oldest(matchers); many && from.Unix() < oldest {
				hints.Start = oldest * msPerSecond
				s.notes.Add(errors.New("these are the labels of the last five minutes: name stats by stat=\"…\" for those of a longer time"))
			}
			found := history.Select(ctx, true, hints, matchers...)
			for found.Next() {
				s.all = append(s.all, found.At().Labels())
			}
			if found.Err() != nil {
				return sets{}, found.Err()
			}
		}
		slices.SortFunc(s.all, labels.Compare)
		s.all = slices.CompactFunc(s.all, labels.Equal)
		return s, nil
	})
	return read.all, read.notes, err
}

// oldest is the second from which on all stats that match are at hand, and whether there
// are more than a query may read the history of.
func (a *API) oldest(matchers []*labels.Matcher) (second int64, many bool) {
	n := 0
	for _, st := range a.Stats {
		if matches(matchers, labelStat, st.Name) {
			n++
			second = max(second, a.History.Kept(st.Name))
		}
	}
	return second, n > maxOld
}

func (a *API) series(ctx context.Context, form url.Values) (found, error) {
	if len(form["match[]"]) == 0 {
		return found{}, bad("give at least one match[], such as match[]=pulse_stat")
	}
	all, notes, err := a.labelSets(ctx, form)
	if err != nil {
		return found{}, err
	}
	return listed(form, all, notes)
}

func (a *API) labelNames(ctx context.Context, form url.Values) (found, error) {
	all, notes, err := a.labelSets(ctx, form)
	if err != nil {
		return found{}, err
	}
	names := map[string]bool{model.MetricNameLabel: true, labelStat: true}
	for _, ls := range all {
		ls.Range(func(l labels.Label) { names[l.Name] = true })
	}
	return listed(form, slices.Sorted(maps.Keys(names)), notes)
}

// labelValues needs no history for the stats that there are, unless a selector asks for more
// than their names.
func (a *API) labelValues(ctx context.Context, name string, form url.Values) (found, error) {
	switch {
	case len(form["match[]"]) > 0:
	case name == model.MetricNameLabel:
		return listed(form, []string{metricValue, metricCovered}, nil)
	case name == labelStat:
		var names []string
		for _, st := range a.Stats {
			names = append(names, st.Name)
		}
		slices.Sort(names)
		return listed(form, names, nil)
	}
	all, notes, err := a.labelSets(ctx, form)
	if err != nil {
		return found{}, err
	}
	values := map[string]bool{}
	for _, ls := range all {
		if v := ls.Get(name); v != "" {
			values[v] = true
		}
	}
	return listed(form, slices.Sorted(maps.Keys(values)), notes)
}

// listed is an answer that is a list, of as many as are wanted.
func listed[T any](form url.Values, all []T, notes annotations.Annotations) (found, error) {
	most, err := most(form)
	return found{cut(append([]T{}, all...), most, &notes), notes}, err
}

// metadata is what /metrics says of the metrics, too.
func (a *API) metadata(_ context.Context, form url.Values) (found, error) {
	type about struct {
		Type string `json:"type"`
		Help string `json:"help"`
		Unit string `json:"unit"`
	}
	all := map[string][]about{
		metricValue:   {{"gauge", "The value of a stat at the end of its window, in the stat's own unit.", ""}},
		metricCovered: {{"gauge", "The share of the window's seconds for which there is data.", ""}},
	}
	if only := form.Get("metric"); only != "" {
		maps.DeleteFunc(all, func(name string, _ []about) bool { return name != only })
	}
	return found{data: all}, nil
}

// buildInfo says that what answers is Pulse, and speaks PromQL as the Prometheus does whose
// engine it has: clients choose by its version what they ask.
func (a *API) buildInfo(context.Context, url.Values) (found, error) {
	version := "3.0.0"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			// The module v0.315.0 is Prometheus 3.15.0.
			var major, minor int
			if n, _ := fmt.Sscanf(m.Version, "v0.%1d%2d.", &major, &minor); m.Path == "github.com/prometheus/prometheus" && n == 2 {
				version = fmt.Sprintf("%d.%d.0", major, minor)
			}
		}
	}
	return found{data: map[string]string{"application": "Pulse", "version": version, "goVersion": runtime.Version()}}, nil
}

// exemplars are lines that a query's stats count, where the stats' values are.
func (a *API) exemplars(ctx context.Context, form url.Values) (found, error) {
	now := time.Now()
	from, to, err := span(form, now.Add(-recent), now)
	if err != nil {
		return found{}, err
	}
	expr, err := a.parser.ParseExpr(form.Get("query"))
	if err != nil {
		return found{}, bad("query: %w", err)
	}
	type exemplar struct {
		Labels    map[string]string `json:"labels"`
		Value     string            `json:"value"`
		Timestamp float64           `json:"timestamp"`
	}
	type ofSeries struct {
		Labels    map[string]string `json:"seriesLabels"`
		Exemplars []exemplar        `json:"exemplars"`
	}
	var notes annotations.Annotations
	if oldest := to.Add(-maxSeconds * time.Second); from.Before(oldest) {
		from = oldest
		notes.Add(errors.New("exemplars are of the last hour that was asked for"))
	}
	names := map[string]bool{}
	for _, matchers := range parser.ExtractSelectors(expr) {
		for _, st := range a.Stats {
			if matches(matchers, model.MetricNameLabel, metricValue) && matches(matchers, labelStat, st.Name) {
				names[st.Name] = true
			}
		}
	}
	if len(names) > maxExemplified {
		return found{}, limited("the query is about %d stats, and there are exemplars of at most %d at a time: name one by stat=\"…\"", len(names), maxExemplified)
	}
	all := []ofSeries{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		type behind struct {
			lines  []Line
			values map[int64]float64
		}
		read, err := read(ctx, a, fmt.Sprintf("exemplars %s %d %d", name, from.Unix(), to.Unix()), func(ctx context.Context) (b behind, err error) {
			if b.lines, err = a.History.Lines(ctx, name, from.Unix(), to.Unix()); err != nil || len(b.lines) == 0 {
				return b, err
			}
			points, err := a.History.Points(ctx, name, b.lines[0].Second, b.lines[len(b.lines)-1].Second)
			b.values = greatest(points)
			return b, err
		})
		if err != nil {
			return found{}, err
		}
		one := ofSeries{Labels: map[string]string{model.MetricNameLabel: metricValue, labelStat: name}}
		for _, l := range read.lines {
			if n, ok := read.values[l.Second]; ok {
				one.Exemplars = append(one.Exemplars, exemplar{map[string]string{"line": l.Text}, strconv.FormatFloat(n, 'g', -1, 64), float64(l.Second)})
			}
		}
		if len(one.Exemplars) > 0 {
			all = append(all, one)
		}
	}
	return found{all, notes}, nil
}

// greatest gives the greatest number of each point, which is where lines stand on a chart.
func greatest(points []stats.Snapshot) map[int64]float64 {
	all := map[int64]float64{}
	for _, p := range points {
		v, err := value.Parse(p.Value)
		if err != nil || v == nil || p.StaleSince != 0 {
			continue
		}
		for _, n := range value.Samples(v) {
			if old, ok := all[p.Time]; !ok || n > old {
				all[p.Time] = n
			}
		}
	}
	return all
}
