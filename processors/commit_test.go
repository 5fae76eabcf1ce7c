package processors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"pulse/topics"
)

// TestTracker: whatever the order in which records are done, what is committed
// is the newest commit of a prefix of them.
func TestTracker(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var tr tracker
		var offsets []int64
		commits := map[int64]bool{}
		for offset := rng.Int64N(5); len(offsets) < 50; offset += 1 + rng.Int64N(3) {
			offsets = append(offsets, offset)
			tr.deliver(offset)
			if rng.IntN(3) == 0 {
				tr.attach(&topics.Commit{Offset: offset})
				commits[offset] = true
			}
		}
		done := map[int64]bool{}
		var committed int64 = -1
		for _, i := range rng.Perm(len(offsets)) {
			done[offsets[i]] = true
			tr.finish(offsets[i], func(c *topics.Commit) {
				if c.Offset <= committed {
					t.Fatalf("seed %d: %d is committed after %d", seed, c.Offset, committed)
				}
				committed = c.Offset
			})
			want := int64(-1)
			for _, offset := range offsets {
				if !done[offset] {
					break
				}
				if commits[offset] {
					want = offset
				}
			}
			if committed != want {
				t.Fatalf("seed %d: %d is committed, want %d with %v done", seed, committed, want, done)
			}
		}
	}
}

// TestTrackerIsBounded: while Kafka acknowledges nothing, no more is taken than there is room
// for, and it goes on when the first record is done.
func TestTrackerIsBounded(t *testing.T) {
	for name, emitted := range map[string]int{"records": 0, "bytes": 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			var tr tracker
			ctx, cancel := context.WithCancel(t.Context())
			var taken atomic.Int64
			var taking sync.WaitGroup
			taking.Go(func() {
				for ctx.Err() == nil {
					tr.wait(ctx)
					tr.deliver(taken.Load())
					tr.emits(emitted)
					taken.Add(1)
				}
			})
			synctest.Wait()
			want := int64(maxTracked)
			if emitted > 0 {
				want = int64(maxEmitted / emitted)
			}
			if taken := taken.Load(); taken != want {
				t.Errorf("%s: %d are taken of which none is done, want %d", name, taken, want)
			}
			for offset := range int64(3) {
				tr.finish(offset, func(*topics.Commit) {})
				synctest.Wait()
			}
			if taken := taken.Load(); taken != want+3 {
				t.Errorf("%s: %d are taken after three are done, want %d", name, taken, want+3)
			}
			time.Sleep(3*fullFor + 1)
			synctest.Wait()
			if taken := taken.Load(); taken > want+6 {
				t.Errorf("%s: %d are taken while there is no room for three times a record's wait, want %d at most", name, taken, want+6)
			}
			cancel()
			taking.Wait()
		})
	}
}

func TestTrackerAfterFailure(t *testing.T) {
	var tr tracker
	tr.deliver(7)
	tr.attach(&topics.Commit{Offset: 8})
	tr.deliver(8)
	tr.fail()
	for _, offset := range []int64{7, 8} {
		tr.finish(offset, func(c *topics.Commit) { t.Errorf("%d was committed after a failure", c.Offset) })
	}
}

func TestStartOf(t *testing.T) {
	for _, c := range []struct {
		name               string
		committed, initial int64
		lost, refused      bool
	}{
		{"nothing committed", -1, sarama.OffsetOldest, false, false},
		{"as committed", 17, 17, false, false},
		{"committed 0", 0, 0, false, false},
		{"retention took it", 17, sarama.OffsetOldest, true, false},
		{"a commit in between", 17, 16, false, true},
		{"a commit that was not read", -1, 17, false, true},
	} {
		got, err := startOf(3, topics.Commit{Offset: c.committed}, c.committed, c.initial)
		if got.Lost != c.lost || (err != nil) != c.refused {
			t.Errorf("%s: %+v (%v)", c.name, got, err)
		}
	}
}

// TestSessionMarks: an offset that stays while its metadata changes is reset,
// since sarama's MarkOffset would ignore it; goka's own marks are not passed on.
func TestSessionMarks(t *testing.T) {
	var calls []string
	inner := &recordingSession{calls: &calls}
	c := &claim{committed: topics.Commit{Offset: 10}, marked: 10}
	s := &session{ConsumerGroupSession: inner, p: New(Config{}), claims: map[int32]*claim{3: c}}
	for offset, commit := range []*topics.Commit{nil, {Offset: 10, Metadata: []byte("a")}, {Offset: 12, Metadata: []byte("b")}, {Offset: 12, Metadata: []byte("c")}} {
		c.tracker.deliver(int64(offset))
		if commit != nil {
			c.tracker.attach(commit)
		}
		s.MarkOffset("topic", 3, int64(offset)+1, "goka's")
	}
	if want := []string{"reset 10", "mark 12", "reset 12"}; !slices.Equal(calls, want) {
		t.Errorf("sarama was told %q, want %q", calls, want)
	}
}

type recordingSession struct {
	sarama.ConsumerGroupSession
	calls *[]string
}

func (s *recordingSession) MarkOffset(_ string, _ int32, offset int64, _ string) {
	*s.calls = append(*s.calls, fmt.Sprint("mark ", offset))
}

func (s *recordingSession) ResetOffset(_ string, _ int32, offset int64, _ string) {
	*s.calls = append(*s.calls, fmt.Sprint("reset ", offset))
}
