package merger

import (
	"cmp"
	"context"
	"fmt"
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

// Kept calls each with the last values, so many, of a partition of the topic of seconds, or of
// long minutes, oldest first, and tells whether these are all. A value is not kept beyond its
// call.
type Kept func(topic string, partition int32, last int64, each func(value []byte)) (all bool, err error)

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
	for _, one := range p.touched.between(p.complete, complete) {
		if stale[one.second] == 0 {
			seconds = append(seconds, one.second)
		}
	}
	slices.Sort(seconds)
	for _, second := range seconds {
		p.endMinutes(second, emit)
		data := p.named[:0]
		for _, t := range p.tracks {
			// Shorter windows are made of fragments that are read again anyway.
			if t.stat.Lookback() <= p.lateness+1 && t.minute == nil {
				continue
			}
			p.part = t.series.AppendSecond(p.part[:0], second)
			if len(p.part) == 0 {
				continue
			}
			data = topics.AppendNamed(data, t.name, p.part)
			if t.minute != nil {
				_ = t.minute.Join(p.part, p.minute, second+1) // it was just made
			}
		}
		p.named = data
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
	chain, err := p.chain(kept, p.seconds, p.maxOver+keptSlack, func(map[int64]unit) int64 { return p.kept }, from)
	if err != nil {
		return false, err
	}
	// Oldest first, as the seconds were joined to the open minute: beyond a
	// key's room the order shows.
	err = p.eachKept(kept, chain, func(left int, second int64, fragments func(func(t *track, fragment []byte) error) error) error {
		err := fragments(func(t *track, fragment []byte) error {
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
		if left%settleEvery == 0 {
			for _, t := range p.tracks {
				if !t.stat.Long() {
					t.series.Forget(min(second, p.floor-1))
				}
			}
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if len(p.long) > 0 && chain.reached > long {
		p.coverage.add(long, min(chain.reached, p.floor))
	}
	return chain.reached <= windows, nil
}

// A unit is what was kept of a second, but for the data: those of a day would be more than its
// windows are.
type unit struct {
	second, before, stale int64
	parts                 []bool // which of them there are
}

func (u *unit) is(s *topics.Second) bool {
	return u.before == s.Before && u.stale == s.Stale && len(u.parts) == s.Parts
}

// A chain is units of which each names the next, from the newest backwards.
type chain struct {
	topic   string
	last    int64 // it is among so many values
	units   []unit
	reached int64 // no second is missing from here on
}

// chain reads the last values of a topic, so many or, if they do not reach back to from,
// more. It finds what was kept of seconds from there on, from the one that head gives backwards.
func (p *partition) chain(kept Kept, topic string, last int64, head func(map[int64]unit) int64, from int64) (*chain, error) {
	for ; ; last *= 4 {
		units := map[int64]unit{}
		all, err := kept(topic, p.number, last, func(value []byte) {
			s, err := topics.DecodeSecond(value)
			if err != nil {
				p.metrics.Bad.Add(1)
				return
			}
			u := units[s.Second]
			if !u.is(&s) {
				u = unit{s.Second, s.Before, s.Stale, make([]bool, s.Parts)}
			}
			u.parts[s.Part] = true
			units[s.Second] = u
		})
		if err != nil {
			return nil, err
		}
		c := chain{topic: topic, last: last}
		c.units, c.reached = chainOf(units, head(units), from)
		if c.reached <= from || all {
			for _, u := range c.units {
				if u.stale > 0 {
					p.coverage.add(u.second+1-u.stale, u.second+1)
				}
			}
			return &c, nil
		}
	}
}

// chainOf finds units from one backwards, to a second.
func chainOf(units map[int64]unit, head, from int64) (found []unit, reached int64) {
	for second := head; second >= from; {
		u, ok := units[second]
		if !ok || slices.Contains(u.parts, false) {
			return found, second + 1
		}
		found = append(found, u)
		second = u.before
	}
	return found, from
}

// eachKept reads what a chain is of once more. It calls do with each second, the oldest first,
// how many are left, and what gives its fragments.
func (p *partition) eachKept(kept Kept, c *chain, do func(left int, second int64, fragments func(func(t *track, fragment []byte) error) error) error) error {
	if len(c.units) == 0 {
		return nil
	}
	left := len(c.units)
	waiting := make(map[int64]int, left) // the place of each second that is to come
	for i, u := range c.units {
		waiting[u.second] = i
	}
	data := map[int64][][]byte{} // of those that are not complete, or not the next one
	var failed error
	_, err := kept(c.topic, p.number, c.last, func(value []byte) {
		s, err := topics.DecodeSecond(value)
		i, ok := waiting[s.Second]
		if err != nil || failed != nil || !ok || !c.units[i].is(&s) {
			return
		}
		if data[s.Second] == nil {
			data[s.Second] = make([][]byte, s.Parts)
		}
		data[s.Second][s.Part] = append([]byte{}, s.Data...)
		for left > 0 && failed == nil {
			next := c.units[left-1].second
			parts := data[next]
			if parts == nil || slices.ContainsFunc(parts, func(part []byte) bool { return part == nil }) {
				return
			}
			left--
			delete(waiting, next)
			delete(data, next)
			failed = do(left, next, func(each func(t *track, fragment []byte) error) error {
				return topics.EachNamed(slices.Concat(parts...), func(stat, fragment []byte) error {
					if t := p.byName[string(stat)]; t != nil {
						return each(t, fragment)
					}
					return nil
				})
			})
		}
	})
	if err = cmp.Or(failed, err); err == nil && left > 0 {
		err = fmt.Errorf("%s changed while it was read: %d seconds are gone", c.topic, left)
	}
	return err
}

// keptWithin is how long reading kept seconds may take.
const keptWithin = 30 * time.Second

// Kept reads the topics of seconds and of long minutes, until ctx ends.
func (m *Merger) Kept(ctx context.Context) Kept {
	return func(topic string, partition int32, last int64, each func(value []byte)) (bool, error) {
		return m.kept(ctx, topic, partition, last, each)
	}
}

func (m *Merger) kept(ctx context.Context, topic string, partition int32, last int64, each func(value []byte)) (all bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	admin, err := m.config.Cluster.Admin()
	if err != nil {
		return false, err
	}
	defer admin.Close()
	whole, err := admin.Readable(ctx, topic)
	if err != nil {
		return false, err
	}
	newest := whole.Of(partition).Newest(last)
	err = admin.Read(ctx, topic, newest, func(r *kgo.Record) bool {
		each(r.Value)
		return true
	})
	return newest[partition].From == whole[partition].From, err
}
