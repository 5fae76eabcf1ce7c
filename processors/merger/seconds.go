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

// Kept returns the last values, so many, of a partition of the topic of seconds,
// oldest first, and whether these are all.
type Kept func(partition int32, last int64) (values [][]byte, all bool, err error)

// keep emits the seconds that have become complete: no line in time can be of
// them, since every watermark is beyond them by the lateness.
func (p *partition) keep(emit processors.Emit) {
	complete := p.least() - p.lateness
	if complete <= p.complete {
		return
	}
	stale := map[int64]int64{} // the last second of each stale interval -> its length
	if p.maxOver > p.lateness+1 {
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
			if t.over <= p.lateness+1 && t.minute == nil {
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
		parts := (len(data) + topics.MaxPart - 1) / topics.MaxPart
		if stale[second] > 0 {
			parts = max(parts, 1)
		}
		for i := range parts {
			s := topics.Second{Second: second, Before: p.kept, Stale: stale[second], Part: i, Parts: parts,
				Data: data[i*topics.MaxPart : min((i+1)*topics.MaxPart, len(data))]}
			emit(p.seconds, p.key, s.Append(nil))
		}
		if parts > 0 {
			p.kept = second
		}
	}
	p.endMinutes(complete, emit)
	p.complete = complete
}

// keptSlack is how many records more than seconds of the longest window are
// asked for at first.
const keptSlack = 64

// restore joins the kept seconds before floor that windows need which are still
// to be published, and those of the open minute. It reports whether windows lack
// none.
func (p *partition) restore(kept Kept) (whole bool, err error) {
	windows := p.final + 1 - p.maxOver
	from := min(windows, p.minute)
	for last := p.maxOver + keptSlack; ; last *= 4 {
		values, all, err := kept(p.number, last)
		if err != nil {
			return false, err
		}
		chain, reached := p.chain(values, from)
		if reached > from && !all {
			continue
		}
		// Oldest first, as the seconds were joined to the open minute: beyond a
		// key's room the order shows.
		for _, data := range slices.Backward(chain) {
			err := topics.EachNamed(data, func(stat, fragment []byte) error {
				t := p.byName[string(stat)]
				if t == nil {
					return nil
				}
				if t.minute != nil {
					if err := t.minute.Join(fragment, p.minute, p.complete); err != nil {
						return err
					}
				}
				return t.series.JoinWithin(fragment, windows, p.floor, nil)
			})
			if err != nil {
				return false, err
			}
		}
		return reached <= windows, nil
	}
}

// chain finds, from the second kept last backwards, what was kept of seconds from
// one on, and returns the second from which on none is missing.
func (p *partition) chain(values [][]byte, from int64) (chain [][]byte, reached int64) {
	type unit struct {
		before, stale int64
		parts         [][]byte
	}
	units := map[int64]unit{}
	for _, value := range values {
		s, err := topics.DecodeSecond(value)
		if err != nil {
			p.metrics.Bad.Add(1)
			continue
		}
		u := units[s.Second]
		if u.before != s.Before || u.stale != s.Stale || len(u.parts) != s.Parts {
			u = unit{s.Before, s.Stale, make([][]byte, s.Parts)}
		}
		u.parts[s.Part] = s.Data
		units[s.Second] = u
	}
	for second := p.kept; second >= from; {
		u, ok := units[second]
		if !ok || slices.ContainsFunc(u.parts, func(part []byte) bool { return part == nil }) {
			return chain, second + 1
		}
		chain = append(chain, slices.Concat(u.parts...))
		if u.stale > 0 {
			p.coverage.add(second+1-u.stale, second+1)
		}
		second = u.before
	}
	return chain, from
}

// keptWithin is how long reading kept seconds may take.
const keptWithin = 30 * time.Second

// Kept reads the topic of seconds, until ctx ends.
func (m *Merger) Kept(ctx context.Context) Kept {
	return func(partition int32, last int64) ([][]byte, bool, error) { return m.kept(ctx, partition, last) }
}

func (m *Merger) kept(ctx context.Context, partition int32, last int64) (values [][]byte, all bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	admin, err := m.config.Cluster.Admin()
	if err != nil {
		return nil, false, err
	}
	defer admin.Close()
	topic := m.config.Names.Seconds()
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
