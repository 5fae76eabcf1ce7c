package explain

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"

	"pulse/stats/condition"
	"pulse/stats/line"
)

const (
	mostValues   = 10 // that are named
	mostNumbers  = 5  // fields of numbers whose distributions are shown
	chance       = 0.01
	leastLines   = 10   // of both sides, that a value must have to be tried
	leastPart    = 0.02 // of the rise, that a value must account for to be named
	distribution = 10   // classes of numbers, by the baseline's deciles
)

// An Answer says what is different.
type Answer struct {
	Question Question `json:"-"`               // MarshalJSON has it
	Expired  bool     `json:"expired"`         // retention has taken some of it
	Bound    *Bound   `json:"bound,omitempty"` // nil: all lines that the stat counts were compared

	Lines      float64 `json:"lines"` // in the interval, estimated if not all were read
	Before     float64 `json:"before"`
	Read       float64 `json:"read"` // the share of the interval's lines that were read; 1: all
	ReadBefore float64 `json:"read_before"`
	Tried      int     `json:"tried"`            // values and fields of numbers that were compared
	Missed     uint64  `json:"missed,omitempty"` // lines that a value may have more than it says
	New        bool    `json:"new,omitempty"`    // one side has no lines: values are the most frequent of the other, and were not tested

	Values  []Value   `json:"values"`  // what explains most first
	Numbers []Numbers `json:"numbers"` // what differs most first
}

// MarshalJSON has the times as RFC 3339.
func (a Answer) MarshalJSON() ([]byte, error) {
	at := func(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }
	type plain Answer // without this method
	return json.Marshal(struct {
		Stat    string `json:"stat"`
		From    string `json:"from"`
		To      string `json:"to"`
		Against string `json:"against"`
		Where   string `json:"where,omitempty"`
		plain
	}{a.Question.Stat, at(a.Question.From), at(a.Question.To), at(a.Question.Against), a.Question.Where, plain(a)})
}

// A Value is a value of a field that is more or less often than before.
type Value struct {
	Field       string  `json:"field"`
	Value       string  `json:"value"`
	Lines       float64 `json:"lines"` // that had it in the interval, estimated if not all were read
	Before      float64 `json:"before"`
	Share       float64 `json:"share"` // of the interval's lines
	ShareBefore float64 `json:"share_before"`
	Part        float64 `json:"part"`  // of the rise, or the fall, that it accounts for
	G           float64 `json:"g"`     // against chance
	Where       string  `json:"where"` // the condition that lines with it meet
}

// isValue is the condition that a line's field has a value, as a definitions file has it.
func isValue(field, value string) string {
	is := &condition.Compare{Field: field, Op: condition.Eq, Const: condition.Constant{Type: condition.Text, Text: value}}
	if value != "true" && value != "false" {
		return condition.Format(is)
	}
	truth := &condition.Compare{Field: field, Op: condition.Eq, Const: condition.Constant{Type: condition.Bool, Bool: value == "true"}}
	return condition.Format(&condition.Or{Nodes: []condition.Node{truth, is}})
}

// Numbers are how a field's numbers were, and are.
type Numbers struct {
	Field  string       `json:"field"`
	Now    Distribution `json:"now"`
	Before Distribution `json:"before"`
	G      float64      `json:"g"`
	Edges  []float64    `json:"edges"` // of the classes of Parts, ascending; what is beyond them is in the outer ones
}

// A Distribution is some nearest ranks of numbers, less by 0.4 % at most, and which part
// of them is in each class between two edges.
type Distribution struct {
	Lines uint64  `json:"lines"`
	Min   float64 `json:"min"`
	P10   float64 `json:"p10"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`

	Parts []float64 `json:"parts"`
}

// compare says how two sides differ. Of constant fields lines have the same value, as a
// condition asks for it.
func compare(names []string, before, now *counts, constant []string) Answer {
	n0, n1 := before.lines, now.lines
	a := Answer{
		Lines: scaled(n1, now.share), Before: scaled(n0, before.share), Read: now.share, ReadBefore: before.share,
		Missed: max(before.missed, now.missed), Values: []Value{}, Numbers: []Numbers{},
	}
	a.New = n0 == 0 || n1 == 0
	rise := a.Lines - a.Before
	up := rise >= 0
	var values []Value
	var numbers []Numbers
	for i, name := range names {
		f0, f1 := before.fields[i], now.fields[i]
		if f0.isTime(name) && f1.isTime(name) {
			continue
		}
		if numeric(f0, f1) {
			if f0 == nil || f1 == nil {
				continue
			}
			a.Tried++
			if g, p := differ(f0, f1); p > 0 {
				edges := edgesOf(f0, f1)
				numbers = append(numbers, Numbers{name, f1.distribution(edges), f0.distribution(edges), g, edges})
			}
			continue
		}
		texts := map[uint64]string{}
		for _, f := range []*field{f0, f1} {
			if f != nil {
				for h, v := range f.values {
					if had, ok := texts[h]; !ok || v.text < had {
						texts[h] = v.text
					}
				}
			}
		}
		for h, text := range texts {
			k0, k1 := f0.of(h), f1.of(h)
			if k0+k1 < leastLines {
				continue
			}
			a.Tried++
			v := Value{Field: name, Value: text, Where: isValue(name, text), Lines: scaled(k1, now.share), Before: scaled(k0, before.share)}
			v.Share, v.ShareBefore = part(k1, n1), part(k0, n0)
			more := v.Lines - a.Lines*v.ShareBefore
			// Of a fall the values that are less often; and if there are about as many
			// lines as before, what has come in place of others.
			if more > 0 != up {
				continue
			}
			v.G = likelihood(k1, n1, k0, n0)
			v.Part = more / max(math.Abs(rise), more, -more)
			if rise != 0 {
				v.Part = more / rise
			}
			v.Part = min(math.Abs(v.Part), 1)
			values = append(values, v)
		}
	}
	for _, v := range values {
		if a.New && !slices.Contains(constant, v.Field) || !a.New && tail(v.G)*float64(a.Tried) <= chance && v.Part >= leastPart {
			a.Values = append(a.Values, v)
		}
	}
	slices.SortFunc(a.Values, func(v, w Value) int {
		return cmp.Or(cmp.Compare(w.moved(a), v.moved(a)), cmp.Compare(w.G, v.G), cmp.Compare(v.Field, w.Field), cmp.Compare(v.Value, w.Value))
	})
	a.Values = a.Values[:min(len(a.Values), mostValues)]
	for _, n := range numbers {
		if gamma(n.G, distribution-1)*float64(a.Tried) <= chance {
			a.Numbers = append(a.Numbers, n)
		}
	}
	slices.SortStableFunc(a.Numbers, func(v, w Numbers) int { return cmp.Compare(w.G, v.G) })
	a.Numbers = a.Numbers[:min(len(a.Numbers), mostNumbers)]
	return a
}

// moved is how many lines a value accounts for, more or less.
func (v Value) moved(a Answer) float64 { return math.Abs(v.Lines - a.Lines*v.ShareBefore) }

// of is how many lines had a value.
func (f *field) of(hash uint64) uint64 {
	if f == nil || f.values[hash] == nil {
		return 0
	}
	return f.values[hash].n
}

// isTime says whether a field is nothing but a time. It is another one in each of two
// intervals, whatever happened, and so explains nothing.
func (f *field) isTime(name string) bool {
	if f == nil {
		return true
	}
	for _, v := range f.values {
		if !line.IsTime(name, v.text) {
			return false
		}
	}
	return true
}

func scaled(n uint64, share float64) float64 { return float64(n) / share }

func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// likelihood is G of k1 of n1 against k0 of n0.
func likelihood(k1, n1, k0, n0 uint64) float64 {
	return ratio([]float64{float64(k1), float64(n1 - k1)}, []float64{float64(k0), float64(n0 - k0)})
}

// ratio is G of two rows of counts.
func ratio(a, b []float64) (g float64) {
	sumA, sumB := 0.0, 0.0
	for i := range a {
		sumA += a[i]
		sumB += b[i]
	}
	for i := range a {
		column := a[i] + b[i]
		for _, cell := range [][2]float64{{a[i], sumA}, {b[i], sumB}} {
			if cell[0] > 0 {
				g += 2 * cell[0] * math.Log(cell[0]*(sumA+sumB)/(cell[1]*column))
			}
		}
	}
	return max(g, 0)
}

// tail is the chance of a G of two by two as great as that.
func tail(g float64) float64 { return math.Erfc(math.Sqrt(g / 2)) }

// gamma is the chance of chi squared with so many degrees of freedom, an odd number, being as
// great as that (M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.4.4).
func gamma(x float64, degrees int) float64 {
	p := math.Erfc(math.Sqrt(x / 2))
	term := math.Sqrt(2*x/math.Pi) * math.Exp(-x/2)
	for k := 1; k < degrees; k += 2 {
		p += term
		term *= x / float64(k+2)
	}
	return p
}

// differ is G of the numbers of a field in the classes that the baseline's deciles make,
// and the chance of it.
func differ(before, now *field) (g, p float64) {
	var deciles []float64
	for i := 1; i < distribution; i++ {
		deciles = append(deciles, float64(i)/distribution)
	}
	bounds := before.quantiles(deciles...)
	classes := func(f *field) []float64 {
		n := make([]float64, distribution)
		for v, k := range f.numbers {
			at, _ := slices.BinarySearch(bounds, v.number())
			n[at] += float64(k)
		}
		return n
	}
	g = ratio(classes(now), classes(before))
	return g, gamma(g, distribution-1)
}

const (
	drawn    = 24 // classes that a distribution is drawn in
	farApart = 50 // times that the greatest number is the least one, to be drawn by its logarithm
)

// edgesOf are the edges of classes for the numbers of some fields: between the least 1 %
// and the greatest, of the same width, or where these are far apart of the same ratio.
func edgesOf(fields ...*field) []float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, f := range fields {
		at := f.quantiles(0.01, 0.99)
		lo, hi = min(lo, at[0]), max(hi, at[1])
	}
	edges := make([]float64, drawn+1)
	for i := range edges {
		part := float64(i) / drawn
		if lo > 0 && hi/lo > farApart {
			edges[i] = lo * math.Pow(hi/lo, part)
		} else {
			edges[i] = lo + (hi-lo)*part
		}
	}
	return edges
}

// distribution is of the classes between some edges.
func (f *field) distribution(edges []float64) Distribution {
	at := f.quantiles(0, 0.1, 0.5, 0.9, 0.99, 1)
	d := Distribution{Min: at[0], P10: at[1], P50: at[2], P90: at[3], P99: at[4], Max: at[5], Parts: make([]float64, drawn)}
	in := make([]uint64, drawn)
	for v, n := range f.numbers {
		d.Lines += n
		class, found := slices.BinarySearch(edges, v.number())
		if !found {
			class--
		}
		in[min(max(class, 0), drawn-1)] += n
	}
	for i, n := range in {
		d.Parts[i] = float64(n) / float64(d.Lines)
	}
	return d
}
