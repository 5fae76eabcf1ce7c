package aggregate

import "pulse/stats/line"

// Min is the least of the numbers of a field, an exact decimal; null of none.
func Min(field line.Slot) Kind { return extreme{field, -1} }
