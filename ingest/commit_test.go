package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeCommitter is an output whose commits take a while, and must hold exactly the
// lines up to the position that comes with them.
type fakeCommitter struct {
	fakeOutput
	t     *testing.T
	takes atomic.Int64 // nanoseconds

	open    int // bytes that wait
	lines   int // that were produced
	commits int
	at      []time.Time // when commits ended
}

func (c *fakeCommitter) Produce(ctx context.Context, r Record) error {
	c.open += len(r.Value) + recordCost
	if len(r.Value) > 0 {
		c.lines += bytes.Count(r.Value, []byte("\n")) + 1
	}
	return c.fakeOutput.Produce(ctx, r)
}

func (c *fakeCommitter) Uncommitted() int { return c.open }

func (c *fakeCommitter) Commit(_ context.Context, positions Positions) error {
	time.Sleep(time.Duration(c.takes.Load()))
	c.open = 0
	c.commits++
	c.at = append(c.at, time.Now())
	if at, ok := positions["lines"]; ok && string(at) != strconv.Itoa(c.lines) {
		c.t.Errorf("commit %d has %d lines so far, and the position says %s", c.commits, c.lines, at)
	}
	return nil
}

// counted is an input whose position is the number of its lines.
func counted(batches func(yield func(lines string) bool)) Input {
	return inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
		lines := 0
		for b := range batches {
			lines += bytes.Count([]byte(b), []byte("\n"))
			if err := take(ctx, Batch{Lines: []byte(b), Positions: Positions{"lines": []byte(strconv.Itoa(lines))}}); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return nil
	})
}

// TestCommitsAreWhole: a position is never ahead of the lines that are committed with
// it, nor behind, whether they are of the past, of now, or more than a transaction holds.
func TestCommitsAreWhole(t *testing.T) {
	for _, test := range []struct {
		name    string
		batches func(yield func(string) bool)
		lines   int
	}{
		{"of the past", func(yield func(string) bool) {
			for i := range 500 {
				now := time.Now().Add(time.Duration(i-500) * 100 * time.Millisecond)
				yield(dated(now.UnixNano(), "a") + "\n" + dated(now.UnixNano(), "b") + "\n")
				if i%50 == 0 {
					time.Sleep(30 * time.Millisecond)
				}
			}
		}, 1000},
		{"with jumps that are held", func(yield func(string) bool) {
			for i := range 20 {
				now := time.Now().Add(time.Duration(i-40) * 2 * time.Hour)
				yield(dated(now.UnixNano(), "a") + "\nb\n")
				time.Sleep(130 * time.Millisecond)
			}
		}, 40},
		{"of now", func(yield func(string) bool) {
			for range 700 {
				time.Sleep(7 * time.Millisecond)
				yield(dated(time.Now().UnixNano(), "a") + "\nb\n")
			}
		}, 1400},
		{"many", func(yield func(string) bool) {
			many := bytes.Repeat([]byte(fmt.Sprintf("%0100d\n", 1)), 1000)
			for range 100 { // three transactions
				yield(string(many))
			}
		}, 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &fakeCommitter{fakeOutput: fakeOutput{partitions: 2}, t: t}
				c.takes.Store(int64(5 * time.Millisecond))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if err := (Live{Inputs: []Input{counted(test.batches)}, Backlog: true, Lateness: 2}).Run(ctx, c); err != nil {
					t.Fatal(err)
				}
				checkLaws(t, &c.fakeOutput)
				if c.lines != test.lines || c.open != 0 {
					t.Errorf("%d lines were produced and %d bytes not committed, want %d and 0", c.lines, c.open, test.lines)
				}
				// Nothing waits for more than a pack may, and the commit before it.
				for i := 1; i < len(c.at); i++ {
					if gap := c.at[i].Sub(c.at[i-1]); gap > 1100*time.Millisecond {
						t.Errorf("between two commits there are %v", gap)
					}
				}
			})
		})
	}
}

// TestCommitStalls: lines of a time when Kafka took nothing count at that time, for
// their ingester is the one that covers it.
func TestCommitStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCommitter{fakeOutput: fakeOutput{partitions: 1}, t: t}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		input := counted(func(yield func(string) bool) {
			for i := range 250 {
				at := start.Add(time.Duration(i) * 100 * time.Millisecond)
				time.Sleep(time.Until(at)) // a file has what came meanwhile at once
				yield(dated(at.UnixNano(), strconv.Itoa(i)) + "\n")
				if i == 50 {
					c.takes.Store(int64(12 * time.Second))
				} else if i == 52 {
					c.takes.Store(0)
				}
			}
		})
		if err := (Live{Inputs: []Input{input}, Backlog: true, Lateness: 2}).Run(ctx, c); err != nil {
			t.Fatal(err)
		}
		checkLaws(t, &c.fakeOutput)
		for _, r := range c.taken() {
			if r.Header.Tick != nil {
				if since := r.Header.Tick.Since; since > bubble+1 {
					t.Errorf("the tick of second %d covers only since %d", r.Header.Second()-bubble, since-bubble)
				}
				continue
			}
			for l := range bytes.SplitSeq(r.Value, []byte("\n")) {
				i, err := strconv.Atoi(string(l[bytes.LastIndexByte(l, ' ')+1:]))
				if own := bubble + int64(i)/10; err != nil || r.Header.Second() > own+2 {
					t.Errorf("line %q is in a pack of second %d, and is late (%v)", l, r.Header.Second()-bubble, err)
				}
			}
		}
	})
}
