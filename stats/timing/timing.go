// Package timing has the numbers of Pulse's rules of time, each with why it is as
// it is. All are seconds but for a share, of clocks that come with the records and not of
// the wall. DESIGN.md has the rules themselves.
package timing

const (
	// LastSecond is the greatest second that a clock, a point or a state can have,
	// in Unix time: the last of the year 9999. RFC 3339 and JSON have four digits for
	// a year, and sums of two such seconds are far from an int64's end.
	LastSecond = 253402300799

	// LastLine is the first second that a line cannot be of, 2262-01-01T00:00:00Z:
	// the nanoseconds of those before it fit an int64. A line that is dated later has
	// no time.
	LastLine = 9214646400

	// LineAhead is how far a line's second may be ahead of its record's: clocks of
	// servers differ by a few seconds, and what is further ahead would wait for its
	// second to come. Such a line counts at its record's second.
	LineAhead = 5

	// HoldBack is how far a member whose clock is behind holds up the others. A tick
	// comes each second, so that one that is not a second behind is not late; and
	// one that has died costs a second and no more.
	HoldBack = 1

	// LeaveAfter is how far behind the greatest clock a member is forgotten: longer
	// than a pause of garbage collection, a rebalance or a slow broker takes, and
	// short enough that nobody waits for one that is gone.
	LeaveAfter = 10

	// ClockAhead is how far a clock may be ahead of all others without being doubted:
	// as far as lines may. A doubted clock counts once those that are behind it have
	// missed MissedTicks ticks, in as many seconds as they have to leave.
	ClockAhead  = LineAhead
	MissedTicks = LeaveAfter

	// Unsettled is how many seconds, from the clock of a tick on, records before the
	// tick may have lines of: the member that is ahead is HoldBack ahead of it, its
	// record is of that very second, and a line is LineAhead ahead of its record. Where
	// such records are not read, the first second that is whole is Unsettled later.
	Unsettled = HoldBack + LineAhead + 1

	// Beyond is how far points may stay ahead of the clocks that their readers know.
	// The two come by different partitions, and for a moment, as while a recording is
	// replayed fast, points may be further ahead. Those that stay so nobody has closed.
	Beyond = 60

	// StepBack is how far a clock or a series of points must go back for what was
	// ahead to be taken for wrong. Those that are right go back by seconds, where a
	// process has restarted, or by as long as one was paused.
	StepBack = 3600

	// PointAhead is how far a point may be ahead of the clocks at any moment, or, where
	// a reader knows no clocks, of the time at which Kafka got its record: clocks of
	// servers are wrong by whole zones.
	PointAhead = 24 * 3600

	// Clockless is for how long no clock moves until a page says that there is none:
	// all ingesters that are gone have left by then, and their last ticks have come.
	Clockless = LeaveAfter + 2

	// LateOver is how many seconds of lines are looked at for late ones, each time.
	LateOver = 10

	// UnreadableOver is how many seconds of lines are looked at for unreadable ones: each
	// of them is told.
	UnreadableOver = 60

	// Quiet is how many seconds a watermark passes at once for runs of seconds of one
	// value among them to be published as one snapshot each. Live streams tick each
	// second, so that this is of recordings with pauses, and of what an ingester has to
	// catch up with; a minute is what the minutes and charts of days go by.
	Quiet = 60
)

// LateShare is the share of lines that may be late before an operator is told. A few
// stragglers are what lateness is for.
const LateShare = 0.05

// Forward returns the newer of what a clock was and is. A clock never steps back,
// so that older news change nothing; but one that steps back by more than StepBack
// was wrong before. One that is not known (-1) says nothing.
func Forward(was, is int64) int64 {
	if is > was || is >= 0 && was-is > StepBack {
		return is
	}
	return was
}
