package merger

import (
	"maps"
	"slices"

	"pulse/processors"
	"pulse/topics"
)

// A long window (see stats.Stat.Long) reaches further back than the topics of seconds and of
// fragments, and than the log of a new definitions version. So what each minute adds to the
// stats of such windows is kept in a topic of its own, once the minute is complete, and a
// successor reads the minutes of the longest window. What there is no minute of was not
// covered, as far as such a window is concerned: that is what it says where other windows
// have no value.
//
// A record is a topics.Second that ends a minute, or ends seconds that are not covered. There
// is one of the last minute that is complete whenever there is a new one, so that a successor
// knows by its commit which record is the last.

// keepLong emits the minutes that are complete.
func (p *partition) keepLong(complete int64, emit processors.Emit) {
	from, to := p.longKept+1, minuteOf(complete)
	if len(p.long) == 0 || from >= to {
		return
	}
	stale := map[int64]int64{to - 1: 0} // the last second of each stale interval -> its length
	for _, g := range p.coverage.stale {
		if from, to := max(g.From, from), min(g.To, to); from < to {
			stale[to-1] = to - from
		}
	}
	for _, t := range p.long {
		for _, second := range t.series.Between(from, to) {
			if end := minuteOf(second) + minuteSeconds - 1; stale[end] == 0 {
				stale[end] = 0
			}
		}
	}
	for _, second := range slices.Sorted(maps.Keys(stale)) {
		var data []byte
		if minute := second + 1 - minuteSeconds; minute == minuteOf(second) {
			for _, t := range p.long {
				if part := t.series.AppendMinute(nil, minute); part != nil {
					data = topics.AppendNamed(data, t.name, part)
				}
			}
		}
		p.emitKept(p.longTopic, topics.Second{Second: second, Before: p.longKept, Stale: stale[second]}, data, emit)
		p.longKept = second
	}
}

// settleEvery is how many seconds or minutes are joined at once when they are restored: of as
// many a series has more than some bytes each.
const settleEvery = 600

// restoreLong joins the minutes before a second that is the beginning of one. Those that are
// missing are not covered.
func (p *partition) restoreLong(kept Kept, before int64) error {
	if len(p.long) == 0 || before == 0 {
		return nil
	}
	from := before - p.longest
	head := func(units map[int64]unit) int64 {
		last := p.longKept
		for u, ok := units[last]; ok && u.before >= before-1; u, ok = units[last] {
			last = u.before
		}
		return last
	}
	chain, err := p.chain(kept, p.longTopic, p.longest/minuteSeconds+keptSlack, head, from)
	if err != nil {
		return err
	}
	err = p.eachKept(kept, chain, func(left int, second int64, fragments func(func(t *track, fragment []byte) error) error) error {
		err := fragments(func(t *track, fragment []byte) error { return t.series.JoinWithin(fragment, from, before, nil) })
		if left%settleEvery == 0 {
			for _, t := range p.long {
				t.series.Forget(min(second, before-1))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if reached := chain.reached; reached > from {
		p.coverage.add(0, min(reached, before))
		p.log.Error("Kafka deleted minutes of long windows before they were read: these windows count from the next one on. Raise the topic's retention.ms",
			"partition", p.number, "topic", p.longTopic, "from second", reached)
	}
	return nil
}

// dropLong says that nothing is known, as far as long windows are concerned, of the seconds
// from those that are kept up to one.
func (p *partition) dropLong(offset, before int64) {
	p.addGap(offset, p.longKept+1, before)
	for _, t := range p.long {
		t.series.Drop(before)
	}
}
