package merger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/topics"
)

// The logs of newWorld have clocks that are up to 8 s ahead, and lines that are 5 s
// ahead of their records; and the windows of their stats, but for some of Pulse's
// own, are 10 s long at most.
const (
	lawAhead  = 16
	lawWindow = 10
)

// TestLawsFromSavepoint begins a second definitions version behind savepoints of a first one, with
// the same definitions: it publishes the same final values, and none for seconds
// before its first.
func TestLawsFromSavepoint(t *testing.T) {
	runs, begun, compared := (lawLogs()+1)/2, 0, 0
	for seed := range uint64(runs) {
		w := newWorld(t, 5000+seed)
		w.receive()
		found, latest := w.savepoints()
		if found == nil {
			continue
		}
		begun++
		first := latest + lawAhead + lawWindow
		w.fragments = make([][]fragmentRecord, w.targets)
		w.begin = func(p int32) topics.Commit {
			c, err := receiver.CommitAt(found[p], first)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		w.receive()
		w.merge()
		for _, conflict := range w.conflicts {
			t.Errorf("seed %d: %s", 5000+seed, conflict)
		}
		expected := w.reference()
		for name, published := range map[string]map[snapshotID]stats.Snapshot{"without restarts": w.plain, "with restarts": w.published} {
			wrong, n := w.compareFrom(published, expected, first)
			for _, text := range wrong {
				t.Errorf("seed %d, %s: %s", 5000+seed, name, text)
			}
			compared += n
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d of %d definitions versions began at a savepoint, %d points compared", begun, runs, compared)
	if runs >= 10 && (begun == 0 || compared == 0) {
		t.Error("none began at a savepoint, or none was compared")
	}
}

// savepoints picks for each source partition the last savepoint up to a random
// second, or gives nil if one has none.
func (w *world) savepoints() (found []topics.Savepoint, latest int64) {
	until := w.start + w.rng.Int64N(25)
	found = make([]topics.Savepoint, w.sources)
	for _, f := range w.fragments[0] {
		m := topics.DecodeMessage(f.value)
		if m.Savepoint == nil {
			continue
		}
		state, err := topics.DecodeReceiverState(m.Savepoint.State)
		if err != nil {
			w.t.Fatal(err)
		}
		if second := state.Clock.Second(); second <= until {
			found[m.Savepoint.Partition] = *m.Savepoint
			latest = max(latest, second)
		}
	}
	if slices.ContainsFunc(found, func(p topics.Savepoint) bool { return p.State == nil }) {
		return nil, 0
	}
	return found, latest
}

// compareFrom compares the highest revision of each point from first on, and
// returns how many it compared.
func (w *world) compareFrom(published map[snapshotID]stats.Snapshot, expected *reference, first int64) (wrong []string, compared int) {
	type point struct {
		stat string
		time int64
	}
	highest := map[point]stats.Snapshot{}
	stale := map[point]bool{}
	for _, s := range published {
		if s.Time < first {
			wrong = append(wrong, fmt.Sprintf("%s, before the first second %d", s.AppendJSON(nil), first))
		}
		for second := s.First(); second <= s.Time; second++ {
			key := point{s.Stat, second}
			if s.StaleSince != 0 {
				stale[key] = true
			}
			if h, ok := highest[key]; !ok || s.Revision > h.Revision {
				highest[key] = s
			}
		}
	}
	for _, stat := range w.definitions.All() {
		if stat.Window > lawWindow {
			continue
		}
		for second := first; second <= expected.last; second++ {
			if !w.compared(second) {
				continue
			}
			key := point{stat.Name, second}
			compared++
			if expected.gaps[second] && !(stat.Name == stats.LinesStat && expected.content[second]) {
				if !stale[key] {
					wrong = append(wrong, fmt.Sprintf("%s at %d is not stale", stat.Name, second))
				}
				continue
			}
			h, ok := highest[key]
			if covered, of := expected.covered(stat.End(second), stat.Window); h.Covered != covered || h.Of != of {
				wrong = append(wrong, fmt.Sprintf("%s, %d of %d seconds are covered", h.AppendJSON(nil), covered, of))
			}
			if want := expected.values[stat.Name][second]; !ok || stale[key] || !h.Final || string(h.Value) != want {
				wrong = append(wrong, fmt.Sprintf("%s (%s at %s), should be %s and final", h.AppendJSON(nil), stat.Name, time.Unix(second, 0).UTC().Format(time.TimeOnly), want))
			}
		}
	}
	return wrong, compared
}
