package aggregate

import (
	"fmt"
	"testing"
)

// BenchmarkCombinedBy is a second of a ratio by 2,000 keys, all of which have new lines.
func BenchmarkCombinedBy(b *testing.B) {
	const over = 10
	of := []Kind{newKeyed(newRate(1), byOne, 10, over), newKeyed(newRate(1), byOne, 10, over)}
	for name, k := range map[string]Kind{
		"ratio": ratioKind.Make(Parameters{Of: of, By: byOne, Top: 10, Over: over}),
		"value": valueKind.Make(Parameters{Of: of, By: byOne, Top: 10, Over: over, Formula: newFormula("100 * (a - b) / b", 0, 1, 1)}),
	} {
		b.Run(name, func(b *testing.B) {
			f := newFolder(b)
			p, q := k.NewPartial(), k.NewPartial()
			for i := range 2000 {
				f.fold(p, fmt.Sprintf("level=info key=k%d", i))
				f.fold(q, fmt.Sprintf("level=info key=k%d", i))
			}
			w := k.NewWindow()
			for range over {
				w.Add(q)
			}
			for b.Loop() {
				w.Add(p)
				w.Value(whole)
				w.Sub(p)
			}
		})
	}
}
