package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
)

// The lines of a point are found at any age of the log, of which little more is read
// than they are in.
func TestLinesAtAnyAge(t *testing.T) {
	seconds := int64(testkit.Size(120, 6*3600))
	k := newKafka(t)
	d, err := stats.Parse("test", []byte("stats:\n  - {name: errors, rate: minute, where: level == \"error\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const first = 1700000000
	text := strings.Repeat("level=info msg=\"this line is as long as lines are, and says nothing of note\"\n", 20)
	var records []*kgo.Record
	for second := range seconds {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: "i", Clock: (first+second)*1000 + 300, Domain: topics.WallDomain}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers(),
				Value: fmt.Appendf(nil, "%slevel=error n=%d.%d\n", text, second, p)})
			h.Clock, h.Tick = (first+second+1)*1000, &topics.RawTick{Partitions: 3}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers()})
		}
		if len(records) >= 60 || second == seconds-1 {
			k.produce(records...)
			records = nil
		}
	}
	s := k.idle(func(c *Config) { c.Definitions = d })
	// Enough for what is asked for, and less than what is read around it.
	before := maxScan
	maxScan = 192 << 10
	defer func() { maxScan = before }()
	for _, age := range []int64{20, seconds / 3, seconds / 2, seconds - 30} {
		begun, told := time.Now(), time.Duration(0)
		found, err := s.raw.Lines(t.Context(), lineQuery{stat: "errors", from: first + seconds - age - 10, to: first + seconds - age, limit: usualLines}, func(found foundLines) {
			if told == 0 && len(found.lines) > 0 {
				told = time.Since(begun)
			}
		})
		if err != nil || len(found.lines) != 33 {
			t.Errorf("%d s ago: %d lines, %v; want 33", age, len(found.lines), err)
		}
		// The last second is looked for first, and then the ten before it.
		around := 2*(timing.LineAhead+timing.ClockAhead) + d.Lateness + 2
		if most := (11 + 2*around) * 3 * 21; found.read.Lines > most {
			t.Errorf("%d s ago: %d lines were read, want at most %d", age, found.read.Lines, most)
		}
		t.Logf("%d s ago: first lines after %v, all after %v", age, told, time.Since(begun))
	}
}

// When the time of a question is over, its answer is what was found by then, and says so; if
// nothing was read, that is an error.
func TestLinesOutOfTime(t *testing.T) {
	k := newKafka(t)
	d, err := stats.Parse("test", []byte("stats:\n  - {name: errors, rate: minute, where: level == \"error\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const first = 1700000000
	for second := range int64(20) {
		h := topics.RawHeader{Ingester: "i", Clock: (first+second)*1000 + 300, Domain: topics.WallDomain}
		k.produce(&kgo.Record{Topic: k.names.Raw(), Headers: h.Headers(), Value: fmt.Appendf(nil, "level=error n=%d\n", second)})
	}
	s := k.idle(func(c *Config) { c.Definitions = d })
	q := lineQuery{stat: "errors", from: first, to: first + 19, limit: usualLines}
	for _, after := range []int{0, 1} {
		ctx, over := context.WithCancelCause(t.Context())
		found, err := s.raw.Lines(ctx, q, func(found foundLines) {
			if len(found.lines) >= after {
				over(errOutOfTime)
			}
		})
		if after == 0 {
			if err == nil {
				t.Errorf("with no time at all: %+v, want an error", found)
			}
			continue
		}
		if err != nil || !found.stopped || !found.more || len(found.lines) == 0 || len(found.lines) == 20 {
			t.Errorf("the time was over after the first line: %d lines, stopped %v, more %v, %v; want some, and that it stopped", len(found.lines), found.stopped, found.more, err)
		}
	}
	if found, err := s.raw.Lines(t.Context(), q, func(foundLines) {}); err != nil || found.stopped || len(found.lines) != 20 {
		t.Errorf("with time enough: %d lines, stopped %v, %v; want all 20", len(found.lines), found.stopped, err)
	}
}
