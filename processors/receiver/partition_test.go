package receiver

import (
	"bytes"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/processors"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/watermark"
	"pulse/topics"
)

const definitions = `
lateness: 1s
stats:
  - {name: events, rate: second, over: 1s}
  - {name: hosts, unique: host, over: 3s}
`

const (
	raws      = 2
	fragments = 4
)

// A log feeds a partition and keeps what it emits.
type log struct {
	t       *testing.T
	r       *Receiver
	work    *partition
	next    int64
	records []record
	covers  []*topics.Cover // of fragments partition 0
}

type record struct {
	key   string
	value []byte
}

func newLog(t *testing.T, start processors.Start) *log {
	t.Helper()
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Names: topics.Names{Version: "x"}, Definitions: d, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t, r: r, next: max(start.Committed.Offset, 0)}
	l.begin(start)
	return l
}

func (l *log) begin(start processors.Start) {
	l.t.Helper()
	work, err := l.r.Partitions(topics.FixedLayout(raws), fragments)(start)
	if err != nil {
		l.t.Fatal(err)
	}
	l.work = work.(*partition)
}

func (l *log) process(h *topics.RawHeader, value string) (*topics.Commit, error) {
	var headers []kgo.RecordHeader
	if h != nil {
		headers = h.Headers()
	}
	r := processors.Record{Offset: l.next, Value: []byte(value), Header: topics.Lookup(headers)}
	l.next++
	return l.work.Process(r, func(topic, key string, value []byte) {
		l.records = append(l.records, record{key, value})
		if m := topics.DecodeMessage(value); m.Cover != nil && topics.Partition(key, fragments) == 0 {
			l.covers = append(l.covers, m.Cover)
		}
	})
}

func (l *log) pack(second int64, lines string) {
	l.t.Helper()
	if c, err := l.process(&topics.RawHeader{Ingester: "a", Clock: second*1000 + 500, Domain: topics.WallDomain}, lines); c != nil || err != nil {
		l.t.Fatalf("a pack gave the commit %v (%v)", c, err)
	}
}

func (l *log) tick(second int64) *topics.Commit {
	l.t.Helper()
	c, err := l.process(&topics.RawHeader{Ingester: "a", Clock: second * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: raws}}, "")
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// TestRanges: a tick ends a segment, its fragments come before its covers, and the
// covers count them; only ticks commit.
func TestRanges(t *testing.T) {
	l := newLog(t, processors.Start{Partition: 1, Committed: topics.Commit{Offset: -1}})
	l.next = 5 // the log's beginning is gone, and nothing was committed
	l.pack(100, "time=1970-01-01T00:01:40Z host=a\ntime=1970-01-01T00:01:40Z host=b")
	if len(l.records) > 0 {
		t.Errorf("a pack alone emitted %d records", len(l.records))
	}
	if c := l.tick(101); c == nil || c.Offset != 7 {
		t.Errorf("the first tick gave the commit %+v, want one of offset 7", c)
	}
	l.tick(102)
	want := []*topics.Cover{
		{Partition: 1, Partitions: raws, Start: 4, End: 6, Before: -1, After: 101, First: 100, Earliest: 100, Latest: 100},
		{Partition: 1, Partitions: raws, Start: 6, End: 7, Before: 101, After: 102},
	}
	counts := make([]map[int64]int, fragments)
	for q := range counts {
		counts[q] = map[int64]int{}
	}
	names := map[string]bool{}
	covered, kept := 0, 0
	for _, r := range l.records {
		q := topics.Partition(r.key, fragments)
		switch m := topics.DecodeMessage(r.value); {
		case m.Bundle != nil:
			err := topics.EachNamed(m.Bundle.Data, func(stat, _ []byte) error {
				names[string(stat)] = true
				counts[q][m.Bundle.End]++
				if want := topics.Partition(string(stat), fragments); want != q {
					return fmt.Errorf("a fragment of %s is for partition %d, and in %d", stat, want, q)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		case m.Savepoint != nil && r.key == "x": // of the topic of savepoints, by the definitions version
			kept++
		case m.Savepoint != nil:
			if state, err := topics.DecodeReceiverState(m.Savepoint.State); err != nil || q != savepoints || m.Savepoint.Offset != 6 || state.Clock.Second() != 101 {
				t.Errorf("in partition %d: a savepoint %+v (%v), want one of the first tick, of partition %d", q, m.Savepoint, err, savepoints)
			}
		case m.Cover != nil:
			covered++
			if m.Cover.Fragments != counts[q][m.Cover.End] {
				t.Errorf("a cover in partition %d counts %d fragments, before it are %d", q, m.Cover.Fragments, counts[q][m.Cover.End])
			}
		default:
			t.Error(m.Bad)
		}
	}
	if kept != 1 {
		t.Errorf("%d savepoints are kept, want 1", kept)
	}
	if covered != 2*fragments || !names["events"] || !names["hosts"] || !names[stats.LinesStat] {
		t.Errorf("%d covers and fragments of %v, want %d covers and fragments of events, hosts and %s", covered, names, 2*fragments, stats.LinesStat)
	}
	for i, c := range l.covers {
		c.Fragments = 0
		if !reflect.DeepEqual(c, want[i]) {
			t.Errorf("cover %d is %+v, want %+v", i, c, want[i])
		}
	}
}

// TestEnded: the cover of a recording's last tick says that no second is after it.
func TestEnded(t *testing.T) {
	for domain, want := range map[string]bool{topics.WallDomain: false, topics.RecordingPrefix + "x": true} {
		l := newLog(t, processors.Start{Partition: 1, Committed: topics.Commit{Offset: -1}})
		for _, tick := range []topics.RawHeader{
			{Clock: 101_000, Tick: &topics.RawTick{Partitions: raws}},
			{Clock: 104_000, Tick: &topics.RawTick{Partitions: raws, Leaving: true}},
		} {
			tick.Ingester, tick.Domain = "a", domain
			if _, err := l.process(&tick, ""); err != nil {
				t.Fatal(err)
			}
		}
		if c := l.covers[len(l.covers)-1]; c.Ended != want || c.Before != 101 || c.After != 104 {
			t.Errorf("of the domain %s the last cover is %+v, want it ended: %t", domain, c, want)
		}
	}
}

// TestRefuses: what is not of the partition's clock, or not for its topic, is
// counted and changes nothing.
func TestRefuses(t *testing.T) {
	run := func(with bool) *log {
		l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
		l.pack(100, "x")
		offset := l.next
		if with {
			for _, h := range []topics.RawHeader{
				{Ingester: "b", Clock: 100_000, Domain: topics.RecordingPrefix + "b"},
				{Ingester: "b", Clock: 900_000, Domain: topics.RecordingPrefix + "b", Tick: &topics.RawTick{Partitions: raws}},
				{Ingester: "b", Clock: 900_000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: raws + 1}},
			} {
				if c, err := l.process(&h, ""); c != nil || err != nil {
					t.Errorf("%+v was taken: %v (%v)", h, c, err)
				}
			}
		}
		l.next = offset // so that the rest is equal
		l.tick(101)
		return l
	}
	with, without := run(true), run(false)
	if !reflect.DeepEqual(with.records, without.records) {
		t.Error("refused records changed what was emitted")
	}
	if n := with.r.Metrics().Refused.Load(); n != 3 {
		t.Errorf("%d records are counted as refused, want 3", n)
	}
}

// TestUndecodable: records that are no packs are counted with their lines.
func TestUndecodable(t *testing.T) {
	l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	l.tick(100)
	tick := topics.RawHeader{Ingester: "a", Clock: 101_000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: raws}}
	for _, h := range []*topics.RawHeader{nil, {}, {Ingester: "a", Clock: 5, Domain: "moon"}, {Ingester: strings.Repeat("a", 99), Domain: topics.WallDomain}, &tick} {
		if c, err := l.process(h, "one\ntwo\n\n"); c != nil || err != nil {
			t.Errorf("%+v gave %v (%v)", h, c, err)
		}
	}
	if got, want := l.work.folder.Counts(), (aggregate.LineCounts{Lines: 10, Unreadable: 10, Bytes: 30}); got != want {
		t.Errorf("the account is %+v, want %+v", got, want)
	}
	if n := l.r.Metrics().Undecodable.Load(); n != 5 {
		t.Errorf("%d records are counted as undecodable, want 5", n)
	}
}

// TestParts: a fragment that is too long for a record goes in parts, and they
// make it whole again.
func TestParts(t *testing.T) {
	l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	data := make([]byte, 2*topics.MaxPart+17)
	for i := range data {
		data[i] = byte(i * 7)
	}
	var parts [][]byte
	n := l.work.emitFragment(0, 99, data, func(_, key string, value []byte) {
		f := topics.DecodeMessage(value).Fragment
		if f == nil || f.Part != len(parts) || f.Parts != 3 || f.End != 99 || key != "events" {
			t.Fatalf("part %d of %s is %+v", len(parts), key, f)
		}
		parts = append(parts, f.Data)
	})
	if n != 3 || !bytes.Equal(slices.Concat(parts...), data) {
		t.Errorf("%d parts make %d bytes, want 3 and %d", n, len(slices.Concat(parts...)), len(data))
	}
}

// TestBundles: fragments go together in records as large as the merger takes,
// those that are too large for that in records of their own, and none is missing.
func TestBundles(t *testing.T) {
	l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	sizes := []int{1, 0, 100, topics.MaxBundled, topics.MaxBundled + 1, topics.MaxBundled, topics.MaxBundled, 3 * topics.MaxPart, topics.MaxBundled, topics.MaxBundled, 7}
	l.work.stats, l.work.target = nil, nil
	for i := range sizes {
		l.work.stats = append(l.work.stats, fmt.Sprint("stat", i))
		l.work.target = append(l.work.target, 1)
	}
	got := map[string]int{}
	records := 0
	counts := l.work.flush(99, func(do func(int, []byte)) {
		for i, n := range sizes {
			do(i, bytes.Repeat([]byte{byte(i)}, n))
		}
	}, func(_, key string, value []byte) {
		records++
		m := topics.DecodeMessage(value)
		switch {
		case m.Fragment != nil:
			got[key] += len(m.Fragment.Data)
		case m.Bundle != nil && m.Bundle.End == 99 && key == l.work.covers[1]:
			err := topics.EachNamed(m.Bundle.Data, func(stat, data []byte) error {
				got[string(stat)] += len(data)
				if want := fmt.Sprint("stat", data[:min(len(data), 1)]); len(data) > 0 && want != fmt.Sprintf("stat[%s]", stat[4:]) {
					return fmt.Errorf("%s has the bytes of %s", stat, want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%+v with the key %s (%v)", m, key, m.Bad)
		}
	})
	for i, n := range sizes {
		if size, ok := got[fmt.Sprint("stat", i)]; !ok || size != n {
			t.Errorf("the fragment of stat%d came as %d bytes, want %d", i, size, n)
		}
	}
	if want := len(sizes) + 2; counts[0] != 0 || counts[1] != want || records != 1+3+2 {
		t.Errorf("%d records with %v fragments, want 6 with %d in partition 1", records, counts, want)
	}
}

// TestRestart: a successor that begins at any commit emits the same.
func TestRestart(t *testing.T) {
	script := func(l *log, offset int64) *topics.Commit {
		if offset%3 == 2 {
			return l.tick(100 + offset/3)
		}
		l.pack(100+offset/3, fmt.Sprintf("time=1970-01-01T00:01:%02dZ host=h%d", 38+offset/3, offset))
		return nil
	}
	const length = 30
	whole := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	var commits []topics.Commit
	emitted := map[int64]int{} // by the commit's offset
	for offset := range int64(length) {
		if c := script(whole, offset); c != nil {
			commits = append(commits, *c)
			emitted[c.Offset] = len(whole.records)
		}
	}
	for _, c := range commits {
		again := newLog(t, processors.Start{Committed: c})
		for offset := c.Offset; offset < length; offset++ {
			script(again, offset)
		}
		if !slices.EqualFunc(again.records, whole.records[emitted[c.Offset]:], func(a, b record) bool { return a.key == b.key && bytes.Equal(a.value, b.value) }) {
			t.Errorf("from offset %d on other records were emitted", c.Offset)
		}
	}
}

// TestLost: what retention took is declared by the next cover, once.
func TestLost(t *testing.T) {
	first := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	c := first.tick(100)
	l := newLog(t, processors.Start{Committed: *c, Lost: true})
	l.next = 50
	l.pack(110, "x")
	l.tick(111)
	l.tick(112)
	if got, want := l.covers[0].Lost, (topics.Lost{From: 1, To: 50}); got != want || l.covers[0].Start != 0 {
		t.Errorf("the first cover declares %+v lost after offset %d, want %+v after 0", got, l.covers[0].Start, want)
	}
	if !l.covers[1].Lost.Empty() {
		t.Errorf("the second cover declares %+v lost again", l.covers[1].Lost)
	}
	if n := l.r.Metrics().Lost.Load(); n != 49 {
		t.Errorf("%d records are counted as lost, want 49", n)
	}

	anew := newLog(t, processors.Start{Committed: topics.Commit{Offset: 9, Metadata: c.Metadata}, Lost: true})
	anew.next = 0
	if _, err := anew.process(nil, ""); err == nil || !strings.Contains(err.Error(), "deleted and created again") {
		t.Errorf("a topic that was made anew gives %v", err)
	}
}

// TestStateFits: the metadata of the worst case fits a commit, as text.
func TestStateFits(t *testing.T) {
	l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	var c *topics.Commit
	for i := range watermark.MaxMembers {
		var err error
		c, err = l.process(&topics.RawHeader{
			Ingester: fmt.Sprintf("%0*d", topics.MaxIngester, i),
			Clock:    1_700_000_000_000,
			Domain:   topics.RecordingPrefix + strings.Repeat("x", topics.MaxDomain-len(topics.RecordingPrefix)),
			Tick:     &topics.RawTick{Partitions: raws},
		}, "")
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, most := len(c.Metadata), topics.CommitMetadata*4/5; got > most {
		t.Errorf("the metadata has %d bytes, %d fit", got, most)
	}
	l.begin(processors.Start{Committed: *c})
	if n := len(l.work.clock.Members()); n != watermark.MaxMembers {
		t.Errorf("%d members came back, want %d", n, watermark.MaxMembers)
	}
}

// TestGrowth: the record of a growth makes a new partition begin with a cover at its second,
// and an old one tell of it by the next tick's cover; a restart before it makes the same.
func TestGrowth(t *testing.T) {
	clock := watermark.New()
	clock.Tick(watermark.Tick{Ingester: "a", Clock: 104, Since: 50})
	growth := topics.RawHeader{Ingester: "pulse-topics", Domain: topics.WallDomain, Clock: 110_000, Growth: &topics.Growth{From: 1, To: 2, Clock: clock.BeginningAt(110)}}
	used := int32(1)
	layout := func(more int32) (topics.Layout, error) {
		used = max(used, more)
		return topics.Layout{All: 2, Used: used}, nil
	}
	for number, want := range [][]topics.Cover{
		{{Partitions: 1, Start: -1, End: 0, Before: -1, After: 104, First: 103}, {Partitions: 2, Start: 0, End: 2, Before: 104, After: 105}},
		{{Partitions: 2, Start: -1, End: 0, Before: -1, After: 110, First: 110}, {Partitions: 2, Start: 0, End: 1, Before: 110, After: 110}},
	} {
		used = 1
		l := newLog(t, processors.Start{Partition: int32(number), Committed: topics.Commit{Offset: -1}})
		work, err := l.r.Partitions(layout, fragments)(processors.Start{Partition: int32(number), Committed: topics.Commit{Offset: -1}})
		if err != nil {
			t.Fatal(err)
		}
		l.work = work.(*partition)
		if number == 0 {
			if _, err := l.process(&topics.RawHeader{Ingester: "a", Clock: 104_000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: 1}}, ""); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := l.process(&growth, ""); c != nil || err != nil {
			t.Errorf("a growth gave the commit %v (%v)", c, err)
		}
		if number == 0 { // an ingester that has not heard of it
			l.process(&topics.RawHeader{Ingester: "a", Clock: 105_000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: 1}}, "")
		} else {
			l.tick(108) // one whose clock is behind
		}
		var got []topics.Cover
		for _, c := range l.covers {
			c.Fragments = 0
			got = append(got, *c)
		}
		for i := range want {
			want[i].Partition = int32(number)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("partition %d has the covers\n%+v, want\n%+v", number, got, want)
		}
	}
}
