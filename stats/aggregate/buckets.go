package aggregate

import (
	"encoding/binary"
	"slices"
	"sort"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

var histogramKind = Description{
	Name:    "histogram",
	Doc:     "How many of the field's numbers are at most each bound of `buckets`, and beyond the last.",
	Example: []string{"histogram: ms, buckets: [10, 100]"},
	Options: []Option{over(1), {
		Name: "buckets", Doc: "The bounds of the buckets, ascending. What is equal to one is below it.",
		Type: Numbers, Least: -1e18, Most: 1e18, Elements: 100, Ascending: true, Element: "bound",
		Required: "give the bounds, such as buckets: [10, 100, 1000]",
	}},
	Shape: value.ShapeHistogram,
	New:   func(p Parameters) Kind { return newBuckets(p.Field, p.Buckets) },
}

func newBuckets(field line.Slot, bounds []float64) Kind {
	k := &buckets{field: field}
	for _, f := range bounds {
		text := value.Float(f)
		n, _ := fixed.Parse([]byte(text))
		k.bounds = append(k.bounds, n)
		k.shown = append(k.shown, text)
	}
	return k
}

type buckets struct {
	field  line.Slot
	bounds []fixed.Number
	shown  []value.Number // the bounds
}

func (k *buckets) NewPartial() Partial {
	return &bucketCounts{k, make([]uint64, len(k.bounds)+1)}
}
func (k *buckets) NewWindow() Window    { return &bucketWindow{k, make([]uint64, len(k.bounds)+1)} }
func (k *buckets) Check(b []byte) error { return k.NewPartial().Join(b) }

// bucketCounts is the count of each bucket, as
// uvarints.
type bucketCounts struct {
	*buckets
	counts []uint64
}

func (p *bucketCounts) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		p.counts[sort.Search(len(p.bounds), func(i int) bool { return n.Cmp(p.bounds[i]) <= 0 })]++
	}
	return ok
}

func (p *bucketCounts) Empty() bool {
	for _, n := range p.counts {
		if n > 0 {
			return false
		}
	}
	return true
}

func (p *bucketCounts) Reset() { clear(p.counts) }

func (p *bucketCounts) AppendTo(b []byte) []byte {
	if p.Empty() {
		return b
	}
	for _, n := range p.counts {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func (p *bucketCounts) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	rest, some := b, false
	for range p.counts {
		n, left, ok := uvarint(rest, maxCount)
		if !ok {
			return ErrMalformed
		}
		rest, some = left, some || n > 0
	}
	if len(rest) > 0 || !some {
		return ErrMalformed
	}
	for i := range p.counts {
		n, left, _ := uvarint(b, maxCount)
		p.counts[i] += n
		b = left
	}
	return nil
}

type bucketWindow struct {
	*buckets
	counts []uint64
}

func (w *bucketWindow) Add(p Partial) {
	for i, n := range p.(*bucketCounts).counts {
		w.counts[i] += n
	}
}

func (w *bucketWindow) Sub(p Partial) {
	for i, n := range p.(*bucketCounts).counts {
		w.counts[i] -= n
	}
}

func (w *bucketWindow) Value(Span) value.Value {
	return &value.Histogram{Bounds: w.shown, Counts: slices.Clone(w.counts)}
}
