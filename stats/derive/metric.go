package derive

import (
	"pulse/stats/fixed"
	"pulse/stats/line"
)

// A metric is a number that lines name themselves.
type metric struct {
	kind line.MetricKind
	name string
}

// Metric gives the field of a number that lines name themselves, wherever they do:
// count#orders, measure#db or sample#memory. Of several in a line counts add up, and of
// others the last one counts. It is not ok for another name.
func Metric(name string) (*Field, bool) {
	kind, of, ok := line.CutMetric(name)
	if !ok {
		return nil, false
	}
	needs := []string{"line"}
	return &Field{Name: name, Source: name, Fields: needs, Needs: needs, form: &metric{kind, of}}, true
}

func (m *metric) find(text []byte) (n fixed.Number, found bool) {
	for {
		next, rest, ok := line.NextMetric(text)
		if !ok {
			return n, found && n.Fits()
		}
		text = rest
		if next.Kind != m.kind || !next.Valid || string(next.Name) != m.name {
			continue
		}
		if m.kind == line.CountMetric {
			next.Number = n.Add(next.Number)
		}
		n, found = next.Number, true
	}
}
