package stats

import (
	"fmt"

	"pulse/stats/aggregate"
	"pulse/stats/line"
)

// newKind returns how a stat aggregates; field is the slot of its Field.
func newKind(s *Stat, field line.Slot) (aggregate.Kind, error) {
	switch s.Kind {
	case "rate":
		return aggregate.Rate(s.Per, s.Over), nil
	case "sum":
		return aggregate.Sum(field), nil
	case "mean":
		return aggregate.Mean(field), nil
	case "min":
		return aggregate.Min(field), nil
	case "max":
		return aggregate.Max(field), nil
	case "unique":
		return aggregate.Unique(field), nil
	case "quantiles":
		return aggregate.Quantiles(field, s.At), nil
	case LinesKind:
		return aggregate.Lines(), nil
	}
	return nil, fmt.Errorf("stat %s: unknown kind %q", s.Name, s.Kind)
}

// LineCounts accounts for lines.
type LineCounts = aggregate.LineCounts
