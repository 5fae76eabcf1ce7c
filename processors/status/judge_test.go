package status

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/timing"
	"pulse/topics"
)

// statusNow is when the observations of these tests are made: 400 ms after a
// second has ended and closed.
var statusNow = time.Date(2026, 11, 22, 20, 4, 9, 400e6, time.UTC)

// ago is the second that was so many whole seconds before statusNow.
func ago(seconds int64) int64 { return statusNow.Unix() - seconds }

// wellObservation is one of a Pulse of two partitions at which all is well.
func wellObservation() *observation {
	o := &observation{
		now: statusNow, names: topics.Names{Prefix: "team.", Version: "3f9a2c"}, domain: topics.WallDomain, layout: topics.Layout{All: 2, Used: 2},
		receivers: Group{"team.receiver.3f9a2c", "Stable", 2}, mergers: Group{"team.merger.3f9a2c", "Stable", 1},
		ingesters: map[string]int64{"web-1": ago(0), "web-2": ago(1)},
		lines:     Lines{In: 120_000, Counted: 119_988, Late: 12, Bytes: 24_000_000},
	}
	for i := range 2 {
		o.sources = append(o.sources, sourcePartition{
			offsets: offsets{start: 0, end: 12_345, committed: 12_340, owner: fmt.Sprintf("receiver-%d", i)},
			written: ago(0), ingester: "web-1", clock: ago(0)})
		o.fragments = append(o.fragments, fragmentsPartition{
			offsets: offsets{start: 0, end: 5000, committed: 4000, owner: "merger-0"}, closed: ago(1), stats: true,
			checkpoint: ago(4), told: 2, seconds: []int64{ago(0), ago(0)}})
	}
	return o
}

// Each state has its headline, and is well or not.
func TestJudge(t *testing.T) {
	stop := func(o *observation, source, closed int64) { // what stood still since when
		for i := range o.sources {
			o.sources[i].clock = ago(source)
			o.fragments[i].closed = ago(closed + 1)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*observation)
		want   string   // the headline
		others []string // what other problems say
	}{
		{"well", func(*observation) {}, "all well: closed 0.4 s ago", nil},
		{"a bit behind", func(o *observation) { stop(o, 9, 9) }, "all well: closed 9.4 s ago", nil},
		{"nothing written", func(o *observation) {
			*o = observation{now: o.now, names: o.names, receivers: o.receivers, mergers: o.mergers, sources: []sourcePartition{{written: -1, clock: -1}}, fragments: []fragmentsPartition{{closed: -1}}}
		}, "not well: nothing has been written to team.events.raw yet. Start pulse ingest and tell it what to read: `pulse ingest --help`", nil},
		{"just begun", func(o *observation) {
			for i := range o.fragments {
				o.fragments[i].stats = false
			}
		}, "not well: no second has closed yet. Wait a few seconds and run pulse status again", nil},
		{"no ingester", func(o *observation) {
			stop(o, 3725, 3725)
			for i := range o.sources {
				o.sources[i].written = ago(3725)
			}
		}, "not well: no ingester writes since 19:02:04 (62 min 5 s). Check in its log that pulse ingest runs and reaches Kafka", nil},
		{"one partition is silent", func(o *observation) {
			o.sources[1].written, o.sources[1].clock = ago(60), ago(60)
			o.fragments[0].closed, o.fragments[1].closed = ago(61), ago(61)
		}, "not well: writes to team.events.raw partition 1 have stopped since 20:03:09 (60 s). Check that the brokers run and every partition has a leader, and read the ingesters' logs", nil},
		{"no receiver", func(o *observation) {
			stop(o, 30, 30)
			o.receivers.Members = 0
		}, "not well: no receiver runs since 20:03:39 (30 s). Start pulse receive, with the same --stats", nil},
		{"no receiver, but for a moment", func(o *observation) {
			o.receivers.Members = 0
		}, "not well: no receiver runs since 20:04:09 (0.4 s). Start pulse receive, with the same --stats", nil},
		{"one receiver is behind", func(o *observation) {
			o.sources[1].clock = ago(42)
			o.fragments[0].closed, o.fragments[1].closed = ago(43), ago(43)
		}, "not well: receivers are behind on team.events.raw partition 1 since 20:03:27 (42 s). Read the log of receiver-1; if its CPU is busy, start another pulse receive", nil},
		{"a receiver has never read", func(o *observation) {
			o.sources[0].clock, o.sources[0].owner = -1, ""
			stop(o, -1, 100)
			o.sources[0].clock = -1
		}, "not well: receivers are behind on team.events.raw partition 0. Read the log of the receivers (none of them owns it); if its CPU is busy, start another pulse receive", nil},
		{"mergers are behind", func(o *observation) { stop(o, 0, 100_000) },
			"not well: mergers are behind on team.stats.fragments.3f9a2c partitions 0, 1 since 2026-11-21 16:17:29 (27 h 46 min). Read the log of merger-0; if its CPU is busy, start another pulse merge", nil},
		{"receivers are behind, mergers more so", func(o *observation) { stop(o, 20, 40) },
			"not well: receivers are behind on team.events.raw partitions 0, 1 since 20:03:49 (20 s). Read the log of receiver-0, receiver-1; if its CPU is busy, start another pulse receive (and 1 more, below)",
			[]string{"mergers are behind on team.stats.fragments.3f9a2c partitions 0, 1"}},
		{"nothing runs", func(o *observation) {
			stop(o, 60, 60)
			o.receivers.Members, o.mergers.Members = 0, 0
			for i := range o.sources {
				o.sources[i].written = ago(30)
			}
		}, "not well: no ingester writes since 20:03:39 (30 s). Check in its log that pulse ingest runs and reaches Kafka (and 2 more, below)",
			[]string{"no receiver runs", "no merger runs"}},
		{"a rollout", func(o *observation) {
			o.first = at(ago(600))
			o.others = []OtherVersion{{Name: "0aa11b", Receivers: 1, First: at(ago(90_000))}}
		}, "all well: closed 0.4 s ago", nil},
		{"a rollout that does not end", func(o *observation) {
			o.first = at(ago(7500))
			o.others = []OtherVersion{{Name: "0aa11b", Receivers: 1, First: at(ago(90_000))}}
		}, "not well: 1 receivers and 0 mergers still use older definitions, version 0aa11b since 17:59:09 (2 h 5 min). Restart them with the new --stats, then `pulse topics --remove-version 0aa11b`", nil},
		{"an old file", func(o *observation) {
			o.first = at(ago(90_000))
			o.others = []OtherVersion{{Name: "0aa11b", Receivers: 1, Mergers: 1, First: at(ago(7500))}}
		}, "not well: newer definitions than these are in use, version 0aa11b since 17:59:09 (2 h 5 min). Give --stats the newer file, here and for every role that still uses the older one", nil},
		{"retention was faster", func(o *observation) {
			o.sources[1].start, o.fragments[0].start = 12_341, 4002
		}, "not well: Kafka deleted 1 records of team.events.raw before they were read. Start the receivers: the seconds of these records will be shown as unknown, all others are exact (and 1 more, below)",
			[]string{"Kafka deleted 2 records of team.stats.fragments.3f9a2c before they were read"}},
		{"lines come late", func(o *observation) { o.lines = Lines{In: 1000, Counted: 940, Late: 59, Unreadable: 1} },
			"not well: 6 % of the newest minute's lines are not counted in any stat: 59 late, 1 unreadable. For late lines, find what delays the inputs, or raise the lateness in the definitions; unreadable are lines over 64 KiB, and records that Pulse did not write", nil},
		{"a few lines come late", func(o *observation) { o.lines = Lines{In: 1000, Counted: 950, Late: 50} }, "all well: closed 0.4 s ago", nil},
		{"a clock that is a second fast", func(o *observation) { stop(o, -1, -2) }, "all well: closed 0.0 s ago", nil},
		{"a forged cover", func(o *observation) { stop(o, 0, -86_400) },
			"not well: seconds have closed that are 24 h 0 min ahead of this machine's clock. Set the clocks of this machine and of the ingesters' machines; if they are right, another program writes to Pulse's topics", nil},
		{"partitions were added", func(o *observation) { o.layout.All = 5 },
			"not well: team.events.raw has 5 partitions, of which Pulse uses the first 2: all numbers are right without the others. To use them, run `pulse topics --grow 5`, unless that is under way", nil},
		{"mergers have not learned of a growth yet", func(o *observation) { o.fragments[0].told = 1 }, "all well: closed 0.4 s ago", nil},
		{"mergers know more partitions", func(o *observation) { o.fragments[0].told = 3 },
			"not well: team.events.raw has 2 partitions, and its mergers know 3: it was created again with fewer. Start all roles with a new --prefix (docs/operate.md, Partitions)", nil},
		{"a topic was made again", func(o *observation) {
			c := topics.Commit{Offset: 7, Topics: "a"}
			o.replaced = c.CheckIDs("b", "team.events.raw")
		}, "not well: a topic has been replaced: team.events.raw was deleted and created again. Start all roles with a new --prefix, after `pulse topics --create` with it (docs/operate.md, Partitions, topics, retention)", nil},
		{"covers are refused", func(o *observation) { o.fragments[1].seconds[0] = ago(11) },
			"not well: mergers refuse what receivers made of team.events.raw partition 0 since 20:03:58 (11 s). Read the log of merger-0; if it says nothing of segments, another program has written to team.stats.fragments.3f9a2c: start all roles with a new --prefix", nil},
		{"a checkpoint stands still", func(o *observation) { o.fragments[1].checkpoint = ago(200) },
			"not well: a restart of the merger of team.stats.fragments.3f9a2c partition 1 would read everything again since 20:00:49 (3 min 20 s). Read the log of merger-0; if it drops fragments, check which programs write to team.stats.fragments.3f9a2c", nil},
		{"a recording", func(o *observation) {
			o.domain = topics.RecordingPrefix + "x"
			o.now = o.now.Add(365 * 24 * time.Hour)
		}, "all well: the recording has closed up to 2026-11-22 20:04:08", nil},
		{"a recording is behind", func(o *observation) {
			o.domain = topics.RecordingPrefix + "x"
			stop(o, 0, 100)
			o.now = o.now.Add(365 * 24 * time.Hour)
		}, "not well: mergers are behind on team.stats.fragments.3f9a2c partitions 0, 1 since 20:02:29 (100 s). Read the log of merger-0; if its CPU is busy, start another pulse merge", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := wellObservation()
			c.change(o)
			s := judge(o, new(stats.Definitions), DefaultLimits)
			if s.Headline != c.want {
				t.Errorf("the headline is\n%s\nwant\n%s", s.Headline, c.want)
			}
			if s.Well != strings.HasPrefix(c.want, "all well") {
				t.Errorf("well is %v", s.Well)
			}
			var others []string
			for _, p := range s.Problems[min(1, len(s.Problems)):] {
				others = append(others, p.What)
			}
			if !slices.Equal(others, c.others) {
				t.Errorf("the other problems are %q, want %q", others, c.others)
			}
			if text := s.Text(); !strings.HasPrefix(text, s.Headline+"\n") {
				t.Errorf("the text does not begin with the headline:\n%s", text)
			}
		})
	}
}

func TestText(t *testing.T) {
	o := wellObservation()
	o.others = []OtherVersion{{Name: "0aa11b"}, {Name: "1bb22c", Receivers: 2, Mergers: 1}}
	o.sources[1].owner, o.fragments[1].closed = "", -1
	s := judge(o, new(stats.Definitions), Limits{Behind: 10 * time.Second, Discarded: 1})
	want := `not well: mergers are behind on team.stats.fragments.3f9a2c partition 1. Read the log of merger-0; if its CPU is busy, start another pulse merge

at           2026-11-22 20:04:09 UTC
definitions  3f9a2c (also here: 0aa11b, which nobody uses; 1bb22c, which 2 receivers and 1 mergers use)
ingesters    web-1 at 20:04:09, web-2 at 20:04:08
receivers    2
mergers      1
last minute  120,000 lines, 99.99 % counted, 12 late, 0 unreadable, 0 ahead,
             0 undated, 0 unparsed, 0 half understood

events.raw   written  rolled up to  behind  lag  owner
         0  20:04:09      20:04:09   0.4 s    5  receiver-0
         1  20:04:09      20:04:09   0.4 s    5  nobody

fragments    closed  behind  checkpoint  since then  owner
        0  20:04:08   0.4 s    20:04:05       1,000  merger-0
        1         -       -    20:04:05       1,000  merger-0
`
	if got := s.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 440 * time.Millisecond: "0.4 s", -20 * time.Millisecond: "0.0 s", -3 * time.Second: "-3.0 s", math.MinInt64: "-106751 d 23 h", seconds(-timing.LastSecond): "-106751 d 23 h", 42 * time.Second: "42 s",
		119 * time.Second: "119 s", 125 * time.Second: "2 min 5 s", 2*time.Hour + 59*time.Minute: "2 h 59 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) is %q, want %q", d, got, want)
		}
	}
}

// TestNotes: what stats lack is said, and is not a problem of Pulse.
func TestNotes(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "sizes", Kind: "mean", Field: "sise", Window: 10}, {Name: "size", Kind: "mean", Field: "size", Window: 10},
	}}
	o := wellObservation()
	o.points = map[string]stats.Snapshot{
		"pulse.fields":      {Value: []byte(`{"top":[{"key":"line,any","value":9},{"key":"size,any","value":8}],"other":0,"distinct":2}`)},
		"pulse.text-values": {Value: []byte(`{"top":[{"key":"size","value":3}],"other":0,"distinct":1}`)},
		"size":              {Beyond: aggregate.Beyond{Keys: 5210, Share: 0.301}},
	}
	s := judge(o, d, DefaultLimits)
	want := []Note{
		{"sizes", "no line of the last minute has had `sise`; did you mean `size`?"},
		{"size", "3 values of `size` of the last minute were text or numbers too large, and are not counted"},
		{"size", "about 5200 keys with 31 % of the lines are beyond its room and have no values of their own: group by what has fewer values, or narrow `where`"},
	}
	if !s.Well || !slices.Equal(s.Notes, want) {
		t.Errorf("well: %t, notes %q, want %q", s.Well, s.Notes, want)
	}
	for _, n := range want {
		if line := "- " + n.Stat + ": " + n.Note + "\n"; !strings.Contains(s.Text(), line) {
			t.Errorf("the text lacks %q:\n%s", line, s.Text())
		}
	}
}

// TestClocksThatAreOff: whose lines are late or ahead is said, and is not a problem of Pulse
// while they are few.
func TestClocksThatAreOff(t *testing.T) {
	o := wellObservation()
	o.points = map[string]stats.Snapshot{stats.OffClockStat: {Value: []byte(`{"top":[{"key":"ahead,,syslog,db-1","value":90},{"key":"behind,web-1,,","value":7},` +
		`{"key":"behind,,a,","value":6},{"key":"behind,,b,","value":5},{"key":"behind,,c,","value":4},{"key":"behind,,d,","value":3}],"other":null,"distinct":6}`)}}
	s := judge(o, new(stats.Definitions), DefaultLimits)
	want := "late or ahead by their clocks:\n- db-1 (syslog) 90 s ahead\n- ingester web-1 7 s behind\n- input a 6 s behind\n- input b 5 s behind\n- input c 4 s behind\n- 1 more, which --json has\n"
	if !s.Well || len(s.Clocks) != 6 || !strings.Contains(s.Text(), want) {
		t.Errorf("well: %t, %d clocks; the text lacks\n%s:\n%s", s.Well, len(s.Clocks), want, s.Text())
	}
}

// Which fields lines have is said of the last hour, if it is rolled up.
func TestFieldsOfHour(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "sizes", Kind: "mean", Field: "sise", Window: 10}, {Name: "size", Kind: "mean", Field: "size", Window: 10},
	}}
	o := wellObservation()
	o.points = map[string]stats.Snapshot{"pulse.fields": {Value: []byte(`{"top":[{"key":"line,any","value":9}],"other":0,"distinct":1}`)}}
	o.hour = map[stats.TypedField]uint64{{Name: "line", Type: "any"}: 2000, {Name: "size", Type: "number"}: 500, {Name: "size", Type: "text"}: 20}
	s := judge(o, d, DefaultLimits)
	if want := []Note{{"sizes", "no line of the last hour has had `sise`; did you mean `size`?"}}; !slices.Equal(s.Notes, want) {
		t.Errorf("notes %q, want %q", s.Notes, want)
	}
	if want := []Field{{"line", "any", 2000}, {"size", "number", 500}, {"size", "text", 20}}; !slices.Equal(s.Fields, want) {
		t.Errorf("fields %v, want %v", s.Fields, want)
	}
	if got, want := s.Text(), "\nfields in the 2,000 lines of the last hour: size 25 % (number), size 1 % (text)\n"; !strings.Contains(got, want) {
		t.Errorf("the text lacks %q:\n%s", want, got)
	}
}
