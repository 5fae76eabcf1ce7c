package stats

import (
	"fmt"

	"pulse/stats/aggregate"
	"pulse/stats/line"
	"pulse/stats/value"
)

// Kinds are the kinds of stats that a definitions file can have, in the order
// in which messages give them.
var Kinds = []string{
	"rate", "mean", "max", "min", "sum", "quantiles", "unique", "histogram",
	"last", "last-sum", "last-mean", "last-count", "last-max", "delta", "ratio",
}

// NewKind returns how a stat other than a ratio aggregates. Field is the slot
// of its Field, by are those of By.
func NewKind(s *Stat, field line.Slot, by []line.Slot) (aggregate.Kind, error) {
	var kind aggregate.Kind
	switch s.Kind {
	case "rate":
		kind = aggregate.Rate(s.Per, s.Over)
	case "sum":
		kind = aggregate.Sum(field)
	case "mean":
		kind = aggregate.Mean(field)
	case "min":
		kind = aggregate.Min(field)
	case "max":
		kind = aggregate.Max(field)
	case "quantiles":
		kind = aggregate.Quantiles(field, s.At)
	case "unique":
		return aggregate.Unique(field), nil
	case "histogram":
		return aggregate.Histogram(field, s.Buckets), nil
	case "last":
		return aggregate.Last(field), nil
	case "last-sum":
		return aggregate.LastSum(field, by, s.Over), nil
	case "last-mean":
		return aggregate.LastMean(field, by, s.Over), nil
	case "last-count":
		return aggregate.LastCount(field, by, s.Over), nil
	case "last-max":
		return aggregate.LastMax(field, by, s.Over), nil
	case "delta":
		return aggregate.Delta(field, by, s.Over, s.Expire), nil
	case LinesKind:
		return aggregate.Lines(), nil
	default:
		return nil, fmt.Errorf("stat %s: unknown kind %q", s.Name, s.Kind)
	}
	if len(s.By) > 0 {
		return aggregate.By(kind, by, s.Top, s.Over), nil
	}
	return kind, nil
}

// Shape is the shape of the stat's values.
func (s *Stat) Shape() value.Shape {
	if s.Top > 0 {
		return value.ShapeKeyed
	}
	return s.shapeOfKind()
}

// KeyShape is the shape of the value of each key, "" if the stat is not by key.
func (s *Stat) KeyShape() value.Shape {
	if s.Top > 0 {
		return s.shapeOfKind()
	}
	return ""
}

func (s *Stat) shapeOfKind() value.Shape {
	switch s.Kind {
	case "quantiles":
		return value.ShapeQuantiles
	case "histogram":
		return value.ShapeHistogram
	case LinesKind:
		return value.ShapeCounts
	}
	return value.ShapeNumber
}
