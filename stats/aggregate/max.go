package aggregate

import "pulse/stats/value"

var maxKind = Description{
	Name:    "max",
	Aliases: []string{"maximum"},
	Doc:     "The greatest of the field's numbers, an exact decimal.",
	Example: []string{"max: ms"},
	Options: append(byKey(), over(60)),
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return extreme{p.Field, 1} },
}
