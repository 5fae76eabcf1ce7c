package merger

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/processors"
	"pulse/topics"
)

// A merger that had to read all fragments of the longest window again would be
// long about it: 1,000 stats over 300 s and 16 source partitions are 4,800,000 of
// them. So once no line in time can change a second any more, what all fragments
// of it came to is kept, in a topic of its own, and a successor reads the kept
// seconds and only the last few seconds' fragments.
//
// Which seconds it takes from where decides whether its revisions are the same
// ones: see commit.

// Kept returns the last values, so many, of a partition of the topic of seconds, or of long
// minutes, oldest first, and whether these are all.
type Kept func(topic string, partition int32, last int64) (values [][]byte, all bool, err error)

// keep emits the seconds that have become complete: no line in time can be of
// them, since every watermark is beyond them by the lateness.
func (p *partition) keep(emit processors.Emit) {
	complete := p.least() - p.lateness
	if complete <= p.complete {
		return
	}
	stale := map[int64]int64{} // the last second of each stale interval -> its length
	if p.longest > p.lateness+1 {
		for _, g := range p.coverage.stale {
			if from, to := max(g.From, p.complete), min(g.To, complete); from < to {
				stale[to-1] = to - from
			}
		}
	}
	seconds := slices.Collect(maps.Keys(stale))
	for second := range maps.Keys(p.touched) {
		if second >= p.complete && second < complete && stale[second] == 0 {
			seconds = append(seconds, second)
		}
	}
	slices.Sort(seconds)
	for _, second := range seconds {
		p.endMinutes(second, emit)
		var data []byte
		for _, t := range p.tracks {
			// Shorter windows are made of fragments that are read again anyway.
			if t.stat.Lookback() <= p.lateness+1 && t.minute == nil {
				continue
			}
			part := t.series.AppendSecond(nil, second)
			if part == nil {
				continue
			}
			data = topics.AppendNamed(data, t.name, part)
			if t.minute != nil {
				_ = t.minute.Join(part, p.minute, second+1) // it was just made
			}
		}
		if len(data) > 0 || stale[second] > 0 {
			p.emitKept(p.seconds, topics.Second{Second: second, Before: p.kept, Stale: stale[second]}, data, emit)
			p.kept = second
		}
	}
	p.endMinutes(complete, emit)
	p.keepLong(complete, emit)
	p.complete = complete
}

// emitKept emits what is kept of a second, in parts if it is much.
func (p *partition) emitKept(topic string, s topics.Second, data []byte, emit processors.Emit) {
	s.Parts = max((len(data)+topics.MaxPart-1)/topics.MaxPart, 1)
	for s.Part = range s.Parts {
		s.Data = data[s.Part*topics.MaxPart : min((s.Part+1)*topics.MaxPart, len(data))]
		emit(topic, p.key, s.Append(nil))
	}
}

// keptSlack is how many records more than seconds of the longest window are
// asked for at first.
const keptSlack = 64

// restore joins the kept seconds before floor that windows need which are still
// to be published, those of the open minute, and for long windows those from a second on.
// It reports whether windows that are not long lack none.
func (p *partition) restore(kept Kept, long int64) (whole bool, err error) {
	windows := p.final + 1 - p.maxOver
	from := min(windows, p.minute)
	if len(p.long) > 0 {
		from = min(from, long)
	}
	chain, reached, err := p.chain(kept, p.seconds, p.maxOver+keptSlack, func(map[int64]unit) int64 { return p.kept }, from)
	if err != nil {
		return false, err
	}
	// Oldest first, as the seconds were joined to the open minute: beyond a
	// key's room the order shows.
	for i, u := range slices.Backward(chain) {
		err := p.eachKept(u, func(t *track, fragment []byte) error {
			if t.minute != nil {
				if err := t.minute.Join(fragment, p.minute, p.complete); err != nil {
					return err
				}
			}
			if t.stat.Long() {
				return t.series.JoinWithin(fragment, long, p.floor, nil)
			}
			return t.series.JoinWithin(fragment, windows, p.floor, nil)
		})
		if err != nil {
			return false, err
		}
		if i%settleEvery == 0 {
			for _, t := range p.tracks {
				if !t.stat.Long() {
					t.series.Forget(min(u.second, p.floor-1))
				}
			}
		}
	}
	if len(p.long) > 0 && reached > long {
		p.coverage.add(long, min(reached, p.floor))
	}
	return reached <= windows, nil
}

// eachKept calls do with the fragments of what was kept of a second.
func (p *partition) eachKept(u unit, do func(t *track, fragment []byte) error) error {
	return topics.EachNamed(slices.Concat(u.parts...), func(stat, fragment []byte) error {
		if t := p.byName[string(stat)]; t != nil {
			return do(t, fragment)
		}
		return nil
	})
}

// A unit is what was kept of a second.
type unit struct {
	second, before, stale int64
	parts                 [][]byte // nil: missing
}

// chain reads the last values of a topic, so many or, if they do not reach back to from,
// more. It returns what was kept of seconds from there on, from the one that head gives
// backwards, and the second from which on none is missing.
func (p *partition) chain(kept Kept, topic string, last int64, head func(map[int64]unit) int64, from int64) (chain []unit, reached int64, err error) {
	for ; ; last *= 4 {
		values, all, err := kept(topic, p.number, last)
		if err != nil {
			return nil, 0, err
		}
		units := p.units(values)
		chain, reached := chainOf(units, head(units), from)
		if reached <= from || all {
			for _, u := range chain {
				if u.stale > 0 {
					p.coverage.add(u.second+1-u.stale, u.second+1)
				}
			}
			return chain, reached, nil
		}
	}
}

// units are what was kept, by second.
func (p *partition) units(values [][]byte) map[int64]unit {
	units := map[int64]unit{}
	for _, value := range values {
		s, err := topics.DecodeSecond(value)
		if err != nil {
			p.metrics.Bad.Add(1)
			continue
		}
		u := units[s.Second]
		if u.before != s.Before || u.stale != s.Stale || len(u.parts) != s.Parts {
			u = unit{s.Second, s.Before, s.Stale, make([][]byte, s.Parts)}
		}
		u.parts[s.Part] = s.Data
		units[s.Second] = u
	}
	return units
}

// chainOf finds units from one backwards, to a second.
func chainOf(units map[int64]unit, head, from int64) (chain []unit, reached int64) {
	for second := head; second >= from; {
		u, ok := units[second]
		if !ok || slices.ContainsFunc(u.parts, func(part []byte) bool { return part == nil }) {
			return chain, second + 1
		}
		chain = append(chain, u)
		second = u.before
	}
	return chain, from
}

// keptWithin is how long reading kept seconds may take.
const keptWithin = 30 * time.Second

// Kept reads the topics of seconds and of long minutes, until ctx ends.
func (m *Merger) Kept(ctx context.Context) Kept {
	return func(topic string, partition int32, last int64) ([][]byte, bool, error) {
		return m.kept(ctx, topic, partition, last)
	}
}

func (m *Merger) kept(ctx context.Context, topic string, partition int32, last int64) (values [][]byte, all bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	admin, err := m.config.Cluster.Admin()
	if err != nil {
		return nil, false, err
	}
	defer admin.Close()
	whole, err := admin.Readable(ctx, topic)
	if err != nil {
		return nil, false, err
	}
	newest := whole.Of(partition).Newest(last)
	err = admin.Read(ctx, topic, newest, func(r *kgo.Record) bool {
		values = append(values, r.Value)
		return true
	})
	return values, newest[partition].From == whole[partition].From, err
}
