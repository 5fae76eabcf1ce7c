package value

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// ShapeHistogram is the shape of a Histogram.
const ShapeHistogram Shape = "histogram"

// A Histogram counts numbers by bucket: {"le":[10,100],"counts":[4,2,1]} has four
// through 10, two above that up to 100, and one beyond.
type Histogram struct {
	Bounds []Number // of the buckets, ascending
	Counts []uint64 // one more
}

// Shape implements Value.
func (*Histogram) Shape() Shape { return ShapeHistogram }

// AppendJSON implements Value.
func (h *Histogram) AppendJSON(b []byte) []byte {
	b = append(b, `{"le":[`...)
	for i, n := range h.Bounds {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, n...)
	}
	b = append(b, `],"counts":[`...)
	for i, n := range h.Counts {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, n, 10)
	}
	return append(b, `]}`...)
}

func (h *Histogram) walk(labels []Label, yield func([]Label, Number) bool) bool {
	for i, n := range h.Counts {
		bound := Beyond
		if i < len(h.Bounds) {
			bound = string(h.Bounds[i])
		}
		if !yield(append(labels, Label{LabelBucket, bound}), Count(n)) {
			return false
		}
	}
	return true
}

func (h *Histogram) extreme(other Value, greater bool) Value {
	o, ok := other.(*Histogram)
	if !ok {
		return h
	}
	all := &Histogram{Bounds: h.Bounds, Counts: slices.Clone(h.Counts)}
	for i := range min(len(h.Counts), len(o.Counts)) {
		all.Counts[i] = extremeCount(h.Counts[i], o.Counts[i], greater)
	}
	return all
}

func beginsHistogram(member string) bool { return member == "le" }

func parseHistogram(data []byte) (Value, error) {
	var in struct {
		Le     []json.Number
		Counts []uint64
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	if len(in.Counts) != len(in.Le)+1 {
		return nil, fmt.Errorf("%d counts for %d bounds", len(in.Counts), len(in.Le))
	}
	h := &Histogram{Counts: in.Counts}
	for _, n := range in.Le {
		h.Bounds = append(h.Bounds, Number(n))
	}
	return h, nil
}
