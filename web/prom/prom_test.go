package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"pulse/stats"
	"pulse/topics"
)

// began is the first second of the past that tests ask for, and a minute's.
const began = 1_795_000_020 - 1_795_000_020%minuteSeconds

// past is a history made of values by stat and second: what is not there is not known.
type past struct {
	points  map[string]map[int64]stats.Snapshot
	minutes map[string][]topics.Minute
	lines   []Line
	kept    int64
	err     error
}

func (p *past) set(stat string, second int64, value string) {
	if p.points == nil {
		p.points = map[string]map[int64]stats.Snapshot{}
	}
	if p.points[stat] == nil {
		p.points[stat] = map[int64]stats.Snapshot{}
	}
	p.points[stat][second] = stats.Snapshot{Stat: stat, Time: second, Value: json.RawMessage(value)}
}

func (p *past) Points(_ context.Context, stat string, from, to int64) (all []stats.Snapshot, err error) {
	for second := from; second <= to; second++ {
		if one, ok := p.points[stat][second]; ok {
			all = append(all, one)
		}
	}
	return all, p.err
}

func (p *past) Minutes(_ context.Context, stat string, from, to int64) (all []topics.Minute, err error) {
	for _, m := range p.minutes[stat] {
		if m.Time >= from && m.Time <= to {
			all = append(all, m)
		}
	}
	return all, p.err
}

func (p *past) Kept(string) int64 { return p.kept }

func (p *past) Lines(context.Context, string, int64, int64) ([]Line, error) { return p.lines, p.err }

// served serves a history, and gives a client of Prometheus' own library to it.
func served(t *testing.T, p *past, names ...string) (v1.API, string) {
	t.Helper()
	var all []*stats.Stat
	for _, name := range names {
		all = append(all, &stats.Stat{Name: name})
	}
	a := New(Config{
		Stats: all, History: p,
		Budget: func(ctx context.Context, _ string, read func(context.Context) (any, error)) (any, error) {
			return read(ctx)
		},
		Hold:    func(*http.Request, int) (taken func()) { return func() {} },
		Refusal: func(err error) (int, string) { return http.StatusBadGateway, "refused: " + err.Error() },
	})
	mux := http.NewServeMux()
	for route, answer := range a.Answers() {
		mux.HandleFunc(route, answer)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(client), server.URL
}

func at(second int64) time.Time { return time.Unix(second, 0) }

// What a range query gives is, at each step, what the newest second of the last ten has, and
// nothing after a second that is not known or has no value: told from the values themselves.
func TestQueryRange(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 50 {
		p := &past{}
		const seconds = 120
		values := map[string]map[int64]float64{} // by key
		known := map[int64]bool{}
		for second := int64(began); second < began+seconds; second++ {
			if random.IntN(10) == 0 {
				continue // a hole
			}
			known[second] = true
			if random.IntN(12) == 0 {
				p.set("s", second, "null")
				continue
			}
			text := ""
			for _, key := range []string{"a", "b"} {
				if random.IntN(3) == 0 {
					continue
				}
				if values[key] == nil {
					values[key] = map[int64]float64{}
				}
				values[key][second] = float64(random.IntN(5))
				text += fmt.Sprintf(`,{"key":%q,"value":%v}`, key, values[key][second])
			}
			p.set("s", second, `{"top":[`+strings.TrimPrefix(text, ",")+`],"other":0,"distinct":2}`)
		}
		client, _ := served(t, p, "s", "t")
		step := int64(1 + random.IntN(20))
		from := began - int64(random.IntN(20))
		to := int64(began + seconds + 15)
		got, _, _, err := client.QueryRange(t.Context(), `pulse_stat{stat="s"}`, v1.Range{Start: at(from), End: at(to), Step: time.Duration(step) * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]map[int64]float64{}
		for _, series := range got.(model.Matrix) {
			of := map[int64]float64{}
			for _, sample := range series.Values {
				of[sample.Timestamp.Unix()] = float64(sample.Value)
			}
			found[string(series.Metric["key"])] = of
		}
		last := slices.Max(slices.Collect(maps.Keys(known)))
		for _, key := range []string{"a", "b"} {
			for second := from; second <= to; second += step {
				newest := second
				if second > last && second < last+currentFor {
					newest = last
				}
				want, is := values[key][newest]
				got, has := found[key][second]
				if has != is || got != want && is {
					t.Fatalf("key %s at %d, %d s after the beginning: %v (%v), want %v (%v); step %d", key, second, second-began, got, has, want, is, step)
				}
			}
		}
	}
}

// Of stale seconds there is no sample, and what is not sure is said.
func TestNotSure(t *testing.T) {
	p := &past{}
	for second := int64(began); second < began+60; second++ {
		p.set("s", second, "4")
	}
	p.points["s"][began+20] = stats.Snapshot{Stat: "s", Time: began + 20, StaleSince: began + 15}
	p.points["s"][began+30] = stats.Snapshot{Stat: "s", Time: began + 30, Value: json.RawMessage("3"), Covered: 45, Of: 60, Approx: 0.016}
	client, _ := served(t, p, "s")
	for second, want := range map[int64]string{
		began + 14: "4", began + 20: "", began + 21: "4", began + 30: "3",
		began + 59: "4", began + 68: "4", began + 69: "", began - 1: "",
	} {
		value, warnings, _, err := client.Query(t.Context(), "pulse_stat", at(second))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if v := value.(model.Vector); len(v) == 1 {
			got = v[0].Value.String()
		}
		if got != want {
			t.Errorf("%d s after the beginning: %q, want %q", second-began, got, want)
		}
		if told := strings.Join(warnings, " "); (second == began+30) != strings.Contains(told, "in 1 of") {
			t.Errorf("%d s after the beginning: warnings %q", second-began, told)
		}
	}
	for query, want := range map[string]string{
		"pulse_stat offset 40d": "nothing is known from ",
		"pulse_stat":            "",
		`pulse_stat{stat="no"}`: "",
	} {
		_, warnings, _, err := client.Query(t.Context(), query, at(began+50))
		if told := strings.Join(warnings, " "); err != nil || strings.Contains(told, "nothing is known") != (want != "") || !strings.Contains(told, want) {
			t.Errorf("%s: error %v, warnings %q; want %q", query, err, told, want)
		}
	}
	value, _, _, err := client.Query(t.Context(), `pulse_stat_covered_ratio{stat="s"}`, at(began+30))
	if err != nil || len(value.(model.Vector)) != 1 || value.(model.Vector)[0].Value != 0.75 {
		t.Errorf("covered: %v, %v; want 0.75", value, err)
	}
}

// Steps of a minute and more are made of minutes, and what these cannot tell is refused.
func TestByMinute(t *testing.T) {
	p := &past{minutes: map[string][]topics.Minute{}}
	const minutes = 180
	for i := range int64(minutes) {
		if i == 100 {
			continue
		}
		m := topics.Minute{Stat: "s", Time: began + i*minuteSeconds, Seconds: 60, Min: json.RawMessage("1"), Max: json.RawMessage(fmt.Sprint(100 + i)), Last: json.RawMessage(fmt.Sprint(i))}
		if i == 5 {
			m.Seconds = 59
		}
		p.minutes["s"] = append(p.minutes["s"], m)
		m.Stat, m.Min = "keyed", json.RawMessage("null")
		m.Max = json.RawMessage(`{"top":[{"key":"a","value":9}],"other":0,"distinct":1}`)
		m.Last = m.Max
		p.minutes["keyed"] = append(p.minutes["keyed"], m)
	}
	const end = began + minutes*minuteSeconds
	for second := int64(end); second < end+30; second++ {
		p.set("s", second, "7")
	}
	client, _ := served(t, p, "s", "keyed")
	got, _, infos, err := client.QueryRange(t.Context(), `pulse_stat{stat="s"}`, v1.Range{Start: at(began), End: at(end + 60), Step: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(infos)
	want := map[int64]string{}
	for i := range int64(minutes) {
		if i != 100 {
			want[began+(i+1)*minuteSeconds] = fmt.Sprint(i)
		}
	}
	want[end] = "7"
	for _, sample := range got.(model.Matrix)[0].Values {
		second := sample.Timestamp.Unix()
		if want[second] != sample.Value.String() {
			t.Errorf("at minute %d: %v, want %q", (second-began)/minuteSeconds, sample.Value, want[second])
		}
		delete(want, second)
	}
	if len(want) > 0 {
		t.Errorf("there is no sample of %v", want)
	}
	for query, want := range map[string]string{
		`max_over_time(pulse_stat{stat="s"}[2h])`:     "279",
		`min_over_time(pulse_stat{stat="s"}[2h])`:     "1",
		`max_over_time(pulse_stat{stat="keyed"}[2h])`: "9",
		`min_over_time(pulse_stat{stat="keyed"}[2h])`: "422 values by key have no least",
		`sum_over_time(pulse_stat{stat="s"}[2h])`:     "422 sum_over_time would take one sample of each minute",
		`count_over_time(pulse_stat{stat="s"}[10s])`:  "1",
		`avg_over_time(pulse_stat{stat="s"}[32d])`:    "422 the query reads",
	} {
		value, _, _, err := client.Query(t.Context(), query, at(end))
		switch {
		case err != nil:
			if code, text, _ := strings.Cut(want, " "); code != "422" || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %s", query, err, want)
			}
		case len(value.(model.Vector)) != 1 || value.(model.Vector)[0].Value.String() != want:
			t.Errorf("%s is %v, want %s", query, value, want)
		}
	}
}

// Labels, series, exemplars and what is said about metrics, as clients read them.
func TestLabels(t *testing.T) {
	p := &past{lines: []Line{{began + 3, "GET /cart"}}}
	now := time.Now().Unix()
	for second := now - 60; second <= now; second++ {
		p.set("keyed", second, `{"top":[{"key":"/cart","value":9},{"key":"/","value":8}],"other":0,"distinct":2}`)
		p.set("latency", second, `{"0.5":1,"0.99":2}`)
	}
	p.set("latency", began+3, `{"0.5":1,"0.99":2}`)
	client, root := served(t, p, "keyed", "latency", "never")
	names, _, _, err := client.LabelNames(t.Context(), nil, time.Time{}, time.Time{})
	if want := (model.LabelNames{"__name__", "key", "quantile", "stat"}); err != nil || !slices.Equal(names, want) {
		t.Errorf("labels are %v (%v), want %v", names, err, want)
	}
	for label, want := range map[string]model.LabelValues{
		"stat": {"keyed", "latency", "never"}, "__name__": {"pulse_stat", "pulse_stat_covered_ratio"}, "key": {"/", "/cart"}, "nothing": {},
	} {
		if values, _, _, err := client.LabelValues(t.Context(), label, nil, time.Time{}, time.Time{}); err != nil || !slices.Equal(values, want) {
			t.Errorf("values of %s are %v (%v), want %v", label, values, err, want)
		}
	}
	series, _, _, err := client.Series(t.Context(), []string{`pulse_stat{quantile="0.99"}`, `{stat="latency"}`}, at(now-10), at(now))
	if err != nil || len(series) != 3 {
		t.Errorf("the series are %v (%v), want the two quantiles and the covered ratio", series, err)
	}
	found, err := client.QueryExemplars(t.Context(), `rate(pulse_stat{stat="latency"}[1m])`, at(began), at(began+60))
	if err != nil || len(found) != 1 || found[0].Exemplars[0].Labels["line"] != "GET /cart" || found[0].Exemplars[0].Value != 2 {
		t.Errorf("exemplars are %v (%v)", found, err)
	}
	about, err := client.Metadata(t.Context(), "", "")
	if err != nil || about["pulse_stat"][0].Type != "gauge" {
		t.Errorf("metadata are %v (%v)", about, err)
	}
	if info, err := client.Buildinfo(t.Context()); err != nil || !strings.HasPrefix(info.Version, "3.") {
		t.Errorf("the build is %v (%v)", info, err)
	}
	for _, path := range []string{"query?query=", "query_range?start=1000&end=1010&step=5&query="} {
		for _, query := range []string{`pulse_stat{stat="nothing"}`, `sum(pulse_stat{stat="nothing"})`, `pulse_stat > 99`, `rate(pulse_stat{stat="nothing"}[1m])`} {
			answer, err := http.Get(root + Root + path + url.QueryEscape(query))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close() //nolint:errcheck // it was read
			if !strings.Contains(string(body), `"result":[]`) {
				t.Errorf("%s of nothing: %s", path+query, body)
			}
		}
	}
	// Grafana's check of a data source, by POST.
	answer, err := http.PostForm(root+Root+"query", url.Values{"query": {"1+1"}, "time": {"1795000000.123"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if want := `{"status":"success","data":{"resultType":"scalar","result":[1795000000.123,"2"]}}`; strings.TrimSpace(string(body)) != want {
		t.Errorf("1+1 is %s, want %s", body, want)
	}
}

// What cannot be answered says what to ask for instead, in the form that clients read.
func TestRefused(t *testing.T) {
	p := &past{kept: 2000, err: errors.New("no broker")}
	names := make([]string, maxOld+1)
	for i := range names {
		names[i] = fmt.Sprint("s", i)
	}
	_, root := served(t, p, names...)
	for _, c := range []struct{ query, want string }{
		{"query?query=sum(", "400 bad_data query: "},
		{"query?query=pulse_stat&time=x", "400 bad_data time: "},
		{"query?query=pulse_stat&time=-5", "400 bad_data time: "},
		{"query?query=pulse_stat&dedup=1", "400 bad_data unknown parameter"},
		{"query?query=pulse_stat&timeout=x", "400 bad_data timeout: "},
		{"query?query=pulse_stat&limit=x", "400 bad_data limit: "},
		{"query_range?query=pulse_stat&start=1&end=0&step=1", "400 bad_data end must not"},
		{"query_range?query=pulse_stat&end=1000&step=1", "400 bad_data start and end"},
		{"query_range?query=pulse_stat&start=1&end=100&step=0", "400 bad_data step: "},
		{"query_range?query=pulse_stat&start=1&end=100&step=NaN", "400 bad_data step: "},
		{"query_range?query=pulse_stat&start=1&end=100000&step=1", "400 bad_data the query has 99999 steps"},
		{"query_range?query=pulse_stat&start=1&end=10000&step=10", "422 execution the query reads"},
		{"query?query=pulse_stat&time=1000", "422 execution the query reads the history of more than 20 stats"},
		{`query?query=pulse_stat{stat="s1"}&time=1000`, "502 unavailable refused: no broker"},
		{`query?query=pulse_stat{stat="s1"}[400d]&time=1000`, "422 execution the query reads"},
		{"query_exemplars?query=pulse_stat&start=1&end=100", "422 execution the query is about 21 stats"},
		{"series", "400 bad_data give at least one match[]"},
		{"series?match[]={", "400 bad_data match[]: "},
		{"status/buildinfo?a=b", "400 bad_data unknown parameter \"a\"; there are none"},
	} {
		path, query, _ := strings.Cut(c.query, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.Get(root + Root + path + "?" + values.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var told struct{ Status, ErrorType, Error string }
		err = json.NewDecoder(answer.Body).Decode(&told)
		answer.Body.Close() //nolint:errcheck // it was read
		if got := fmt.Sprint(answer.StatusCode, " ", told.ErrorType, " ", told.Error); err != nil || told.Status != "error" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s (%v), want %s", c.query, got, err, c.want)
		}
	}
}

// A request has some selectors, and not as many as fit into it.
func TestSelectors(t *testing.T) {
	_, address := served(t, &past{}, "n")
	for n, want := range map[int]int{maxSelectors: http.StatusOK, maxSelectors + 1: http.StatusBadRequest} {
		answer, err := http.Get(address + Root + "series?" + strings.Repeat("match[]=pulse_stat&", n))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%d selectors are answered %s, want %d", n, answer.Status, want)
		}
	}
}

// A query makes neither labels nor an answer of any size.
func TestBombs(t *testing.T) {
	_, address := served(t, &past{}, "n")
	grow := `label_replace(vector(1), "a", "xxxxxxxxxx", "", "")`
	for range 9 {
		grow = `label_replace(` + grow + `, "a", "` + strings.Repeat("$1", 10) + `", "a", "(.*)")`
	}
	for query, want := range map[string]string{
		`count(` + grow + `)`: "times as long",
		`label_join(vector(1), "a", "", ` + strings.TrimSuffix(strings.Repeat(`"a",`, 9), ",") + `)`: "times as long",
		`label_replace(vector(1), "a", ("` + strings.Repeat("x", 300) + `"), "", "")`:                "more than 256 bytes",
		`count_values("` + strings.Repeat("x", 300) + `", vector(1))`:                                "more than 256 bytes",
		`vector(1)[10m:1ms]`: "more than 500000 samples",
		`label_replace(label_replace(vector(1), "a", "$1-$1", "b", "(.*)"), "a", "$1.$1", "a", "(.*)")`: "",
	} {
		answer, err := http.PostForm(address+Root+"query", url.Values{"query": {query}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(text), want) || (want == "") != (answer.StatusCode == http.StatusOK) {
			t.Errorf("%.60s is answered %s %.200s (%v), want %q", query, answer.Status, text, err, want)
		}
	}
}
