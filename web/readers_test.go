package web

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Equal questions are read once, no more at a time than have a turn, and what is
// beyond the queue is refused.
func TestReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(readersAtOnce, maxQueue)
		var reading, most, reads atomic.Int64
		gate := make(chan struct{})
		do := func(context.Context) (any, error) {
			most.Store(max(most.Load(), reading.Add(1)))
			reads.Add(1)
			<-gate
			reading.Add(-1)
			return 7, nil
		}
		var all sync.WaitGroup
		var refused atomic.Int64
		const questions = readersAtOnce + maxQueue + 10
		for i := range 3 * questions {
			all.Go(func() {
				answer, err := r.read(t.Context(), fmt.Sprint(i%questions), do)
				switch {
				case errors.Is(err, errCrowded):
					refused.Add(1)
				case err != nil || answer != 7:
					t.Errorf("%v, %v", answer, err)
				}
			})
		}
		synctest.Wait()
		close(gate)
		all.Wait()
		if n := most.Load(); n != readersAtOnce {
			t.Errorf("%d read at a time, want %d", n, readersAtOnce)
		}
		if n := reads.Load(); n != readersAtOnce+maxQueue {
			t.Errorf("%d reads, want %d", n, readersAtOnce+maxQueue)
		}
		if n := refused.Load(); n != 30 {
			t.Errorf("%d were refused, want 30", n)
		}
		if len(r.asked) > 0 || r.queued > 0 {
			t.Errorf("afterwards %d questions are kept, %d queued", len(r.asked), r.queued)
		}
	})
}

// A read ends when all who asked have gone, and no sooner.
func TestReadersThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(readersAtOnce, maxQueue)
		var stopped atomic.Bool
		do := func(ctx context.Context) (any, error) {
			<-ctx.Done()
			stopped.Store(true)
			return nil, ctx.Err()
		}
		var all sync.WaitGroup
		var leave [2]context.CancelFunc
		for i := range leave {
			ctx, cancel := context.WithCancel(t.Context())
			leave[i] = cancel
			all.Go(func() {
				if _, err := r.read(ctx, "the same", do); !errors.Is(err, context.Canceled) {
					t.Errorf("who left got %v", err)
				}
			})
		}
		synctest.Wait()
		leave[0]()
		synctest.Wait()
		if stopped.Load() {
			t.Error("the read ended although somebody waits for it")
		}
		leave[1]()
		all.Wait()
		synctest.Wait()
		if !stopped.Load() || r.queued > 0 {
			t.Errorf("nobody waits, and the read goes on: %d are queued", r.queued)
		}
		answer, err := r.read(t.Context(), "the same", func(context.Context) (any, error) { return 1, nil })
		if answer != 1 || err != nil {
			t.Errorf("who asks again gets %v, %v", answer, err)
		}
	})
}

// What is known of an answer reaches all who ask, those who come later too.
func TestReadersTell(t *testing.T) {
	r := newReaders(readersAtOnce, maxQueue)
	first, second := make(chan any), make(chan any)
	more := make(chan struct{})
	ask := func(heard chan any) {
		answer, err := r.follow(t.Context(), "q", func(_ context.Context, tell func(any)) (any, error) {
			tell(1)
			<-more
			return 2, nil
		}, func(partial any) {
			if partial != nil {
				heard <- partial
			}
		})
		if err != nil {
			t.Error(err)
		}
		heard <- answer
	}
	go ask(first)
	if got := <-first; got != 1 {
		t.Errorf("the first asker hears %v, want 1", got)
	}
	go ask(second)
	if got := <-second; got != 1 {
		t.Errorf("the second asker hears %v, want 1", got)
	}
	close(more)
	if a, b := <-first, <-second; a != 2 || b != 2 {
		t.Errorf("the answers are %v and %v, want 2", a, b)
	}
}

// An address that asks more than there is room for keeps nobody else waiting: the queue is
// shared, and so are the turns.
func TestReadersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(readersAtOnce, maxQueue)
		gate := make(chan struct{})
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		refused := map[string]int{}
		ask := func(from, of string) {
			all.Go(func() {
				ctx := context.WithValue(t.Context(), askerKey{}, client{from: netip.MustParsePrefix(from)})
				_, err := r.read(ctx, from+of, func(context.Context) (any, error) {
					mu.Lock()
					order = append(order, from)
					mu.Unlock()
					<-gate
					return nil, nil
				})
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, errCrowded) {
					refused[from]++
				} else if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		const greedy, other, third = "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"
		for i := range readersAtOnce + maxQueue + 5 {
			ask(greedy, fmt.Sprint(i))
		}
		if refused[greedy] != 5 || len(order) != readersAtOnce {
			t.Fatalf("%d of the greedy were refused, %d read, want 5 and %d", refused[greedy], len(order), readersAtOnce)
		}
		for i := range 3 {
			ask(other, fmt.Sprint(i))
		}
		ask(third, "")
		if refused[greedy] != 9 || refused[other] > 0 || refused[third] > 0 {
			t.Errorf("refused are %v, want four more of the greedy alone", refused)
		}
		gate <- struct{}{} // a turn is free
		synctest.Wait()
		gate <- struct{}{}
		synctest.Wait()
		if got := order[readersAtOnce:]; len(got) != 2 || got[0] != other || got[1] != third {
			t.Errorf("the next turns were given to %v, want those who had none", got)
		}
		for i := range maxQueue {
			ask(other, fmt.Sprint("more", i))
		}
		if n := refused[greedy] + refused[other]; refused[greedy] < 9+maxQueue/2-8 || refused[third] > 0 || n > 9+maxQueue {
			t.Errorf("of two who are greedy %v are refused: they do not share the queue", refused)
		}
		close(gate)
		all.Wait()
		if len(r.asked) > 0 || r.queued > 0 || len(r.askers) > 0 || len(r.waiting) > 0 || r.turns != readersAtOnce {
			t.Errorf("afterwards %d questions are kept, %d queued, %d askers, %d turns", len(r.asked), r.queued, len(r.askers), r.turns)
		}
	})
}
