// Package oracle evaluates lines in one process and without Kafka: what the
// distributed result must equal.
//
// It shares with the pipeline what a line means (package program) and what the
// window of one stat comes to (package window), both of which have slow second
// versions of their own in tests. All else it does its own way: it knows no
// segments, covers, revisions, commits or restarts, and decides from clocks and
// lines alone which seconds there are and what is stale.
package oracle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/window"
)

// An Evaluator has the final snapshots of packs of lines. Revisions depend on how
// sources interleave, so it leaves them 0.
//
// What it emits is in order of time, then of the stats as the definitions have
// them. The first second is the first that is covered, the last the last that is final
// or the latest at which a line counts. A recording, of which Begin says nothing, is
// covered from its earliest line to its latest. It is for one goroutine.
type Evaluator struct {
	program  *program.Program
	folder   *program.Folder
	stats    []evaluated
	version  string
	lateness int64
	emit     func(stats.Snapshot)
	pending  bool // lines were folded since the last flush

	from        int64 // nothing is emitted before it
	begin       int64 // the first second that is covered; MaxInt64 in a recording
	watermark   int64
	first, last int64             // at which lines count, in the internal stat too; MaxInt64 and -1 if there are none
	next        int64             // the first second that was not emitted; -1: none was
	stale       []timing.Interval // ascending, apart from each other
	longest     int64             // of the windows

	beyond map[string]aggregate.Beyond // by stat: the greatest share of any window

	emitDigest func(stat string, minute int64, numbers uint64, digest []byte) // nil: not asked for
	digested   int64                                                          // the first second that is in no digest yet
}

// anyLine is the name of one more stat, which counts every line and so tells at
// which seconds lines count. It is not emitted.
const anyLine = ""

// withAnyLine is definitions with anyLine.
func withAnyLine(d *stats.Definitions) *stats.Definitions {
	with := *d
	with.Stats = append(slices.Clip(d.Stats), &stats.Stat{Name: anyLine, Kind: "rate", Per: 1, Window: 1})
	return &with
}

// An evaluated is a stat with its state.
type evaluated struct {
	*stats.Stat
	series *window.Series
	minute *window.Total // what the open minute has come to; nil: no digests are asked for, or the kind has none

	// The run of seconds with the same value that the stat is in: [since, until).
	since, until int64
	run          stats.Snapshot
}

// New returns an Evaluator that calls emit with each snapshot. The snapshot's
// Value must not be changed. It fails if program.Compile does.
func New(d *stats.Definitions, emit func(stats.Snapshot)) (*Evaluator, error) {
	e := &Evaluator{version: d.Version(), lateness: d.Lateness, emit: emit,
		begin: math.MaxInt64, watermark: -1, first: math.MaxInt64, last: -1, next: -1, beyond: make(map[string]aggregate.Beyond)}
	counted := withAnyLine(d)
	p, err := program.Compile(counted)
	if err != nil {
		return nil, err
	}
	e.program, e.folder = p, p.NewFolder()
	for i, s := range counted.All() {
		e.stats = append(e.stats, evaluated{Stat: s, series: window.NewSeries(p.Kind(i), s)})
		e.longest = max(e.longest, s.Lookback())
	}
	return e, nil
}

// Pack folds the lines of a pack.
func (e *Evaluator) Pack(p program.Pack) {
	e.folder.Fold(p)
	e.pending = true
}

// Undecodable accounts for a record that is not a pack; see Folder.Undecodable.
func (e *Evaluator) Undecodable(value []byte, second int64) {
	e.folder.Undecodable(value, second)
	e.pending = true
}

// Counts gives the account of all lines so far.
func (e *Evaluator) Counts() aggregate.LineCounts { return e.folder.Counts() }

// Notices gives what was noticed of all lines so far, and of the windows those that had
// room for the least share.
func (e *Evaluator) Notices() stats.Notices {
	n := e.folder.Notices()
	n.Beyond = e.beyond
	return n
}

// Start says that nothing before a second is to be emitted.
func (e *Evaluator) Start(second int64) { e.from = second }

// Digests has the evaluator also emit digests of the numbers of each minute, as mergers make
// them, once the minute is over.
func (e *Evaluator) Digests(emit func(stat string, minute int64, numbers uint64, digest []byte)) {
	e.emitDigest = emit
	for i := range e.stats {
		if kind := e.program.Kind(i); e.stats[i].Name != anyLine && window.Digests(kind) {
			e.stats[i].minute = window.NewTotal(kind)
		}
	}
}

// Begin says that a source partition is covered from a second on, and not before.
func (e *Evaluator) Begin(second int64) {
	e.begin = min(e.begin, second)
	e.Stale(0, second)
}

// Stale says that the seconds [from, to) are not covered. They are passed as one
// snapshot of each stat, at the last of them, whose value is null. But the internal
// stat of lines has a value where lines came in: every line is accounted for.
func (e *Evaluator) Stale(from, to int64) {
	if from >= to {
		return
	}
	kept := e.stale[:0]
	for _, g := range e.stale {
		if g.To < from || g.From > to {
			kept = append(kept, g)
		} else {
			from, to = min(from, g.From), max(to, g.To)
		}
	}
	i, _ := slices.BinarySearchFunc(kept, from, func(g timing.Interval, from int64) int { return cmp.Compare(g.From, from) })
	e.stale = slices.Insert(kept, i, timing.Interval{From: from, To: to})
}

// Advance says that the watermark, of several partitions the least, is w now, and
// emits the seconds that are final. Of a recording all ticks but the last are to be
// passed on: the last is later than its lines, so that all its seconds are final.
func (e *Evaluator) Advance(w int64) {
	e.flush()
	before := e.watermark
	e.watermark = w
	final := w - 1 - e.lateness
	quiet := timing.Interval{} // in which runs of the same value are one snapshot
	if before >= 0 && w-before > timing.Quiet {
		quiet = timing.Interval{From: before, To: final + 1}
	}
	e.emitUntil(final, quiet)
}

// Close emits the seconds that are left, through last; if that is -1, up
// to the last that there is a line of, and those after it that are stale.
func (e *Evaluator) Close(last int64) {
	e.flush()
	if last < 0 {
		last = e.last
		// A stale interval is final up to the watermark, lines or not.
		for _, g := range e.stale {
			if g.From <= last+1 {
				last = max(last, min(g.To, e.watermark)-1)
			}
		}
	}
	// A stale interval that reaches beyond the end ends there.
	for i := range e.stale {
		e.stale[i].To = min(e.stale[i].To, last+1)
	}
	e.emitUntil(last, timing.Interval{})
}

// flush joins what was folded.
func (e *Evaluator) flush() {
	if !e.pending {
		return
	}
	e.pending = false
	e.folder.Flush(e.joinFragment)
}

func (e *Evaluator) compiled() *program.Program { return e.program }

// joinFragment joins what was folded of a stat.
func (e *Evaluator) joinFragment(stat int, fragment []byte) {
	s := &e.stats[stat]
	var touched func(int64)
	if s.Name == anyLine || s.Name == stats.LinesStat {
		touched = e.counted
	}
	if err := s.series.Join(fragment, touched); err != nil {
		panic(fmt.Sprintf("oracle: a fragment that was just made does not join: %v", err))
	}
}

// counted notes that lines count at a second. Second 0 is of those of which nobody
// can say when they were.
func (e *Evaluator) counted(second int64) {
	if second > 0 {
		e.first = min(e.first, second)
		e.last = max(e.last, second)
	}
}

// firstSecond is the first of the stream, as far as is known.
func (e *Evaluator) firstSecond() int64 {
	if e.begin < math.MaxInt64 {
		return e.begin
	}
	return e.first
}

// digest joins the seconds before until, which are final, to their minutes' numbers.
func (e *Evaluator) digest(until int64) {
	for i := range e.stats {
		s := &e.stats[i]
		if s.minute == nil {
			continue
		}
		open := minuteOf(e.digested)
		end := func(second int64) {
			if minuteOf(second) == open {
				return
			}
			if digest, numbers := s.minute.Digest(); numbers > 0 {
				e.emitDigest(s.Name, open, numbers, digest)
			}
			open = minuteOf(second)
		}
		for _, second := range s.series.Between(e.digested, until) {
			end(second)
			if err := s.minute.Join(s.series.AppendSecond(nil, second), second, second+1); err != nil {
				panic(fmt.Sprintf("oracle: a second that was just made does not join: %v", err))
			}
		}
		end(until)
	}
	e.digested = until
}

// minuteOf is when the minute of a second begins.
func minuteOf(second int64) int64 { return second - second%60 }

// emitUntil emits the seconds through last.
func (e *Evaluator) emitUntil(last int64, quiet timing.Interval) {
	if e.emitDigest != nil && last >= e.digested {
		e.digest(last + 1)
	}
	if e.next < 0 {
		// Lines that are in time can still be earlier than the first so far, but
		// not than a second that is final.
		first := max(e.firstSecond(), e.from)
		if first > last {
			return
		}
		e.next = first
		own := &e.stats[len(e.stats)-1]
		for _, second := range own.series.Between(max(e.from, 1), first) {
			e.emitOf(own, e.value(own, second)) // every line is accounted for
		}
	}
	for e.next <= last {
		i := slices.IndexFunc(e.stale, func(g timing.Interval) bool { return g.To > e.next })
		stale := int64(math.MaxInt64)
		if i >= 0 {
			stale = e.stale[i].From
		}
		if stale <= e.next {
			if e.stale[i].To > last+1 {
				return // until all of it is final
			}
			e.passStale(e.next, e.stale[i].To)
			continue
		}
		e.emitSecond(e.next, min(stale, quiet.To), quiet.From)
	}
	e.stale = slices.DeleteFunc(e.stale, func(g timing.Interval) bool { return g.To <= e.next-e.longest })
}

// emitSecond emits what ends with a second, and goes on to the next at which
// something does. From the second quiet on runs are one snapshot; they end before
// end.
func (e *Evaluator) emitSecond(second, end, quiet int64) {
	next := int64(math.MaxInt64)
	for i := range e.stats {
		s := &e.stats[i]
		if s.until <= second {
			s.since, s.until, s.run = second, second+1, e.value(s, second)
			if second >= quiet {
				until := s.Next(second) // as many seconds of its window are covered
				if s.run.Of == 0 {
					until = s.series.Until(second)
				}
				s.until = max(s.until, min(end, until))
			}
		}
		s.series.Forget(second)
		if s.until > second+1 {
			next = min(next, s.until-1)
			continue
		}
		if s.since < second {
			s.run.Since, s.run.Time = s.since, second
		}
		e.emitOf(s, s.run)
		next = second + 1
	}
	e.next = next
}

// passStale passes the seconds [from, to). The internal stat, which is the last, has
// values among them where it has lines.
func (e *Evaluator) passStale(from, to int64) {
	others, own := e.stats[:len(e.stats)-1], &e.stats[len(e.stats)-1]
	stale := from
	for _, second := range own.series.Between(from, to) {
		e.emitStale(own, stale, second)
		if second < to-1 {
			e.emitOf(own, e.value(own, second))
		}
		stale = second + 1
	}
	for i := range others {
		e.emitStale(&others[i], from, to)
	}
	if stale == to {
		e.emitOf(own, e.value(own, to-1))
	} else {
		e.emitStale(own, stale, to)
	}
	for i := range e.stats {
		e.stats[i].series.Forget(to - 1)
	}
	e.next = to
}

// value is the snapshot of a stat at a second.
func (e *Evaluator) value(s *evaluated, second int64) stats.Snapshot {
	end := s.End(second)
	covered := e.covered(max(end+1-s.Window, e.firstSecond()), end+1)
	snapshot := stats.Snapshot{Time: second, Value: s.series.Value(second, max(covered, 1)), Approx: s.series.Approx(), Beyond: s.series.Beyond()}
	if snapshot.Beyond.Share > e.beyond[s.Name].Share {
		e.beyond[s.Name] = snapshot.Beyond
	}
	if covered < s.Window {
		snapshot.Covered, snapshot.Of = covered, s.Window
	}
	return snapshot
}

// covered counts the seconds of [from, to), if there are any, that are covered.
func (e *Evaluator) covered(from, to int64) int64 {
	n := max(to-from, 0)
	for _, g := range e.stale {
		n -= max(min(g.To, to)-max(g.From, from), 0)
	}
	return n
}

// emitStale passes the seconds [from, to), if there are any.
func (e *Evaluator) emitStale(s *evaluated, from, to int64) {
	if from < to {
		e.emitOf(s, stats.Snapshot{Time: to - 1, Value: json.RawMessage("null"), StaleSince: from})
	}
}

// emitOf emits a snapshot of a stat.
func (e *Evaluator) emitOf(s *evaluated, snapshot stats.Snapshot) {
	if s.Name != anyLine {
		snapshot.Stat, snapshot.Final, snapshot.Version = s.Name, true, e.version
		e.emit(snapshot)
	}
}
