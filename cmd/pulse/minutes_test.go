package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
)

// Minutes are there without a dashboard: pulse merge rolls up the final values, and
// has digests of the numbers.
func TestMergeRollsUpMinutes(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for second := range 130 {
		at := recordingStart.Add(time.Duration(second) * time.Second).Format(time.RFC3339)
		fmt.Fprintf(&lines, "time=%s level=info ms=%d\n", at, second)
	}
	file := writeFile(t, "stats.yaml", "lateness: 1s\nstats:\n  - {name: q, quantiles: ms, at: [0.5, 1]}\n  - {name: rate, rate: second}\n")
	d := deploy(t, file, 2, 1)
	d.start("replay", "--original-times", "--speed", "max", writeFile(t, "a.log", lines.String())).succeed()

	client, err := kgo.NewClient(append(d.cluster.ClientOptions("test"), kgo.ConsumeTopics(d.names.Minutes()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	minutes := map[string]topics.Minute{}
	testkit.Eventually(t, "two minutes are rolled up", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			for line := range bytes.Lines(r.Value) {
				m, err := topics.DecodeMinute(line)
				if err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				key := fmt.Sprint(m.Stat, " ", m.Time-recordingStart.Unix())
				known := minutes[key]
				known.Join(m)
				minutes[key] = known
			}
		})
		for key, numbers := range map[string]uint64{"q 0": 60, "q 60": 60, "rate 0": 0, "rate 60": 0} {
			if m := minutes[key]; m.Seconds != 60 || m.Numbers != numbers {
				return fmt.Errorf("minute %s has %d seconds and %d numbers, want 60 and %d", key, m.Seconds, m.Numbers, numbers)
			}
		}
		return nil
	})
}
