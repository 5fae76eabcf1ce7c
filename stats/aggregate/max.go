package aggregate

import "pulse/stats/line"

// Max is the greatest of the numbers of a field, an exact decimal; null of
// none.
func Max(field line.Slot) Kind { return extreme{field, 1} }
