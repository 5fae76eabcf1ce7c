package window_test

import (
	"fmt"
	"testing"

	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/program"
	"pulse/stats/window"
)

// TestLongWindowsArePacked: of a long window all seconds but the newest are kept as
// bytes, and the values are those of a window that is not packed.
func TestLongWindowsArePacked(t *testing.T) {
	const over = window.LongWindow
	d := &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "unique", Kind: "unique", Field: "x", Window: over},
		{Name: "quantiles", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5, 0.999}, Window: over},
	}}
	p := compileDefinitions(t, d)
	folder := p.NewFolder()
	var packed, plain [2]*window.Series
	for stat := range packed {
		packed[stat], plain[stat] = window.NewSeries(p.Kind(stat), d.Stats[stat]), window.NewSeries(p.Kind(stat), d.Stats[stat])
		plain[stat].SetPackAge(2 * over)
	}
	for second := range int64(over) {
		var lines []byte
		for n := range int64(10) {
			lines = fmt.Appendf(lines, "ts=%d x=%d\n", statstest.Epoch+second, (n*7+second*13)%5000)
		}
		folder.Fold(program.Pack{Lines: lines, Second: statstest.Epoch + second, Floor: statstest.Epoch + second})
		folder.Flush(func(stat int, fragment []byte) {
			if stat >= len(packed) {
				return
			}
			for _, s := range []*window.Series{packed[stat], plain[stat]} {
				if err := s.Join(fragment, nil); err != nil {
					t.Fatal(err)
				}
				s.Value(statstest.Epoch+second, over)
				s.Forget(statstest.Epoch + second)
			}
		})
	}
	for stat := range packed {
		name := d.Stats[stat].Name
		for second, is := range packed[stat].Packed() {
			if want := second < statstest.Epoch+over-1-window.PackAge; is != want {
				t.Fatalf("%s: that second %d of %d is packed is %t", name, second-statstest.Epoch, packed[stat].Len(), is)
			}
		}
		for _, second := range []int64{over - 1, over + 100, 2*over - 2} {
			if got, want := string(packed[stat].Value(statstest.Epoch+second, over)), string(plain[stat].Value(statstest.Epoch+second, over)); got != want {
				t.Errorf("%s at %d is %s packed, %s plain", name, second, got, want)
			}
		}
	}
}
