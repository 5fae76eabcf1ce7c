package processors

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"pulse/topics"
)

// A tracker orders the commits of a partition. Goka marks a record as done when
// its own emits are acknowledged, whatever became of those before it, and sarama
// commits the highest mark. A tracker lets a commit through when its record and
// all records before it are done.
//
// So that a Kafka that acknowledges nothing does not fill the memory, no more are
// delivered than maxTracked records, and until what they have emitted is maxEmitted bytes.
type tracker struct {
	mu      sync.Mutex
	records []tracked     // delivered and not yet passed, by offset
	emitted int           // bytes of these
	passed  chan struct{} // closed when there are fewer; nil: nobody waits
	failed  bool          // nothing is let through any more
	next    int64         // the offset after the newest record that was delivered; 0 before one
}

type tracked struct {
	offset  int64
	done    bool
	commit  *topics.Commit // to be made once this record is passed
	emitted int
}

const (
	maxTracked = 50_000
	maxEmitted = 64 << 20
)

// fullFor is how long a record waits for room. Goka looks whether an emit has failed
// between two records alone, and what has failed makes no room.
const fullFor = time.Second

// wait waits until there is room for another record, until ctx ends, or for fullFor.
func (t *tracker) wait(ctx context.Context) {
	passed := t.full()
	if passed == nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, fullFor)
	defer stop()
	for ; passed != nil; passed = t.full() {
		select {
		case <-passed:
		case <-ctx.Done():
			return
		}
	}
}

// full is closed when records have passed, if there is no room; else it is nil.
func (t *tracker) full() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed || len(t.records) < maxTracked && t.emitted < maxEmitted {
		return nil
	}
	if t.passed == nil {
		t.passed = make(chan struct{})
	}
	return t.passed
}

// emits notes that so many bytes were emitted for the newest record.
func (t *tracker) emits(bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records[len(t.records)-1].emitted += bytes
	t.emitted += bytes
}

// deliver notes that a record is about to be processed. Offsets ascend.
func (t *tracker) deliver(offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = append(t.records, tracked{offset: offset})
	t.next = offset + 1
}

// attach sets what can be committed once the newest record is passed.
func (t *tracker) attach(c *topics.Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records[len(t.records)-1].commit = c
}

// fail says that the newest record was not processed. Goka takes a callback that
// returns for one that did its work.
func (t *tracker) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

// finish notes that a record is done and calls mark with the newest commit that
// this lets through, if there is one. Calls of mark are in order.
func (t *tracker) finish(offset int64, mark func(*topics.Commit)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed {
		return
	}
	i, found := slices.BinarySearchFunc(t.records, offset, func(r tracked, offset int64) int { return cmp.Compare(r.offset, offset) })
	if found {
		t.records[i].done = true
	}
	var newest *topics.Commit
	passed := 0
	for passed < len(t.records) && t.records[passed].done {
		if c := t.records[passed].commit; c != nil {
			newest = c
		}
		t.emitted -= t.records[passed].emitted
		passed++
	}
	if passed > 0 && t.passed != nil {
		close(t.passed)
		t.passed = nil
	}
	clear(t.records[:passed])
	t.records = t.records[passed:]
	if newest != nil {
		mark(newest)
	}
}
