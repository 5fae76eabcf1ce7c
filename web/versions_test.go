package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/topics"
)

// A rollout is a store of new definitions beside an older definitions version in which
// the stat a means the same and b another thing.
type rollout struct {
	t     *testing.T
	store *Store
	now   time.Time
}

const formerGen = "aaaaaa"

func newRollout(t *testing.T) *rollout {
	r := &rollout{t: t, store: NewStore(two()), now: time.Unix(2000, 0)}
	r.store.Catalog(topics.Catalog{Version: formerGen, First: 1000, Stats: map[string]string{"a": two().StatHashes()["a"], "b": "other", "gone": "x"}})
	return r
}

// begins says when the own definitions version begins.
func (r *rollout) begins(first int64) {
	r.store.Catalog(topics.Catalog{Version: two().Version(), First: first, Stats: two().StatHashes()})
}

// publish publishes the seconds [from, to] of both stats, and that they are closed.
func (r *rollout) publish(gen string, from, to int64) {
	for second := from; second <= to; second++ {
		for _, stat := range []string{"a", "b"} {
			r.store.Upsert(stats.Snapshot{Stat: stat, Time: second, Value: json.RawMessage(fmt.Sprintf("%d", second)), Final: true, Version: gen}, r.now)
		}
	}
	r.store.Clocks(topics.Clocks{Version: gen, Closed: to, Seconds: []int64{to + 1}}, r.now)
}

// shows fails unless the store has the seconds [from, to] of a stat, and of each
// the definitions version's that want gives.
func (r *rollout) shows(what, stat string, from, to int64, want func(second int64) string) {
	r.t.Helper()
	points, _ := r.store.Range(stat, 0, 1<<40)
	if from > to && len(points) == 0 {
		return
	}
	if len(points) != int(to-from+1) || points[0].Time != from {
		r.t.Fatalf("%s: %d points of %s are shown, want those of %d to %d", what, len(points), stat, from, to)
	}
	for _, p := range points {
		if p.Version != want(p.Time) {
			r.t.Errorf("%s: %s at %d is of %s, want %s", what, stat, p.Time, p.Version, want(p.Time))
		}
	}
}

func TestRollout(t *testing.T) {
	own := two().Version()
	both := func(second int64) string {
		if second < 1900 {
			return formerGen
		}
		return own
	}
	all := func(gen string) func(int64) string { return func(int64) string { return gen } }
	r := newRollout(t)
	r.publish(formerGen, 1800, 1999)
	r.store.Begin(r.now)
	r.publish(formerGen, 1800, 1999) // the history
	r.shows("before the new definitions version", "a", 1800, 1999, all(formerGen))
	r.shows("before the new definitions version", "b", 1, 0, nil)
	if r.store.Notice(r.now) == "" {
		t.Error("nothing is said while the older definitions version is shown")
	}

	r.begins(1900)
	r.publish(own, 1900, 1950)
	r.publish(formerGen, 2000, 2001)
	r.shows("while the new one catches up", "a", 1800, 2001, all(formerGen))
	r.shows("while the new one catches up", "b", 1, 0, nil)
	version := r.store.Cut()

	r.publish(own, 1951, 1998)
	r.shows("after the change", "a", 1800, 1998, both)
	r.shows("after the change", "b", 1900, 1998, all(own))
	changes := allChanges(r.store, nil, version, r.store.Cut())
	if n := strings.Count(changes, "[0,"); n != 0 {
		t.Errorf("the change of definitions versions brought %d changes of the stat that did not change: %.200s", n, changes)
	}
	if n := strings.Count(changes, "[1,"); n != 99 {
		t.Errorf("the change of definitions versions brought %d points of the stat that changed, want 99", n)
	}
	if notice := r.store.Notice(r.now); notice != "" {
		t.Errorf("after the change it says %q", notice)
	}

	r.publish(formerGen, 2002, 2100)
	r.shows("when the older goes on", "a", 1800, 1998, both)
	r.publish(own, 1999, 2100)
	r.publish(formerGen, 2101, 2300)
	r.shows("for good", "a", 1800, 2100, both)
	if got := r.store.VersionAt("a", 1899); got != formerGen {
		t.Errorf("of what was before the new definitions version that of %q is shown", got)
	}
	if got := r.store.VersionAt("b", 1899); got != "" {
		t.Errorf("of a stat that meant another thing that of %q is shown", got)
	}
}

// TestRolloutAfterwards: a server that starts when the own definitions version has caught
// up shows it at once, and the older one's history.
func TestRolloutAfterwards(t *testing.T) {
	own := two().Version()
	r := newRollout(t)
	r.begins(1900)
	r.publish(own, 1990, 1999)
	r.publish(formerGen, 1990, 1998)
	r.store.Begin(r.now)
	r.publish(formerGen, 1850, 1998)
	r.publish(own, 1900, 1999)
	r.shows("a restart", "a", 1850, 1999, func(second int64) string {
		if second < 1900 {
			return formerGen
		}
		return own
	})
}

// TestRolloutOverAStandstill: a definitions version that has stood still for a minute holds
// up nothing.
func TestRolloutOverAStandstill(t *testing.T) {
	own := two().Version()
	r := newRollout(t)
	r.publish(formerGen, 1800, 1999)
	r.store.Begin(r.now)
	r.begins(1900)
	r.publish(own, 1900, 1910)
	if r.store.shown != formerGen {
		t.Fatal("the new definitions version is shown before it has caught up")
	}
	r.now = r.now.Add(stoodFor)
	r.publish(own, 1911, 1912)
	r.shows("after a minute", "b", 1900, 1912, func(int64) string { return own })
}

// TestOlderFile: a server of the older definitions keeps to them, and says so.
func TestOlderFile(t *testing.T) {
	r := newRollout(t)
	r.begins(1500)
	r.publish(two().Version(), 1990, 1999)
	r.store.Begin(r.now)
	r.store.Catalog(topics.Catalog{Version: "bbbbbb", First: 1980, Stats: two().StatHashes()})
	r.publish("bbbbbb", 1990, 2000)
	r.shows("the older file", "a", 1990, 1999, func(int64) string { return two().Version() })
	if notice := r.store.Notice(r.now); !strings.Contains(notice, "bbbbbb") {
		t.Errorf("it says %q, and not that bbbbbb is at work", notice)
	}
	if notice := r.store.Notice(r.now.Add(time.Hour)); notice != "" {
		t.Errorf("an hour after bbbbbb has gone it says %q", notice)
	}
}

// TestForgedCatalogs: any number of definitions versions leaves room for those that are
// shown, and takes no more than theirs.
func TestForgedCatalogs(t *testing.T) {
	r := newRollout(t)
	r.begins(1500)
	r.publish(two().Version(), 1500, 1600)
	for i := range int64(10 * maxVersions) {
		version := fmt.Sprintf("%06x", i)
		r.store.Catalog(topics.Catalog{Version: version, First: 2000 + i})
		r.store.Clocks(topics.Clocks{Version: version, Closed: 3000, Seconds: []int64{3001}}, r.now)
	}
	if n, m := len(r.store.catalogs), len(r.store.progress); n > maxVersions || m > maxVersions {
		t.Errorf("%d catalogs and the progress of %d versions are held, want %d at most", n, m, maxVersions)
	}
	r.shows("with forged catalogs", "a", 1500, 1600, func(int64) string { return two().Version() })
}

// What was worked out later is shown of the seconds that nobody published with the same
// meaning, whichever version it is of; and how far it has got, until it is done.
func TestFilledPast(t *testing.T) {
	r := newRollout(t)
	r.begins(1500)
	h := topics.History{Version: two().Version(), From: 1200, To: 1500, Goal: 600, Chunks: []topics.Chunk{{From: 1200, Records: map[int32][2]int64{0: {1, 2}}}}}
	r.store.FilledBy(h)
	shown := func(store *Store, want map[int64]string) {
		t.Helper()
		for second, version := range want {
			if got := store.VersionAt("b", second); got != version {
				t.Errorf("b at %d is of %q, want %q", second, got, version)
			}
			if got := store.VersionAt("a", second); second >= 1000 && second < 1500 && got != formerGen {
				t.Errorf("a at %d is of %q, want %q, which has published it", second, got, formerGen)
			}
		}
	}
	shown(r.store, map[int64]string{1199: "", 1200: two().Version(), 1499: two().Version(), 1500: two().Version()})
	if got, ok := r.store.filling("b"); !ok || got.From != 1200 {
		t.Errorf("b is filled as %+v (%v)", got, ok)
	}
	if _, ok := r.store.filling("a"); ok {
		t.Error("a is being filled, which was published")
	}
	older := h
	older.From, older.Chunks = 1500, nil
	r.store.FilledBy(older) // by a process that was paused
	shown(r.store, map[int64]string{1200: two().Version()})
	h.From, h.Goal = 900, 900
	r.store.FilledBy(h)
	if _, ok := r.store.filling("b"); ok {
		t.Error("b is being filled when all is done")
	}
	shown(r.store, map[int64]string{899: "", 900: two().Version(), 1000: two().Version()})

	// A version in between: what it has filled is shown where b means the same.
	next := NewStore(two())
	between := topics.Catalog{Version: "bbbbbb", First: 1500, Stats: two().StatHashes()}
	next.Catalog(between)
	next.Catalog(topics.Catalog{Version: formerGen, First: 1000, Stats: map[string]string{"a": two().StatHashes()["a"], "b": "other"}})
	next.Catalog(topics.Catalog{Version: two().Version(), First: 1700, Stats: two().StatHashes()})
	h.Version = "bbbbbb"
	next.FilledBy(h)
	shown(next, map[int64]string{899: "", 900: "bbbbbb", 1499: "bbbbbb", 1699: "bbbbbb", 1700: two().Version()})
}
