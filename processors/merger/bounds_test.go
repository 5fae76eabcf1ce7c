package merger

import (
	"fmt"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/processors"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

// bundle is what one line at a second adds to the stats, as a record of a segment.
func (l *log) bundle(source int32, end, second int64) []byte {
	if l.bundles[second] == nil {
		folder := l.program.NewFolder()
		folder.Fold(program.Pack{Lines: []byte("x=1"), Second: second, Floor: second})
		var made []byte
		folder.Flush(func(stat int, data []byte) { made = topics.AppendNamed(made, l.work.stats[stat].Name, data) })
		if l.bundles == nil {
			l.bundles = map[int64][]byte{}
		}
		l.bundles[second] = made
	}
	return append((&topics.Bundle{Partition: source, End: end}).Append(nil), l.bundles[second]...)
}

// TestBundlesWithoutCovers: what no cover ends neither piles up nor holds back the
// checkpoints, and the segments that are ended count all the same.
func TestBundlesWithoutCovers(t *testing.T) {
	seconds, each := int64(testkit.Size(80, 300)), int64(testkit.Size(20, 40))
	l := newLog(t, fmt.Sprintf(one, 2))
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	empty := (&topics.Bundle{End: 1 << 40}).Append(nil)
	for i := range seconds {
		for j := range each {
			l.process("cover", empty)
			l.process("cover", l.bundle(0, 1_000_000+i*each+j, 100+i))
			l.process("cover", l.bundle(5, 1_000_000+i*each+j, 100+i)) // of a partition that there is not
		}
		l.send(segmentOf{cover(0, i, i+1, 100+i, 101+i), at(100+i) + at(100+i), 100 + i})
	}
	waiting := l.work.waiting[0]
	if n := len(waiting.segments); n > maxWaiting || len(l.work.waiting) != 1 {
		t.Errorf("%d segments wait, of %d source partitions", n, len(l.work.waiting))
	}
	if n := l.m.Metrics().Dropped.Load(); n < seconds*each-maxWaiting {
		t.Errorf("%d segments were dropped of %d", n, seconds*each)
	}
	committed := l.commits[len(l.commits)-1].Offset
	if behind := (l.next - committed) / (3*each + 3); behind > maxWaitingCovers+10 {
		t.Errorf("the checkpoint is %d seconds back", behind)
	}
	said := l.said("events")
	if want := fmt.Sprintf("%d=2", 100+seconds-1); said[len(said)-1] != want {
		t.Errorf("the last snapshot is %s, want %s", said[len(said)-1], want)
	}
}

// TestForgedSegments: more segments than may wait, between the fragments of one and its cover,
// do not keep it from counting.
func TestForgedSegments(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	l.process("cover", l.bundle(0, 10, 100))
	for i := range int64(2 * maxWaiting) {
		l.process("cover", l.bundle(0, 11+i, 100))
	}
	c := cover(0, 0, 10, 100, 110)
	c.Earliest, c.Latest, c.Fragments = 100, 100, 3
	l.process("cover", c.Append(nil))
	if n, second := l.m.Metrics().Incomplete.Load(), l.work.sources[0].second; n != 0 || second != 110 {
		t.Errorf("%d covers were passed over, and the clock is %d", n, second)
	}
}

// TestWaitingBytes: large fragments without covers make room for the next ones.
func TestWaitingBytes(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	data := []byte(strings.Repeat("x", topics.MaxPart))
	for i := range int64(2 * maxWaitingBytes / topics.MaxPart) {
		f := topics.Fragment{End: 1000 + i, Parts: 2, Data: data}
		l.process("events", f.Append(nil))
	}
	if w := l.work.waiting[0]; w.bytes > maxWaitingBytes || len(w.segments) < maxWaitingBytes/topics.MaxPart/2 {
		t.Errorf("%d bytes of %d segments wait", w.bytes, len(w.segments))
	}
}

// TestHorizon: lines more than a day ahead of all clocks wait for nothing; those that are
// a little less ahead do.
func TestHorizon(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	for i, second := range []int64{100 + timing.PointAhead - 1, 101 + timing.PointAhead, timing.LastSecond} {
		l.process("cover", l.bundle(0, int64(i+1), second))
		c := cover(0, int64(i), int64(i+1), 100, 100)
		c.Earliest, c.Latest, c.Fragments = second, second, 3
		l.process("cover", c.Append(nil))
	}
	if n := l.m.Metrics().Beyond.Load(); n != 2 {
		t.Errorf("%d segments were beyond, want 2", n)
	}
	if held := l.work.byName["events"].series.Between(0, timing.LastSecond); len(held) != 1 {
		t.Errorf("the seconds %d are held, want one", held)
	}
}

// TestIntervalsAreBounded: covers with all the stale intervals that they can have.
func TestIntervalsAreBounded(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 100)
	first.Partitions = 2 // the other one keeps all seconds open
	l.process("cover", first.Append(nil))
	at := int64(100)
	for i := range int64(2 * maxIntervals / 500) {
		c := cover(0, i, i+1, at, at+1000)
		c.Partitions = 2
		for range 500 {
			c.Stale = append(c.Stale, timing.Interval{From: at, To: at + 1})
			at += 2
		}
		l.process("cover", c.Append(nil))
	}
	if n, m := len(l.work.intervals), len(l.work.coverage.stale); n > maxIntervals || m > maxIntervals || n < maxIntervals/2 {
		t.Errorf("%d intervals without values are held, %d of them stale; want %d at most", n, m, maxIntervals)
	}
	if last := l.work.intervals[len(l.work.intervals)-1]; last.To != at-1 {
		t.Errorf("the last interval ends at %d, want %d", last.To, at-1)
	}
	if _, err := l.work.Process(processors.Record{Offset: l.next}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestForgedCovers: a cover of records that there are not is passed over; one that ends where
// no segment does costs the seconds around it, and the merger goes on with what comes.
func TestForgedCovers(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 0))
	l.written = func(c *topics.Cover) (bool, error) { return c.Partitions == 1 && c.End <= 1000, nil }
	l.begin(processors.Start{Committed: topics.Commit{Offset: -1}})
	forge := func(partitions int32, start, end, before int64) {
		c := cover(0, start, end, before, before)
		c.Partitions = partitions
		l.process("cover", c.Append(nil))
	}
	forge(500, -1, 0, -1) // were it the first one, all others would be of another number
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	forge(1, 0, 1<<40, 100)
	forge(1, 0, 1001, 100)
	if n := l.m.Metrics().Bad.Load(); n != 3 {
		t.Errorf("%d covers were refused, want 3", n)
	}
	for i := range int64(10) {
		l.send(segmentOf{cover(0, 10*i, 10*i+10, 100+i, 101+i), at(100 + i), 100 + i})
	}
	forge(1, 100, 105, 110)
	const more = 100
	for i := int64(10); i < more; i++ {
		l.send(segmentOf{cover(0, 10*i, 10*i+10, 100+i, 101+i), at(100 + i), 100 + i})
	}
	said := l.said("events")
	if want := fmt.Sprintf("%d=1 final", 100+more-1); said[len(said)-1] != want || l.m.Metrics().Bad.Load() != 4 {
		t.Errorf("the last snapshot is %s, want %s; %d were refused", said[len(said)-1], want, l.m.Metrics().Bad.Load())
	}
	if !strings.Contains(strings.Join(said, " "), "stale") {
		t.Error("no second is unknown: ", said)
	}
}
