package merger

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/topics"
)

// TestKeptIsReadInOrder: what was kept is told oldest second first and once, in whatever order
// the topic has it, twice or in parts; and what is gone by the second reading is an error.
func TestKeptIsReadInOrder(t *testing.T) {
	d, err := stats.Parse("test.yaml", []byte("stats:\n  - {name: a, count: lines}\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Definitions: d, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &partition{shared: &shared{metrics: &Metrics{}, program: m.program}, byName: map[string]*track{"a": {}}}
	record := func(second, before int64, part, parts int, data []byte) []byte {
		s := topics.Second{Second: second, Before: before, Part: part, Parts: parts, Data: data}
		return s.Append(nil)
	}
	named := func(text string) []byte { return topics.AppendNamed(nil, "a", []byte(text)) }
	long := named("of thirteen")
	values := [][]byte{
		record(9, -1, 0, 1, named("of nine, which nobody asks for")),
		record(10, 9, 0, 1, named("of another log")),
		record(10, -1, 0, 1, named("of ten")),
		record(13, 12, 1, 2, long[5:]),
		[]byte("no record"),
		record(12, 10, 0, 1, named("of twelve")),
		record(13, 12, 0, 2, long[:5]),
		record(12, 10, 0, 1, named("of twelve")),
		record(15, 13, 0, 1, nil),
	}
	read, gone := 0, 0
	kept := func(_ string, _ int32, last int64, each func([]byte)) (bool, error) {
		from := gone * read // from the second reading on
		read++
		for _, value := range values[from:] {
			each(slices.Clone(value))
		}
		return true, nil
	}
	told := func() (all []string, err error) {
		read = 0
		c, err := p.chain(kept, "seconds", 100, func(map[int64]unit) int64 { return 15 }, 10)
		if err != nil || c.reached != 10 {
			t.Fatalf("the chain reaches %d: %v", c.reached, err)
		}
		err = p.eachKept(kept, c, func(left int, second int64, fragments func(func(*track, []byte) error) error) error {
			text := fmt.Sprintf("%d, %d left:", second, left)
			err := fragments(func(_ *track, fragment []byte) error { text += " " + string(fragment); return nil })
			all = append(all, text)
			return err
		})
		return all, err
	}
	all, err := told()
	if want := []string{"10, 3 left: of ten", "12, 2 left: of twelve", "13, 1 left: of thirteen", "15, 0 left:"}; err != nil || !slices.Equal(all, want) {
		t.Errorf("it told %q, %v; want %q", all, err, want)
	}
	gone = 3
	if _, err := told(); err == nil || !strings.Contains(err.Error(), "4 seconds are gone") {
		t.Errorf("with a second gone: %v", err)
	}
}
