// Package export says in the languages of other systems what definitions say: the pages as a
// dashboard of Grafana, and the alerts as rules of Prometheus. Both ask Prometheus for
// pulse_stat, as /metrics of a dashboard has it.
package export

import (
	"strconv"
	"strings"

	"pulse/stats"
	"pulse/stats/value"
)

// metric is what /metrics calls each number of a stat.
const metric = "pulse_stat"

// selector is a stat's numbers in PromQL, those with more labels if there are any.
func selector(stat string, more ...value.Label) string {
	var b strings.Builder
	b.WriteString(metric + `{stat=` + strconv.Quote(stat))
	for _, l := range more {
		b.WriteString(", " + l.Name + "=" + strconv.Quote(l.Text))
	}
	return b.String() + "}"
}

// labels are the names of those that tell a stat's numbers apart.
func labels(s *stats.Stat) (names []string) {
	shape := s.Shape()
	if shape == value.ShapeKeyed {
		names, shape = append(names, value.LabelKey), s.KeyShape()
	}
	if l := labelOf(shape); l != "" {
		names = append(names, l)
	}
	return names
}

// labelOf is the label that tells the numbers of a shape apart; "" of a single one.
func labelOf(shape value.Shape) string {
	switch shape {
	case value.ShapeQuantiles:
		return value.LabelQuantile
	case value.ShapeHistogram:
		return value.LabelBucket
	case value.ShapeCounts:
		return value.LabelCount
	}
	return ""
}
