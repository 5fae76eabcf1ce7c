package merger_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/watermark"
	"pulse/stats/window"
	"pulse/topics"
)

var (
	lawRuns = flag.Int("laws", 0, "how many random logs TestLaws makes; 0: 2 in a short test, else 20")
	lawSeed = flag.Uint64("seed", 0, "the seed of TestLaws's first log; 0: another one each time")
)

// lawDefinitions have each kind of stat; %d is the lateness.
const lawDefinitions = `
lateness: %ds
stats:
  - {name: events, rate: second, over: 1s}
  - {name: events-10, rate: second}
  - {name: h1-per-minute, rate: minute, over: 6s, where: host == "h1"}
  - {name: bytes, sum: bytes, over: 3s}
  - {name: bytes-mean, mean: bytes, over: 1s}
  - {name: bytes-max, max: bytes, over: 7s}
  - {name: bytes-min, min: bytes, over: 2s}
  - {name: bytes-quantiles, quantiles: bytes, at: [0.5, 0.9], over: 5s}
  - {name: bytes-quantiles-1, quantiles: bytes, at: [0.5, 0.9], over: 1s}
  - {name: hosts, unique: host, over: 4s}
  - {name: never, rate: second, where: host == "nobody"}
  - {name: long-count, count: lines, over: 25h}
  - {name: long-rate, rate: second, over: 25h}
  - {name: long-hosts, unique: host, over: 25h}
  - {name: long-mean, mean: bytes, over: 2d}
  - {name: long-sum, sum: bytes, over: 1441m}
  - {name: long-mean-25, mean: bytes, over: 25h}
  - {name: long-ratio, ratio: [long-mean-25, long-count]}
  - {name: objective, slo: {good: h1-per-minute, total: events, target: 50, over: 30d}}
`

// TestLaws makes random raw logs of several ingesters, runs receivers over them
// that crash, lose emits and come back as zombies, and mergers that do the same
// over what the receivers emitted, and compares what was published with a
// calculation that knows neither, as the design has it.
func TestLaws(t *testing.T) {
	seed := *lawSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	var sum tally
	runs := lawLogs()
	for at := seed; runs > sum.Logs; at++ {
		w := newWorld(t, at)
		if testing.Short() && *lawSeed == 0 && w.large() {
			continue
		}
		w.receive()
		w.merge()
		for _, wrong := range w.compare() {
			t.Errorf("seed %d: %s", at, wrong)
		}
		sum.add(w.tally)
		if t.Failed() {
			t.Fatalf("again with -run TestLaws -laws 1 -seed %d", at)
		}
	}
	t.Logf("seeds from %d: %+v", seed, sum)
	for what, n := range map[string]int{"receiver restarts": sum.ReceiverRestarts, "mergers that resume": sum.MergersResumed, "lost emits": sum.LostEmits,
		"zombie records": sum.Zombies, "amended points": sum.Amended, "late lines": sum.Late, "stale seconds": sum.Stale, "unreadable": sum.Unreadable, "digests": sum.Minutes, "runs": sum.Runs, "marked points": sum.Marked, "far clocks": sum.Far, "rising far clocks": sum.FarRising} {
		if n == 0 && runs >= 100 {
			t.Errorf("the logs had no %s, so that nothing is known of them", what)
		}
	}
}

// lawLogs is how many random logs a test makes.
func lawLogs() int {
	if *lawRuns > 0 {
		return *lawRuns
	}
	return testkit.Size(2, 20)
}

// TestLawsNoticed breaks what the laws ask for, and the comparison of TestLaws
// must notice it.
func TestLawsNoticed(t *testing.T) {
	testkit.Long(t)
	for name, breakIt := range map[string]func(*faults){
		"offsets are committed although an emit failed": func(f *faults) { f.commitAnyway = true },
		"covers are taken for complete":                 func(f *faults) { f.uncheckedCovers = true },
		"a receiver forgets its clocks":                 func(f *faults) { f.forgetClocks = true },
		"a merger begins with nothing":                  func(f *faults) { f.forgetState = true },
		"complete seconds are not kept":                 func(f *faults) { f.forgetKept = true },
		"minutes of long windows are not kept":          func(f *faults) { f.forgetLong = true },
		"a merger commits before its publishing":        func(f *faults) { f.publishLate = true },
	} {
		t.Run(name, func(t *testing.T) {
			const runs = 30
			for seed := range uint64(runs) {
				w := newWorld(t, 5004+seed)
				w.trouble = 12 // it shows in the first logs
				breakIt(&w.faults)
				w.receive()
				w.merge()
				if wrong := w.compare(); len(wrong) > 0 {
					t.Logf("after %d logs: %s", seed+1, wrong[0])
					return
				}
			}
			t.Errorf("%d logs, and nothing was noticed", runs)
		})
	}
}

// faults are laws to be broken.
type faults struct {
	commitAnyway    bool
	uncheckedCovers bool
	forgetClocks    bool
	forgetState     bool
	forgetKept      bool
	forgetLong      bool
	publishLate     bool
}

// tally says what a test has met.
type tally struct {
	Logs                                   int
	Records, Fragments, Published          int
	ReceiverRestarts, MergerRestarts       int
	MergersResumed                         int // of the restarts, those that began at a commit
	LostEmits, Zombies                     int
	Minutes                                int // digests
	Amended, Late, Unreadable, Stale       int
	Runs, Marked                           int // of seconds with one value; points of windows that are not covered whole
	Leaps                                  int // of all clocks at once
	Far, FarRising, FarRestarts            int // ticks of clocks that are far away; of those whose lead grows; that came just before all others ended
	Points, LargestReceiver, LargestMerger int
}

func (t *tally) add(o tally) {
	t.Logs++
	t.Records += o.Records
	t.Fragments += o.Fragments
	t.Published += o.Published
	t.ReceiverRestarts += o.ReceiverRestarts
	t.MergerRestarts += o.MergerRestarts
	t.MergersResumed += o.MergersResumed
	t.LostEmits += o.LostEmits
	t.Zombies += o.Zombies
	t.Minutes += o.Minutes
	t.Amended += o.Amended
	t.Late += o.Late
	t.Unreadable += o.Unreadable
	t.Stale += o.Stale
	t.Runs += o.Runs
	t.Marked += o.Marked
	t.Leaps += o.Leaps
	t.Far += o.Far
	t.FarRising += o.FarRising
	t.FarRestarts += o.FarRestarts
	t.Points += o.Points
	t.LargestReceiver = max(t.LargestReceiver, o.LargestReceiver)
	t.LargestMerger = max(t.LargestMerger, o.LargestMerger)
}

type rawRecord struct {
	header topics.RawHeader
	junk   bool // no header at all
	value  []byte
}

type fragmentRecord struct {
	key   string
	value []byte
}

// A world is one random log and what comes of it.
type world struct {
	t           *testing.T
	rng         *rand.Rand
	definitions *stats.Definitions
	names       topics.Names
	domain      string
	sources     int32 // partitions of the raw topic
	targets     int32 // of the fragments topic
	raw         [][]rawRecord
	fragments   [][]fragmentRecord
	kept        map[string][][][]byte         // by topic and partition
	plain       map[snapshotID]stats.Snapshot // of mergers that never fail
	published   map[snapshotID]stats.Snapshot // of all others
	minutes     map[minuteID]topics.Minute    // of both
	conflicts   []string
	faults      faults
	trouble     float64 // how many times as often receivers crash and lose emits as in TestLaws
	tally       tally
	start       int64                       // Unix time: the first clock
	busy        map[int64]bool              // minutes around those of ticks
	latest      int64                       // the last clock of an ingester whose clock is right
	begin       func(p int32) topics.Commit // where a source partition is begun; nil: with the log

	newReceiver func(processors.Start) (processors.Partition, error)
	newMerger   func(processors.Start) (processors.Partition, error)
}

type snapshotID struct {
	stat     string
	time     int64
	revision int
}

type minuteID struct {
	stat string
	time int64
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, trouble: 1, rng: rand.New(rand.NewPCG(seed, 0)), names: topics.Names{Version: "x"},
		plain: map[snapshotID]stats.Snapshot{}, published: map[snapshotID]stats.Snapshot{}, minutes: map[minuteID]topics.Minute{}}
	var err error
	w.definitions, err = stats.Parse("laws.yaml", fmt.Appendf(nil, lawDefinitions, []int{0, 0, 1, 2, 3, 3, 10, 59, 60, 61, 130}[w.rng.IntN(11)]))
	if err != nil {
		t.Fatal(err)
	}
	// Most of many partitions have no stat with a long window, such as the internal rates
	// per minute, so that their mergers commit early.
	w.start = w.anyStart()
	w.sources, w.targets = 1+w.rng.Int32N(4), []int32{1, 5, 8}[w.rng.IntN(3)]
	w.fragments = make([][]fragmentRecord, w.targets)
	quiet := slog.New(slog.DiscardHandler)
	r, err := receiver.New(receiver.Config{Names: w.names, Definitions: w.definitions, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	m, err := merger.New(merger.Config{Names: w.names, Definitions: w.definitions, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w.newReceiver, w.newMerger = r.Partitions(topics.FixedLayout(w.sources), w.targets), m.Partitions(w.targets, func(topic string, q int32, last int64, each func([]byte)) (bool, error) {
		if w.faults.forgetKept || w.faults.forgetLong && topic == w.names.LongMinutes() {
			return true, nil
		}
		kept := w.kept[topic][q]
		from := max(len(kept)-int(last), 0)
		for _, value := range kept[from:] {
			each(value)
		}
		return from == 0, nil
	}, nil)
	w.kept = map[string][][][]byte{w.names.Seconds(): make([][][]byte, w.targets), w.names.LongMinutes(): make([][][]byte, w.targets)}
	if w.domain = topics.WallDomain; w.chance(0.3) {
		w.domain = topics.RecordingPrefix + "laws"
		w.makeRecording()
	} else {
		w.makeLog()
	}
	w.busy = map[int64]bool{}
	for _, log := range w.raw {
		for _, r := range log {
			if minute := r.header.Second() / 60; r.header.Tick != nil {
				for m := minute - 2; m <= minute+5; m++ {
					w.busy[m] = true
				}
			}
		}
	}
	return w
}

// large reports whether a log takes seconds to compare: its clocks go on for long, or it has
// many records. About 80 of 100 logs are, and all recordings: make test-all has those.
func (w *world) large() bool {
	latest := w.start
	for _, log := range w.raw {
		for _, r := range log {
			if r.header.Tick != nil && !strings.HasPrefix(r.header.Ingester, "far-") {
				latest = max(latest, r.header.Second())
			}
		}
	}
	return latest-w.start > 120 || w.tally.Records > 250
}

// compared reports whether the points of a second are looked at: all of the minutes around
// clocks, and at the ends of minutes, where long windows move on, those of a leap.
func (w *world) compared(second int64) bool {
	return second%60 == 59 || second%60 == 0 || w.busy[second/60]
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

const lawStart = 1_700_000_020 // Unix time; 20 s before a minute ends

// anyStart is shortly before a minute, an hour or a day ends, at which parts of long windows
// are closed, or anywhere.
func (w *world) anyStart() int64 {
	before := []int64{1, 2, 10, 20, 20, 20, 40}[w.rng.IntN(7)]
	switch w.rng.IntN(4) {
	case 0:
		return lawStart + 20 - before
	case 1:
		return lawStart - lawStart%3600 + 3600 - before
	case 2:
		return lawStart - lawStart%86_400 + 86_400 - before
	}
	return lawStart + w.rng.Int64N(3600)
}

// makeLog lets ingesters with skewed clocks join, pause, crash and leave.
func (w *world) makeLog() {
	type event struct {
		at     int64 // milliseconds, wall clock
		source int32
		record rawRecord
	}
	var events []event
	seconds := int64(15 + w.rng.IntN(30))
	if w.chance(0.1) {
		seconds += 60 + w.rng.Int64N(100)
	}
	tick := func(at int64, p int32, id string, second, since int64, leaving bool) {
		events = append(events, event{at, p, rawRecord{header: topics.RawHeader{Ingester: id, Clock: second * 1000, Domain: topics.WallDomain,
			Tick: &topics.RawTick{Since: since, Partitions: w.sources, Leaving: leaving}}}})
	}
	latest := w.start
	// All may be away for a while, and come back with new ids.
	awayAt, awayFor, leap := int64(-1), int64(0), int64(0)
	if w.chance(0.3) {
		awayAt, awayFor = 4+w.rng.Int64N(seconds-8), 1+w.rng.Int64N(20)
		if w.chance(0.3) { // and for much longer by their clocks
			leap = []int64{30, 60, 90, 600, 3600, 2 * 3600}[w.rng.IntN(6)] + w.rng.Int64N(120)
			w.tally.Leaps++
		}
	}
	for i := range 1 + w.rng.IntN(3) {
		id := fmt.Sprintf("ingester-%d", i)
		start, end := int64(0), seconds
		if i > 0 {
			start, end = w.rng.Int64N(seconds/2), seconds/2+w.rng.Int64N(seconds/2)
		}
		skew := int64(0)
		switch w.rng.IntN(4) {
		case 0:
			skew = w.rng.Int64N(3000) - 1500
		case 1:
			skew = w.rng.Int64N(16000) - 8000
		}
		delays := make([]int64, w.sources)
		for p := range delays {
			delays[p] = w.rng.Int64N(800)
		}
		since := int64(0)
		pauseAt, pauseFor := int64(-1), int64(0)
		if awayAt < 0 && w.chance(0.4) {
			pauseAt, pauseFor = start+w.rng.Int64N(end-start+1), 1+w.rng.Int64N(15)
		}
		var last int64
		for ms := start * 1000; ms <= end*1000; ms += 250 {
			if ms/1000 >= pauseAt && ms/1000 < pauseAt+pauseFor {
				since = 0
				continue
			}
			if ms/1000 >= awayAt && ms/1000 < awayAt+awayFor {
				id, since = fmt.Sprintf("ingester-%d-again", i), 0
				continue
			}
			clock := w.start*1000 + ms + skew
			if awayAt >= 0 && ms/1000 >= awayAt {
				clock += leap * 1000
			}
			if since == 0 {
				since, last = clock/1000, clock/1000
			}
			if clock/1000 > last {
				last = clock / 1000
				latest = max(latest, last)
				for p := range w.sources {
					tick(ms+delays[p], p, id, last, since, false)
				}
			}
			if w.chance(0.8) {
				latest = max(latest, clock/1000) // of one that ends before it ticks, too
				p := w.rng.Int32N(w.sources)
				events = append(events, event{ms + delays[p], p, rawRecord{
					header: topics.RawHeader{Ingester: id, Clock: clock, Domain: topics.WallDomain}, value: w.lines(clock / 1000)}})
			}
			if w.chance(0.02) {
				p := w.rng.Int32N(w.sources)
				junk := rawRecord{header: topics.RawHeader{Ingester: "other", Clock: clock + 1e6, Domain: topics.RecordingPrefix + "x"}, value: []byte("refused")}
				if w.chance(0.5) {
					junk = rawRecord{junk: true, value: []byte("unreadable\n\nunreadable")}
				}
				events = append(events, event{ms + delays[p], p, junk})
			}
		}
		if last > 0 && w.chance(0.5) {
			for p := range w.sources {
				tick(end*1000+delays[p]+1, p, id, last+1, since, true)
			}
			latest = max(latest, last+1)
		}
	}
	if leap == 0 {
		w.farClocks(seconds, awayAt, func(at int64, p int32, id string, second int64, leaving bool) {
			tick(at, p, id, second, w.start, leaving)
		})
	}
	// One that ticks until all others are forgotten and everything is final.
	last := 30 + w.definitions.Lateness
	for i := range last {
		for p := range w.sources {
			tick((seconds+100)*1000+i, p, "last", latest+i, latest, false)
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	w.raw = make([][]rawRecord, w.sources)
	there := make([]map[string]int64, w.sources) // the clocks, if they are right, of ingesters that have not left
	greatest := make([]int64, w.sources)
	for _, e := range events {
		p, h := e.source, e.record.header
		switch far := strings.HasPrefix(h.Ingester, "far-"); {
		case far:
			gone := true
			for _, clock := range there[p] {
				gone = gone && clock <= greatest[p]-timing.LeaveAfter
			}
			if gone {
				continue // whoever is alone is right at once
			}
		case h.Tick != nil:
			if there[p] == nil {
				there[p] = map[string]int64{}
			}
			there[p][h.Ingester], greatest[p] = h.Second(), max(greatest[p], h.Second())
			if h.Tick.Leaving {
				delete(there[p], h.Ingester)
			}
		}
		if len(w.raw[e.source]) == 0 && e.record.header.Domain != topics.WallDomain {
			continue // it would decide the partition's domain
		}
		w.raw[e.source] = append(w.raw[e.source], e.record)
	}
	w.tally.Records = len(events)
	w.latest = latest + last - 1
}

// farClocks lets ingesters come and go whose clocks are far from all others, and who
// say that they cover everything. Some have a lead that stays, or grows with each tick, or
// of which each partition is told another part; some tick in the second in which all others
// end, to come back under other ids. They tick nine times in all: at the tenth that nobody
// else goes further, theirs would be the right ones.
func (w *world) farClocks(seconds, awayAt int64, tick func(at int64, p int32, id string, second int64, leaving bool)) {
	if w.chance(0.5) {
		return
	}
	for left := int64(9); left > 0; {
		id := fmt.Sprintf("far-%d", w.rng.IntN(3))
		skew := []int64{3600, 3605, 2 * 3600, 86_400, 60, -3600}[w.rng.IntN(6)]
		start, ticks := w.rng.Int64N(seconds), 1+w.rng.Int64N(min(left, 4))
		left -= ticks
		if awayAt >= 0 && w.chance(0.5) {
			start = awayAt - 1 // and then there is nobody to doubt it
			w.tally.FarRestarts++
		}
		rising, apart := w.chance(0.3), int64(1000)
		if w.chance(0.2) {
			apart = w.rng.Int64N(200) // many within a second
		}
		skips := w.chance(0.2)
		for i := range ticks {
			if rising && skew > 0 {
				skew *= 2
				w.tally.FarRising++
			}
			for p := range w.sources {
				if skips && w.chance(0.5) {
					continue
				}
				tick(start*1000+i*apart+500, p, id, w.start+start+i+skew, w.rng.IntN(4) == 0 && i == ticks-1)
			}
			w.tally.Far++
		}
	}
}

// makeRecording lets one ingester send a recording, with pauses.
func (w *world) makeRecording() {
	w.raw = make([][]rawRecord, w.sources)
	tick := func(second int64, leaving bool) {
		for p := range w.raw {
			w.raw[p] = append(w.raw[p], rawRecord{header: topics.RawHeader{Ingester: "recording", Clock: second * 1000, Domain: w.domain,
				Tick: &topics.RawTick{Partitions: w.sources, Leaving: leaving}}})
		}
	}
	second, leapt := w.start, false
	for range 10 + w.rng.IntN(20) {
		tick(second, false)
		for range 1 + w.rng.IntN(3) {
			p := w.rng.Int32N(w.sources)
			text := fmt.Appendf(nil, "time=%s host=h1\n", time.Unix(second, 0).UTC().Format(time.RFC3339))
			w.raw[p] = append(w.raw[p], rawRecord{header: topics.RawHeader{Ingester: "recording", Clock: second * 1000, Domain: w.domain},
				value: bytes.TrimSuffix(append(text, w.lines(second)...), []byte("\n"))})
		}
		switch w.rng.IntN(8) {
		case 0:
			second += w.rng.Int64N(100)
		case 1:
			second += w.rng.Int64N(1000)
		case 2:
			if !leapt && !testing.Short() && w.chance(0.03) {
				second += 86_400 - 60 + w.rng.Int64N(2*3600) // about as long as a long window
				leapt = true
				w.tally.Leaps++
			}
		}
		second++
	}
	last := w.raw[0][len(w.raw[0])-1].header.Clock / 1000
	for _, log := range w.raw {
		last = max(last, log[len(log)-1].header.Clock/1000)
	}
	tick(last+1+w.definitions.Lateness, true)
	for _, log := range w.raw {
		w.tally.Records += len(log)
	}
}

// lines makes a pack around a second.
func (w *world) lines(second int64) []byte {
	var b []byte
	for range w.rng.IntN(6) {
		back := []int64{0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 30, -3, -9}[w.rng.IntN(13)]
		if w.domain != topics.WallDomain {
			back = max(back, 0) // the clock is that of its newest line
		}
		switch w.rng.IntN(40) {
		case 0:
			b = append(b, "no log line\n"...)
		case 1:
			if w.chance(0.05) {
				b = append(append(b, strings.Repeat("x", 64<<10+1)...), '\n')
			}
		default:
			b = fmt.Appendf(b, "time=%s bytes=%d.%d host=h%d\n", time.Unix(second-back, 0).UTC().Format(time.RFC3339), w.rng.IntN(1000), w.rng.IntN(3), w.rng.IntN(9))
		}
	}
	return bytes.TrimSuffix(b, []byte("\n"))
}

// A runner is a process that works on one partition of a topic.
type runner struct {
	w         *world
	length    func() int64
	begin     func(processors.Start) (processors.Partition, error)
	record    func(offset int64) processors.Record
	sink      func(topic, key string, value []byte)
	loseState func(*topics.Commit)
	partition int32

	work      processors.Partition
	next      int64
	committed topics.Commit
	ready     []topics.Commit // acknowledged and not committed yet
	broken    bool            // an emit was lost: nothing after it is committed
	until     int64           // of a zombie: where it ends
}

func (r *runner) start() {
	start := processors.Start{Partition: r.partition, Committed: r.committed}
	if r.loseState != nil {
		r.loseState(&start.Committed)
	}
	work, err := r.begin(start)
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.work, r.next, r.ready, r.broken = work, max(r.committed.Offset, 0), nil, false
}

// step processes a record. If lose is set, one of its emits does not arrive.
func (r *runner) step(lose bool) {
	type emitted struct {
		topic, key string
		value      []byte
	}
	var out []emitted
	commit, err := r.work.Process(r.record(r.next), func(topic, key string, value []byte) {
		out = append(out, emitted{topic, key, value})
	})
	if err != nil {
		r.w.t.Fatalf("offset %d: %v", r.next, err)
	}
	r.next++
	if lose && len(out) > 0 {
		lost := r.w.rng.IntN(len(out))
		out = slices.Delete(out, lost, lost+1)
		r.w.tally.LostEmits++
		r.broken = !r.w.faults.commitAnyway
	}
	for _, e := range out {
		r.sink(e.topic, e.key, e.value)
	}
	if commit != nil && !r.broken {
		r.ready = append(r.ready, *commit)
	}
}

// commit makes the newest of the commits that are ready, or an older one, as if
// the process died before the next.
func (r *runner) commit() {
	if n := len(r.ready); n > 0 {
		r.committed = r.ready[r.w.rng.IntN(n)]
	}
}

// receive runs a receiver over each source partition, all at once.
func (w *world) receive() {
	sink := func(_, key string, value []byte) {
		q := topics.Partition(key, w.targets)
		if m := topics.DecodeMessage(value); m.Cover != nil && w.faults.uncheckedCovers {
			m.Cover.Fragments = 0
			value = m.Cover.Append(nil)
		}
		w.fragments[q] = append(w.fragments[q], fragmentRecord{key, value})
		w.tally.Fragments++
	}
	var running []*runner
	for p := range w.sources {
		r := &runner{w: w, partition: p, begin: w.newReceiver, sink: sink, committed: topics.Commit{Offset: -1},
			length: func() int64 { return int64(len(w.raw[p])) },
			record: func(offset int64) processors.Record { return w.rawRecord(p, offset) },
			until:  math.MaxInt64,
		}
		if w.begin != nil {
			r.committed = w.begin(p)
		}
		if w.faults.forgetClocks {
			empty := func() []byte { // a receiver's metadata after one tick, whatever came since
				fresh, _ := w.newReceiver(processors.Start{Partition: p, Committed: topics.Commit{Offset: -1}})
				for offset := int64(0); ; offset++ {
					if c, _ := fresh.Process(w.rawRecord(p, offset), func(string, string, []byte) {}); c != nil {
						return c.Metadata
					}
				}
			}
			r.loseState = func(c *topics.Commit) {
				if c.Offset >= 0 {
					c.Metadata = empty()
				}
			}
		}
		r.start()
		running = append(running, r)
	}
	for len(running) > 0 {
		i := w.rng.IntN(len(running))
		r := running[i]
		for range 1 + w.rng.IntN(8) {
			if r.next == r.length() || r.next >= r.until {
				break
			}
			r.step(w.chance(0.01 * w.trouble))
			if r.until < math.MaxInt64 {
				w.tally.Zombies++
			}
		}
		switch zombie := r.until < math.MaxInt64; {
		case zombie && (r.next == r.length() || r.next >= r.until):
			running = slices.Delete(running, i, i+1)
		case zombie:
		case r.broken && (w.chance(0.3) || r.next == r.length()), !r.broken && r.next < r.length() && w.chance(0.05*w.trouble):
			if w.chance(0.3) { // paused, replaced, and to wake up
				zombie := *r
				zombie.until = zombie.next + int64(w.rng.IntN(30))
				running = append(running, &zombie)
			}
			r.commit()
			w.tally.LargestReceiver = max(w.tally.LargestReceiver, len(r.committed.Metadata))
			r.start()
			w.tally.ReceiverRestarts++
		case !r.broken && r.next == r.length():
			running = slices.Delete(running, i, i+1)
		}
	}
}

func (w *world) rawRecord(p int32, offset int64) processors.Record {
	r := w.raw[p][offset]
	record := processors.Record{Offset: offset, Value: r.value, Header: topics.Lookup(nil)}
	if !r.junk {
		record.Header = topics.Lookup(r.header.Headers())
	}
	return record
}

// How often a merger crashes, and how often an emit of its is lost, in a pass
// over its log: a chance for each record must not keep it from ever arriving.
const (
	crashes = 3
	losses  = 1
)

// merge runs two mergers over each partition of the fragments: one that never
// fails, and one that does.
func (w *world) merge() {
	for q := range w.targets {
		plain := w.mergerOf(q, w.plain)
		for plain.next < plain.length() {
			plain.step(false)
		}
		r := w.mergerOf(q, w.published)
		// It is behind at times, and then emits of a point only what it has come to.
		behind, record := []float64{0, 0.5, 0.95}[w.rng.IntN(3)], r.record
		r.record = func(offset int64) processors.Record {
			f := record(offset)
			f.More = offset+1 < r.length() && w.chance(behind)
			return f
		}
		if w.faults.forgetState {
			r.loseState = func(c *topics.Commit) { c.Metadata, c.Offset = nil, -1 }
		}
		for r.next < r.length() {
			r.step(!r.broken && w.chance(losses/float64(r.length())))
			if w.faults.publishLate && len(r.ready) > 0 {
				r.ready[len(r.ready)-1] = bringForward(r.ready[len(r.ready)-1])
			}
			if r.broken && (w.chance(0.1) || r.next == r.length()) || !r.broken && r.next < r.length() && w.chance(crashes/float64(r.length())) {
				if w.chance(0.3) {
					zombie := *r
					for n := w.rng.IntN(200); n > 0 && zombie.next < zombie.length(); n-- {
						zombie.step(false)
						w.tally.Zombies++
					}
				}
				r.commit()
				w.tally.LargestMerger = max(w.tally.LargestMerger, len(r.committed.Metadata))
				r.start()
				w.tally.MergerRestarts++
				if r.committed.Offset >= 0 {
					w.tally.MergersResumed++
				}
			}
		}
	}
}

// bringForward makes a merger's commit say that one more second is final than is
// acknowledged: its metadata begins with the form's number and that second.
func bringForward(c topics.Commit) topics.Commit {
	final, n := binary.Uvarint(c.Metadata[1:])
	c.Metadata = append(binary.AppendUvarint([]byte{c.Metadata[0]}, final+1), c.Metadata[1+n:]...)
	return c
}

func (w *world) mergerOf(q int32, published map[snapshotID]stats.Snapshot) *runner {
	r := &runner{w: w, partition: q, begin: w.newMerger, committed: topics.Commit{Offset: -1},
		length: func() int64 { return int64(len(w.fragments[q])) },
		record: func(offset int64) processors.Record {
			f := w.fragments[q][offset]
			return processors.Record{Offset: offset, Key: f.key, Value: f.value}
		},
		sink: func(topic, key string, value []byte) {
			switch topic {
			case w.names.Table():
				return
			case w.names.Seconds(), w.names.LongMinutes():
				kept := w.kept[topic]
				kept[topics.Partition(key, w.targets)] = append(kept[topics.Partition(key, w.targets)], value)
				return
			case w.names.Minutes():
				w.meetMinute(key, value)
				return
			}
			var s stats.Snapshot
			if err := json.Unmarshal(value, &s); err != nil {
				w.t.Fatal(err)
			}
			w.tally.Published++
			id := snapshotID{s.Stat, s.Time, s.Revision}
			if before, ok := published[id]; ok {
				if !bytes.Equal(before.Value, s.Value) || before.Covered != s.Covered || before.Of != s.Of || before.StaleSince != s.StaleSince {
					w.conflicts = append(w.conflicts, fmt.Sprintf("two values of one revision: %s and %s", before.AppendJSON(nil), value))
				}
				s.Final = s.Final || before.Final
			}
			published[id] = s
		},
	}
	r.start()
	return r
}

// meetMinute takes a minute that a merger has emitted. Every merger must make the
// same bytes of it.
func (w *world) meetMinute(key string, value []byte) {
	m, err := topics.DecodeMinute(value)
	if err != nil || m.Stat != key {
		w.t.Fatalf("a minute with the key %s: %s, %v", key, value, err)
	}
	id := minuteID{m.Stat, m.Time}
	if before, ok := w.minutes[id]; ok && !reflect.DeepEqual(before, m) {
		w.conflicts = append(w.conflicts, fmt.Sprintf("two digests of one minute: %+v and %+v", before, m))
	}
	w.minutes[id] = m
	w.tally.Minutes++
}

// compareMinutes compares the minutes that are over with digests of all their
// numbers at once.
func (w *world) compareMinutes(expected *reference) (wrong []string) {
	for id, want := range expected.minutes {
		if got := w.minutes[id]; id.time+59 <= expected.last && !reflect.DeepEqual(got, want) {
			wrong = append(wrong, fmt.Sprintf("a digest is %+v, should be %+v", got, want))
		}
	}
	return wrong
}

// compare returns what is wrong with what was published.
func (w *world) compare() []string {
	wrong := slices.Clone(w.conflicts)
	// What the failing mergers said, the others said too, of each second: what is
	// passed at once after a restart may have been passed in steps before.
	plain := w.seconds(w.plain)
	for id, s := range w.seconds(w.published) {
		p, ok := plain[id]
		if !ok || !bytes.Equal(p.Value, s.Value) || p.Covered != s.Covered || p.Of != s.Of || p.StaleSince != s.StaleSince {
			wrong = append(wrong, fmt.Sprintf("after restarts %s, without any %s", s.AppendJSON(nil), p.AppendJSON(nil)))
		}
	}
	expected := w.reference()
	if want := w.latest - 1 - w.definitions.Lateness; w.latest > 0 && (expected.last < want-1 || expected.end > w.latest) {
		wrong = append(wrong, fmt.Sprintf("seconds to %d are final, and to %d closed, when the right clocks have come to %d", expected.last, expected.end, w.latest))
	}
	for _, published := range []map[snapshotID]stats.Snapshot{w.plain, w.published} {
		wrong = append(wrong, w.compareFinals(published, expected)...)
	}
	wrong = append(wrong, w.compareMinutes(expected)...)
	slices.Sort(wrong)
	return wrong
}

// seconds gives snapshots once for each second of a run that is compared.
func (w *world) seconds(snapshots map[snapshotID]stats.Snapshot) map[snapshotID]stats.Snapshot {
	all := map[snapshotID]stats.Snapshot{}
	for id, s := range snapshots {
		from := s.Time
		if s.Since != 0 {
			from = s.Since
		}
		for second := from; second <= s.Time; second++ {
			if w.compared(second) {
				all[snapshotID{id.stat, second, id.revision}] = s
			}
		}
	}
	return all
}

// compareFinals compares the highest revision of each point.
func (w *world) compareFinals(published map[snapshotID]stats.Snapshot, expected *reference) (wrong []string) {
	type point struct {
		stat string
		time int64
	}
	highest := map[point]stats.Snapshot{}
	stale := map[point]bool{}
	for _, s := range published {
		if s.Since != 0 {
			w.tally.Runs++
		}
		for second := s.First(); second <= s.Time; second++ {
			if !w.compared(second) {
				continue
			}
			key := point{s.Stat, second}
			if s.StaleSince != 0 {
				stale[key] = true
			}
			if h, ok := highest[key]; !ok || s.Revision > h.Revision {
				highest[key] = s
			}
		}
	}
	var lines struct{ In, Counted, Late, Unreadable uint64 }
	for _, stat := range w.definitions.All() {
		from := expected.first
		if stat.Name == stats.LinesStat {
			from = min(from, expected.earliest)
		}
		for second := from; second <= expected.last; second++ {
			key := point{stat.Name, second}
			h, ok := highest[key]
			if !w.compared(second) || second < expected.first && !expected.content[second] {
				continue
			}
			w.tally.Points++
			if expected.gaps[second] && !(stat.Name == stats.LinesStat && expected.content[second]) {
				w.tally.Stale++
				if !stale[key] {
					wrong = append(wrong, fmt.Sprintf("%s at %d should be stale, is %s", stat.Name, second, h.AppendJSON(nil)))
				}
				continue
			}
			want := expected.values[key.stat][second]
			switch {
			case !ok:
				wrong = append(wrong, fmt.Sprintf("%s at %d is missing, should be %s", stat.Name, second, want))
				continue
			case stale[key] || !h.Final || string(h.Value) != want:
				wrong = append(wrong, fmt.Sprintf("%s, should be %s and final", h.AppendJSON(nil), want))
			}
			covered, of := expected.covered(stat.End(second), stat.Window)
			if h.Covered != covered || h.Of != of {
				wrong = append(wrong, fmt.Sprintf("%s, %d of %d seconds are covered", h.AppendJSON(nil), covered, of))
			}
			if of > 0 {
				w.tally.Marked++
			}
			if h.Revision > 0 {
				w.tally.Amended++
			}
			if stat.Name == stats.LinesStat {
				before := lines
				if err := json.Unmarshal(h.Value, &lines); err != nil {
					w.t.Fatal(err)
				}
				lines.In += before.In
				lines.Counted += before.Counted
				lines.Late += before.Late
				lines.Unreadable += before.Unreadable
			}
		}
	}
	for key := range highest {
		before := key.time < expected.first && !(key.stat == stats.LinesStat && expected.content[key.time])
		if before || key.time > expected.end {
			wrong = append(wrong, fmt.Sprintf("%s at %d, which is not within %d and %d", key.stat, key.time, expected.first, expected.end))
		}
	}
	c := expected.counts
	w.tally.Late += int(c.Late)
	w.tally.Unreadable += int(c.Unreadable)
	if lines.In != c.Lines || lines.Counted != c.Counted || lines.Late != c.Late || lines.Unreadable != c.Unreadable || lines.Counted+lines.Late+lines.Unreadable != lines.In {
		wrong = append(wrong, fmt.Sprintf("%s says %+v in all, there were %+v", stats.LinesStat, lines, c))
	}
	return wrong
}

// A reference is what must come out, calculated from the raw log by one pass over
// each partition: no segments, no covers, no restarts.
type reference struct {
	first, last int64 // the first second, and the last that is final
	end         int64 // the last that closes
	earliest    int64 // at which a line counts
	latest      int64 // the same
	values      map[string]map[int64]string
	minutes     map[minuteID]topics.Minute
	gaps        map[int64]bool
	stale       []int64        // the same, ascending
	content     map[int64]bool // seconds at which the internal stat counts lines
	counts      aggregate.LineCounts
}

func (w *world) reference() *reference {
	e := &reference{first: math.MaxInt64, last: math.MaxInt64, earliest: math.MaxInt64, values: map[string]map[int64]string{}, gaps: map[int64]bool{}, content: map[int64]bool{}}
	evaluator, err := oracle.New(w.definitions, func(s stats.Snapshot) {
		if e.values[s.Stat] == nil {
			e.values[s.Stat] = map[int64]string{}
		}
		for second := s.First(); second <= s.Time; second++ {
			if w.compared(second) {
				e.values[s.Stat][second] = string(s.Value)
			}
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	compiled, err := program.Compile(w.definitions)
	if err != nil {
		w.t.Fatal(err)
	}
	folder := compiled.NewFolder()
	var uncovered []timing.Interval
	for _, log := range w.raw {
		clock := watermark.New()
		first := int64(math.MaxInt64)
		for _, r := range log {
			switch {
			case r.junk:
				second := max(clock.Second(), 0)
				if clock.Second() < 0 && first < math.MaxInt64 {
					second = first
				}
				evaluator.Undecodable(r.value, second)
				e.content[second] = true
				e.meet(second)
			case r.header.Domain != w.domain:
			case r.header.Tick != nil:
				before, after, gaps := clock.Tick(watermark.Tick{Ingester: r.header.Ingester, Clock: r.header.Second(),
					Since: r.header.Tick.Since, Leaving: r.header.Tick.Leaving})
				if before < 0 && after >= 0 && gaps != nil {
					first = min(first, after-1)
					gaps[0].To = max(gaps[0].To, first)
					evaluator.Begin(gaps[0].To)
					e.first = min(e.first, gaps[0].To)
				}
				uncovered = append(uncovered, gaps...)
			default:
				second := r.header.Second()
				if clock.Second() < 0 {
					first = min(first, second)
				}
				floor := max(second, clock.Second())
				pack := r.header.Pack(r.value, clock.Second())
				evaluator.Pack(pack)
				folder.Fold(pack)
				if len(r.value) > 0 {
					e.content[floor] = true
					e.meet(floor)
				}
				for text := range bytes.Lines(r.value) {
					if at := lineSecond(text, second); at+1+w.definitions.Lateness > floor {
						e.meet(at)
					}
				}
			}
		}
		if w.domain == topics.WallDomain {
			e.last = min(e.last, clock.Second()-1-w.definitions.Lateness)
			e.end = max(e.end, clock.Second()-1)
		} else {
			e.last, e.end = e.latest, e.latest
		}
	}
	if w.domain != topics.WallDomain {
		e.first = e.earliest
	}
	for _, g := range uncovered {
		evaluator.Stale(g.From, g.To)
	}
	for _, g := range uncovered {
		for s := max(g.From, e.first); s < g.To; s++ {
			e.gaps[s] = true
		}
	}
	e.stale = slices.Sorted(maps.Keys(e.gaps))
	evaluator.Close(e.last)
	e.counts = evaluator.Counts()
	e.minutes = minutesOf(w.definitions, compiled, folder, w.start)
	return e
}

// meet notes that lines count at a second.
func (e *reference) meet(second int64) {
	if second > 0 {
		e.earliest, e.latest = min(e.earliest, second), max(e.latest, second)
	}
}

// covered counts which of the last seconds, so many, up to and with a second are
// covered; 0 of 0 stands for all.
func (e *reference) covered(second, seconds int64) (covered, of int64) {
	if from := max(second+1-seconds, e.first); from <= second {
		first, _ := slices.BinarySearch(e.stale, from)
		behind, _ := slices.BinarySearch(e.stale, second+1)
		covered = second + 1 - from - int64(behind-first)
	}
	if covered == seconds {
		return 0, 0
	}
	return covered, seconds
}

// lineSecond is the second at which a line of makeLog counts, whose record is of
// another.
func lineSecond(text []byte, record int64) int64 {
	stamp, ok := bytes.CutPrefix(text, []byte("time="))
	if !ok {
		return record
	}
	at, err := time.Parse(time.RFC3339, string(stamp[:len("2006-01-02T15:04:05Z")]))
	if err != nil {
		panic(err)
	}
	if at.Unix() > record+5 {
		return record
	}
	return at.Unix()
}

// minutesOf returns the digests of all that was folded.
func minutesOf(d *stats.Definitions, p *program.Program, f *program.Folder, start int64) map[minuteID]topics.Minute {
	minutes := map[minuteID]topics.Minute{}
	f.Flush(func(stat int, fragment []byte) {
		if !window.Digests(p.Kind(stat)) {
			return
		}
		name, total := d.All()[stat].Name, window.NewTotal(p.Kind(stat))
		for time := start/60*60 - 60; time < start+300; time += 60 {
			if err := total.Join(fragment, time, time+60); err != nil {
				panic(err)
			}
			if digest, numbers := total.Digest(); numbers > 0 {
				minutes[minuteID{name, time}] = topics.Minute{Stat: name, Version: d.Version(), Time: time, Numbers: numbers, Digest: digest}
			}
		}
	})
	return minutes
}
