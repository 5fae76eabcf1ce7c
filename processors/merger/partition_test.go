package merger

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/processors"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

// A log feeds a merger of one partition with what a receiver would write.
type log struct {
	t         *testing.T
	m         *Merger
	work      *partition
	program   *program.Program
	next      int64
	published []stats.Snapshot
	table     map[string]topics.TableEntry
	commits   []topics.Commit
	kept      [][]byte
	long      [][]byte
	bundles   map[int64][]byte // what bundle has made, by second
	written   Written
}

// last is a Kept.
func (l *log) last(topic string, _ int32, n int64, each func([]byte)) (bool, error) {
	kept := l.kept
	if topic == l.m.config.Names.LongMinutes() {
		kept = l.long
	}
	from := max(len(kept)-int(n), 0)
	for _, value := range kept[from:] {
		each(value)
	}
	return from == 0, nil
}

func newLog(t *testing.T, definitions string) *log {
	t.Helper()
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Definitions: d, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t, m: m, program: m.program, table: map[string]topics.TableEntry{}}
	l.begin(processors.Start{Committed: topics.Commit{Offset: -1}})
	return l
}

func (l *log) begin(start processors.Start) {
	l.t.Helper()
	work, err := l.m.Partitions(1, l.last, l.written)(start)
	if err != nil {
		l.t.Fatal(err)
	}
	l.work, l.next = work.(*partition), max(start.Committed.Offset, 0)
}

func (l *log) process(key string, value []byte) {
	l.t.Helper()
	c, err := l.work.Process(processors.Record{Offset: l.next, Key: key, Value: value}, func(topic, key string, value []byte) {
		if topic == l.work.table {
			l.table[key] = topics.DecodeTableEntry(key, value)
			return
		}
		if topic == l.work.seconds {
			l.kept = append(l.kept, value)
			return
		}
		if topic == l.work.longTopic {
			l.long = append(l.long, value)
			return
		}
		var s stats.Snapshot
		if err := json.Unmarshal(value, &s); err != nil {
			l.t.Fatal(err)
		}
		l.published = append(l.published, s)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.next++
	if c != nil {
		l.commits = append(l.commits, *c)
	}
}

// A segmentOf is lines of one segment of source partition 0 or another.
type segmentOf struct {
	cover topics.Cover
	lines string
	floor int64
}

// send writes the fragments of a segment and its cover.
func (l *log) send(r segmentOf) {
	l.t.Helper()
	folder := l.program.NewFolder()
	folder.Fold(program.Pack{Lines: []byte(r.lines), Second: r.floor, Floor: r.floor})
	r.cover.Earliest, r.cover.Latest = folder.Flush(func(stat int, data []byte) {
		r.cover.Fragments++
		f := topics.Fragment{Partition: r.cover.Partition, End: r.cover.End, Parts: 1, Data: slices.Clone(data)}
		l.process(l.work.stats[stat].Name, f.Append(nil))
	})
	l.process("cover", r.cover.Append(nil))
}

// said are the published snapshots of one stat, in order.
func (l *log) said(stat string) (said []string) {
	for _, s := range l.published {
		if s.Stat != stat {
			continue
		}
		text := fmt.Sprintf("%d=%s", s.Time, s.Value)
		if s.Since != 0 {
			text = fmt.Sprintf("%d-%s", s.Since, text)
		}
		if s.StaleSince != 0 {
			text = fmt.Sprintf("%d-%d stale", s.StaleSince, s.Time)
		}
		if s.Of != 0 {
			text += fmt.Sprintf(" (%d of %d)", s.Covered, s.Of)
		}
		if s.Revision > 0 {
			text += fmt.Sprintf(" r%d", s.Revision)
		}
		if s.Final {
			text += " final"
		}
		said = append(said, text)
	}
	return said
}

func (l *log) want(stat string, want ...string) {
	l.t.Helper()
	if got := l.said(stat); !slices.Equal(got, want) {
		l.t.Errorf("%s:\n got %s\nwant %s", stat, strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

func at(second int64) string {
	return fmt.Sprintf("time=1970-01-01T00:%02d:%02dZ\n", second/60, second%60)
}

const one = "lateness: %ds\nstats:\n  - {name: events, rate: second, over: 1s}\n  - {name: events-3, sum: x, over: 3s}\n"

func cover(p int32, start, end, before, after int64) topics.Cover {
	return topics.Cover{Partition: p, Partitions: 1, Start: start, End: end, Before: before, After: after}
}

// TestCloseAmendFinal: a second is published when it closes, when it changes, and
// when it is final.
func TestCloseAmendFinal(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	l.send(segmentOf{cover(0, 0, 5, 101, 102), at(101) + at(100), 101})
	l.send(segmentOf{cover(0, 5, 6, 102, 102), at(101), 102})
	l.send(segmentOf{cover(0, 6, 7, 102, 103), "", 102})
	l.send(segmentOf{cover(0, 7, 8, 103, 104), "", 103})
	l.want("events",
		"100=1", // the first: that of the earliest line
		"100=2 r1", "101=1",
		"100=2 r1 final", "101=2 r1", "102=0",
		"101=2 r1 final", "103=0")
}

// TestRecording: a recording begins with its earliest line, however late that comes
// in time, and ends with its last. Windows of it are covered from the first on.
func TestRecording(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, "", 101})
	l.send(segmentOf{cover(0, 0, 5, 101, 102), at(101), 101})
	l.send(segmentOf{cover(0, 5, 6, 102, 103), at(100) + at(102), 102})
	last := cover(0, 6, 7, 103, 106)
	last.Ended = true
	l.send(segmentOf{last, at(103), 103})
	l.want("events", "101=1", "100=1 final", "102=1", "101=1 final", "102=1 final", "103=1 final")
	var covered []string
	for _, s := range l.said("events-3") {
		covered = append(covered, strings.ReplaceAll(s, "null", "x"))
	}
	want := []string{"101=0 (1 of 3)", "100=0 (1 of 3) final", "101=0 (2 of 3) r1", "102=0", "101=0 (2 of 3) r1 final", "102=0 final", "103=0 final"}
	if !slices.Equal(covered, want) {
		t.Errorf("over 3 s:\n got %s\nwant %s", strings.Join(covered, ", "), strings.Join(want, ", "))
	}
}

// TestPause: where a clock passes more than a minute at once, seconds of one value
// that are final are one snapshot.
func TestPause(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(101), 101})
	const year = 365 * 24 * 3600
	l.send(segmentOf{cover(0, 0, 5, 101, 101+year), at(101), 101})
	l.want("events", "101=2 final", fmt.Sprintf("102-%d=0 final", 98+year), fmt.Sprintf("%d=0", 99+year), fmt.Sprintf("%d=0", 100+year))
	l.want("events-3", "101=0 (1 of 3) final", "102=0 (2 of 3) final", fmt.Sprintf("103-%d=0 final", 98+year), fmt.Sprintf("%d=0", 99+year), fmt.Sprintf("%d=0", 100+year))
}

// TestLatenessZero: a recording without lateness has each point once, final.
func TestLatenessZero(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 0))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	l.send(segmentOf{cover(0, 0, 5, 101, 102), at(101) + at(101), 101})
	l.send(segmentOf{cover(0, 5, 6, 102, 104), "", 102})
	l.want("events", "100=1 final", "101=2 final", "102=0 final", "103=0 final")
}

// TestHole: a segment of which something is missing is not applied, and neither is
// what comes after it, until all comes again.
func TestHole(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 0))
	first := cover(0, -1, 0, -1, 101)
	first.First = 101
	l.send(segmentOf{first, "", 101})
	hole := cover(0, 0, 1, 101, 102)
	hole.Fragments = 2 // and none is there
	l.process("cover", hole.Append(nil))
	l.send(segmentOf{cover(0, 1, 2, 102, 103), at(102), 102})
	l.want("events")
	if n := l.m.Metrics().Incomplete.Load(); n != 2 {
		t.Errorf("%d covers are counted as incomplete, want 2", n)
	}
	l.send(segmentOf{cover(0, 0, 1, 101, 102), at(101) + at(101), 101})
	l.send(segmentOf{cover(0, 1, 2, 102, 103), at(102), 102})
	l.send(segmentOf{cover(0, 0, 1, 101, 102), at(101) + at(101), 101}) // a zombie's
	l.want("events", "101=2 final", "102=1 final")
}

// TestGap: seconds that nobody covered are passed as one, however many.
func TestGap(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	const long = 10_000_000
	gap := cover(0, 0, 1, 101, 101+long+1)
	gap.Stale = []timing.Interval{{From: 101, To: 101 + long}}
	l.send(segmentOf{gap, "", 101 + long})
	l.want("events", "100=1", "100=1 final", fmt.Sprintf("101-%d stale final", 100+long), fmt.Sprintf("%d=0", 101+long))
	if got := l.commits[len(l.commits)-1]; got.Offset < 0 {
		t.Errorf("committed %+v", got)
	}
	state, err := topics.DecodeMergerState(l.commits[len(l.commits)-1].Metadata)
	if err != nil || state.Final != 101+long {
		t.Errorf("after the gap %d is the first second that is not final (%v), want %d", state.Final, err, 101+long)
	}
}

// TestGapWithLines: the internal stat accounts for lines at seconds that nobody
// covered.
func TestGapWithLines(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 0))
	first := cover(0, -1, 0, -1, 100)
	first.First, first.Stale = 99, []timing.Interval{{From: 0, To: 99}}
	l.send(segmentOf{first, "", 100})
	gap := cover(0, 0, 1, 100, 111)
	gap.Stale = []timing.Interval{{From: 100, To: 110}}
	l.send(segmentOf{gap, at(104), 104})
	const none = `{"in":0,"counted":0,"late":0,"unreadable":0,"ahead":0,"undated":0,"unparsed":0,"half":0,"bytes":0}`
	l.want(stats.LinesStat, "99="+none+" final", "100-103 stale final",
		`104={"in":1,"counted":1,"late":0,"unreadable":0,"ahead":0,"undated":0,"unparsed":0,"half":0,"bytes":25} (0 of 1) final`, "105-109 stale final", "110="+none+" final")
	l.want("events", "99=0 final", "100-109 stale final", "110=0 final")
}

// TestLost: where raw records are lost, no window that may contain one has a
// value.
func TestLost(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 2))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	lost := cover(0, 0, 50, 101, 103)
	lost.Lost = topics.Lost{From: 1, To: 40}
	l.send(segmentOf{lost, at(102), 102})
	l.send(segmentOf{cover(0, 50, 51, 103, 115), "", 103})
	// At 103 a clock may be at 104, and a line 5 s ahead of it.
	for stat, known := range map[string]int64{"events": 110, "events-3": 112} {
		for _, s := range l.published {
			stale := s.StaleSince != 0
			if s.Stat == stat && s.Time >= 99 && (s.Final || s.Time == 114) && stale != (s.Time < known) {
				t.Errorf("%s at %d is %s, with lost records before %d", stat, s.Time, s.Value, known)
			}
		}
	}
	if !slices.Contains(l.said("events"), "100-100 stale r1 final") {
		t.Errorf("a second that had closed is not taken back: %v", l.said("events"))
	}
	if n := l.m.Metrics().Lost.Load(); n != 1 {
		t.Errorf("%d covers are counted as declaring a loss, want 1", n)
	}
}

// TestTruncated: a merger that finds its log cut off says that it does not know,
// until all windows are complete, and commits nothing before.
func TestTruncated(t *testing.T) {
	for name, start := range map[string]processors.Start{
		"nothing committed": {Committed: topics.Commit{Offset: -1}},
		"its offset is gone": {Lost: true, Committed: topics.Commit{Offset: 3,
			Metadata: topics.MergerState{Final: 95, Sources: []topics.SourceState{{Covered: 7, Second: 96}}}.Append(nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, fmt.Sprintf(one, 0))
			l.begin(start)
			l.next = 1000
			hole := cover(0, 10, 11, 100, 101)
			hole.Fragments = 1
			l.process("cover", hole.Append(nil))
			for s := int64(101); s < 101+timing.Unsettled+l.work.maxOver+20; s++ {
				l.send(segmentOf{cover(0, s-90, s-89, s, s+1), at(s), s})
				if known := s+1 >= 101+timing.Unsettled+l.work.maxOver-1; len(l.commits) > 0 && !known {
					t.Errorf("a commit at %d, before all windows are complete", s)
				}
			}
			for _, s := range l.published {
				if known := 101 + timing.Unsettled + l.work.byName[s.Stat].stat.Lookback() - 1; (s.StaleSince != 0) != (s.Time < known) {
					t.Errorf("%s at %d is %s, windows are complete from %d on", s.Stat, s.Time, s.Value, known)
				}
			}
			first := int64(101)
			if start.Lost {
				first = 95
			}
			if got := l.published[0]; got.StaleSince != first {
				t.Errorf("the first snapshot is stale since %d, want %d", got.StaleSince, first)
			}
			if len(l.commits) == 0 {
				t.Error("nothing is ever committed")
			}
		})
	}
}

// TestSenseless: records that nobody here wrote are counted and change nothing.
func TestSenseless(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 0))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	f := topics.Fragment{End: 9, Parts: 1, Data: []byte("no fragment")}
	for _, r := range []struct {
		key   string
		value []byte
	}{{"", nil}, {"x", []byte("junk")}, {"no such stat", f.Append(nil)}} {
		l.process(r.key, r.value)
	}
	if n := l.m.Metrics().Bad.Load(); n != 3 {
		t.Errorf("%d records are counted as bad, want 3", n)
	}
	l.process("events", f.Append(nil))
	bad := cover(0, 0, 9, 101, 102)
	bad.Fragments = 1
	l.process("cover", bad.Append(nil))
	if n := l.m.Metrics().Bad.Load(); n != 4 {
		t.Errorf("%d records are counted as bad, want 4", n)
	}
	l.want("events", "100=1 final", "101=0 final")
}

// TestTable: the table has what was released last, and the clocks.
func TestTable(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 1))
	c := func(p int32, start, end, before, after int64) topics.Cover {
		c := cover(p, start, end, before, after)
		c.Partitions = 2
		if before < 0 {
			c.First = after - 1
		}
		return c
	}
	l.send(segmentOf{c(0, -1, 0, -1, 101), at(100), 100})
	if got, want := l.table[topics.ClocksKey(0)].Clocks, (&topics.Clocks{Version: l.work.version, Closed: -1, Seconds: []int64{101, -1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("the clocks are %+v, want %+v", got, want)
	}
	l.send(segmentOf{c(1, -1, 0, -1, 101), "", 100})
	for s := int64(101); s < 120; s++ {
		l.send(segmentOf{c(0, s-101, s-100, s, s+1), at(s), s})
		l.send(segmentOf{c(1, s-101, s-100, s, s+1), "", s})
	}
	if got, want := l.table[topics.ClocksKey(0)].Clocks, (&topics.Clocks{Version: l.work.version, Closed: 118, Seconds: []int64{120, 119}}); !reflect.DeepEqual(got, want) {
		t.Errorf("the clocks are %+v, want %+v", got, want)
	}
	// All stats of the partition share a record, of what the last cover has closed.
	stats := map[string][]int64{}
	for _, s := range l.table[l.work.key].Snapshots {
		stats[s.Stat] = append(stats[s.Stat], s.Time)
		if s.Final != (s.Time < 119) {
			t.Errorf("in the table %+v", s)
		}
	}
	if got, want := stats["events"], []int64{118, 119}; len(stats) != len(l.work.tracks) || !slices.Equal(got, want) {
		t.Errorf("the table has %d of %d stats, and the seconds %v, want %v", len(stats), len(l.work.tracks), got, want)
	}
}

// TestIngesters: the clocks name the ingesters that they are of, once a savepoint has
// said so: those whose ticks the partition holds, the one that is ahead first, and
// at most so many.
func TestIngesters(t *testing.T) {
	l := newLog(t, fmt.Sprintf(one, 1))
	definitions, err := stats.Parse("test.yaml", fmt.Appendf(nil, one, 1))
	if err != nil {
		t.Fatal(err)
	}
	r, err := receiver.New(receiver.Config{Names: topics.Names{Version: l.work.version}, Definitions: definitions, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	received, err := r.Partitions(topics.FixedLayout(1), 1)(processors.Start{Committed: topics.Commit{Offset: -1}})
	if err != nil {
		t.Fatal(err)
	}
	offset := int64(0)
	tick := func(ingester string, second int64, leaving bool) {
		h := topics.RawHeader{Ingester: ingester, Clock: second * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: 1, Leaving: leaving}}
		record := processors.Record{Offset: offset, Header: topics.Lookup(h.Headers())}
		offset++
		if _, err := received.Process(record, func(_, key string, value []byte) { l.process(key, value) }); err != nil {
			t.Fatal(err)
		}
	}
	named := func() []string { return l.table[topics.ClocksKey(0)].Clocks.Ingesters }
	for s := int64(1001); s < 1010; s++ {
		tick("a", s, false)
		tick("b", s, false)
	}
	if got := named(); got != nil && len(got) != 1 {
		t.Errorf("before the second savepoint %q are named", got)
	}
	tick("a", 1010, false)
	tick("b", 1011, false)
	tick("a", 1011, false)
	if got := named(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("%q are named, want b, which was ahead, and a", got)
	}
	tick("a", 1012, true)
	for s := int64(1012); s <= 1021; s++ {
		tick("b", s, false)
	}
	if got := named(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("%q are named after a has left, want b", got)
	}
	for s := int64(1022); s <= 1032; s++ {
		for i := range 2 * topics.MaxClockIngesters {
			tick(fmt.Sprintf("c%02d", i), s, false)
		}
	}
	for s := int64(1033); s <= 1044; s++ {
		tick("far", s+900, false)
		for i := range 2 {
			tick(fmt.Sprintf("c%02d", i), s, false)
		}
	}
	if got := l.table[topics.ClocksKey(0)].Clocks.Ahead; len(got) != 1 || got["far"] < 800 {
		t.Errorf("ahead are %v, want far by more than 800 s", got)
	}
	if got := named(); len(got) != topics.MaxClockIngesters {
		t.Errorf("%d are named, want %d at most", len(got), topics.MaxClockIngesters)
	}
}

// TestLongWindow: what is committed lies a few seconds back, however long the
// windows are; a successor makes of it what its predecessor would have, and one
// whose kept seconds are gone shows unknown seconds and no wrong number.
func TestLongWindow(t *testing.T) {
	over := int64(testkit.Size(150, 1000))
	end, more := over+over/2, int64(20)
	l := newLog(t, fmt.Sprintf("lateness: 1s\nstats:\n  - {name: events, rate: minute, over: %ds}\n  - {name: most, max: x, over: 5s}\n", over))
	first := cover(0, -1, 0, -1, 101)
	first.First = 100
	l.send(segmentOf{first, at(100), 100})
	send := func(from, to int64) {
		for s := from; s < to; s++ {
			l.send(segmentOf{cover(0, s-101, s-100, s, s+1), at(s-s%3) + at(s-1), s})
		}
	}
	send(101, end)
	if n := len(l.work.checks); n > 10 {
		t.Errorf("%d checkpoints are held", n)
	}
	last := l.commits[len(l.commits)-1]
	state, err := topics.DecodeMergerState(last.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if at := state.Sources[0].Second; at < state.Final-4 {
		t.Errorf("the checkpoint is at second %d, %d is not final yet", at, state.Final)
	}
	send(end, end+more)
	want := l.said("events")

	records := l.next - last.Offset
	if records > 40*more {
		t.Errorf("a successor reads %d records", records)
	}
	kept := slices.Clone(l.kept)
	again := func() []string {
		l.published = nil
		l.begin(processors.Start{Committed: last})
		l.next = last.Offset
		for s := state.Sources[0].Second; s < end+more; s++ {
			l.send(segmentOf{cover(0, s-101, s-100, s, s+1), at(s-s%3) + at(s-1), s})
		}
		return l.said("events")
	}
	got := again()
	if len(got) == 0 || !slices.Equal(got, want[len(want)-len(got):]) {
		t.Errorf("a successor published\n%s\nand its predecessor\n%s", strings.Join(got, ", "), strings.Join(want[len(want)-len(got):], ", "))
	}
	l.kept = append(kept[:over/2:over/2], kept[over/2+10:]...)
	for _, said := range again() {
		if !strings.Contains(said, "stale") {
			t.Errorf("with kept seconds gone it published %s", said)
		}
	}
}

// TestLeap: a clock leaps by days when a long window has lines in each of its seconds.
// There is a value for each second in which one leaves the window. They are emitted as
// they are made but for those of a bounded size.
func TestLeap(t *testing.T) {
	over, days := int64(testkit.Size(120, 1800)), int64(testkit.Size(86400, 3*86400))
	l := newLog(t, fmt.Sprintf("lateness: 1s\nstats:\n  - {name: events, count: lines, over: %ds}\n", over))
	l.send(segmentOf{cover(0, -1, 0, -1, 100), "", 99})
	for i := range over {
		l.send(segmentOf{cover(0, i, i+1, 100+i, 101+i), at(100 + i), 100 + i})
	}
	track, emitted, held := l.work.byName["events"], 0, 0
	leap := cover(0, over, over+1, 100+over, 100+over+days)
	_, err := l.work.Process(processors.Record{Offset: l.next, Key: "cover", Value: leap.Append(nil)}, func(topic, key string, value []byte) {
		switch {
		case topic == l.work.merged && key == "events":
			emitted++
			held = max(held, l.work.held)
		case topic == l.work.table && key == l.work.key:
			if n := len(topics.DecodeTableEntry(key, value).Snapshots); n == 0 || n > topics.MaxTableSnapshots {
				t.Errorf("%d snapshots in the table's record", n)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if int64(emitted) < over || int64(emitted) > over+10 {
		t.Errorf("%d snapshots, want one for each second in which a line leaves the window", emitted)
	}
	if left := len(track.series.Between(0, 200+over+days)); held > maxHeld+snapshotCost+10 || left > 0 {
		t.Errorf("%d bytes of snapshots were held, and %d seconds still are", held, left)
	}
}

// TestGrowth: after a cover that tells of more source partitions no second closes without
// them, whoever is heard of first; and none is late that they begin with.
func TestGrowth(t *testing.T) {
	grown := func(c topics.Cover) topics.Cover {
		c.Partitions = 2
		return c
	}
	begin := grown(cover(1, -1, 0, -1, 102))
	begin.First = 102
	for name, order := range map[string][]segmentOf{
		"the old one first": {{grown(cover(0, 1, 3, 101, 102)), at(101), 101}, {begin, "", 102}},
		"the new one first": {{begin, "", 102}, {grown(cover(0, 1, 3, 101, 102)), at(101), 101}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, fmt.Sprintf(one, 1))
			first := cover(0, -1, 0, -1, 100)
			first.First = 99
			l.send(segmentOf{first, "", 99})
			l.send(segmentOf{cover(0, 0, 1, 100, 101), at(100), 100})
			l.want("events", "100=1")
			for _, s := range order {
				l.send(s)
			}
			l.want("events", "100=1", "100=1 final", "101=1")
			// Before another cover of the new one 102 stays open, however far the old one is.
			l.send(segmentOf{grown(cover(0, 3, 5, 102, 110)), at(102), 102})
			l.want("events", "100=1", "100=1 final", "101=1")
			l.send(segmentOf{grown(cover(1, 0, 4, 102, 103)), at(101) + at(102), 102})
			l.want("events", "100=1", "100=1 final", "101=1", "101=2 r1 final", "102=2")
		})
	}
}
