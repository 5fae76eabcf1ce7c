package retry

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := Wait(t.Context(), time.Minute); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("it waited for %v (%v)", time.Since(begun), err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		over := errors.New("over")
		time.AfterFunc(time.Second, func() { cancel(over) })
		begun = time.Now()
		if err := Wait(ctx, time.Minute); err != over || time.Since(begun) != time.Second {
			t.Errorf("a context that ended let it wait for %v (%v)", time.Since(begun), err)
		}
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Backoff{Least: time.Second, Most: 5 * time.Second}
		var waited []time.Duration
		wait := func(times int) {
			for range times {
				begun := time.Now()
				if err := b.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				waited = append(waited, time.Since(begun)/time.Second)
			}
		}
		wait(5)
		b.Reset()
		wait(2)
		if want := []time.Duration{1, 2, 4, 5, 5, 1, 2}; !slices.Equal(waited, want) {
			t.Errorf("it waited for %d seconds, want %d", waited, want)
		}
	})
}
