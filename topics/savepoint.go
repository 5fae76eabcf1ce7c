package topics

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/timing"
	"pulse/stats/watermark"
)

const (
	// SavepointEvery is how many seconds of the watermark lie between savepoints.
	SavepointEvery = 10
	// believable is how far ahead of the watermark an ingester's clock may be for
	// its lines to be waited for: one that is further ahead would hold up who begins
	// at the savepoint, and what it sent before is missing in seconds that are still to
	// come.
	believable = 60
	// foundWithin is how much earlier than its clock says a savepoint may have been
	// written; clocks further ahead cost reading more.
	foundWithin = 2 * SavepointEvery * time.Second
)

// A Beginning is a savepoint with what it says.
type Beginning struct {
	Savepoint
	Clocks   ReceiverState // as of the tick
	Complete int64         // the first second of which no line comes before it
}

// Beginning reads what a savepoint says.
func (w Savepoint) Beginning() (Beginning, error) {
	state, err := DecodeReceiverState(w.State)
	if err != nil {
		return Beginning{}, err
	}
	return Beginning{w, state, completeFrom(state.Clock)}, nil
}

// FindSavepoints returns for each source partition the last savepoint of the definitions
// version of n whose watermark is at most latest, or nil if one has none. A partition that
// the log got later has the record that it begins with.
func (a *Admin) FindSavepoints(ctx context.Context, n Names, latest int64, raw int32) ([]Beginning, error) {
	layout, err := a.Layout(ctx, n)
	if err != nil {
		return nil, err
	}
	find := func(s Section) ([]Beginning, error) {
		found := newBeginnings(raw)
		for p := range raw {
			if g := layout.growth(p); g != nil && g.At() > latest-2*SavepointEvery {
				found.put(g.beginning(p))
			}
		}
		beyond := make([]bool, raw) // source partitions that have come beyond latest
		err := a.readSavepoints(ctx, n, s, raw, func(b Beginning) bool {
			if beyond[b.Partition] = beyond[b.Partition] || b.Clocks.Clock.Second() > latest; b.Clocks.Clock.Second() <= latest {
				found.put(b)
			}
			return slices.Contains(beyond, false)
		})
		return found.whole(), err
	}
	return a.nearOrAll(ctx, n, time.Unix(latest, 0).Add(-foundWithin), find)
}

// FirstSavepoints returns for each source partition the first savepoint of the version
// of n behind which all of a section of the raw records is there, or nil if one has none.
func (a *Admin) FirstSavepoints(ctx context.Context, n Names, all Section) ([]Beginning, error) {
	s, err := a.Readable(ctx, n.Savepoints())
	if err != nil {
		return nil, err
	}
	layout, err := a.Layout(ctx, n)
	if err != nil {
		return nil, err
	}
	found := newBeginnings(int32(len(all)))
	for p, span := range all {
		if g := layout.growth(p); g != nil && span.From == 0 {
			found.put(g.beginning(p))
		}
	}
	err = a.readSavepoints(ctx, n, s, int32(len(all)), func(b Beginning) bool {
		if found.all[b.Partition].State == nil && b.Offset+1 >= all[b.Partition].From {
			found.put(b)
		}
		return found.missing > 0
	})
	return found.whole(), err
}

// nearOrAll finds in what was written from a time on, or in all there is.
func (a *Admin) nearOrAll(ctx context.Context, n Names, from time.Time, find func(Section) ([]Beginning, error)) ([]Beginning, error) {
	near, err := a.Written(ctx, n.Savepoints(), from, time.Time{})
	if err != nil {
		return nil, err
	}
	if found, err := find(near); err != nil || found != nil {
		return found, err
	}
	all, err := a.Readable(ctx, n.Savepoints())
	if err != nil {
		return nil, err
	}
	return find(all)
}

// readSavepoints calls do with the savepoints of the version of n in a section, until it
// returns false. They are all in one partition.
func (a *Admin) readSavepoints(ctx context.Context, n Names, s Section, raw int32, do func(Beginning) bool) error {
	return a.Read(ctx, n.Savepoints(), s.Of(Partition(n.Version, int32(len(s)))), func(record *kgo.Record) bool {
		w := DecodeMessage(record.Value).Savepoint
		if w == nil || w.Partition >= raw || string(record.Key) != n.Version {
			return true
		}
		b, err := w.Beginning()
		return err != nil || do(b)
	})
}

// beginnings are those of all source partitions, as far as they are found.
type beginnings struct {
	all     []Beginning
	missing int
}

func newBeginnings(raw int32) *beginnings {
	return &beginnings{make([]Beginning, raw), int(raw)}
}

func (b *beginnings) put(one Beginning) {
	if b.all[one.Partition].State == nil {
		b.missing--
	}
	b.all[one.Partition] = one
}

func (b *beginnings) whole() []Beginning {
	if b.missing > 0 || len(b.all) == 0 {
		return nil
	}
	return b.all
}

// CompleteFrom is the first second of which no line comes before any of some savepoints.
func CompleteFrom(all []Beginning) (second int64) {
	for _, b := range all {
		second = max(second, b.Complete)
	}
	return second
}

// beginning is what a partition begins with that the log got by a growth: no line comes
// before it.
func (g *Growth) beginning(partition int32) Beginning {
	state := ReceiverState{Domain: WallDomain, Clock: g.Clock.BeginningAt(g.At())} // its own
	return Beginning{Savepoint{Partition: partition, Offset: -1, State: state.Append(nil)}, state, 0}
}

// completeFrom is the first second of which no line comes before a savepoint.
func completeFrom(clock *watermark.Watermark) int64 {
	second := clock.Second()
	for _, m := range clock.Members() {
		if m.Clock <= clock.Second()+believable {
			second = max(second, m.Clock)
		}
	}
	return second + timing.Unsettled
}
