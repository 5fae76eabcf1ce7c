package program

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/internal/statstest"
)

// What is gathered in columns makes the fragments of lines that are folded one by one, whatever
// their seconds and their numbers.
func TestColumnsAreLines(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 2))
	p := compile(t, `
stats:
  - {name: sum, sum: ms}
  - {name: mean, mean: ms, where: ms > 5}
  - {name: least, min: ms, where: at == "a"}
  - {name: most, max: ms, where: at == "a"}
  - {name: quantiles, quantiles: ms}
  - {name: spread, stddev: ms, where: at == "b"}
  - {name: values, unique: ms}
  - {name: unsaid, sum: bytes, where: ms contains "1"}
  - {name: bytes, sum: bytes}
  - {name: hosts, unique: host, where: at != "a"}
  - {name: by-host, sum: ms, by: host}
`)
	gathers, single := p.NewFolder(), p.NewFolder()
	single.memo.entries = memoSlots / 2
	value := func() string {
		switch r.IntN(9) {
		case 0:
			return "-" + fmt.Sprint(r.IntN(100))
		case 1:
			return fmt.Sprint(r.Int64())
		case 2:
			return "x" + fmt.Sprint(r.IntN(100))
		case 3:
			return `""`
		case 4:
			return fmt.Sprintf("%d.%d", r.IntN(1000), r.IntN(1000))
		}
		return fmt.Sprint(r.IntN(2000))
	}
	most := 0
	for range testkit.Size(20, 200) {
		lines := ""
		for range r.IntN(1500) {
			text := "at=" + string(rune('a'+r.IntN(3)))
			for _, key := range []string{"ms", "bytes", "host"} {
				if r.IntN(5) > 0 {
					text += " " + key + "=" + value()
				}
			}
			if r.IntN(10) == 0 { // of a key given twice the last counts
				text += " ms=" + value() + " at=" + string(rune('a'+r.IntN(3)))
			}
			lines += at(statstest.FirstSecond+int64(r.IntN(12)), text) + "\n"
		}
		for _, f := range []*Folder{gathers, single} {
			f.Fold(Pack{Lines: []byte(lines), Second: statstest.FirstSecond, Floor: statstest.FirstSecond})
		}
		most = max(most, len(gathers.columns))
		if r.IntN(3) > 0 {
			continue
		}
		if r.IntN(4) == 0 { // other lines come now, and the columns are made again
			gathers.memo.missed = memoRelearn
		}
		want, got := flush(t, single), flush(t, gathers)
		for stat := range p.stats {
			if !bytes.Equal(want[stat], got[stat]) {
				t.Fatalf("stat %s: another fragment", p.stats[stat].Name)
			}
		}
	}
	if most < 6 || len(single.columns) > 0 {
		t.Errorf("%d columns, want more, and %d, want none", most, len(single.columns))
	}
}

// Where stats take more columns than there are, the others' lines are folded one by one.
func TestMaxColumns(t *testing.T) {
	yaml := "stats:\n"
	for i := range 2 * maxColumns {
		yaml += fmt.Sprintf("  - {name: s%d, sum: f%d}\n", i, i)
	}
	f := compile(t, yaml).NewFolder()
	for range 2 {
		for i := range 4 { // keys by fours, of which an event has room for the codes
			parts := "at=info"
			for k := i; k < 2*maxColumns; k += 4 {
				parts += fmt.Sprintf(" f%d=1", k)
			}
			f.Fold(Pack{Lines: []byte(at(statstest.FirstSecond, parts)), Second: statstest.FirstSecond, Floor: statstest.FirstSecond})
		}
	}
	if len(f.columns) != maxColumns {
		t.Errorf("%d columns, want %d", len(f.columns), maxColumns)
	}
	got := flush(t, f)
	for stat := range 2 * maxColumns {
		if !bytes.Equal(got[stat], got[0]) {
			t.Errorf("stat %d: another fragment than stat 0", stat)
		}
	}
}
