package main

import (
	"os"
	"testing"
	"time"
)

// TestKillStorm is the short form of `make chaos`.
func TestKillStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	r, err := run(t.Context(), options{
		Time: 25 * time.Second, Rate: 2000, Every: 2 * time.Second, Each: 2,
		Brokers: os.Getenv("PULSE_TEST_BROKERS"), Logs: testLog{t},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if !r.ok() {
		t.Errorf("the numbers are not exact: %v", r)
	}
	if kills := r.kills["receiver"] + r.kills["merger"]; kills < 10 {
		t.Errorf("%d kills, want at least 10", kills)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}
