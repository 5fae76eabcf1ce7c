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
	testkit.Long(t)
	t.Parallel()
	const file = "../../testdata/golden/kinds.yaml"
	recording := record(t, traffic.Options{Kind: "pulse", Lines: 20_000, Rate: 400, Seed: 9, Disorder: 10 * time.Second, Garbage: 0.02})
	want := evaluate(t, nil, "--stats", file, recording)
	d := deploy(t, file, 8, 2)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	follow(t, d.cluster, d.names).equals(want, 0)
}
