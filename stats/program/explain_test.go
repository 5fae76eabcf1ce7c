package program

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/internal/statstest"
)

// TestExplain: the stats that are said to count a line are those that it is folded into,
// and there is a reason why others do not.
func TestExplain(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	lines := append(statstest.Record(t, "pulse", 100, 100), statstest.Record(t, "router", 100, 100)...)
	for range testkit.Size(15, 150) {
		d := randomDefinitions(r)
		p := compileDefinitions(t, d)
		x, f := p.NewExplainer(statstest.FirstSecond), p.NewFolder()
		for range 20 {
			text := lines[r.IntN(len(lines))]
			f.Fold(Pack{Lines: []byte(text), Second: statstest.FirstSecond})
			folded := flush(t, f)
			x.Parse("", []byte(text))
			counting := x.Stats()
			for i, s := range d.Stats {
				_, counts := folded[i]
				if counts != slices.Contains(counting, s.Name) {
					t.Fatalf("%s: %s of %q by %q where %v counts it: %v, the explanation: %v", text, s.Kind, s.Field, s.GroupBy, s.Cond, counts, counting)
				}
				if why, err := x.Why(s.Name); err != nil || counts != (why == "") {
					t.Fatalf("%s: %s of %q by %q where %v counts it: %v, and %q, %v", text, s.Kind, s.Field, s.GroupBy, s.Cond, counts, why, err)
				}
			}
		}
	}
}
