package status

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// An OtherVersion is one that has topics beside those of the definitions version that
// was asked for.
type OtherVersion struct {
	Name      string     `json:"version"`
	Receivers int        `json:"receivers"` // processes that run by its definitions
	Mergers   int        `json:"mergers"`
	First     *time.Time `json:"first"` // the first second that it published; null if that is not known, or nobody runs by it
}

func (g OtherVersion) alive() bool { return g.Receivers+g.Mergers > 0 }

// rollout is how long two definitions versions may be at work side by side, from the
// first second of the one that began last on, before that is a problem.
const rollout = 20 * time.Minute

// others reads which other definitions versions there are, and who runs by them.
func (o *observer) others(ctx context.Context, seen *observation) error {
	versions, err := o.admin.Versions(ctx, o.names)
	if err != nil {
		return err
	}
	alive := false
	for _, name := range versions {
		if name == o.names.Version {
			continue
		}
		n := topics.Names{Prefix: o.names.Prefix, Version: name}
		described, err := o.admin.DescribeGroups(ctx, n.ReceiverGroup(), n.MergerGroup())
		if err == nil {
			if err = described.Error(); errors.Is(err, kerr.GroupIDNotFound) {
				err = nil
			}
		}
		if err != nil {
			return fmt.Errorf("cannot list the groups of definitions version %s: %w", name, err)
		}
		g := OtherVersion{Name: name, Receivers: len(described[n.ReceiverGroup()].Members), Mergers: len(described[n.MergerGroup()].Members)}
		alive = alive || g.alive()
		seen.others = append(seen.others, g)
	}
	if !alive {
		return nil
	}
	return o.catalogs(ctx, seen)
}

// catalogs reads when the definitions versions began, of which the merger's table has a
// record each.
func (o *observer) catalogs(ctx context.Context, seen *observation) error {
	table := o.names.Table()
	all, read := o.section(table), topics.Section{}
	keys := map[string]bool{topics.CatalogKey(o.names.Version): true}
	for _, g := range seen.others {
		keys[topics.CatalogKey(g.Name)] = true
	}
	for key := range maps.Keys(keys) {
		p := topics.Partition(key, int32(len(all)))
		read[p] = all[p]
	}
	return o.read(ctx, seen, table, read, func(r *kgo.Record) {
		if !keys[string(r.Key)] {
			return
		}
		c := topics.DecodeTableEntry(string(r.Key), r.Value).Catalog
		if c == nil {
			return
		}
		if c.Version == o.names.Version {
			seen.first = at(c.First)
			return
		}
		i := slices.IndexFunc(seen.others, func(g OtherVersion) bool { return g.Name == c.Version })
		seen.others[i].First = at(c.First)
	})
}

// A Filled is how far the past of new stats is worked out of the log: the seconds [From, To)
// of [Goal, To).
type Filled struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Goal time.Time `json:"goal"`
}

// history reads how far the past of the definitions version is filled.
func (o *observer) history(ctx context.Context, seen *observation) error {
	table, key := o.names.Table(), topics.HistoryKey(o.names.Version)
	all := o.section(table)
	return o.read(ctx, seen, table, all.Of(topics.Partition(key, int32(len(all)))), func(r *kgo.Record) {
		if string(r.Key) != key {
			return
		}
		if h := topics.DecodeTableEntry(key, r.Value).History; h != nil && h.From < h.To || h != nil && !h.Done() {
			seen.filled = &Filled{*at(h.From), *at(h.To), *at(h.Goal)}
		}
	})
}

// text says it in a few words.
func (f *Filled) text(s *Status) string {
	if f == nil {
		return ""
	}
	there := fmt.Sprintf("\nhistory      of new stats from %s on", s.time(&f.From))
	if !f.From.After(f.Goal) {
		return there
	}
	share := 100 * f.To.Sub(f.From).Seconds() / f.To.Sub(f.Goal).Seconds()
	return fmt.Sprintf("%s, going back to %s (%.0f %%)", there, s.time(&f.Goal), share)
}

// versions says what is wrong about two definitions versions at work.
func (f *findings) versions(say func(since int64, what, do string)) {
	for _, g := range f.others {
		if !g.alive() || g.First == nil || f.first == nil {
			continue
		}
		began, older := *f.first, true
		if g.First.After(began) {
			began, older = *g.First, false
		}
		if f.clock.Sub(began) < rollout {
			continue
		}
		if older {
			say(began.Unix(), fmt.Sprintf("%d receivers and %d mergers still use older definitions, version %s", g.Receivers, g.Mergers, g.Name),
				fmt.Sprintf("restart them with the new --stats, then `pulse topics --remove-version %s`", g.Name))
		} else {
			say(began.Unix(), fmt.Sprintf("newer definitions than these are in use, version %s", g.Name),
				"give --stats the newer file, here and for every role that still uses the older one")
		}
	}
}

// text says it in a few words.
func (g OtherVersion) text() string {
	if !g.alive() {
		return g.Name + ", which nobody uses"
	}
	return fmt.Sprintf("%s, which %d receivers and %d mergers use", g.Name, g.Receivers, g.Mergers)
}
