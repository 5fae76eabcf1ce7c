package web

import (
	"strings"
	"testing"
	"time"

	"pulse/stats"
)

// TestRecording: messages say how much of the recording that this process reads has been sent,
// until something comes after it.
func TestRecording(t *testing.T) {
	var known Recording
	s := idle(t, func(c *Config) { c.Recording = func() Recording { return known } })
	has := func(want string) {
		t.Helper()
		if got := string(s.hub.appendHead(nil, "points")); !strings.Contains(got, want) || want == "" && strings.Contains(got, "recording") {
			t.Errorf("a message begins %s, want %q in it", got, want)
		}
	}
	has("")
	known = Recording{From: 1000, To: 1200, Read: 0.25}
	has(`,"recording":{"from":1000,"to":1200,"read":0.250}`)
	known.Read, known.Ended = 0, true
	put := func(second int64) {
		s.store.Upsert(stats.Snapshot{Stat: s.store.stats[0].Name, Time: second, Value: []byte("1"), Version: s.store.gen}, time.Unix(second, 0))
	}
	put(1200)
	has(`,"recording":{"from":1000,"to":1200,"ended":true}`)
	put(1200 + s.store.definitions.Lateness + 2)
	has("")
}
