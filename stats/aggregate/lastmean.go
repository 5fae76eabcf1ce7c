package aggregate

import "pulse/stats/value"

var lastMeanKind = Description{
	Name:    "last-mean",
	Doc:     "The mean of each part's newest number, rounded once to a float64.",
	Example: []string{"last-mean: ms, by: user"},
	Options: []Option{byPart(), expire()},
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return newLastParts(p, lastMean) },
}

func lastMean(w *partsWindow) value.Value {
	if w.exact() {
		return value.Float(w.total().Div(w.count()))
	}
	return value.Float(w.estimate() / float64(w.count()))
}
