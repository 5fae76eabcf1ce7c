package timing

import "testing"

func TestForward(t *testing.T) {
	for _, c := range []struct{ was, is, want int64 }{
		{1_700_000_000, -1, 1_700_000_000},
		{-1, 100, 100}, {100, 101, 101}, {100, 100, 100}, {100, 99, 100}, {10_000, 10_000 - StepBack, 10_000},
		{10_000, 10_000 - StepBack - 1, 10_000 - StepBack - 1}, {LastSecond, 1_700_000_000, 1_700_000_000},
	} {
		if got := Forward(c.was, c.is); got != c.want {
			t.Errorf("from %d to %d it is %d, want %d", c.was, c.is, got, c.want)
		}
	}
}
