package ingest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse/stats/line"
	"pulse/topics"
)

// sent is a record as a test keeps it.
type sent struct {
	Record
	at time.Time
}

// fakeOutput keeps what it is given. Its records are acknowledged at once,
// unless hold keeps them back.
type fakeOutput struct {
	partitions int32
	newest     []topics.RawHeader
	hold       bool
	fail       error
	block      chan struct{} // Produce waits until it can receive, if not nil

	mu      sync.Mutex
	records []sent
}

func (o *fakeOutput) Partitions(int64) int32 { return o.partitions }

func (o *fakeOutput) Newest(context.Context) ([]topics.RawHeader, error) { return o.newest, nil }

func (o *fakeOutput) Produce(ctx context.Context, r Record) error {
	if o.block != nil {
		select {
		case <-o.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	kept := r
	kept.Value = bytes.Clone(r.Value)
	kept.pooled = false
	o.records = append(o.records, sent{kept, time.Now()})
	if !o.hold {
		kept.acks = nil
		last := &o.records[len(o.records)-1]
		last.acks, last.done = nil, nil
		r.Done(nil)
	}
	return nil
}

// keep makes it acknowledge nothing, until release, which does all.
func (o *fakeOutput) keep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hold = true
}

func (o *fakeOutput) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hold = false
	for i := range o.records {
		r := &o.records[i].Record
		if r.done != nil {
			r.done()
			r.done = nil
		}
	}
}

// sink is for a packer without a loop around it.
func (o *fakeOutput) sink(r Record) error { return o.Produce(context.Background(), r) }

// taken returns the records so far.
func (o *fakeOutput) taken() []sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.records)
}

// of returns the records of one partition.
func (o *fakeOutput) of(partition int32) []sent {
	return slices.DeleteFunc(o.taken(), func(r sent) bool { return r.Partition != partition })
}

// lines returns the lines of all packs, sorted.
func (o *fakeOutput) lines() []string {
	var lines []string
	for _, r := range o.taken() {
		if r.Header.Tick == nil {
			lines = append(lines, strings.Split(string(r.Value), "\n")...)
		}
	}
	slices.Sort(lines)
	return lines
}

// story tells what one partition got, shortly: "5 a b" is a pack of two lines
// at second 5, "|6/3" a tick of 6 that covers since 3, "|6/3!" one that leaves.
func story(records []sent) string {
	var b strings.Builder
	for i, r := range records {
		if i > 0 {
			b.WriteString(" ")
		}
		if tick := r.Header.Tick; tick != nil {
			fmt.Fprintf(&b, "|%d/%d", r.Header.Second(), tick.Since)
			if tick.Leaving {
				b.WriteString("!")
			}
			continue
		}
		fmt.Fprintf(&b, "%d:%s", r.Header.Second(), strings.ReplaceAll(string(r.Value), "\n", ","))
	}
	return b.String()
}

// checkLaws checks what every reader of the log relies on: clocks that never step back, and ticks in every partition.
func checkLaws(t *testing.T, o *fakeOutput) {
	t.Helper()
	ticks := make(map[int32][]topics.RawHeader)
	for partition := range o.partitions {
		second := int64(-1)
		for i, r := range o.of(partition) {
			if r.Header.Second() < second {
				t.Errorf("partition %d, record %d: the clock stepped back from %d to %d", partition, i, second, r.Header.Second())
			}
			if tick := r.Header.Tick; tick != nil {
				if len(r.Value) != 0 {
					t.Errorf("partition %d, record %d: a tick with a value", partition, i)
				}
				if tick.Partitions != o.partitions {
					t.Errorf("partition %d, record %d: a tick for %d partitions, not %d", partition, i, tick.Partitions, o.partitions)
				}
				if tick.Since > r.Header.Second() {
					t.Errorf("partition %d, record %d: a tick of %d that covers since %d", partition, i, r.Header.Second(), tick.Since)
				}
				second = r.Header.Second()
				h := r.Header
				h.Tick = nil
				h.Ingester = fmt.Sprint(*tick)
				ticks[partition] = append(ticks[partition], h)
				continue
			}
			if r.Header.Second() != second {
				t.Errorf("partition %d, record %d: a pack of second %d after the tick of %d", partition, i, r.Header.Second(), second)
			}
			if len(r.Value) == 0 || len(r.Value) > topics.MaxPack {
				t.Errorf("partition %d, record %d: a pack of %d bytes", partition, i, len(r.Value))
			}
			for l := range bytes.SplitSeq(r.Value, []byte{'\n'}) {
				if isEmpty(l) || len(l) > maxLine {
					t.Errorf("partition %d, record %d: a line of %d bytes", partition, i, len(l))
				}
			}
		}
		if !reflect.DeepEqual(ticks[partition], ticks[0]) {
			t.Errorf("partition %d has other ticks than partition 0", partition)
		}
	}
}

// at is a time, of the tests' own day.
func at(seconds float64) int64 { return day + int64(seconds*float64(second)) }

const day = 1_700_006_400 * second // 2023-11-15T00:00:00Z

// dated is a line with that time.
func dated(nanos int64, text string) string {
	return time.Unix(0, nanos).UTC().Format("2006-01-02T15:04:05.000000Z07:00") + " " + text
}

func TestDatedLines(t *testing.T) {
	got, ok := new(line.Times).Near([]byte(dated(at(1.5), "x=1")), -1)
	if !ok || got != at(1.5) {
		t.Fatalf("the tests' lines are dated %d, %v; want %d", got, ok, at(1.5))
	}
}
