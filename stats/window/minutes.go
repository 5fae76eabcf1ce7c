package window

import (
	"fmt"
	"math"
	"slices"

	"pulse/stats/aggregate"
)

// A long window (see stats.Stat.Long) begins and ends with a minute, so that of a minute
// whose seconds nobody asks for any more its partials joined will do: 43,200 of them in 30
// days, instead of 2,592,000. Those in the middle of the window, which will not be looked at
// before the window leaves them behind, are bytes, a few for each.
//
// What a Series has of a long window is, in this order: entries of minutes that the window
// has left or is about to leave, edge of them; chunks (middle.go); entries of the seconds since
// then.

const minuteSeconds = 60

// settleMinutes puts the seconds of the minutes before a second into the middle, one partial for
// each minute. Nothing joins them any more.
func (s *Series) settleMinutes(before int64) {
	if before <= s.settled {
		return
	}
	s.settled = before
	s.move(max(s.to, before-1))
	s.edge = max(s.edge, s.lo) // never were in the window
	i := s.edge
	for i < len(s.seconds) && s.seconds[i].second < before {
		minute := s.seconds[i].second - s.seconds[i].second%minuteSeconds
		joined := s.newPartial()
		for ; i < len(s.seconds) && s.seconds[i].second < minute+minuteSeconds; i++ {
			s.joinTo(joined, i)
			s.window.Sub(s.seconds[i].partial)
			s.recycle(s.seconds[i].partial)
		}
		s.window.Add(joined)
		s.middle.add(minute, joined.AppendTo(nil), plainMinutes)
		s.recycle(joined)
	}
	s.hi -= i - s.edge
	s.seconds = slices.Delete(s.seconds, s.edge, i)
}

// Drop drops all before a second, as if it had never come, and leaves out what still comes
// of it. No Value was asked for yet.
func (s *Series) Drop(before int64) {
	s.settled = max(s.settled, before)
	n, _ := s.search(before)
	s.seconds = slices.Delete(s.seconds, 0, n)
}

// AppendMinute appends a fragment of all that has been joined of the minute that begins at
// a second, as one partial; nothing, if that is nothing. Forget has not passed the minute.
func (s *Series) AppendMinute(b []byte, minute int64) []byte {
	joined := s.newPartial()
	for i, _ := s.search(minute); i < len(s.seconds) && s.seconds[i].second < minute+minuteSeconds; i++ {
		s.joinTo(joined, i)
	}
	if partial := joined.AppendTo(nil); len(partial) > 0 {
		f := Fragment{bytes: b}
		f.Add(minute, partial)
		b = f.bytes
	}
	s.recycle(joined)
	return b
}

// joinTo joins the partial of the second at i to another.
func (s *Series) joinTo(joined aggregate.Partial, i int) {
	if err := joined.Join(s.partial(i).AppendTo(nil)); err != nil {
		panic(fmt.Sprintf("stats: a partial does not join: %v", err))
	}
}

// untilMinute is Until of a long window.
func (s *Series) untilMinute(sec int64) int64 {
	until, end := int64(math.MaxInt64), s.stat.End(sec)
	if i, _ := s.search(end + 1); i < len(s.seconds) {
		until = lastOf(s.seconds[i].second)
	}
	if first, ok := s.firstSince(end + 1 - s.over); ok {
		until = min(until, lastOf(first)+s.over)
	}
	return until
}

// lastOf is the last second of the minute that a second is in.
func lastOf(second int64) int64 { return second - second%minuteSeconds + minuteSeconds - 1 }
