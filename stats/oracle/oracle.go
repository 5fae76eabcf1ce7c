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
	"encoding/json"
	"fmt"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/program"
	"pulse/stats/window"
)

// An Evaluator has the final snapshots of packs of lines. Revisions depend on how
// sources interleave, so it leaves them 0.
//
// What it emits is in order of time, then of the stats as the definitions have
// them. Unless Start and Close say otherwise the first second is that of the
// earliest counted line, and the last is the latest at which a line counts, in
// the internal stat too. It is for one goroutine.
type Evaluator struct {
	folder   *program.Folder
	stats    []evaluated
	gen      string
	lateness int64
	emit     func(stats.Snapshot)
	pending  bool // lines were folded since the last flush

	started     bool
	next        int64 // the first second that was not emitted, once started
	first, last int64 // at which lines count; -1 if there are none
	gaps        []gap // ascending, apart from each other
}

// anyLine is the name of one more stat, which counts every line and so tells at
// which seconds lines count. It is not emitted.
const anyLine = ""

// An evaluated is a stat with its state.
type evaluated struct {
	name   string
	over   int64
	series *window.Series
}

// A gap is seconds [from, to) without a clock.
type gap struct{ from, to int64 }

// New returns an Evaluator that calls emit with each snapshot. The snapshot's
// Value must not be changed. It fails if program.Compile does.
func New(d *stats.Definitions, emit func(stats.Snapshot)) (*Evaluator, error) {
	e := &Evaluator{gen: d.Version(), lateness: d.Lateness, emit: emit, first: -1, last: -1}
	any := &stats.Stat{Name: anyLine, Kind: "rate", Per: 1, Window: 1}
	counted := &stats.Definitions{Lateness: d.Lateness, Stats: append(slices.Clip(d.Stats), any)}
	p, err := program.Compile(counted)
	if err != nil {
		return nil, err
	}
	e.folder = p.NewFolder()
	for i, s := range counted.All() {
		e.stats = append(e.stats, evaluated{s.Name, s.Window, window.NewSeries(p.Kind(i), s)})
	}
	return e, nil
}

// Pack folds the lines of a pack.
func (e *Evaluator) Pack(p program.Pack) {
	e.folder.Fold(p)
	e.pending = true
}

// Undecodable accounts for a record that is no pack; see Folder.Undecodable.
func (e *Evaluator) Undecodable(value []byte, second int64) {
	e.folder.Undecodable(value, second)
	e.pending = true
}

// Counts gives the account of all lines so far.
func (e *Evaluator) Counts() aggregate.LineCounts { return e.folder.Counts() }

// Start says which second is the first to be emitted, instead of the earliest
// counted line's.
func (e *Evaluator) Start(second int64) {
	e.started, e.next = true, second
}

// Gap says that the seconds [from, to) had no clock. They are passed as one
// snapshot of each stat, at the last of them, whose value is null. But Pulse's
// own stat has a value where lines came in: every line is accounted for.
func (e *Evaluator) Stale(from, to int64) {
	if from >= to {
		return
	}
	kept := e.gaps[:0]
	for _, g := range e.gaps {
		if g.to < from || g.from > to {
			kept = append(kept, g)
		} else {
			from, to = min(from, g.from), max(to, g.to)
		}
	}
	i, _ := slices.BinarySearchFunc(kept, from, func(g gap, from int64) int { return int(g.from - from) })
	e.gaps = slices.Insert(kept, i, gap{from, to})
}

// Advance says that the watermark, of several partitions the least, is w now,
// and emits every second s with s + 1 + lateness <= w up to the last one so far
// at which lines count.
func (e *Evaluator) Advance(w int64) {
	e.flush()
	e.emitUntil(min(w-1-e.lateness, e.last))
}

// Close emits the seconds that are left, up to and with last; if that is -1, up
// to the last one at which lines count.
func (e *Evaluator) Close(last int64) {
	e.flush()
	if last < 0 {
		last = e.last
	}
	// A gap that reaches beyond the end ends there.
	for i := range e.gaps {
		e.gaps[i].to = min(e.gaps[i].to, last+1)
	}
	e.emitUntil(last)
}

// flush joins what was folded.
func (e *Evaluator) flush() {
	if !e.pending {
		return
	}
	e.pending = false
	e.folder.Flush(func(stat int, fragment []byte) {
		s := &e.stats[stat]
		var touched func(int64)
		switch s.name {
		case anyLine:
			touched = e.counted
		case stats.LinesStat:
			touched = func(second int64) { e.last = max(e.last, second) }
		}
		if err := s.series.Join(fragment, touched); err != nil {
			panic(fmt.Sprintf("oracle: a fragment that was just made does not join: %v", err))
		}
	})
}

// counted notes that lines count at a second.
func (e *Evaluator) counted(second int64) {
	if e.first < 0 || second < e.first {
		e.first = second
	}
	e.last = max(e.last, second)
}

// emitUntil emits the seconds up to and with last.
func (e *Evaluator) emitUntil(last int64) {
	if !e.started {
		// Lines that are in time can still be earlier than the first so far, but
		// not than a second that is final.
		if e.first < 0 || e.first > last {
			return
		}
		e.Start(e.first)
	}
	for e.next <= last {
		for len(e.gaps) > 0 && e.gaps[0].to <= e.next {
			e.gaps = e.gaps[1:]
		}
		if len(e.gaps) > 0 && e.gaps[0].from <= e.next {
			if e.gaps[0].to > last+1 {
				return // until all of it is final
			}
			e.emitGap(e.next, e.gaps[0].to)
			continue
		}
		e.emitSecond(e.next)
	}
}

func (e *Evaluator) emitSecond(second int64) {
	for i := range e.stats {
		e.emitValue(&e.stats[i], second)
		e.stats[i].series.Forget(second)
	}
	e.next = second + 1
}

// emitGap passes the seconds [from, to). the internal stat, which is the last, has
// values among them where it has lines.
func (e *Evaluator) emitGap(from, to int64) {
	others, own := e.stats[:len(e.stats)-1], &e.stats[len(e.stats)-1]
	stale := from
	for _, second := range own.series.Between(from, to) {
		e.emitStale(own, stale, second)
		if second < to-1 {
			e.emitValue(own, second)
		}
		stale = second + 1
	}
	for i := range others {
		e.emitStale(&others[i], from, to)
	}
	if stale == to {
		e.emitValue(own, to-1)
	} else {
		e.emitStale(own, stale, to)
	}
	for i := range e.stats {
		e.stats[i].series.Forget(to - 1)
	}
	e.next = to
}

func (e *Evaluator) emitValue(s *evaluated, second int64) {
	if s.name != anyLine {
		v := s.series.Value(second, s.over)
		e.emit(stats.Snapshot{Stat: s.name, Time: second, Value: v, Approx: s.series.Approx(), Final: true, Version: e.gen})
	}
}

// emitStale passes the seconds [from, to), if there are any.
func (e *Evaluator) emitStale(s *evaluated, from, to int64) {
	if s.name != anyLine && from < to {
		e.emit(stats.Snapshot{Stat: s.name, Time: to - 1, Value: json.RawMessage("null"), Final: true, Version: e.gen, StaleSince: from})
	}
}
