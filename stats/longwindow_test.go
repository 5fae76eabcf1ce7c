package stats

import (
	"fmt"
	"runtime"
	"testing"
)

// TestLongWindowsArePacked: what a long window holds of a second takes little more
// than its bytes, and the values are those of a window that is not packed.
func TestLongWindowsArePacked(t *testing.T) {
	const over, distinct = 900, 900
	p := compileDefinitions(t, &Definitions{Lateness: 2, Stats: []*Stat{
		{Name: "unique", Kind: "unique", Field: "x", Over: over},
		{Name: "quantiles", Kind: "quantiles", Field: "x", At: []float64{0.5, 0.999}, Over: over},
	}})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	folder := p.NewFolder()
	for stat := range 2 {
		packed, plain := p.NewSeries(stat), p.NewSeries(stat)
		plain.packAge = 1 << 40
		var size [2]int64
		for i, s := range []*Series{packed, plain} {
			before := heap()
			for second := range int64(over) {
				var lines []byte
				for n := range int64(distinct) {
					lines = fmt.Appendf(lines, "ts=%d x=%d\n", epoch+second, (n*7+second*13)%5000)
				}
				folder.Fold(Pack{Lines: lines, Second: epoch + second, Floor: epoch + second})
				folder.Flush(func(of int, fragment []byte) {
					if of == stat {
						if err := s.Join(fragment, nil); err != nil {
							t.Fatal(err)
						}
					}
				})
				s.Value(epoch + second)
				s.Forget(epoch + second)
			}
			size[i] = heap() - before
		}
		for _, second := range []int64{over - 1, over + 100, 2*over - 2} {
			if got, want := string(packed.Value(epoch+second)), string(plain.Value(epoch+second)); got != want {
				t.Errorf("%s at %d is %s packed, %s plain", p.stats[stat].Name, second, got, want)
			}
		}
		t.Logf("%s: %d bytes a second packed, %d plain", p.stats[stat].Name, size[0]/over, size[1]/over)
		if size[0] > size[1]*3/4 {
			t.Errorf("%s: %d bytes packed, %d plain", p.stats[stat].Name, size[0], size[1])
		}
		runtime.KeepAlive(packed)
		runtime.KeepAlive(plain)
	}
}
