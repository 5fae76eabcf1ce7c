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

// A Member is an ingester whose ticks the partition holds.
type Member struct {
	Ingester string
	Clock    int64 // its greatest
	Since    int64
	Doubted  bool // its clock is far ahead of all that count, and does not count itself

	// Both are timing.MissedTicks at most; see note.
	missed int // others' ticks that went further ahead, since its last one
	alone  int // its own ticks that did, since the last one of those behind its group
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
// stale interval that Tick returned. It is -1 before the first tick.
func (w *Watermark) Second() int64 { return w.second }

// BeginningAt returns the watermark of a partition that begins at a second with the members
// of this one: nothing comes there of the seconds before.
func (w *Watermark) BeginningAt(second int64) *Watermark {
	return &Watermark{second: max(w.second, second), members: slices.Clone(w.members)}
}

// Members returns the ingesters that hold the partition's clock, by id.
func (w *Watermark) Members() []Member {
	members := slices.Clone(w.members)
	greatest := w.greatest()
	for i := range members {
		members[i].Doubted = members[i].Clock > greatest
	}
	return members
}

// Refused returns how many ticks changed nothing: those of a member beyond
// MaxMembers, and those with an id or seconds out of bounds. It is a figure for
// operators and not part of the binary form.
func (w *Watermark) Refused() int64 { return w.refused }

// Tick takes a tick, the partition's next one, and returns the watermark before
// and after it, and the stale intervals in between, ascending. Those of a first tick are of
// all seconds before it: what its ingester does not cover nobody does.
func (w *Watermark) Tick(t Tick) (before, after int64, stale []timing.Interval) {
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
	was, doubted := w.member(t.Ingester)
	if !w.note(t) {
		w.refused++
		return before, before, nil
	}

	greatest := w.greatest()
	w.believe(t.Ingester, was, doubted, greatest)
	least := greatest
	for _, m := range w.members {
		least = min(least, m.Clock)
	}
	w.second = max(w.second, least, greatest-timing.HoldBack)
	stale = w.stale(max(before, 0), w.second, greatest)

	counting := 0
	for _, m := range w.members {
		if m.Clock <= greatest {
			counting++
		}
	}
	// If those that are left are all doubted, the last one whose clock counted stays
	// as if it were silent: else they would count at once.
	stays := counting == 1 && len(w.members) > 1
	w.members = slices.DeleteFunc(w.members, func(m Member) bool {
		return t.Leaving && m.Ingester == t.Ingester && !(stays && m.Clock <= greatest) ||
			max(greatest, w.second)-m.Clock >= timing.LeaveAfter ||
			m.Clock > greatest && m.missed >= timing.MissedTicks
	})
	return before, w.second, stale
}

// member returns what is known of an ingester, with a clock of -1 if that is nothing,
// and whether it is doubted.
func (w *Watermark) member(id string) (m Member, doubted bool) {
	i, found := w.find(id)
	if !found {
		return Member{Clock: -1}, false
	}
	return w.members[i], w.members[i].Clock > w.greatest()
}

func (w *Watermark) find(id string) (i int, found bool) {
	return slices.BinarySearchFunc(w.members, id, func(m Member, id string) int { return strings.Compare(m.Ingester, id) })
}

// believe bounds what an ingester covers that has just ticked and was that before, if it
// is doubted or was so until now. No other clock bears it out, so that it covers what
// its ticks have come by in steps: nothing before the first of them, and no more than a
// minute at once. One that has counted covers what it says: it may have left ticks out
// while Kafka was away.
func (w *Watermark) believe(id string, was Member, doubted bool, greatest int64) {
	i, _ := w.find(id)
	m := &w.members[i]
	switch {
	case was.Clock < 0 && m.Clock > greatest, doubted && m.Clock-was.Clock > timing.Quiet:
		m.Since = m.Clock
	case doubted:
		m.Since = max(m.Since, was.Since)
	}
}

// valid reports whether a tick is within bounds.
func (t Tick) valid() bool {
	return t.Ingester != "" && len(t.Ingester) <= MaxIngester && t.Clock >= 0 && t.Clock <= timing.LastSecond
}

// note enters a tick with its member, who joins if it is the first and there is
// room.
//
// What counts are ticks that go further ahead than the group that their member is in:
// the clocks that count, or of those that are doubted some that are near each other.
// A clock that is an hour ahead would else keep all others from doing so. Such a
// tick has been missed by the others of its group and of the neighboring ones: so one
// that is ahead and silent misses those that go on without it.
func (w *Watermark) note(t Tick) bool {
	i, found := w.find(t.Ingester)
	if !found {
		if len(w.members) == MaxMembers {
			return false
		}
		w.members = slices.Insert(w.members, i, Member{Ingester: strings.Clone(t.Ingester), Clock: -1})
	}
	m := &w.members[i]
	m.missed = 0
	further := t.Clock > m.Clock
	if t.Clock >= m.Clock {
		m.Clock, m.Since = t.Clock, min(max(t.Since, 0), t.Clock)
	}

	groups := w.groups()
	for j := range w.members {
		further = further && (j == i || groups[j] != groups[i] || w.members[j].Clock < t.Clock)
	}
	for j := range w.members {
		other := &w.members[j]
		if groups[j] > groups[i] {
			other.alone = 0
		}
		if further && j != i && max(groups[i], groups[j])-min(groups[i], groups[j]) <= 1 {
			other.missed = min(other.missed+1, timing.MissedTicks)
		}
	}
	if further {
		m.alone = min(m.alone+1, timing.MissedTicks)
	}
	return true
}

// groups returns for each member the number of its group: 0 of the clocks that
// count.
func (w *Watermark) groups() []int {
	order := w.order()
	greatest := w.greatest()
	groups := make([]int, len(order))
	group, last := 0, greatest
	for _, i := range order {
		clock := w.members[i].Clock
		if clock > greatest && (group == 0 || clock > last+timing.ClockAhead) {
			group++
		}
		groups[i], last = group, clock
	}
	return groups
}

// order returns the members by their clocks.
func (w *Watermark) order() []int {
	order := make([]int, len(w.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(w.members[a].Clock, w.members[b].Clock) })
	return order
}

// greatest returns the greatest clock of the members. Clocks that were far ahead
// of all others when these last ticked do not count until they have made enough
// ticks while none of the others made one: they are wrong, rather than the others.
// Clocks that have come far ahead because the others stopped do count.
func (w *Watermark) greatest() int64 {
	if len(w.members) == 0 {
		return -1
	}
	order := w.order()
	greatest, missed := w.members[order[0]].Clock, w.members[order[0]].missed
	for n, i := range order[1:] {
		m := w.members[i]
		then := m.Clock - int64(max(missed-1, 0)) // when the last of those below it ticked
		if then > greatest+timing.ClockAhead && w.alone(order[1+n:]) < timing.MissedTicks {
			break
		}
		greatest, missed = m.Clock, min(missed, m.missed)
	}
	return greatest
}

// alone returns how many ticks the group has made alone that some members, by their
// clocks, begin with.
func (w *Watermark) alone(order []int) (ticks int) {
	last := w.members[order[0]].Clock
	for _, i := range order {
		m := w.members[i]
		if m.Clock > last+timing.ClockAhead {
			break
		}
		last = m.Clock
		ticks += m.alone
	}
	return ticks
}

// stale returns the parts of [from, to) that no member covers whose clock counts,
// being at most greatest.
func (w *Watermark) stale(from, to, greatest int64) []timing.Interval {
	if from >= to {
		return nil
	}
	covering := slices.DeleteFunc(slices.Clone(w.members), func(m Member) bool { return m.Clock > greatest })
	slices.SortFunc(covering, func(a, b Member) int { return cmp.Compare(a.Since, b.Since) })
	var stale []timing.Interval
	for _, m := range covering {
		if m.Since >= min(m.Clock, to) {
			continue // for nothing of it
		}
		if m.Since > from {
			stale = append(stale, timing.Interval{From: from, To: m.Since})
		}
		from = max(from, m.Clock)
	}
	if from < to {
		stale = append(stale, timing.Interval{From: from, To: to})
	}
	return stale
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
		b = append(b, byte(m.alone*(timing.MissedTicks+1)+m.missed))
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
		counts := int(d.Byte((timing.MissedTicks+1)*(timing.MissedTicks+1) - 1))
		m.alone, m.missed = counts/(timing.MissedTicks+1), counts%(timing.MissedTicks+1)
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
