package main

import (
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
)

// What goes by keys, parts and other stats is the same through Kafka as in eval,
// from lines out of order on several partitions.
func TestDistributedEqualsEvalOfAllKinds(t *testing.T) {
	t.Parallel()
	const file = "../../testdata/golden/kinds.yaml"
	lines := testkit.Size(1000, 20_000)
	recording := record(t, traffic.Options{Kind: "pulse", Lines: lines, Rate: float64(lines) / 50, Seed: 9, Disorder: 10 * time.Second, Garbage: 0.02})
	want := evaluate(t, nil, "--stats", file, recording)
	d := deploy(t, file, testkit.Size(3, 8), 2)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	follow(t, d.cluster, d.names).equals(want, 0)
}

// Metrics that lines name themselves are the same through Kafka as in eval.
func TestDistributedEqualsEvalOfInlog(t *testing.T) {
	t.Parallel()
	const file, recording = "../../testdata/golden/inlog.yaml", "../../testdata/golden/inlog.log"
	want := evaluate(t, nil, "--stats", file, recording)
	d := deploy(t, file, 3, 2)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	follow(t, d.cluster, d.names).equals(want, 0)
}
