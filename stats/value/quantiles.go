package value

import (
	"slices"
	"strconv"
)

// ShapeQuantiles is the shape of Quantiles.
const ShapeQuantiles Shape = "quantiles"

// Quantiles are some quantiles, in the order in which the definitions ask for
// them: {"0.5":18,"0.95":90}.
type Quantiles []Quantile

// A Quantile is the number at a quantile.
type Quantile struct {
	At     string // which, as a decimal above 0 and up to 1
	Number Number
}

// Shape implements Value.
func (Quantiles) Shape() Shape { return ShapeQuantiles }

// AppendJSON implements Value.
func (q Quantiles) AppendJSON(b []byte) []byte {
	for i, one := range q {
		b = append(b, opening(i))
		b = appendString(b, one.At)
		b = append(append(b, ':'), one.Number...)
	}
	return append(b, '}')
}

// opening is what is before a member of an object.
func opening(i int) byte {
	if i == 0 {
		return '{'
	}
	return ','
}

func (q Quantiles) walk(labels []Label, yield func([]Label, Number) bool) bool {
	for _, one := range q {
		if !yield(append(labels, Label{LabelQuantile, one.At}), one.Number) {
			return false
		}
	}
	return true
}

func (q Quantiles) extreme(other Value, greater bool) Value {
	o, _ := other.(Quantiles)
	all := slices.Clone(q)
	for i := range min(len(q), len(o)) { // of a stat, so in the same order
		all[i].Number = Extreme(q[i].Number, o[i].Number, greater).(Number)
	}
	return all
}

func beginsQuantiles(member string) bool {
	q, err := strconv.ParseFloat(member, 64)
	return err == nil && q > 0 && q <= 1
}

func parseQuantiles(data []byte) (Value, error) {
	var q Quantiles
	err := eachMember(data, func(name string, n Number) error {
		q = append(q, Quantile{name, n})
		return nil
	})
	return q, err
}
