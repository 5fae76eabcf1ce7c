package aggregate

import "pulse/stats/value"

var lastCountKind = Description{
	Name:    "last-count",
	Doc:     "How many parts have a number.",
	Example: []string{"last-count: ms, by: user"},
	Options: []Option{byPart(), expire()},
	Shape:   value.ShapeNumber,
	Ratio:   true,
	New: func(p Parameters) Kind {
		k := newLastParts(p, func(w *partsWindow) value.Value { return value.Count(w.count()) })
		k.empty = value.Count(0)
		return k
	},
}
