package alerting

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pulse/topics"
)

func TestTurn(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 2, 10, minute, 0, 0, time.UTC) }
	memory := func(version string, minute int, settled int64) topics.AlertMemory {
		tracker, err := json.Marshal(map[string]any{"settled": settled})
		if err != nil {
			t.Fatal(err)
		}
		return topics.AlertMemory{Version: version, Since: at(minute), Alert: "a", Stat: "errors", Tracker: tracker}
	}
	all := func(m ...topics.AlertMemory) []topics.AlertMemory { return m }
	for name, c := range map[string]struct {
		started  int
		caughtUp bool
		memories []topics.AlertMemory
		there    bool // processes of the other version
		want     turn
		aside    bool
	}{
		"nobody was there":                           {5, false, nil, false, turn{since: at(5)}, false},
		"it comes back":                              {5, false, all(memory("v1", 3, 100)), false, turn{since: at(5)}, false},
		"another process of it has begun since":      {5, false, all(memory("v1", 7, 100)), false, turn{since: at(7)}, false},
		"after another version that is gone":         {5, false, all(memory("v2", 3, 100)), false, turn{since: at(5)}, false},
		"beside one whose points are ahead":          {5, false, all(memory("v2", 3, 100), memory("v1", 1, 90)), true, turn{since: at(5), until: 100}, false},
		"beside one whose points it has come up to":  {5, true, all(memory("v2", 3, 100)), true, turn{since: at(5)}, false},
		"it has taken over from one that is there":   {5, false, all(memory("v2", 3, 100), memory("v1", 4, 90)), true, turn{since: at(5)}, false},
		"another one took over":                      {5, true, all(memory("v2", 6, 100), memory("v1", 5, 90)), true, turn{}, true},
		"another one took over, and is gone":         {5, true, all(memory("v2", 6, 100), memory("v1", 5, 90)), false, turn{since: at(6).Add(time.Millisecond)}, false},
		"it took over from a later one that is back": {5, true, all(memory("v2", 6, 100), memory("v1", 7, 90)), true, turn{since: at(7)}, false},
	} {
		got, err := turnOf("v1", at(c.started), c.caughtUp, c.memories, func(string) (bool, error) { return c.there, nil })
		if errors.Is(err, errAside) != c.aside || err == nil && got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}
