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

	// A tick that is not among the lost ones would have ended a segment of its own.
	l = newLog(t, fmt.Sprintf(one, 1))
	l.send(segmentOf{first, at(100), 100})
	l.send(segmentOf{cover(0, 0, 4, 101, 102), at(101), 101})
	lost.Lost = topics.Lost{From: 1, To: 3}
	l.send(segmentOf{lost, at(139), 139})
	if n := l.m.Metrics().Incomplete.Load(); n != 1 {
		t.Errorf("%d segments were passed over, want the one that does not continue", n)
	}
}
