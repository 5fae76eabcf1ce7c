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

// find gives the number, and whether the text has one; wrong says that it has one that is not a number.
func (m *metric) find(text []byte) (n fixed.Number, found, wrong bool) {
	for {
		next, rest, ok := line.NextMetric(text)
		if !ok {
			found = found && n.Fits()
			return n, found, wrong && !found
		}
		text = rest
		if next.Kind != m.kind || string(next.Name) != m.name {
			continue
		}
		if !next.Valid {
			wrong = true
			continue
		}
		if m.kind == line.CountMetric {
			next.Number = n.Add(next.Number)
		}
		n, found = next.Number, true
	}
}
