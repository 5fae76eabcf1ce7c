package web

import (
	"slices"
	"time"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
)

// A server shows the stats of its own definitions. Those may be of a definitions version
// that has just begun beside an older one, and reads the newest lines only when
// it has caught up; and they may be of one that others are leaving.
//
//   - Until its own definitions version has caught up, it shows the other one's points of
//     the stats that mean the same in both: such points are equal once they are
//     final.
//   - Then it changes to its own, once, and for good.
//   - The seconds before a definitions version's first are shown by the one before it, for
//     the stats that mean the same.
//   - Where that has nothing of a stat, they are those that were worked out later: see
//     topics.History.
//
// So of each stat and second the points of one definitions version are shown, and those
// of a stat that means another thing never are.

const (
	// catchUp is how many seconds beyond the lateness a definitions version may be behind
	// another one and count as caught up.
	catchUp = 3
	// stoodFor is how long a definitions version must have stood still for the own one to be
	// shown although it is behind it: nobody works by it any more.
	stoodFor = time.Minute
	// maxGenerations bounds how many are remembered: those that began last.
	maxVersions = 64
)

// versions is what a Store knows of definitions versions. The Store's lock is held for
// all of its methods.
type versions struct {
	own      string
	lateness int64
	meanings map[string]string
	shown    string // of which points are shown now; what came before its first second aside
	begun    bool   // Begin has been called

	catalogs  topics.Catalogs
	histories map[string]topics.History // by version
	progress  map[string]*progress
}

// progress is how far the mergers of a definitions version have come.
type progress struct {
	clock  int64           // the greatest of the source partitions
	closed map[int32]int64 // the last second that has closed in each partition of the fragments topic
	moved  time.Time       // when the greatest of them did last
	newest int64
}

func newVersions(d *stats.Definitions) versions {
	gen := d.Version()
	return versions{own: gen, lateness: d.Lateness, meanings: d.StatHashes(), shown: gen, histories: map[string]topics.History{}, progress: map[string]*progress{}}
}

// Catalog takes what another definitions version has, or the own one.
func (s *Store) Catalog(c topics.Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalogs.Put(c)
	// The one that began first goes, but not what is shown.
	for i := len(s.catalogs) - 1; len(s.catalogs) > maxVersions; i-- {
		if gone := s.catalogs[i].Version; gone != s.own && gone != s.shown {
			s.catalogs = slices.Delete(s.catalogs, i, i+1)
			delete(s.progress, gone)
			delete(s.histories, gone)
		}
	}
}

// FilledBy takes how far the past of a definitions version is filled. What was filled stays
// so: a process that was paused may say less.
func (s *Store) FilledBy(h topics.History) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.histories[h.Version]
	if !ok && len(s.histories) >= maxVersions && h.Version != s.own {
		return
	}
	if !ok || h.To != known.To || h.From < known.From || h.From == known.From && h.Goal != known.Goal {
		s.histories[h.Version] = h
		s.tell()
	}
}

// anyFilled reports whether any version's past is filled.
func (s *Store) anyFilled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.histories) > 0
}

// filled is what there is in a partition of the topic of histories of a stat and the seconds
// [from, to], by version.
func (s *Store) filled(stat string, partition int32, from, to int64) map[string][]topics.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string][]topics.Span{}
	for version, h := range s.histories {
		if spans := h.Spans(partition, from, to); len(spans) > 0 && s.sameMeaning(version, stat) {
			found[version] = spans
		}
	}
	return found
}

// filling is what is still being filled of a stat's past: from which second on it is there,
// and from which on it is to be. ok is false if nothing is.
func (s *Store) filling(stat string) (h topics.History, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok = s.histories[s.own]
	if !ok || h.Done() {
		return h, false
	}
	published := s.catalogs.Before(h.To, h.From-1)
	return h, published == nil || !s.sameMeaning(published.Version, stat)
}

// VersionAt is the definitions version whose point of a stat and second is shown; ""
// if none is.
func (s *Store) VersionAt(stat string, second int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(s.shown, stat, second)
}

// of is GenerationAt if the points of a definitions version are shown from its first
// second on.
func (g *versions) of(shown, stat string, second int64) string {
	first := g.first(shown)
	if second >= first {
		if !g.sameMeaning(shown, stat) {
			return ""
		}
		return shown
	}
	if c := g.catalogs.Before(first, second); c != nil && g.sameMeaning(c.Version, stat) {
		return c.Version
	}
	// Nobody published it then; whoever has worked it out since has the same.
	for _, c := range g.catalogs {
		if h, ok := g.histories[c.Version]; ok && h.Has(second) && g.sameMeaning(c.Version, stat) {
			return c.Version
		}
	}
	return ""
}

// catalog finds a definitions version's; nil if it is not known.
func (g *versions) catalog(gen string) *topics.Catalog { return g.catalogs.Find(gen) }

// first is a definitions version's first second; 0 if it is not known.
func (g *versions) first(gen string) int64 {
	if c := g.catalog(gen); c != nil {
		return c.First
	}
	return 0
}

// sameMeaning reports whether a stat of the own definitions means the same in a
// definitions version.
func (g *versions) sameMeaning(gen, stat string) bool {
	if gen == g.own {
		return true
	}
	c := g.catalog(gen)
	return c != nil && c.Stats[stat] != "" && c.Stats[stat] == g.meanings[stat]
}

// advance takes how far a definitions version has come.
func (g *versions) advance(c topics.Clocks, now time.Time) {
	if c.Version != g.own && g.catalog(c.Version) == nil || c.Partition < 0 || c.Partition >= topics.MaxPartitions {
		return
	}
	p := g.progress[c.Version]
	if p == nil {
		p = &progress{closed: map[int32]int64{}, moved: now}
		g.progress[c.Version] = p
	}
	if len(c.Seconds) > 0 { // the newest counts: one that stands still may be far behind
		p.clock = timing.Forward(p.clock, slices.Max(c.Seconds))
	}
	p.closed[c.Partition] = timing.Forward(p.closed[c.Partition], c.Closed)
	if newest := timing.Forward(p.newest, c.Closed); newest != p.newest {
		p.newest, p.moved = newest, now
	}
}

// last is the last second of a version's points that are ahead of its clocks by
// so many seconds at most.
func (g *versions) last(version string, ahead int64) int64 {
	if p := g.progress[version]; p != nil && p.clock > 0 {
		return p.clock + ahead
	}
	return timing.LastSecond // no clocks are known yet
}

// caughtUp reports whether the own definitions version is as far as another one, or goes
// on while that stands still.
func (g *versions) caughtUp(other string, now time.Time) bool {
	own, ahead := g.progress[g.own], g.progress[other]
	if own == nil || ahead == nil || own.newest <= 0 {
		return ahead == nil
	}
	if now.Sub(ahead.moved) >= stoodFor {
		return true
	}
	for partition, closed := range ahead.closed {
		if own.closed[partition] < closed-g.lateness-catchUp {
			return false
		}
	}
	return true
}

// Begin says that the merger's table has been read to its end, at the time now:
// what is shown from now on is decided by it.
func (s *Store) Begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return
	}
	s.begun = true
	furthest := ""
	for gen, p := range s.progress {
		if gen != s.own && p.newest > 0 && !s.caughtUp(gen, now) && (furthest == "" || p.newest > s.progress[furthest].newest) {
			furthest = gen
		}
	}
	if furthest == "" {
		return
	}
	s.shown = furthest
	s.waiting, s.series = s.series, make([]series, len(s.series))
	s.newest, s.clocks = 0, nil
	s.tell()
}

// change shows the own definitions version, which has caught up. Points that are equal
// to what was shown are not news.
func (s *Store) change(now time.Time) {
	first := s.first(s.own)
	s.newest = 0
	for i := range s.series {
		old, own := &s.series[i], &s.waiting[i]
		for _, sr := range []*series{old, own} {
			if sr.ring == nil {
				sr.ring = make([]entry, s.size)
			}
		}
		for slot := range own.ring {
			was, e := &old.ring[slot], &own.ring[slot]
			switch {
			case e.version == 0 && was.version != 0 && was.Time < first:
				*e = *was
			case e.version == 0:
			case was.version != 0 && was.Time == e.Time && same(was.Snapshot, e.Snapshot):
				e.version = was.version
			default:
				e.version = s.version + 1
				own.version = s.version + 1
			}
			if e.version != 0 && e.Time > own.newest {
				own.newest, own.arrived = e.Time, now
			}
		}
		own.version = max(own.version, old.version)
		s.newest = max(s.newest, own.newest)
	}
	s.series, s.waiting = s.waiting, nil
	s.shown, s.clocks = s.own, nil
	s.tell()
}

// same reports whether a page shows two points of a second alike.
func same(p, q stats.Snapshot) bool {
	return string(p.Value) == string(q.Value) && p.StaleSince == q.StaleSince && p.Covered == q.Covered && p.Of == q.Of && p.Approx == q.Approx && p.Beyond == q.Beyond
}

// Notice says, in a few words for people, that another definitions version than the server's own
// matters now; "" if none does.
func (s *Store) Notice(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown != s.own {
		return "new definitions are catching up"
	}
	first := s.first(s.own)
	for _, c := range s.catalogs {
		if p := s.progress[c.Version]; c.First > first && p != nil && now.Sub(p.moved) < aliveFor {
			return "this dashboard has older definitions than those in use (" + c.Version + "): restart it with the new file"
		}
	}
	return ""
}
