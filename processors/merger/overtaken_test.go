package merger

import (
	"fmt"
	"testing"

	"pulse/topics"
)

// TestLostBeyondTheCommit: a receiver emitted a segment, and was killed before it
// committed that. Retention then took the segment's tick: the next receiver goes on
// from before it, and declares it lost with what came after.
func TestLostBeyondTheCommit(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 1))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	l.send(segmentOf{cover(0, 0, 4, 101, 102), at(101), 101}) // not committed
	lost := cover(0, 0, 40, 101, 140)
	lost.Lost = topics.Lost{From: 1, To: 30}
	l.send(segmentOf{lost, at(139), 139})
	l.send(segmentOf{cover(0, 40, 41, 140, 160), at(150), 150})
	if n := l.m.Metrics().Incomplete.Load(); n != 0 {
		t.Errorf("%d segments were passed over", n)
	}
	if got := l.work.sources[0]; got.covered != 41 || got.second != 160 {
		t.Errorf("the source partition has come to offset %d and second %d, want 41 and 160", got.covered, got.second)
	}

	// A tick that is not among the lost ones would have ended a segment of its own: what
	// ends there is not a receiver's.
	l = newLog(t, fmt.Sprintf(one, 1))
	l.send(segmentOf{first, at(100), 100})
	l.send(segmentOf{cover(0, 0, 4, 101, 102), at(101), 101})
	lost.Lost = topics.Lost{From: 1, To: 3}
	l.send(segmentOf{lost, at(139), 139})
	if n := l.m.Metrics().Bad.Load(); n != 1 {
		t.Errorf("%d segments are of other programs, want the one that another one begins within", n)
	}
}

// TestOtherClocksAfterALoss: a receiver emitted segments that it did not commit, and was
// killed. Retention took their ticks but the last one, so that its successor makes the
// last segment anew, which is there already, and goes on with clocks that lack what the
// ticks said.
func TestOtherClocksAfterALoss(t *testing.T) {
	for name, before := range map[string]int64{"behind": 101, "ahead": 107} {
		l := newLog(t, fmt.Sprintf(one, 2))
		l.send(segmentOf{cover(0, -1, 0, -1, 101), at(100), 100})
		l.send(segmentOf{cover(0, 0, 60, 101, 103), at(101), 101})
		l.send(segmentOf{cover(0, 60, 65, 103, 104), at(103), 103})
		lost := cover(0, 0, 65, 101, before)
		lost.Lost = topics.Lost{From: 1, To: 63}
		l.send(segmentOf{lost, at(103), 103})
		l.send(segmentOf{cover(0, 65, 67, before, 110), "", 110})
		if covered, second := l.work.sources[0].covered, l.work.sources[0].second; covered != 67 || second != 110 {
			t.Errorf("%s: the source partition is covered to %d, and its clock is %d", name, covered, second)
		}
	}
}
