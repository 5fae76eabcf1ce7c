package merger

import (
	"cmp"
	"maps"
	"math"
	"pulse/processors"
	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
	"slices"
)

// begin finds the first second, once every source partition has a clock. Of a
// definitions version that began at a savepoint it is one from which on every window is complete.
func (p *partition) begin(offset int64, emit processors.Emit) {
	p.begun = true
	least, greatest, complete := p.sources[0].first, p.sources[0].first, int64(0)
	for _, s := range p.sources {
		least, greatest = min(least, s.first), max(greatest, s.first)
		if s.fromSavepoint {
			complete = max(complete, s.first)
		}
	}
	if !p.committed {
		for _, s := range p.sources {
			if s.begin > 0 {
				p.coverage.first = min(p.coverage.first, s.begin)
			}
		}
		if p.coverage.first == math.MaxInt64 {
			p.coverage.first = p.earliest // of a recording
		}
		if complete > 0 || p.truncated {
			p.coverage.first = 0 // all windows that are published are of seconds that are known
		}
		p.next = max(least-p.lateness, complete, 0)
		p.final = p.next
		if complete > 0 && len(p.long) > 0 {
			p.dropLong(offset, p.next+1-p.reach) // all since then is known
		}
		if p.number == 0 {
			catalog := topics.Catalog{Version: p.version, First: p.next, Stats: p.meanings}
			emit(p.table, topics.CatalogKey(p.version), catalog.Append(nil))
		}
	}
	if p.truncated {
		if len(p.long) > 0 {
			p.dropLong(-1, greatest+timing.Unsettled)
		}
		// No checkpoint is before it: until it has passed a restart meets the same
		// truncated log again.
		p.addUncovered(uncovered{Interval: timing.Interval{From: p.next, To: greatest + timing.Unsettled}, lost: true, offset: -1})
	}
}

// publish amends, closes and makes final what the least watermark allows.
func (p *partition) publish(emit processors.Emit) {
	if !p.begun {
		return
	}
	least := max(p.least(), p.next)
	final := max(least-p.lateness, p.final)
	// An interval without values is final as soon as it has closed. It is passed
	// whole, so that a restart never begins inside one.
	for again := true; again; {
		again = false
		for _, s := range p.intervals {
			if s.From <= final && final < min(s.To, least) {
				final, again = min(s.To, least), true
			}
		}
	}
	p.keep(emit)
	c := closing{next: p.next, least: least, final: final, end: math.MaxInt64, intervals: p.intervals, coverage: &p.coverage}
	if p.ended >= 0 {
		c.end = max(p.ended, p.latest) + 1
	}
	for _, t := range p.tracks {
		t.publish(c, func(s stats.Snapshot) {
			s.Version = p.version
			p.post(t, s, emit)
		})
		// A stale interval is final before lines in time are over; and after a restart fragments
		// of seconds that are complete come again.
		t.series.Forget(min(final, p.least()-p.lateness) - 1)
	}
	p.next = least
	if final == p.final {
		return
	}
	p.final, p.moved = final, true
	p.touched.forget(p.settled())
	p.intervals = slices.DeleteFunc(p.intervals, func(s uncovered) bool { return s.end(max(p.maxOver, 1)) <= p.settled() })
	p.coverage.forget(min(p.final, p.complete) - p.longest)
}

// meet learns from a savepoint, which is there for receivers of another definitions version,
// which ingesters the clock of a source partition is of. It changes no value.
func (p *partition) meet(w *topics.Savepoint) {
	state, err := topics.DecodeReceiverState(w.State)
	if err != nil {
		return // they will say so
	}
	p.watermarks[w.Partition] = state.Clock
}

// ingesters returns those that are known, the one that is ahead first, and by how many
// seconds those are ahead whose clocks are doubted; of both at most as many as are named.
func (p *partition) ingesters() (names []string, ahead map[string]int64) {
	clocks := map[string]int64{}
	for _, w := range p.watermarks {
		for _, m := range w.Members() {
			if !m.Doubted {
				clocks[m.Ingester] = max(clocks[m.Ingester], m.Clock)
				continue
			}
			if ahead == nil {
				ahead = map[string]int64{}
			}
			ahead[m.Ingester] = max(ahead[m.Ingester], m.Clock-w.Second())
		}
	}
	for len(ahead) > topics.MaxClockIngesters {
		delete(ahead, slices.Max(slices.Collect(maps.Keys(ahead))))
	}
	names = slices.SortedFunc(maps.Keys(clocks), func(a, b string) int {
		return cmp.Or(cmp.Compare(clocks[b], clocks[a]), cmp.Compare(a, b))
	})
	return names[:min(len(names), topics.MaxClockIngesters)], ahead
}

// publishClocks says once a second, by the fastest clock, how far each source
// partition has come.
func (p *partition) publishClocks(emit processors.Emit) {
	greatest := p.greatest
	for _, s := range p.sources {
		greatest = max(greatest, s.second)
	}
	if greatest == p.greatest {
		return
	}
	p.greatest = greatest
	clocks := topics.Clocks{Version: p.version, Partition: p.number, Closed: -1}
	clocks.Ingesters, clocks.Ahead = p.ingesters()
	if p.begun {
		clocks.Closed = p.next - 1
	}
	for _, s := range p.sources {
		clocks.Seconds = append(clocks.Seconds, s.second)
	}
	emit(p.table, topics.ClocksKey(p.number), clocks.Append(nil))
}

// commit returns the newest checkpoint that does for all seconds from final on,
// if there is one; it is not taken before these have been published as final.
//
// It does if no segment that was applied before it touched a second that is not
// settled. A merger that begins there has the watermarks, takes the settled
// seconds from what was kept, and all others from fragments. Of a point that is
// still to be published it makes what this one does, at the same covers: when
// the point closed, the settled seconds of its window were what they are now, for
// every watermark was beyond them by the lateness; and whatever came of the others
// comes again. A point that had closed before the checkpoint it closes at once;
// nothing had touched the unsettled seconds by then, so its revision 0 is what it
// was.
func (p *partition) commit() *topics.Commit {
	need := int64(math.MaxInt64)
	for _, one := range p.touched {
		need = min(need, one.offset)
	}
	for _, s := range p.intervals {
		need = min(need, s.offset)
	}
	best := -1
	for i, c := range p.checks {
		if c.offset <= need {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	p.checks = slices.Delete(p.checks, 0, best)
	c := p.checks[0]
	state := topics.MergerState{Final: p.final, Ahead: c.offset - c.read, First: -1, Complete: p.complete, Kept: p.kept}
	if c.stream < math.MaxInt64 {
		state.First = c.stream
	}
	for _, src := range c.sources {
		state.Sources = append(state.Sources, topics.SourceState{Covered: src.covered, Second: src.second})
	}
	return &topics.Commit{Offset: c.read, Metadata: state.Append(nil)}
}
