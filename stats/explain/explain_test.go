package explain

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/program"
)

const (
	begin  = 1_700_000_000
	length = 60 // seconds of each side
)

// question asks about the second of two minutes.
func question(stat string) Question {
	return Question{Stat: stat, From: begin + length, To: begin + 2*length - 1}.Before()
}

func definitions(t testing.TB) *stats.Definitions {
	t.Helper()
	d, err := stats.Parse("test", []byte(`
stats:
  - {name: requests, rate: second}
  - {name: slow, quantiles: service, at: [0.5, 0.99]}
  - {name: errors, count: lines, where: level == "error"}
`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A recording is two minutes of lines with what was planted into the second one.
type recording struct {
	r      *rand.Rand
	each   int // lines a second
	plants []plant
}

// A plant is what a share of the lines becomes: lines more of a customer's endpoint, or
// slow ones.
type plant struct {
	customer, endpoint string
	share              float64
	slow               bool
}

// pick gives the name of a number, the small ones more often.
func pick(r *rand.Rand, what string, n int) string {
	return fmt.Sprintf("%s%d", what, int(math.Pow(r.Float64(), 2)*float64(n)))
}

// perSecond is how many lines a second a recording has in which a plant stands out.
func perSecond() int { return testkit.Size(40, 100) }

// log gives the recording in two parts, in a pack for each second.
func (rec recording) log() Log {
	parts := make([][]program.Pack, 2)
	for second := int64(begin); second < begin+2*length; second++ {
		text := [2]strings.Builder{}
		write := func(customer, endpoint string, service float64) {
			level, at := "info", time.Unix(second, 0).UTC()
			if rec.r.IntN(20) == 0 {
				level = "error"
			}
			fmt.Fprintf(&text[rec.r.IntN(2)], "time=%s level=%s customer=%s endpoint=/%s host=%s region=eu-%d version=1.%d bytes=%d service=%.1fms request_id=%x t=%d logged_at=%q started=%s\n",
				at.Format(time.RFC3339), level, customer, endpoint, pick(rec.r, "web-", 9), rec.r.IntN(3), rec.r.IntN(2), rec.r.IntN(90000), service, rec.r.Uint64(),
				second, at.Format(time.DateTime), at.Format("02/Jan/2006:15:04:05"))
		}
		for range rec.each {
			customer, endpoint := pick(rec.r, "c", 60), pick(rec.r, "e", 25)
			service := math.Exp(3 + rec.r.NormFloat64()/2)
			for _, p := range rec.plants {
				if p.slow && rec.r.Float64() < p.share {
					customer, endpoint = p.customer, p.endpoint
					if second >= begin+length {
						service *= 20
					}
				}
				if !p.slow && second >= begin+length && rec.r.Float64() < p.share {
					write(p.customer, p.endpoint, service)
				}
			}
			write(customer, endpoint, service)
		}
		for i := range parts {
			parts[i] = append(parts[i], program.Pack{Lines: []byte(text[i].String()), Second: second, Floor: second})
		}
	}
	return func(_ context.Context, from, to int64) (all []Part, expired bool, err error) {
		for _, packs := range parts {
			all = append(all, func(_ context.Context, f func(uint64, program.Pack) error) error {
				for _, p := range packs {
					if p.Second < from || p.Second > to {
						continue
					}
					if err := f(uint64(p.Second), p); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return all, false, nil
	}
}

func nothing(int64, int64) {}

func explain(t testing.TB, d *stats.Definitions, log Log, stat string) Answer {
	t.Helper()
	a, err := Explain(t.Context(), d, log, question(stat), nothing)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// names are what an answer names, in its order.
func names(a Answer) (all []string) {
	for _, v := range a.Values {
		all = append(all, v.Field+"="+v.Value)
	}
	return all
}

// A planted cause is named first, with the share of lines that it has; of two both are,
// and where there is none nothing is named.
func TestPlanted(t *testing.T) {
	d := definitions(t)
	one := plant{"c41", "e19", 0.06, false}
	log := recording{rand.New(rand.NewPCG(1, 17)), perSecond(), []plant{one}}.log()
	a := explain(t, d, log, "requests")
	if len(a.Values) < 2 || a.Values[0].Value != "c41" || a.Values[1].Value != "/e19" {
		t.Fatalf("of one cause %v is named, want customer=c41 and endpoint=/e19 first", names(a))
	}
	all, had := 0, 0
	parts, _, _ := log(t.Context(), begin+length, begin+2*length-1)
	for _, p := range parts {
		p(t.Context(), func(_ uint64, p program.Pack) error { //nolint:errcheck // it is in memory
			all += strings.Count(string(p.Lines), "\n")
			had += strings.Count(string(p.Lines), "customer=c41 ")
			return nil
		})
	}
	if v := a.Values[0]; v.Share != float64(had)/float64(all) || v.Lines != float64(had) || a.Lines != float64(all) || a.Read != 1 {
		t.Errorf("the customer has %v of %v lines, %v; want %d of %d", v.Lines, a.Lines, v.Share, had, all)
	}
	if again := explain(t, d, log, "requests"); !reflect.DeepEqual(a, again) {
		t.Errorf("asked again the answer is %v, want %v", again, a)
	}

	two := recording{rand.New(rand.NewPCG(2, 17)), perSecond(), []plant{{"c41", "e19", 0.04, true}, {"c52", "e23", 0.04, true}}}
	a = explain(t, d, two.log(), "slow")
	for _, want := range []string{"customer=c41", "customer=c52", "endpoint=/e19", "endpoint=/e23"} {
		if got := names(a); !strings.Contains(strings.Join(got, " ")+" ", want+" ") {
			t.Errorf("of two causes %v are named, want %s among them", got, want)
		}
	}
	if a.Bound == nil || a.Bound.Field != "service" || a.Bound.Less {
		t.Errorf("great numbers are those %+v", a.Bound)
	}
	if len(a.Numbers) == 0 || a.Numbers[0].Field != "service" || a.Numbers[0].Now.P90 < 5*a.Numbers[0].Before.P90 {
		t.Errorf("the numbers that differ are %+v, want those of service", a.Numbers)
	}

	none := recording{rand.New(rand.NewPCG(3, 17)), perSecond(), nil}.log()
	for _, stat := range []string{"requests", "slow", "errors"} {
		if a := explain(t, d, none, stat); len(a.Values)+len(a.Numbers) > 0 || a.Tried == 0 {
			t.Errorf("of no cause %v and %v are named for %s, of %d tried", names(a), a.Numbers, stat, a.Tried)
		}
	}
}

// What explains a rise can be left out, or be all that is looked at; its condition finds
// the lines that were counted, whatever the field and the value.
func TestOnlyThese(t *testing.T) {
	d := definitions(t)
	log := recording{rand.New(rand.NewPCG(1, 17)), perSecond(), []plant{{"c41", "e19", 0.06, false}}}.log()
	ask := func(where string) Answer {
		t.Helper()
		q := question("requests")
		q.Where = where
		a, err := Explain(t.Context(), d, log, q, nothing)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	all := ask("")
	only := ask(all.Values[0].Where)
	if only.Lines != all.Values[0].Lines || only.Before != all.Values[0].Before || len(only.Values) == 0 || only.Values[0].Value != "/e19" {
		t.Errorf("only those of %s are %v and %v before, and %v is named; want %v and %v, and endpoint=/e19", all.Values[0].Where, only.Lines, only.Before, names(only), all.Values[0].Lines, all.Values[0].Before)
	}
	without := ask("!(" + all.Values[0].Where + ")")
	if without.Lines != all.Lines-only.Lines || len(without.Values) > 0 {
		t.Errorf("without these there are %v lines, and %v is named; want %v, and nothing", without.Lines, names(without), all.Lines-only.Lines)
	}
	q := question("requests")
	q.Where = "customer =="
	if _, err := Explain(t.Context(), d, log, q, nothing); err == nil || !strings.Contains(err.Error(), "where: ") {
		t.Errorf("half a condition gives %v", err)
	}
}

// The condition of a value finds it: numbers, truths, texts with quotes, fields with odd names.
func TestIsValue(t *testing.T) {
	d := definitions(t)
	for field, value := range map[string]string{"status": "500", "ok": "true", "no": "false", "a-b": "x", "text": `a"b\c`, "n": "0050", "user.name": "ü"} {
		line, err := json.Marshal(map[string]string{field: value})
		if err != nil {
			t.Fatal(err)
		}
		lines := string(line) + "\n"
		if value == "500" || value == "true" {
			lines += fmt.Sprintf("{%q:%s}\n", field, value)
		}
		lines += fmt.Sprintf("{%q:\"other\"}\n", field)
		log := func(context.Context, int64, int64) ([]Part, bool, error) {
			return []Part{func(_ context.Context, f func(uint64, program.Pack) error) error {
				return f(1, program.Pack{Lines: []byte(lines), Second: begin + length, Floor: begin + length})
			}}, false, nil
		}
		q := question("requests")
		q.Where = isValue(field, value)
		a, err := Explain(t.Context(), d, log, q, nothing)
		if want := float64(strings.Count(lines, "\n") - 1); err != nil || a.Lines != want {
			t.Errorf("%s finds %v of %q (%v), want %v", q.Where, a.Lines, lines, err, want)
		}
	}
}

// A distribution's parts are all of it, and show where it differs.
func TestDistributions(t *testing.T) {
	log := recording{rand.New(rand.NewPCG(2, 17)), perSecond(), []plant{{"c41", "e19", 0.3, true}}}.log()
	a := explain(t, definitions(t), log, "requests")
	if len(a.Numbers) == 0 || a.Numbers[0].Field != "service" {
		t.Fatalf("the numbers that differ are %+v", a.Numbers)
	}
	n := a.Numbers[0]
	above := func(d Distribution) (part float64) {
		for i, p := range d.Parts {
			if n.Edges[i] > 150 {
				part += p
			}
		}
		return part
	}
	sum := 0.0
	for _, p := range n.Now.Parts {
		sum += p
	}
	if len(n.Edges) != len(n.Now.Parts)+1 || !slices.IsSorted(n.Edges) || math.Abs(sum-1) > 1e-9 || above(n.Now) < 0.15 || above(n.Before) > 0.01 {
		t.Errorf("%v and %v of the numbers are great, in classes %v: %+v", above(n.Now), above(n.Before), n.Edges, n)
	}
}

// Of many plants the cause is first in 95 % at least, and where nothing was planted something
// is named in 5 % at most.
func TestManyPlants(t *testing.T) {
	d := definitions(t)
	plants := testkit.Size(1, 200)
	first, alarms := 0, 0
	for seed := range uint64(plants) {
		r := rand.New(rand.NewPCG(seed, 99))
		p := plant{fmt.Sprint("c", 20+r.IntN(40)), fmt.Sprint("e", 8+r.IntN(17)), 0.03, seed%2 == 0}
		stat := map[bool]string{true: "slow", false: "requests"}[p.slow]
		if got := names(explain(t, d, recording{r, 60, []plant{p}}.log(), stat)); len(got) > 0 && (got[0] == "customer="+p.customer || got[0] == "endpoint=/"+p.endpoint) {
			first++
		} else {
			t.Logf("seed %d: %s names %v, want %v", seed, stat, got, p)
		}
		if a := explain(t, d, recording{r, 60, nil}.log(), stat); len(a.Values)+len(a.Numbers) > 0 {
			t.Logf("seed %d: %s names %v and %v of nothing", seed, stat, names(a), a.Numbers)
			alarms++
		}
	}
	t.Logf("%d of %d first, %d false alarms", first, plants, alarms)
	if first*100 < plants*95 || alarms*100 > plants*5 {
		t.Errorf("of %d plants %d are named first, and %d are named where there were none", plants, first, alarms)
	}
}

// A log that is too long is read in part: whole segments, the same each time, and what is
// said is near to what all would give.
func TestSampled(t *testing.T) {
	d := definitions(t)
	rec := recording{rand.New(rand.NewPCG(5, 17)), 100, []plant{{"c41", "e19", 0.03, false}}}
	log := rec.log()
	all := explain(t, d, log, "requests")
	defer func() { mostLines = 1_000_000 }()
	// The log gives the lines of both sides with each: those of the other do not count.
	mostLines = int64(max(all.Lines, all.Before))
	if a := explain(t, d, log, "requests"); a.Read != 1 || a.ReadBefore != 1 {
		t.Errorf("of %v lines, as many as are read, %v are read", all.Lines, a.Read)
	}
	mostLines = 3000
	a := explain(t, d, log, "requests")
	if a.Read > 0.6 || a.Read < 0.1 || a.ReadBefore > 0.6 || len(a.Values) == 0 || a.Values[0].Value != "c41" {
		t.Fatalf("of %v and %v of the lines %v is named", a.Read, a.ReadBefore, names(a))
	}
	if off := a.Values[0].Lines / all.Values[0].Lines; off < 0.7 || off > 1.4 {
		t.Errorf("of %v of the lines %v are estimated, want about %v", a.Read, a.Values[0].Lines, all.Values[0].Lines)
	}
	if again := explain(t, d, log, "requests"); !reflect.DeepEqual(a, again) {
		t.Errorf("asked again the answer is %v, want %v", again, a)
	}
}

// What is seen least is forgotten, and by how much others may be off is said.
func TestForget(t *testing.T) {
	c := newCounts(1)
	f := &field{values: map[uint64]*count{}}
	c.fields[0] = f
	for i := range uint64(100) {
		f.values[i] = &count{n: i}
	}
	c.forget(10)
	if len(f.values) > 10 || f.of(99) != 99 || c.missed == 0 || f.of(c.missed) > 0 {
		t.Errorf("%d values are left, missed %d", len(f.values), c.missed)
	}
}

// However many values lines have, and numbers, and names of fields, few are kept, and what
// was planted among them is named.
func TestKeepsFew(t *testing.T) {
	before := maxEntries
	defer func() { maxEntries = before }()
	maxEntries = 500
	d, r := definitions(t), rand.New(rand.NewPCG(1, 2))
	const second, segments, each = begin + 2*length, 64, 200
	of := side{from: second, to: second}
	var packs []program.Pack
	for range segments {
		var text strings.Builder
		for i := range each {
			fmt.Fprintf(&text, "level=info id=%x%d ms=%g name%d=1", r.Uint64(), i, math.Exp(600*(r.Float64()-0.5)), r.IntN(1<<20))
			if i%5 == 0 {
				text.WriteString(" culprit=yes")
			}
			text.WriteString("\n")
		}
		packs = append(packs, program.Pack{Lines: []byte(text.String()), Second: second, Floor: second})
	}
	of.parts = []Part{func(_ context.Context, f func(uint64, program.Pack) error) error {
		for i, p := range packs {
			if err := f(uint64(i), p); err != nil {
				return err
			}
		}
		return nil
	}}
	q := question("requests")
	surveyed, err := survey(t.Context(), d, q, d.Stats[0], [2]side{of, of}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(surveyed.names); n > mostNames {
		t.Errorf("%d fields are compared, of %d at most", n, mostNames)
	}
	compiled, err := program.Compile(withFields(d, []string{"id", "ms", "culprit"}))
	if err != nil {
		t.Fatal(err)
	}
	counted := counting{program: compiled, question: q, names: []string{"id", "ms", "culprit"}, tell: nothing}
	all, err := counted.count(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	values, numbers := all.entries()
	if most := 8 * maxEntries; values > most || numbers > most || values == 0 || numbers == 0 {
		t.Errorf("%d values and %d numbers of %d lines are kept, at most %d each", values, numbers, segments*each, most)
	}
	if all.lines != segments*each || all.missed == 0 {
		t.Errorf("%d lines were counted, missed %d", all.lines, all.missed)
	}
	found := false
	for _, v := range all.fields[2].values {
		found = found || v.text == "yes" && v.n+all.missed >= segments*each/5
	}
	if !found {
		t.Error("what a fifth of the lines has was forgotten")
	}
}

// Without lines before there is nothing to compare with: what the lines have is told, but
// for what the condition asks for.
func TestNew(t *testing.T) {
	d := definitions(t)
	log := func(_ context.Context, from, _ int64) ([]Part, bool, error) {
		return []Part{func(_ context.Context, f func(uint64, program.Pack) error) error {
			if from < begin+length {
				return nil
			}
			text := strings.Repeat("level=error customer=a\n", 9) + "level=error customer=b\n"
			return f(1, program.Pack{Lines: []byte(text), Second: begin + length, Floor: begin + length})
		}}, false, nil
	}
	a := explain(t, d, log, "errors")
	if !a.New || a.Lines != 10 || a.Before != 0 {
		t.Errorf("the answer is %+v", a)
	}
	for _, v := range a.Values {
		if v.Field == "level" {
			t.Errorf("%v is what the condition asks for", v)
		}
	}
}

func TestCheck(t *testing.T) {
	for q, want := range map[Question]string{
		{"a", 100, 99, 0, ""}:          "from must not be",
		{"a", 100, 9999, 0, ""}:        "less than 3600 s",
		{"a", 100, 109, 95, ""}:        "overlap",
		{"a", 5, 14, -5, ""}:           "1970",
		{"a", 100, 109, 90, ""}:        "",
		{"a", 100, 109, 110, ""}:       "",
		{"nothing", 100, 109, 110, ""}: "there is no stat",
	} {
		_, err := Explain(t.Context(), definitions(t), recording{rand.New(rand.NewPCG(1, 1)), 1, nil}.log(), q, nothing)
		if q.Stat == "a" && want == "" {
			err = q.Check()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", q, err, want)
		}
	}
}

// BenchmarkExplain asks about a million lines on each side, in eight parts.
func BenchmarkExplain(b *testing.B) {
	d := definitions(b)
	const parts = 8
	rec := recording{rand.New(rand.NewPCG(1, 17)), 1000, nil}
	some, _, _ := rec.log()(b.Context(), begin, begin+2*length)
	log := func(_ context.Context, from, to int64) (all []Part, _ bool, _ error) {
		for i := range parts {
			all = append(all, func(ctx context.Context, f func(uint64, program.Pack) error) error {
				return some[i%2](ctx, func(segment uint64, p program.Pack) error {
					if p.Second < from || p.Second > to {
						return nil
					}
					for range 4 {
						if err := f(segment, p); err != nil {
							return err
						}
					}
					return nil
				})
			})
		}
		return all, false, nil
	}
	for b.Loop() {
		a := explain(b, d, log, "requests")
		b.ReportMetric(a.Lines+a.Before, "lines")
		b.ReportMetric(a.Read, "read")
	}
}
