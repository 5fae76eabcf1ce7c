package value

import (
	"slices"
	"strconv"
)

// ShapeCounts is the shape of Counts.
const ShapeCounts Shape = "counts"

// Counts are Pulse's account of lines: {"in":2,"counted":2,"late":0}. The first is
// of all that came in.
type Counts []Counted

// A Counted is a count with the name of what is counted.
type Counted struct {
	Name  string
	Count uint64
}

// Shape implements Value.
func (Counts) Shape() Shape { return ShapeCounts }

// AppendJSON implements Value.
func (c Counts) AppendJSON(b []byte) []byte {
	for i, one := range c {
		b = append(b, opening(i))
		b = appendString(b, one.Name)
		b = strconv.AppendUint(append(b, ':'), one.Count, 10)
	}
	return append(b, '}')
}

func (c Counts) walk(labels []Label, yield func([]Label, Number) bool) bool {
	for _, one := range c {
		if !yield(append(labels, Label{LabelCount, one.Name}), Count(one.Count)) {
			return false
		}
	}
	return true
}

func (c Counts) extreme(other Value, greater bool) Value {
	o, _ := other.(Counts)
	all := slices.Clone(c)
	for i := range min(len(c), len(o)) { // of a stat, so in the same order
		all[i].Count = extremeCount(c[i].Count, o[i].Count, greater)
	}
	return all
}

func extremeCount(a, b uint64, greater bool) uint64 {
	if greater {
		return max(a, b)
	}
	return min(a, b)
}

func beginsCounts(member string) bool { return member == "in" }

func parseCounts(data []byte) (Value, error) {
	var c Counts
	err := eachMember(data, func(name string, n Number) error {
		count, err := strconv.ParseUint(string(n), 10, 64)
		c = append(c, Counted{name, count})
		return err
	})
	return c, err
}
