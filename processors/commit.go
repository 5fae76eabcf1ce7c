package processors

import (
	"cmp"
	"encoding/ascii85"
	"fmt"
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
	commit *Commit // to be made once this record is passed
}

// deliver notes that a record is about to be processed. Offsets ascend.
func (t *tracker) deliver(offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = append(t.records, tracked{offset: offset})
	t.next = offset + 1
}

// attach sets what can be committed once the newest record is passed.
func (t *tracker) attach(c *Commit) {
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
func (t *tracker) finish(offset int64, mark func(*Commit)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed {
		return
	}
	i, found := slices.BinarySearchFunc(t.records, offset, func(r tracked, offset int64) int { return cmp.Compare(r.offset, offset) })
	if found {
		t.records[i].done = true
	}
	var newest *Commit
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

// encodeMetadata writes bytes as the text that a commit carries: Kafka's broker
// keeps a string, and what is not UTF-8 does not come back.
func encodeMetadata(b []byte) (string, error) {
	text := make([]byte, ascii85.MaxEncodedLen(len(b)))
	text = text[:ascii85.Encode(text, b)]
	if len(text) > topics.CommitMetadata {
		return "", fmt.Errorf("a commit's metadata has %d characters, a broker takes %d", len(text), topics.CommitMetadata)
	}
	return string(text), nil
}

// decodeMetadata reads what encodeMetadata wrote.
func decodeMetadata(text string) ([]byte, error) {
	b := make([]byte, len(text)*4) // "z" stands for four bytes
	n, used, err := ascii85.Decode(b, []byte(text), true)
	if err != nil {
		return nil, fmt.Errorf("a commit's metadata is not Pulse's: %w", err)
	}
	if used != len(text) {
		return nil, fmt.Errorf("a commit's metadata is not Pulse's: it ends after %d of %d characters", used, len(text))
	}
	return b[:n], nil
}
