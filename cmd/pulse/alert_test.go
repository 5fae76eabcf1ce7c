package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats/alert"
	"pulse/topics"
	"pulse/topics/topicstest"
)

const alertDefinitions = `
stats:
  - {name: errors, count: lines, where: status >= 500, over: 5s}
  - {name: by-status, count: lines, by: status, over: 3s}
  - {name: ms, quantiles: service, at: [0.5, 0.99], over: 5s}
alerts:
  - {name: many, when: errors > 3, clear: errors < 2, for: 2s, keep: 2s}
  - {name: busy, when: any key of by-status > 20, for: 2s}
  - {name: slow, when: p99 of ms > 800, on: final}
  - {name: little, when: in of pulse.lines < 8, unknown: fire after 5s}
`

// transitions are those in the topic, by key the last record of each. Each revision is there
// once.
func transitions(t *testing.T, cluster topics.Cluster, names topics.Names) map[string]alert.Transition {
	t.Helper()
	held := map[string]alert.Transition{}
	topicstest.Read(t, cluster, names.Alerts(), func(r *kgo.Record) {
		one, err := topics.ParseTransition(r.Value)
		if err != nil || !bytes.Equal(r.Key, topics.AlertKey(one)) {
			t.Fatalf("%s: %s, %v", r.Key, r.Value, err)
		}
		if old, ok := held[string(r.Key)]; ok && old.Revision >= one.Revision {
			t.Errorf("%s comes with revision %d after %d", r.Key, one.Revision, old.Revision)
		}
		held[string(r.Key)] = one
	})
	return held
}

// TestTwoVersions: while definitions are rolled out, processes of two definitions versions
// follow the same alerts, and each transition is in the topic once, as eval has it.
func TestTwoVersions(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", alertDefinitions)
	changed := writeFile(t, "changed.yaml", strings.Replace(alertDefinitions, "alerts:", "  - {name: new, count: lines, over: 2s}\nalerts:", 1))
	recording := roughRecording(t, 6000)
	want := wouldBe(t, file, recording)
	older := deploy(t, file, 3, 1)
	newer := deployOn(t, older.cluster, older.names.Prefix, changed, 3, 1)
	first := older.start("alert")
	// Slow, so that points still come when the second has begun.
	replay := older.start("replay", "--original-times", "--speed", "2", recording)
	versions := func() map[string]bool {
		admin, err := older.cluster.Admin()
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		states, err := admin.AlertStates(t.Context(), older.names, admin.Whole)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, m := range states.Memories() {
			there[m.Version] = true
		}
		return there
	}
	writes := func(d *deployment) {
		testkit.Eventually(t, "the version writes", func() error {
			if v := versions(); !v[d.names.Version] {
				return fmt.Errorf("those that write are %v", v)
			}
			return nil
		})
	}
	writes(older)
	second := newer.start("alert")
	writes(newer)
	// Who was started later writes, also with the older definitions; and the other one again
	// when that is gone.
	third := older.start("alert")
	first.terminate()
	replay.succeed()
	third.terminate()
	testkit.Eventually(t, "the topic has what eval says", func() error {
		got := transitions(t, older.cluster, older.names)
		for key, one := range want {
			if g := got[key]; g.State != one.State || g.Was != one.Was || g.Number != one.Number || !g.Final || g.Withdrawn {
				return fmt.Errorf("%s: got %+v, want %+v", key, g, one)
			}
		}
		return nil
	})
	second.terminate()
}

// wouldBe is what eval says: the final transitions by their keys.
func wouldBe(t *testing.T, file string, log string) map[string]alert.Transition {
	t.Helper()
	want := map[string]alert.Transition{}
	for line := range strings.Lines(start(t, nil, nil, "eval", "--alerts", "--stats", file, log).succeed().stdout.String()) {
		var one alert.Transition
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		want[string(topics.AlertKey(one))] = one
	}
	return want
}

// TestAlertsEqualEval: what two members of the role write to the topic of a recording,
// while one after the other is stopped and started, is what eval says of it: each
// transition, amended perhaps, and no other one that holds.
func TestAlertsEqualEval(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", alertDefinitions)
	recording := roughRecording(t, testkit.Size(1500, 30_000))
	want := wouldBe(t, file, recording)
	if len(want) < 10 {
		t.Fatalf("the recording makes %d transitions", len(want))
	}
	d := deploy(t, file, 3, 1)
	members := []*pulse{d.start("alert"), d.start("alert")}
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	restarts := 0
	testkit.Eventually(t, "the topic has what eval says", func() error {
		got := transitions(t, d.cluster, d.names)
		maps.DeleteFunc(got, func(_ string, one alert.Transition) bool { return one.Withdrawn })
		for key, one := range want {
			if g := got[key]; g.State != one.State || g.Was != one.Was || g.Number != one.Number || !g.Final {
				if restarts < 4 {
					members[restarts%2].stop()
					members[restarts%2].wait()
					members[restarts%2] = d.start("alert")
					restarts++
				}
				return fmt.Errorf("%s: got %+v, want %+v", key, g, one)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d transitions hold, want %d: %v", len(got), len(want), slices.Sorted(maps.Keys(got)))
		}
		return nil
	})
}
