// Package watermark says how far the clocks of a source partition's ingesters
// cover it: everything below the watermark has come, or is late. It is a
// function of the ticks in the partition's log and of nothing else.
package watermark

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pulse/stats/cursor"
	"pulse/stats/timing"
)

// Bounds on what a Watermark holds, so that its binary form always fits the
// metadata of an offset commit (4,096 bytes by a broker's default).
const (
	MaxMembers  = 64   // ingesters ticking into one partition at a time
	MaxIngester = 36   // bytes of an ingester's id: a UUID fits
	MaxBinary   = 3328 // bytes that AppendBinary appends
)

// A Tick is what an ingester says at the end of each second of its clock.
type Tick struct {
	Ingester string
	Clock    int64 // the second that has begun: all below it are over
	Since    int64 // the first of the seconds, without a break, that it covers
	Leaving  bool  // its last tick
}

// A Interval is a interval of seconds, [From, To), that nobody covered.
type Interval struct{ From, To int64 }

// A Member is an ingester whose ticks the partition holds.
type Member struct {
	Ingester string
	Clock    int64 // its greatest
	Since    int64
	missed   int // ticks beyond all clocks since its last one, timing.MissedTicks at most
}

// A Watermark is the clock of one source partition. Make one with New.
type Watermark struct {
	second  int64
	members []Member // by Ingester
	refused int64
}

// New returns the watermark of a partition's beginning: no members, no second.
func New() *Watermark { return &Watermark{second: -1} }

// Second returns the watermark: every second below it is covered, or in a
// gap that Tick returned. It is -1 before the first tick.
func (w *Watermark) Second() int64 { return w.second }

// Members returns the ingesters that hold the partition's clock, by id.
func (w *Watermark) Members() []Member { return slices.Clone(w.members) }

// Refused returns how many ticks changed nothing: those of a member beyond
// MaxMembers, and those with an id or seconds out of bounds. It is a figure for
// operators and not part of the binary form.
func (w *Watermark) Refused() int64 { return w.refused }

// Tick takes a tick, the partition's next one, and returns the watermark before
// and after it, and the gaps in between, ascending. Those of a first tick are of
// all seconds before it: what its ingester does not cover nobody does.
func (w *Watermark) Tick(t Tick) (before, after int64, gaps []Interval) {
	before = w.second
	if !t.valid() {
		w.refused++
		return before, before, nil
	}
	if before-t.Clock >= timing.LeaveAfter {
		// It has left already. Were it a member, its ticks would make every
		// clock that is right seem far ahead of all others.
		return before, before, nil
	}
	if !w.note(t) {
		w.refused++
		return before, before, nil
	}

	greatest := w.greatest()
	least := greatest
	for _, m := range w.members {
		least = min(least, m.Clock)
	}
	w.second = max(w.second, least, greatest-timing.HoldBack)
	gaps = w.gaps(max(before, 0), w.second)

	w.members = slices.DeleteFunc(w.members, func(m Member) bool {
		return t.Leaving && m.Ingester == t.Ingester || max(greatest, w.second)-m.Clock >= timing.LeaveAfter
	})
	return before, w.second, gaps
}

// valid reports whether a tick is within bounds.
func (t Tick) valid() bool {
	return t.Ingester != "" && len(t.Ingester) <= MaxIngester && t.Clock >= 0 && t.Clock <= timing.LastSecond
}

// note enters a tick with its member, who joins if it is the first and there is
// room.
func (w *Watermark) note(t Tick) bool {
	beyond := !slices.ContainsFunc(w.members, func(m Member) bool { return m.Clock >= t.Clock })
	i, found := slices.BinarySearchFunc(w.members, t.Ingester, func(m Member, id string) int {
		return strings.Compare(m.Ingester, id)
	})
	if !found {
		if len(w.members) == MaxMembers {
			return false
		}
		w.members = slices.Insert(w.members, i, Member{Ingester: strings.Clone(t.Ingester), Clock: t.Clock})
	}

	for j := range w.members {
		if other := &w.members[j]; j != i && beyond {
			other.missed = min(other.missed+1, timing.MissedTicks)
		}
	}
	m := &w.members[i]
	m.missed = 0
	if t.Clock >= m.Clock {
		m.Clock, m.Since = t.Clock, min(max(t.Since, 0), t.Clock)
	}
	return true
}

// greatest returns the greatest clock of the members. Clocks that were far ahead
// of all others when these last ticked do not count until the others have missed
// enough ticks: they are wrong, rather than the others. Clocks that have come far
// ahead because the others stopped do count.
func (w *Watermark) greatest() int64 {
	if len(w.members) == 0 {
		return -1
	}
	order := slices.SortedFunc(slices.Values(w.members), func(a, b Member) int { return cmp.Compare(a.Clock, b.Clock) })
	greatest, missed := order[0].Clock, order[0].missed
	for _, m := range order[1:] {
		then := m.Clock - int64(max(missed-1, 0)) // when the last of those below it ticked
		if then > greatest+timing.ClockAhead && missed < timing.MissedTicks {
			break
		}
		greatest, missed = m.Clock, min(missed, m.missed)
	}
	return greatest
}

// gaps returns the parts of [from, to) that no member covers.
func (w *Watermark) gaps(from, to int64) []Interval {
	if from >= to {
		return nil
	}
	vouched := slices.Clone(w.members)
	slices.SortFunc(vouched, func(a, b Member) int { return cmp.Compare(a.Since, b.Since) })
	var gaps []Interval
	for _, m := range vouched {
		if m.Since >= min(m.Clock, to) {
			continue // for nothing of it
		}
		if m.Since > from {
			gaps = append(gaps, Interval{from, m.Since})
		}
		from = max(from, m.Clock)
	}
	if from < to {
		gaps = append(gaps, Interval{from, to})
	}
	return gaps
}

// version is the first byte of the binary form.
const version = 2

// AppendBinary appends the state in at most MaxBinary bytes. A Watermark that
// Decode makes of them goes on exactly as this one. Equal states have equal
// bytes.
func (w *Watermark) AppendBinary(b []byte) []byte {
	// Members are within seconds of the greatest accepted clock, but for those
	// that are far ahead, so that clocks relative to it are short.
	base := max(w.greatest(), 0)
	b = append(b, version)
	b = binary.AppendVarint(b, w.second)
	b = binary.AppendVarint(b, base)
	b = append(b, byte(len(w.members)))
	for _, m := range w.members {
		b = append(b, byte(len(m.Ingester)))
		b = append(b, m.Ingester...)
		b = binary.AppendVarint(b, m.Clock-base)
		b = binary.AppendUvarint(b, uint64(m.Clock-m.Since))
		b = append(b, byte(m.missed))
	}
	return b
}

var errBounds = errors.New("watermark: its bytes end too early or late, or a number is out of bounds")

// Decode makes a Watermark of what AppendBinary appended.
func Decode(b []byte) (*Watermark, error) {
	if len(b) == 0 {
		return nil, errBounds
	}
	if b[0] != version {
		return nil, fmt.Errorf("watermark: form %d, this program reads form %d", b[0], version)
	}
	d := cursor.New(b[1:])
	w := &Watermark{second: d.Int(timing.LastSecond)}
	base, n := d.Int(timing.LastSecond), int(d.Byte(MaxMembers))
	if !d.OK() || w.second < -1 || base < 0 {
		return nil, errBounds
	}
	for range n {
		m := Member{Ingester: string(d.Short(MaxIngester))}
		m.Clock = base + d.Int(timing.LastSecond)
		m.Since = m.Clock - d.Uint(timing.LastSecond)
		m.missed = int(d.Byte(timing.MissedTicks))
		if !d.OK() || m.Ingester == "" || m.Clock < 0 || m.Clock > timing.LastSecond || m.Since < 0 {
			return nil, errBounds
		}
		if len(w.members) > 0 && w.members[len(w.members)-1].Ingester >= m.Ingester {
			return nil, fmt.Errorf("watermark: member %q out of order", m.Ingester)
		}
		w.members = append(w.members, m)
	}
	if !d.Done() {
		return nil, errBounds
	}
	return w, nil
}
