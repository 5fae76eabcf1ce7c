package receiver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pulse/processors"
	"pulse/stats/line"
	"pulse/topics"
)

// TestLateWarning: while lines are late the receiver says so, once a minute,
// with what to do; it does not for a few of many.
func TestLateWarning(t *testing.T) {
	for _, c := range []struct {
		name     string
		lines    string // of each second
		seconds  int64
		warnings int
	}{
		{"all late", "time=1970-01-01T00:00:01Z\ntime=1970-01-01T00:00:02Z", 9, 0},
		{"all late for a while", "time=1970-01-01T00:00:01Z\ntime=1970-01-01T00:00:02Z", 12, 1},
		{"all late for longer", "time=1970-01-01T00:00:01Z", 65, 1},
		{"all late for minutes", "time=1970-01-01T00:00:01Z", 150, 3},
		{"none late", "no time", 150, 0},
		{"few late", "time=1970-01-01T00:00:01Z" + strings.Repeat("\nno time", 30), 150, 0},
		{"none at all", "", 150, 0},
	} {
		l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
		var said bytes.Buffer
		now := time.Unix(1000, 0)
		clock := func() time.Time { return now }
		l.work.shared.discarded = newDiscardWatch(slog.New(slog.NewTextHandler(&said, nil)), clock)
		for second := range c.seconds {
			l.pack(100+second, c.lines)
			l.tick(101 + second)
			now = now.Add(time.Second)
		}
		if n := strings.Count(said.String(), "lateness:"); n != c.warnings || n > 0 && !strings.Contains(said.String(), "level=WARN") {
			t.Errorf("%s: %d warnings, want %d:\n%s", c.name, n, c.warnings, said.String())
		}
	}
}

// TestUnreadableWarning: the first line that is too long is told of at once, and
// more of them once a minute.
func TestUnreadableWarning(t *testing.T) {
	l := newLog(t, processors.Start{Committed: topics.Commit{Offset: -1}})
	var said bytes.Buffer
	now := time.Unix(1000, 0)
	l.work.shared.discarded = newDiscardWatch(slog.New(slog.NewTextHandler(&said, nil)), func() time.Time { return now })
	for second, warnings := range []int{0, 1, 1, 1, 2} {
		if second > 0 {
			l.pack(100+int64(second), strings.Repeat("x", line.MaxLen+1))
			now = now.Add(20 * time.Second)
		}
		l.tick(101 + int64(second))
		if n := strings.Count(said.String(), "longer than 64 KiB"); n != warnings {
			t.Errorf("after %d lines: %d warnings, want %d:\n%s", second, n, warnings, said.String())
		}
	}
}
