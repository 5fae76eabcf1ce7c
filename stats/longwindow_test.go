package stats

import (
	"fmt"
	"testing"
)

// TestLongWindowsArePacked: of a long window all seconds but the newest are kept as
// bytes, and the values are those of a window that is not packed.
func TestLongWindowsArePacked(t *testing.T) {
	const over = longWindow
	p := compileDefinitions(t, &Definitions{Lateness: 2, Stats: []*Stat{
		{Name: "unique", Kind: "unique", Field: "x", Over: over},
		{Name: "quantiles", Kind: "quantiles", Field: "x", At: []float64{0.5, 0.999}, Over: over},
	}})
	folder := p.NewFolder()
	var packed, plain [2]*Series
	for stat := range packed {
		packed[stat], plain[stat] = p.NewSeries(stat), p.NewSeries(stat)
		plain[stat].packAge = 2 * over
	}
	for second := range int64(over) {
		var lines []byte
		for n := range int64(100) {
			lines = fmt.Appendf(lines, "ts=%d x=%d\n", epoch+second, (n*7+second*13)%5000)
		}
		folder.Fold(Pack{Lines: lines, Second: epoch + second, Floor: epoch + second})
		folder.Flush(func(stat int, fragment []byte) {
			if stat >= len(packed) {
				return
			}
			for _, s := range []*Series{packed[stat], plain[stat]} {
				if err := s.Join(fragment, nil); err != nil {
					t.Fatal(err)
				}
				s.Value(epoch + second)
				s.Forget(epoch + second)
			}
		})
	}
	for stat := range packed {
		name := p.stats[stat].Name
		for i, s := range packed[stat].seconds {
			if want := s.second < epoch+over-1-packAge; (s.partial == nil) != want || (s.packed != nil) != want {
				t.Fatalf("%s: that second %d of %d is packed is %t", name, i, len(packed[stat].seconds), !want)
			}
		}
		for _, second := range []int64{over - 1, over + 100, 2*over - 2} {
			if got, want := string(packed[stat].Value(epoch+second)), string(plain[stat].Value(epoch+second)); got != want {
				t.Errorf("%s at %d is %s packed, %s plain", name, second, got, want)
			}
		}
	}
}
