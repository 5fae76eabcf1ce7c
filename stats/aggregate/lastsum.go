package aggregate

import "pulse/stats/value"

var lastSumKind = Description{
	Name:    "last-sum",
	Doc:     "The sum of each part's newest number; a part is what `by` names, and is forgotten `expire` after its last number.",
	Example: []string{"last-sum: ms, by: user"},
	Options: []Option{byPart(), expire()},
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return newLastParts(p, lastSum) },
}

func lastSum(w *partsWindow) value.Value {
	if w.exact() {
		return decimal(w.total())
	}
	return value.Float(w.estimate())
}
