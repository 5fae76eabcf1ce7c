package program

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/internal/statstest"
)

// With the memo and without it the same lines are errors, and the same count.
func TestMistypedByIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range testkit.Size(50, 200) {
		d := &stats.Definitions{}
		for i := range 5 {
			d.Stats = append(d.Stats, &stats.Stat{Name: fmt.Sprint("s", i), Kind: "rate", Per: 1, Window: 10, Cond: randomCondition(r, 3)})
		}
		p := compileDefinitions(t, d)
		var lines []byte
		for range 30 {
			lines = fmt.Appendf(lines, "at=%s code=%s status=%s host=%s redis=%s msg=%s\n",
				statstest.Pick(r, "1", "start", "true"), statstest.Pick(r, "H10", "200", "true"), statstest.Pick(r, "200", "404", "x"),
				statstest.Pick(r, "a", "7"), statstest.Pick(r, "10.5", "none"), statstest.Pick(r, "7", "word"))
		}
		memo, index := p.NewFolder(), p.NewFolder()
		index.memo.entries = memoSlots // full
		pack := Pack{Lines: lines, Second: statstest.Epoch, Floor: statstest.Epoch}
		memo.Fold(pack)
		index.Fold(pack)
		a, b := flush(t, memo), flush(t, index)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			for _, s := range d.Stats {
				t.Log(s.Cond)
			}
			t.Fatalf("with the memo %x, without %x", a, b)
		}
	}
}
