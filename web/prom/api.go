// Package prom answers questions in PromQL about the history of stats, in the form of
// Prometheus' HTTP API, version 1, so that Grafana and other clients of Prometheus read
// it: https://prometheus.io/docs/prometheus/latest/querying/api/.
//
// There are two metrics, both gauges: pulse_stat, with the labels stat and, as far as the
// stat's values have them, key, quantile, le and count, and pulse_stat_covered_ratio. A
// second that is stale or not known has no sample, and never 0: PromQL does not see the
// value before it either. What is not sure about samples is in the answer's warnings.
package prom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
)

// History is what queries read. It is asked by one query at a time of each reader.
type History interface {
	// Points gives a stat's points of the seconds [from, to], oldest first.
	Points(ctx context.Context, stat string, from, to int64) ([]stats.Snapshot, error)
	// Minutes gives a stat's minutes that begin in [from, to], oldest first.
	Minutes(ctx context.Context, stat string, from, to int64) ([]topics.Minute, error)
	// Kept is the oldest second of which Points has a stat's point at hand.
	Kept(stat string) int64
	// Lines gives some of the lines that a stat counts in [from, to], oldest first.
	Lines(ctx context.Context, stat string, from, to int64) ([]Line, error)
}

// A Line is one that a stat counts.
type Line struct {
	Second int64
	Text   string
}

// Config is what an API needs.
type Config struct {
	Stats   []*stats.Stat
	History History
	// Budget lets a question be read when it is its turn. Equal questions may share the
	// answer, which nobody changes then.
	Budget func(ctx context.Context, question string, read func(context.Context) (any, error)) (any, error)
	// Hold counts an answer of so many bytes in that a client is to take, until the function
	// that it gives is called.
	Hold func(r *http.Request, size int) (taken func())
	// Refusal is what is answered instead of what the history or the budget failed with.
	Refusal func(error) (status int, text string)
}

// API answers questions about a history.
type API struct {
	Config
	engine *promql.Engine
	parser parser.Parser
}

const (
	queryWithin  = 30 * time.Second
	maxSteps     = 11000    // of one series, as Prometheus has it
	maxBody      = 64 << 10 // bytes of a form
	maxSelectors = 20       // match[] of one request
	maxNotes     = 10       // warnings, and infos, of one answer
	// subqueryStep is that of subqueries that tell none, in milliseconds.
	subqueryStep = minuteSeconds * msPerSecond
)

// New makes the API of a history of stats.
func New(c Config) *API {
	p := parser.NewParser(parser.Options{})
	return &API{Config: c, parser: p, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: queryWithin, Parser: p,
		EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep },
	})}
}

// Root is where the API's paths begin.
const Root = "/api/v1/"

// Answers is what the API answers, by method and path.
func (a *API) Answers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for _, method := range []string{"GET ", "POST "} {
		all[method+Root+"query"] = a.answer(a.query, "query", "time", "timeout", "limit", "stats")
		all[method+Root+"query_range"] = a.answer(a.queryRange, "query", "start", "end", "step", "timeout", "limit", "stats")
		all[method+Root+"series"] = a.answer(a.series, "match[]", "start", "end", "limit", "timeout")
		all[method+Root+"labels"] = a.answer(a.labelNames, "match[]", "start", "end", "limit", "timeout")
		all[method+Root+"query_exemplars"] = a.answer(a.exemplars, "query", "start", "end", "timeout")
	}
	all["GET "+Root+"label/{name}/values"] = func(w http.ResponseWriter, r *http.Request) {
		a.answer(func(ctx context.Context, form url.Values) (found, error) {
			return a.labelValues(ctx, r.PathValue("name"), form)
		}, "match[]", "start", "end", "limit", "timeout")(w, r)
	}
	all["GET "+Root+"metadata"] = a.answer(a.metadata, "metric", "limit", "limit_per_metric")
	all["GET "+Root+"status/buildinfo"] = a.answer(a.buildInfo)
	return all
}

// found is the data of an answer, and what is to be said of it.
type found struct {
	data  any
	notes annotations.Annotations
}

// A refusal is an error as the API tells it.
type refusal struct {
	status int
	kind   string
	error
}

// bad is an error in what was asked.
func bad(format string, args ...any) error {
	return refusal{http.StatusBadRequest, "bad_data", fmt.Errorf(format, args...)}
}

// answer makes a handler: it reads the parameters, and writes what was found in the
// API's envelope.
func (a *API) answer(find func(ctx context.Context, form url.Values) (found, error), parameters ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var got found
		err := form(w, r, parameters)
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), within(r.Form))
			defer cancel()
			got, err = find(ctx, r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		encoder := json.NewEncoder(w)
		if err != nil {
			as := a.refuse(err)
			if as.status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "2")
			}
			w.WriteHeader(as.status)
			encoder.Encode(struct { //nolint:errcheck // the client is gone
				Status string `json:"status"`
				Type   string `json:"errorType"`
				Error  string `json:"error"`
			}{"error", as.kind, as.Error()})
			return
		}
		warnings, infos := got.notes.AsStrings(r.Form.Get("query"), maxNotes, maxNotes)
		data, err := asJSON(got.data)
		if err != nil {
			http.Error(w, "the answer cannot be written as JSON", http.StatusInternalServerError)
			return
		}
		defer a.Hold(r, len(data))()
		io.WriteString(w, `{"status":"success","data":`) //nolint:errcheck // the client is gone
		w.Write(data)                                    //nolint:errcheck
		for _, notes := range []struct {
			name string
			all  []string
		}{{"warnings", warnings}, {"infos", infos}} {
			if len(notes.all) > 0 {
				text, _ := json.Marshal(notes.all) // they are texts
				fmt.Fprintf(w, ",%q:%s", notes.name, text)
			}
		}
		io.WriteString(w, "}\n") //nolint:errcheck
	}
}

// asJSON is the data of an answer as JSON, which it may be already.
func asJSON(data any) (json.RawMessage, error) {
	if text, ok := data.(json.RawMessage); ok {
		return text, nil
	}
	return json.Marshal(data)
}

// form reads a request's parameters, and refuses those that are not among the given: to
// leave one out of account would give another answer than was asked for.
func form(w http.ResponseWriter, r *http.Request, parameters []string) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return bad("the form cannot be read: %w", err)
	}
	for name := range r.Form {
		if !slices.Contains(parameters, name) {
			return bad("unknown parameter %.40q; there are %s", name, cmp.Or(strings.Join(parameters, ", "), "none"))
		}
	}
	if text := r.Form.Get("timeout"); text != "" {
		if d, err := seconds(text); err != nil || d <= 0 {
			return bad("timeout: %.40q is not a duration: write seconds, or a duration such as 30s", text)
		}
	}
	return nil
}

// within is how long a question may take.
func within(form url.Values) time.Duration {
	if asked, err := seconds(form.Get("timeout")); err == nil {
		return min(queryWithin, time.Duration(asked*float64(time.Second)))
	}
	return queryWithin
}

// refuse is how an error is told.
func (a *API) refuse(err error) refusal {
	var (
		told     refusal
		of       limit
		reading  readError
		tooMany  promql.ErrTooManySamples
		timeout  promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
	)
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &of):
		return refusal{http.StatusUnprocessableEntity, "execution", of}
	case errors.As(err, &tooMany):
		return refusal{http.StatusUnprocessableEntity, "execution", fmt.Errorf("the query holds more than %d samples at a time: ask for a shorter time, fewer stats or a larger step", maxSamples)}
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return refusal{http.StatusServiceUnavailable, "timeout", errors.New("the query took longer than it may: ask for a shorter time or fewer stats")}
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return refusal{http.StatusServiceUnavailable, "canceled", errors.New("the query was canceled")}
	case errors.As(err, &reading):
		status, text := a.Refusal(reading.error)
		return refusal{status, "unavailable", errors.New(text)}
	}
	return refusal{http.StatusUnprocessableEntity, "execution", err}
}

// read asks for a turn of the budget for a question.
func read[T any](ctx context.Context, a *API, question string, do func(context.Context) (T, error)) (T, error) {
	type outcome struct {
		answer T
		err    error
	}
	got, err := a.Budget(ctx, question, func(ctx context.Context) (any, error) {
		answer, err := do(ctx)
		return outcome{answer, err}, nil
	})
	if err != nil {
		var none T
		return none, readError{err}
	}
	o := got.(outcome)
	return o.answer, o.err
}

// seconds reads a duration: a number of seconds, or a duration as Prometheus writes it.
func seconds(text string) (float64, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(n) || math.Abs(n) > timing.LastSecond {
			return 0, strconv.ErrRange
		}
		return n, nil
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d).Seconds(), err
}

// moment reads a time: Unix seconds or RFC 3339.
func moment(form url.Values, name string, otherwise time.Time) (time.Time, error) {
	text := form.Get(name)
	if text == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && n <= timing.LastSecond {
		whole, part := math.Modf(n)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Unix() < 0 || t.Unix() > timing.LastSecond {
		return time.Time{}, bad("%s: %.40q is not a time since 1970: write Unix seconds, or a time such as 2026-11-22T10:31:05Z", name, text)
	}
	return t, nil
}

// most reads how many results are wanted; 0: all.
func most(form url.Values) (int, error) {
	text := form.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, bad("limit: %.40q is not a number of results", text)
	}
	return n, nil
}

// cut leaves the first results, and says so.
func cut[T any](all []T, most int, notes *annotations.Annotations) []T {
	if most > 0 && len(all) > most {
		notes.Add(errors.New("results truncated due to limit"))
		all = all[:most]
	}
	return all
}

func (a *API) query(ctx context.Context, form url.Values) (found, error) {
	at, err := moment(form, "time", time.Now())
	if err != nil {
		return found{}, err
	}
	return a.evaluate(ctx, form, at, at, 0)
}

func (a *API) queryRange(ctx context.Context, form url.Values) (found, error) {
	from, to, err := span(form, time.Time{}, time.Time{})
	if err != nil {
		return found{}, err
	}
	if from.IsZero() || to.IsZero() {
		return found{}, bad("start and end must be given")
	}
	step, err := seconds(form.Get("step"))
	if err != nil || step < 0.001 {
		return found{}, bad("step: %.40q is not a duration above 0: write seconds, or a duration such as 15s", form.Get("step"))
	}
	if steps := to.Sub(from).Seconds() / step; steps > maxSteps {
		return found{}, bad("the query has %.0f steps, and %d are the most: give a larger step", steps, maxSteps)
	}
	return a.evaluate(ctx, form, from, to, time.Duration(step*float64(time.Second)))
}

// span reads the times between which something is asked for.
func span(form url.Values, from, to time.Time) (time.Time, time.Time, error) {
	from, err := moment(form, "start", from)
	if err != nil {
		return from, to, err
	}
	if to, err = moment(form, "end", to); err == nil && to.Before(from) {
		err = bad("end must not be before start")
	}
	return from, to, err
}

// evaluate answers a query for the times from, from+step, … to; step 0: for one time.
func (a *API) evaluate(ctx context.Context, form url.Values, from, to time.Time, step time.Duration) (found, error) {
	text := form.Get("query")
	most, err := most(form)
	if err != nil {
		return found{}, err
	}
	expr, err := a.parser.ParseExpr(text)
	if err != nil {
		return found{}, bad("query: %w", err)
	}
	if err := checkLabels(expr, text); err != nil {
		return found{}, err
	}
	return read(ctx, a, fmt.Sprintf("promql %d %d %d %d %s", from.UnixMilli(), to.UnixMilli(), step, most, text), func(ctx context.Context) (found, error) {
		first, last := promql.FindMinMaxTime(&parser.EvalStmt{Expr: expr, Start: from, End: to, Interval: step, LookbackDelta: currentFor * time.Second})
		history, err := a.readingOf(max(0, (last-first)/msPerSecond), int64(step/time.Second))
		if err != nil {
			return found{}, err
		}
		var query promql.Query
		options := promql.NewPrometheusQueryOpts(false, history.lookback(), nil)
		if step == 0 {
			query, err = a.engine.NewInstantQuery(ctx, history, options, text, from)
		} else {
			query, err = a.engine.NewRangeQuery(ctx, history, options, text, from, to, step)
		}
		if err != nil {
			return found{}, bad("query: %w", err)
		}
		defer query.Close()
		result := query.Exec(ctx)
		if result.Err != nil {
			return found{}, result.Err
		}
		return answered(result, most)
	})
}

// answered is a result as the API has it, in JSON: it outlives the query, which takes its
// memory back, and is made once for all who ask.
func answered(result *promql.Result, most int) (found, error) {
	notes, samples := result.Warnings, 0
	var values any = result.Value
	switch v := result.Value.(type) {
	case promql.Matrix:
		all := cut(append([]promql.Series{}, v...), most, &notes)
		for _, one := range all {
			samples += len(one.Floats)
		}
		values = all
	case promql.Vector:
		all := cut(append([]promql.Sample{}, v...), most, &notes)
		samples, values = len(all), all
	}
	if samples > maxSamples {
		return found{}, limited("the answer has more than %d samples: ask for a shorter time, a larger step or fewer series", maxSamples)
	}
	data, err := json.Marshal(struct {
		Type   parser.ValueType `json:"resultType"`
		Result any              `json:"result"`
	}{result.Value.Type(), values})
	return found{json.RawMessage(data), notes}, err
}
