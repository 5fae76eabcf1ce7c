package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/mark"
	"pulse/stats/timing"
	"pulse/topics"
)

// Bounds of what a store keeps. Together with the number of stats they bound
// its memory.
const (
	Window   = 300              // seconds of history that a page is given
	slack    = 60               // seconds more that are kept, so that a slow client can catch up
	ringSize = Window + slack   // seconds that a page's store keeps
	maxValue = 64 << 10         // bytes of one value; a greater one is refused
	aliveFor = 10 * time.Second // a value that is older than this at its arrival's clock is not current
)

// supersedes is the law of upserts: of two snapshots of a stat and second
// the higher revision holds, whichever was written last; equal revisions are
// equal values, and of those the final one says more.
func supersedes(p, old stats.Snapshot) bool {
	return p.Revision > old.Revision || p.Revision == old.Revision && p.Final && !old.Final
}

// A Store has the newest points of every stat and the clocks of the source
// partitions. Points may come to it in any order and any number of times.
//
// Every change belongs to a version: the frames that clients get are what
// changed between two versions.
//
// versions.go decides of which definitions version the points are.
type Store struct {
	definitions *stats.Definitions
	stats       []*stats.Stat
	index       map[string]int
	gen         string
	window      int64 // seconds of history that it gives
	size        int64 // seconds that it keeps
	versions

	mu        sync.Mutex
	series    []series // what is shown
	waiting   []series // of the own definitions version, while another one is shown; else nil
	newest    int64    // the newest second of all stats; 0 before the first
	clocks    []int64
	ingesters []string         // that the clocks are of, as far as is known
	ahead     map[string]int64 // by how many seconds the clocks of others are ahead of these, which do not count
	version   uint64           // the last one that was cut; changes belong to the next
	news      chan struct{}    // has one while there are changes since then
	expected  int              // stats that had then come to the newest second or the one before it
	missing   int              // of those, which have not come to the newest
	closed    chan struct{}    // has one if the last of them has since then
	refused   uint64

	notes        map[stats.Subject]map[string][]string // by the internal stat that they are of, or SubjectLines, and then by stat
	fields       map[string]int64                      // the last second at which lines had a field
	beyond       map[string]aggregate.Beyond           // what the newest values of stats had no room for
	notesVersion uint64                                // to which the last change of them belongs
	unnoted      map[stats.Subject]stats.Snapshot      // the newest values that notes are to be taken of
	noted        map[stats.Subject]int64               // the second of the last one that they were taken of

	marks        mark.Set
	marksVersion uint64 // to which the last change of them belongs
}

// series is a ring of the points of one stat, by second modulo its size. It has no room
// before the first of them.
type series struct {
	ring    []entry
	newest  int64
	shown   int64 // the newest second that Advance has told
	version uint64
	arrived time.Time // of the newest point

	expected bool // see Store.expect
}

type entry struct {
	stats.Snapshot
	version uint64 // 0: nothing here
}

// NewStore has a place for each stat of d, and takes points of its definitions version.
func NewStore(d *stats.Definitions) *Store { return newStore(d, Window) }

// newStore makes one with so many seconds of history.
func newStore(d *stats.Definitions, window int64) *Store {
	all := d.All()
	s := &Store{definitions: d, stats: all, index: make(map[string]int, len(all)), gen: d.Version(), window: window, size: window + slack, series: make([]series, len(all)), news: make(chan struct{}, 1), closed: make(chan struct{}, 1)}
	s.versions = newVersions(d)
	for i, st := range all {
		s.index[st.Name] = i
	}
	return s
}

// Upsert takes a snapshot as stats.merged and the merger's table have it, at the
// time now by this process's clock, and reports whether it was news. Those of a
// definitions version that is not shown at their second are ignored. A run of seconds
// with one value is so many points.
func (s *Store) Upsert(p stats.Snapshot, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := false
	for one := range p.Seconds(p.Time-s.size+1, p.Time) {
		news = s.upsert(one, now) || news
	}
	return news
}

// upsert takes a snapshot of one second, or of seconds without a clock; s.mu is held.
func (s *Store) upsert(p stats.Snapshot, now time.Time) bool {
	i, ok := s.index[p.Stat]
	to, hidden := s.series, false
	switch {
	case ok && p.Version == s.of(s.shown, p.Stat, p.Time), !ok && p.Version == s.gen:
	case p.Version == s.gen && s.waiting != nil:
		to, hidden = s.waiting, true
	default:
		return false
	}
	if !ok || p.Time <= 0 || len(p.Value) > maxValue || p.Time > s.last(p.Version, timing.PointAhead) {
		s.refused++
		return false
	}
	p.Stat = s.stats[i].Name // not a copy for each point
	if p.Version == s.gen {
		p.Version = s.gen
	}
	if len(p.Value) == 0 {
		p.Value = json.RawMessage("null")
	}
	if to[i].ring == nil {
		to[i].ring = make([]entry, s.size)
	}
	before := to[i].newest
	if !to[i].upsert(p, s.version+1, now) {
		return false
	}
	if !hidden {
		s.tell()
		s.follow(&to[i], before)
		if st := s.stats[i]; st.Mark != nil && p.StaleSince == 0 {
			s.mark(st, p)
		}
		if p.Time == to[i].newest {
			s.note(s.stats[i], p)
		}
	}
	return true
}

// follow takes that a stat has come from one second to another; s.mu is held.
func (s *Store) follow(sr *series, before int64) {
	switch {
	case sr.newest == before || sr.newest < s.newest:
		return
	case sr.newest > s.newest:
		s.newest, s.missing = sr.newest, s.expected
		unsignal(s.closed) // that was the second before
	}
	if sr.expected {
		s.missing--
	}
	if s.missing == 0 && s.expected > 0 {
		signal(s.closed)
	}
}

// expect notes, when a version ends, which stats are to come to the next second; s.mu is held.
func (s *Store) expect() {
	s.expected, s.missing = 0, 0
	for i := range s.series {
		sr := &s.series[i]
		if sr.expected = sr.newest > 0 && sr.newest >= s.newest-1; sr.expected {
			s.expected++
			if sr.newest < s.newest {
				s.missing++
			}
		}
	}
}

// upsert takes a point as a change of a version, and reports whether it was news.
func (sr *series) upsert(p stats.Snapshot, version uint64, now time.Time) bool {
	size := int64(len(sr.ring))
	e := &sr.ring[p.Time%size]
	switch {
	case p.Time <= sr.newest-size, e.version != 0 && e.Time > p.Time:
		return false // older than the ring
	case e.version != 0 && e.Time == p.Time && e.Version == p.Version && !supersedes(p, e.Snapshot):
		return false
	}
	*e = entry{Snapshot: p, version: version}
	sr.version = version
	if p.Time >= sr.newest {
		sr.newest, sr.arrived = p.Time, now
	}
	return true
}

// Clocks takes how far the source partitions have come, as one partition of the
// merger knows it, at the time now by this process's clock. A clock never steps
// back, so older news change nothing.
func (s *Store) Clocks(c topics.Clocks, now time.Time) {
	if len(c.Seconds) > topics.MaxPartitions {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c, now)
	s.dropBeyond(c.Version, timing.PointAhead)
	if s.shown != s.gen && s.caughtUp(s.shown, now) {
		s.change(now)
	}
	if c.Version != s.shown {
		return
	}
	if len(c.Ingesters) > 0 {
		s.ingesters, s.ahead = c.Ingesters, c.Ahead
	}
	for p, second := range c.Seconds {
		if p == len(s.clocks) {
			s.clocks = append(s.clocks, second)
		}
		s.clocks[p] = timing.Forward(s.clocks[p], second)
	}
}

// DropBeyond takes out points that have stayed ahead of the clocks, and reports
// whether there were any: they would be the newest forever.
func (s *Store) DropBeyond() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.refused
	s.dropBeyond(s.shown, timing.Beyond)
	s.dropBeyond(s.gen, timing.Beyond)
	return s.refused > before
}

// dropBeyond takes out a version's points that are further ahead of its clocks;
// s.mu is held.
func (s *Store) dropBeyond(version string, ahead int64) {
	last := s.last(version, ahead)
	for _, all := range [][]series{s.series, s.waiting} {
		for i := range all {
			if sr := &all[i]; sr.newest > last {
				s.refused += sr.dropBeyond(version, last)
			}
		}
	}
	if s.newest > last {
		s.newest = 0
		for i := range s.series {
			s.newest = max(s.newest, s.series[i].newest)
		}
	}
}

// dropBeyond takes out the points of a version that are after a second, and
// returns how many.
func (sr *series) dropBeyond(version string, last int64) (dropped uint64) {
	newest := int64(0)
	for i := range sr.ring {
		switch e := &sr.ring[i]; {
		case e.version == 0:
		case e.Version == version && e.Time > last:
			*e = entry{}
			dropped++
		default:
			newest = max(newest, e.Time)
		}
	}
	sr.newest, sr.shown = newest, min(sr.shown, newest)
	return dropped
}

// Refuse counts a record that could not be read.
func (s *Store) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
}

// Cut ends a version and gives its number. The first is 1.
func (s *Store) Cut() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeAllNotes()
	unsignal(s.news)
	unsignal(s.closed)
	s.expect()
	s.version++
	return s.version
}

// Advance calls f with each closed second that a stat has come to since the last
// call; what a stat had at the first is left out.
func (s *Store) Advance(f func(second int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.series {
		sr := &s.series[i]
		for t := max(sr.shown+1, sr.newest-s.size+1); sr.shown != 0 && t <= sr.newest; t++ {
			if e := &sr.ring[t%s.size]; e.version != 0 && e.Time == t && e.StaleSince == 0 {
				f(t)
			}
		}
		sr.shown = sr.newest
	}
}

// News has something to receive while there are changes that no version has yet.
func (s *Store) News() <-chan struct{} { return s.news }

// Closed has something to receive once all stats have come to the newest second that were
// going on, until that is in a version: nothing more of it is to be waited for.
func (s *Store) Closed() <-chan struct{} { return s.closed }

// tell makes known that there are changes; s.mu is held.
func (s *Store) tell() { signal(s.news) }

// signal puts one into a channel that has room for one, if there is none in it.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// unsignal takes it out again, if there is one.
func unsignal(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// Latest gives the newest point of a stat, and whether it is current: whether
// it came within the last seconds and is not a gap. ok is false before the first.
func (s *Store) Latest(stat string, now time.Time) (p stats.Snapshot, current, ok bool) {
	i, known := s.index[stat]
	if !known {
		return stats.Snapshot{}, false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sr := &s.series[i]
	if sr.newest == 0 {
		return stats.Snapshot{}, false, false
	}
	e := sr.ring[sr.newest%s.size]
	return e.Snapshot, e.StaleSince == 0 && now.Sub(sr.arrived) < aliveFor, true
}

// Range gives a stat's points of the seconds [from, to] that the store has,
// oldest first, and the oldest second that it has: what is older is in
// stats.merged alone.
func (s *Store) Range(stat string, from, to int64) (points []stats.Snapshot, oldest int64) {
	i, known := s.index[stat]
	if !known {
		return nil, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sr := &s.series[i]
	if sr.newest == 0 {
		return nil, math.MaxInt64
	}
	oldest = sr.newest
	for t := max(1, sr.newest-s.size+1); t <= sr.newest; t++ {
		e := &sr.ring[t%s.size]
		if e.version == 0 || e.Time != t {
			continue
		}
		oldest = min(oldest, t)
		if from <= t && t <= to {
			points = append(points, e.Snapshot)
		}
	}
	return points, oldest
}

// Incomplete reports whether something that stats.merged must have by now is
// missing here: a second between two others, or the final revision of a second
// that settled before the given one. The merger's table alone can leave such
// holes (a View that was away, a lower revision that was written last).
func (s *Store) Incomplete(settled int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.series {
		sr := &s.series[i]
		begun, next := false, int64(0)
		for t := max(1, sr.newest-s.window); t <= min(sr.newest, settled); t++ {
			e := &sr.ring[t%s.size]
			if e.version == 0 || e.Time != t {
				continue
			}
			if !e.Final || begun && t != next && e.StaleSince == 0 {
				return true
			}
			begun, next = true, t+1
		}
	}
	return false
}

// Settled is a second up to which stats.merged has the final revisions by now: some
// behind the newest, or, where nothing has come for so long, all that can be final.
func (s *Store) Settled(lateness int64, now time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var arrived time.Time
	for i := range s.series {
		if at := s.series[i].arrived; at.After(arrived) {
			arrived = at
		}
	}
	if now.Sub(arrived) >= settledAfter*time.Second {
		return s.newest - lateness - 1
	}
	return s.newest - lateness - settledAfter
}

// Newest is the newest second of all stats, 0 before the first.
func (s *Store) Newest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// Refused is how many points were refused: of unknown stats, too large, without
// a time, beyond all clocks, or not to be read.
func (s *Store) Refused() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// A selection is some of the stats, by their indices, ascending; nil is all.
type selection []int

// each calls f with the index of each stat of so many, and its place among them.
func (sel selection) each(all int, f func(place, stat int)) {
	if sel == nil {
		for i := range all {
			f(i, i)
		}
	}
	for place, stat := range sel {
		f(place, stat)
	}
}

// A form is how messages have changed points.
type form string

const (
	onePoint form = ""         // each by itself: what clients get that ask for nothing else
	together form = "together" // those of a second together, which takes a third less
)

// A change is a point that changed, of the stat at a place among those selected.
type change struct {
	place int
	*entry
}

// Changes gives what changed after one version and up to another in members of
// messages, of not much more than limit bytes each but for values that are longer:
// "points", an array of [place among the selected stats, second, value], oldest second
// first, a gap without a clock being [place, last second, null, first second]; and how
// sure they are, if not all are. Where they are to be together it has the gaps alone, and
// "seconds" the others, an array of [second, place, value, value of the next place, …].
// However many versions lie between, each point is there once, as it is now.
func (s *Store) Changes(sel selection, after, upTo uint64, limit int, as form) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pieces [][]byte
	var points, seconds []byte
	var sure certainty
	cut := func() {
		b := append(append([]byte(`,"points":[`), points...), ']')
		if len(seconds) > 0 {
			b = append(append(append(b, `,"seconds":[`...), seconds...), "]]"...)
		}
		pieces, points, seconds = append(pieces, sure.appendTo(b)), points[:0], seconds[:0]
	}
	var before change
	for _, c := range s.changes(sel, after, upTo, as) {
		switch {
		case as == onePoint || c.StaleSince != 0:
			if len(points) > 0 {
				points = append(points, ',')
			}
			points = strconv.AppendInt(append(points, '['), int64(c.place), 10)
			points = strconv.AppendInt(append(points, ','), c.Time, 10)
			points = append(append(points, ','), c.Value...)
			if c.StaleSince != 0 {
				points = strconv.AppendInt(append(points, ','), c.StaleSince, 10)
			}
			points = append(points, ']')
		case len(seconds) > 0 && c.Time == before.Time && c.place == before.place+1:
			seconds = append(append(seconds, ','), c.Value...)
			before = c
		default:
			if len(seconds) > 0 {
				seconds = append(seconds, "],"...)
			}
			seconds = strconv.AppendInt(append(seconds, '['), c.Time, 10)
			seconds = strconv.AppendInt(append(seconds, ','), int64(c.place), 10)
			seconds = append(append(seconds, ','), c.Value...)
			before = c
		}
		sure.add(c.place, c.entry)
		if len(points)+len(seconds)+sure.size() > limit {
			cut()
		}
	}
	if len(points)+len(seconds) > 0 || len(pieces) == 0 {
		cut()
	}
	return pieces
}

// changes is what changed, stat by stat, or second by second if that is to be together; s.mu
// is held.
func (s *Store) changes(sel selection, after, upTo uint64, as form) (all []change) {
	sel.each(len(s.series), func(place, stat int) {
		sr := &s.series[stat]
		if sr.version <= after {
			return
		}
		for t := max(1, sr.newest-s.size+1); t <= sr.newest; t++ {
			if e := &sr.ring[t%s.size]; e.Time == t && e.version > after && e.version <= upTo {
				all = append(all, change{place, e})
			}
		}
	})
	if as == together {
		slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(a.Time, b.Time) })
	}
	return all
}

// stat gives the index of the stat at a place among the selected.
func (sel selection) stat(place int) int {
	if sel == nil {
		return place
	}
	return sel[place]
}

// Select finds stats by their names; of none, all. It fails on a name that there
// is not.
func (s *Store) Select(names []string) (selection, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var sel selection
	for _, name := range names {
		i, ok := s.index[name]
		if !ok {
			return nil, fmt.Errorf("there is no stat %.80q; /api/stats lists them", name)
		}
		sel = append(sel, i)
	}
	slices.Sort(sel)
	return slices.Compact(sel), nil
}

// LastFinal is the last second that is final: no line can change its points any more. It is
// -1 if not all clocks are known.
func (s *Store) LastFinal() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clocks) == 0 {
		return -1
	}
	return max(-1, slices.Min(s.clocks)-1-s.definitions.Lateness)
}

// AppendClocks appends the clocks of the source partitions as a JSON array of
// Unix seconds, -1 being one that was not heard of, the ingesters that they are of, if
// these are known, and those whose clocks are doubted, if there are such:
// `"clocks":[…],"ingesters":[…],"ahead":{…}`.
func (s *Store) AppendClocks(b []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = append(b, `"clocks":[`...)
	for i, c := range s.clocks {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, c, 10)
	}
	b = append(b, ']')
	if len(s.ingesters) > 0 {
		b = append(b, `,"ingesters":`...)
		b = append(b, mustJSON(s.ingesters)...)
	}
	if len(s.ahead) > 0 {
		b = append(b, `,"ahead":`...)
		b = append(b, mustJSON(s.ahead)...)
	}
	return b
}
