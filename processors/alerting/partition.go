package alerting

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

// A partition follows the alerts whose stats are in one partition of stats.merged. What
// it tells follows from the records that it takes and from where it begins.
type partition struct {
	version string
	since   time.Time // since when this definitions version writes
	topicID string    // of stats.merged
	follows []follower
	next    int64 // the offset of the first record that it has not taken
	beyond  int   // points left out since they were days ahead
	newest  int64 // the newest second of all points
}

// A follower is of one alert.
type follower struct {
	rule    *alert.Rule
	tracker *alert.Tracker
}

// lastHour is where a partition begins that has no offset: with the records of the last hour.
const lastHour = -1

// A beginning is a partition and how it goes on.
type beginning struct {
	*partition
	from  int64              // an offset, or lastHour
	ended []alert.Transition // of alerts that are not in the definitions any more
	gone  [][]byte           // keys of their memories

	unread []error // of memories that cannot be read
}

// begin makes a partition of the rules whose stats are in it, and goes on from what
// is remembered of them by this definitions version or by another one, whichever has come
// further. An alert whose numbers were changed keeps its state; one that is of another
// stat now begins anew after its last second.
func begin(rules []*alert.Rule, isHere func(stat string) bool, version, topicID string, memories []topics.AlertMemory) beginning {
	b := beginning{partition: &partition{version: version, topicID: topicID}, from: lastHour}
	offsets := []int64{}
	for _, r := range rules {
		if !isHere(r.When.Stat) {
			continue
		}
		t, offset := b.recall(r, version, topicID, memories)
		b.follows = append(b.follows, follower{r, t})
		offsets = append(offsets, offset)
	}
	if len(offsets) > 0 {
		b.from = slices.Min(offsets)
	}
	b.next = max(b.from, 0)
	b.retire(rules, isHere, memories)
	return b
}

// recall makes the tracker of a rule from the memory that has come furthest, and gives
// the offset that it needs.
func (b *beginning) recall(r *alert.Rule, version, topicID string, memories []topics.AlertMemory) (*alert.Tracker, int64) {
	best, offset := alert.NewTracker(r), int64(lastHour)
	own := false
	for _, m := range memories {
		if m.Alert != r.Name {
			continue
		}
		t, err := load(r, m)
		if err != nil {
			b.unread = append(b.unread, err)
			continue
		}
		if !about(r, m) {
			t = alert.NewTrackerAfter(r, t.Last()+1)
		}
		if mine := m.Version == version && about(r, m); t.Last() > best.Last() || mine && t.Last() == best.Last() {
			best, own = t, mine
			if offset = lastHour; own && m.Topic == topicID {
				offset = m.Offset
			}
		}
	}
	return best, offset
}

// about reports whether a memory is of the numbers that a rule is about.
func about(r *alert.Rule, m topics.AlertMemory) bool {
	return r.When.Stat == m.Stat && r.When.AnyKey == m.AnyKey
}

func load(r *alert.Rule, m topics.AlertMemory) (*alert.Tracker, error) {
	t := alert.NewTracker(r)
	if err := m.Load(t); err != nil {
		return nil, fmt.Errorf("alert %s, version %s: %w", m.Alert, m.Version, err)
	}
	return t, nil
}

// retire ends the alerts that were of stats in this partition and are not any more.
func (b *beginning) retire(rules []*alert.Rule, isHere func(stat string) bool, memories []topics.AlertMemory) {
	newest := map[string]*alert.Tracker{}
	for _, m := range memories {
		if !isHere(m.Stat) || slices.ContainsFunc(rules, func(r *alert.Rule) bool { return r.Name == m.Alert && about(r, m) }) {
			continue
		}
		t, err := load(&alert.Rule{Name: m.Alert, When: alert.Threshold{Stat: m.Stat, AnyKey: m.AnyKey}}, m)
		if err != nil {
			b.unread = append(b.unread, err)
			continue
		}
		b.gone = append(b.gone, m.Key())
		if old := newest[m.Alert]; old == nil || t.Last() > old.Last() {
			newest[m.Alert] = t
		}
	}
	for _, t := range newest {
		b.ended = append(b.ended, t.Retire()...)
	}
	slices.SortFunc(b.ended, func(x, y alert.Transition) int {
		return cmp.Or(cmp.Compare(x.Alert, y.Alert), cmp.Compare(x.Key, y.Key))
	})
}

// take takes the next record, and returns the transitions that it makes.
func (p *partition) take(r *kgo.Record) (told []alert.Transition) {
	p.next = r.Offset + 1
	if !slices.ContainsFunc(p.follows, func(f follower) bool { return f.rule.When.Stat == string(r.Key) }) {
		return nil
	}
	s, err := stats.ParseSnapshot(r.Value)
	if err != nil || s.Version != p.version {
		return nil
	}
	if topics.Ahead(r, s) {
		p.beyond++
		return nil
	}
	point, err := s.Alerting()
	if err != nil {
		return nil // of no shape that there is: the dashboard counts it
	}
	p.newest = max(p.newest, s.Time)
	for _, f := range p.follows {
		if f.rule.When.Stat == s.Stat {
			told = append(told, f.tracker.Point(point)...)
		}
	}
	return told
}

// memories are what a successor goes on from.
func (p *partition) memories() (all []topics.AlertMemory, err error) {
	for _, f := range p.follows {
		w := f.rule.When
		m, err := topics.NewMemory(topics.AlertMemory{Version: p.version, Since: p.since, Alert: f.rule.Name, Stat: w.Stat, AnyKey: w.AnyKey, Topic: p.topicID, Offset: p.next}, f.tracker)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
