package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulse/stats/line"
	"pulse/topics"
)

// TestOriginsOfLines packs lines of many origins and finds each line with its
// own in the records.
func TestOriginsOfLines(t *testing.T) {
	for seed := range seeds(5, 50) {
		r := rand.New(rand.NewPCG(seed, 1))
		o := &fakeOutput{partitions: 3}
		p := NewPacker("a", topics.WallDomain, 3, o.sink)
		var want []string
		origins := 1 + r.IntN(2000)
		for i := range 3000 {
			if r.IntN(20) == 0 {
				if err := p.Advance(at(float64(i) / 100)); err != nil {
					t.Fatal(err)
				}
			}
			var from line.Origin
			if n := r.IntN(origins + 1); n > 0 {
				from = line.Origin(fmt.Sprintf("remote=%d&pad=%s", n, strings.Repeat("x", r.IntN(80))))
			}
			var lines strings.Builder
			for j := range r.IntN(4) {
				l := fmt.Sprintf("%d.%d%s", i, j, strings.Repeat("y", r.IntN(5)*r.IntN(100)))
				want = append(want, string(from)+" "+l)
				lines.WriteString(l + []string{"\n", "\n\n", "\r\n"}[r.IntN(3)])
			}
			if err := p.From(from); err != nil {
				t.Fatal(err)
			}
			if err := p.Add([]byte(lines.String())); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Leave(p.Second() + 1); err != nil {
			t.Fatal(err)
		}
		got := attributed(t, o)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d lines came with their origins, of %d", seed, len(got), len(want))
		}
	}
}

// TestOriginsOfABacklog: lines that wait for the clock keep where they are from, among
// those that do not wait.
func TestOriginsOfABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UnixNano()
		ago := func(hours int64) string { return dated(now-hours*3600*second, "x") }
		var want []string
		input := inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
			for i, l := range []string{
				"undated", ago(90), ago(90), // the first time waits for another
				ago(50), "undated", "undated", ago(50), // a jump that is borne out
				ago(10), "undated", ago(50), // one that is not
				"\n" + ago(20), // one that waits for the end
			} {
				from := line.Origin(fmt.Sprintf("topic=%d", i%3))
				want = append(want, string(from)+" "+strings.TrimSpace(l))
				if err := take(ctx, Batch{Lines: []byte(l + "\n"), Origin: from}); err != nil {
					return err
				}
			}
			return nil
		})
		o := &fakeOutput{partitions: 1}
		if err := (Live{Inputs: []Input{input}, Backlog: true, Lateness: 2}).Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if got := attributed(t, o); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// attributed returns each line of o's packs after its origin and a space.
func attributed(t *testing.T, o *fakeOutput) []string {
	t.Helper()
	var all []string
	for _, r := range o.taken() {
		if r.Header.Tick != nil {
			continue
		}
		if len(r.Header.Origins) > topics.MaxOrigins {
			t.Errorf("a header of %d bytes", len(r.Header.Origins))
		}
		lines := strings.Split(strings.ReplaceAll(string(r.Value), "\r", ""), "\n")
		if r.Header.Origins == "" {
			for _, l := range lines {
				all = append(all, " "+l)
			}
			continue
		}
		h, err := topics.ParseRawHeader(topics.Lookup(r.Header.Headers()))
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range h.Runs() {
			for _, l := range lines[:run.Lines] {
				all = append(all, string(run.From)+" "+l)
			}
			lines = lines[run.Lines:]
		}
		if len(lines) > 0 {
			t.Fatalf("%d lines have no origin", len(lines))
		}
	}
	return all
}
