package aggregate

import (
	"math/big"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

var apdexKind = Description{
	Name: "apdex",
	Doc: "The share of the field's numbers that are at most `satisfied`, and half of the share of those beyond that are at most `tolerated`, " +
		"from 0 to 1, rounded once to a float64.",
	Example: []string{"apdex: ms, satisfied: 10, tolerated: 40"},
	Options: append(byKey(), over(60),
		threshold("satisfied", "Up to which number who waits is satisfied."),
		threshold("tolerated", "Up to which number who waits tolerates it, mostly four times `satisfied`.")),
	Shape: value.ShapeNumber,
	Null:  true,
	Ratio: true,
	New: func(p Parameters) Kind {
		k := apdex{field: p.Field}
		for i := range k.most {
			if i < len(p.Buckets) {
				k.most[i], _ = fixed.Parse([]byte(value.Float(p.Buckets[i])))
			}
		}
		return k
	},
}

// threshold is a bound of apdex.
func threshold(name, doc string) Option {
	return Option{Name: name, Doc: doc, Type: Amount, Least: 0, Most: 1e18, Required: "say up to which number, such as " + name + ": 500"}
}

// apdex is the Application Performance Index of the Apdex Alliance (2007), of numbers of
// any unit.
type apdex struct {
	field line.Slot
	most  [2]fixed.Number // that satisfies, and that is tolerated
}

func (k apdex) NewPartial() Partial {
	return &bucketCounts{&buckets{field: k.field, bounds: k.most[:]}, make([]uint64, len(k.most)+1)}
}
func (k apdex) NewWindow() Window    { return new(apdexWindow) }
func (k apdex) Check(b []byte) error { return k.NewPartial().Join(b) }
func (k apdex) measured() line.Slot  { return k.field }

// apdexWindow counts numbers, and halves of what they add: a satisfying one has two.
type apdexWindow struct{ count, halves uint64 }

func (w *apdexWindow) Add(p Partial) {
	n := p.(*bucketCounts).counts
	w.count += n[0] + n[1] + n[2]
	w.halves += 2*n[0] + n[1]
}

func (w *apdexWindow) Sub(p Partial) {
	n := p.(*bucketCounts).counts
	w.count -= n[0] + n[1] + n[2]
	w.halves -= 2*n[0] + n[1]
}

func (w *apdexWindow) Value(Span) value.Value {
	if w.count == 0 {
		return nil
	}
	share, _ := w.share().Float64()
	return value.Float(share)
}

// share is the exact value.
func (w *apdexWindow) share() *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(w.halves), new(big.Int).SetUint64(2*w.count))
}

func (w *apdexWindow) absorb(other Window) {
	o := other.(*apdexWindow)
	w.count += o.count
	w.halves += o.halves
}

func (w *apdexWindow) compare(other Window) int { return w.share().Cmp(other.(*apdexWindow).share()) }
