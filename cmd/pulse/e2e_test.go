package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats/line"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// A deployment is the roles that work on a Kafka, as separate processes would.
type deployment struct {
	t       testing.TB
	env     map[string]string
	cluster topics.Cluster
	names   topics.Names
}

// deploy makes topics of so many partitions and starts receivers and mergers.
func deploy(t testing.TB, file string, partitions, each int) *deployment {
	t.Helper()
	cluster, prefix := topicstest.Cluster(t)
	return deployOn(t, cluster, prefix, file, partitions, each)
}

func deployOn(t testing.TB, cluster topics.Cluster, prefix, file string, partitions, each int) *deployment {
	t.Helper()
	d := &deployment{t: t, cluster: cluster, names: namesOf(t, prefix, file), env: map[string]string{
		"KAFKA_URL": strings.Join(cluster.Brokers, ","), "KAFKA_PREFIX": prefix, "PULSE_STATS": file, "PULSE_LOG_LEVEL": "warn",
	}}
	d.start("topics", "--create", "--partitions", strconv.Itoa(partitions)).succeed()
	for range each {
		d.start("receive")
		d.start("merge")
	}
	return d
}

func (d *deployment) start(args ...string) *pulse {
	d.t.Helper()
	return start(d.t, d.env, nil, args...)
}

// roughRecording is of several kinds of lines, out of order and with garbage in
// between: lines of every fate.
func roughRecording(t testing.TB, lines int) string {
	return record(t, traffic.Options{Kind: "mixed", Lines: lines, Rate: float64(lines) / 60, Seed: 3, Disorder: 20 * time.Second, Garbage: 0.08})
}

// What receivers and mergers make of a recording is what eval makes of it.
func TestDistributedEqualsEval(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "5s"))
	recording := roughRecording(t, testkit.Size(1500, 30_000))
	want := evaluate(t, nil, "--stats", file, recording)
	if want.Counted+want.Late+want.Unreadable != want.Lines {
		t.Errorf("eval's account does not add up: %+v", want.account)
	}
	if want.Late == 0 || want.Unreadable == 0 {
		t.Fatalf("the recording has no lines of each fate: %+v", want.account)
	}

	d := deploy(t, file, testkit.Size(3, 8), 2)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	got := follow(t, d.cluster, d.names)
	got.equals(want, 0)
	if sum := accountOf(t, got.points); sum != want.account {
		t.Errorf("pulse.lines adds up to %+v, eval's account is %+v", sum, want.account)
	}

	// The topic of raw records, clocks included, says the same.
	raw := evaluate(t, d.env, "--raw")
	if raw.account != want.account {
		t.Errorf("eval --raw accounts for %+v, eval for %+v", raw.account, want.account)
	}
	got.equals(raw, 0)
}

// The same in one process: what a new user starts.
func TestRunReplay(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "5s"))
	recording := roughRecording(t, testkit.Size(1500, 3000))
	want := evaluate(t, nil, "--stats", file, recording)

	run := startRun(t, file, "", nil, "--replay", recording, "--speed", "max", "--original-times")
	got := follow(t, run.cluster, run.names)
	got.equals(want, 0)
	if sum := accountOf(t, got.points); sum != want.account {
		t.Errorf("pulse.lines adds up to %+v, eval's account is %+v", sum, want.account)
	}
	ready(t, run.url+"/readyz")
	run.terminate()
}

// A recording's values are the same at any pace, and when its times are mapped
// by whole seconds.
func TestReplayPaces(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s"))
	recording := record(t, traffic.Options{Kind: "mixed", Lines: 1500, Rate: 500, Seed: 5, Disorder: 4 * time.Second, Garbage: 0.01})
	want := evaluate(t, nil, "--stats", file, recording)
	cluster, prefix := topicstest.Cluster(t)
	for i, test := range []struct {
		name   string
		args   []string
		mapped bool
		same   bool // the seconds hold the lines that they held
	}{
		{"its own pace, mapped", nil, true, true},
		{"at once, mapped", []string{"--speed", "max"}, true, true},
		{"twice its pace, mapped", []string{"--speed", "2"}, true, false},
		{"three times its pace, original", []string{"--speed", "3", "--original-times"}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, cluster, fmt.Sprint(prefix, i, "."), file, 4, 1)
			before := time.Now().Unix()
			d.start(append([]string{"replay", recording}, test.args...)...).succeed()
			after := time.Now().Unix()

			mapping := d.mapping()
			if test.mapped == mapping.Identity() {
				t.Fatalf("the records' mapping is %+v", mapping)
			}
			got := follow(t, d.cluster, d.names)
			if !test.same {
				got.accountedFor(want.Lines)
				if sum := accountOf(t, got.points); sum.Counted+sum.Late+sum.Unreadable != sum.Lines || sum.Unreadable != want.Unreadable {
					t.Errorf("pulse.lines adds up to %+v, eval's account is %+v", sum, want.account)
				}
				return
			}
			shift := (mapping.To - mapping.From) / int64(time.Second)
			got.equals(want, shift)
			if sum := accountOf(t, got.points); sum != want.account {
				t.Errorf("pulse.lines adds up to %+v, eval's account is %+v", sum, want.account)
			}
			// The last line was sent at the time that is now its own.
			if last := want.last + shift; test.mapped && (last < before-1 || last > after) {
				t.Errorf("the last line is of second %d, it was sent in [%d, %d]", last, before, after)
			}
		})
	}
}

// mapping is that of the first pack of lines in events.raw.
func (d *deployment) mapping() (m line.Mapping) {
	d.t.Helper()
	topicstest.Read(d.t, d.cluster, d.names.Raw(), func(r *kgo.Record) {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			d.t.Error(err)
		}
		if m.Identity() {
			m = h.Map
		}
	})
	return m
}
