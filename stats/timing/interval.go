package timing

// An Interval is the seconds [From, To).
type Interval struct{ From, To int64 }

// Contains reports whether a second is in it.
func (i Interval) Contains(second int64) bool { return i.From <= second && second < i.To }
