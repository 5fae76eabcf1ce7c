package aggregate

import (
	"pulse/stats/fixed"
	"pulse/stats/value"
)

var lastMaxKind = Description{
	Name:    "last-max",
	Doc:     "The greatest of the parts' newest numbers.",
	Example: []string{"last-max: ms, by: user"},
	Options: []Option{byPart(), expire()},
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return newLastParts(p, lastMax) },
}

func lastMax(w *partsWindow) value.Value {
	var greatest fixed.Number
	first := true
	meet := func(n fixed.Number) {
		if first || n.Cmp(greatest) > 0 {
			greatest, first = n, false
		}
	}
	for _, m := range w.members {
		meet(m.readings.newest().number)
	}
	for _, s := range w.leaving {
		meet(s.out.greatest)
	}
	return decimal(greatest)
}
