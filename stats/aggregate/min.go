package aggregate

import "pulse/stats/value"

var minKind = Description{
	Name:    "min",
	Aliases: []string{"minimum"},
	Doc:     "The least of the field's numbers, an exact decimal.",
	Example: []string{"min: ms"},
	Options: append(byKey(), over(60)),
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return extreme{p.Field, -1} },
}
