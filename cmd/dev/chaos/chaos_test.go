package main

import (
	"os"
	"testing"

	"pulse/cmd/dev/testkit"
)

// TestKillStorm is the short form of scenario kill, without a Kafka of its own.
func TestKillStorm(t *testing.T) {
	testkit.Long(t)
	o := options{Seed: 43, Short: true, Rate: 2000, Brokers: os.Getenv("PULSE_TEST_BROKERS"), Log: &lockedWriter{w: testLog{t}}, Tools: &tools{dir: t.TempDir()}}
	o.Embedded = o.Brokers == ""
	chosen, err := choose([]string{"kill"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := runScenario(t.Context(), chosen[0], o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if !r.ok() {
		t.Errorf("the numbers are not exact: %q", r.Failures)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}
