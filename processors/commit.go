package processors

import (
	"cmp"
	"slices"
	"sync"

	"pulse/topics"
)

// A tracker orders the commits of a partition. Goka marks a record as done when
// its own emits are acknowledged, whatever became of those before it, and sarama
// commits the highest mark. A tracker lets a commit through when its record and
// all records before it are done.
type tracker struct {
	mu      sync.Mutex
	records []tracked // delivered and not yet passed, by offset
	failed  bool      // nothing is let through any more
	next    int64     // the offset after the newest record that was delivered; 0 before one
}

type tracked struct {
	offset int64
	done   bool
	commit *topics.Commit // to be made once this record is passed
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
		passed++
	}
	clear(t.records[:passed])
	t.records = t.records[passed:]
	if newest != nil {
		mark(newest)
	}
}
