package window_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/value"
	"pulse/stats/window"
)

// Digests of minutes that are joined, in whatever order, give what all of their
// numbers give, while these are few.
func TestTotal(t *testing.T) {
	const begun = 1_700_000_000 - 1_700_000_000%60
	d := &stats.Definitions{Lateness: 600, Stats: []*stats.Stat{
		{Name: "all", Kind: "quantiles", Field: "x", Quantiles: []float64{0.1, 0.5, 1}, Window: 1},
		{Name: "keys", Kind: "quantiles", Field: "x", GroupBy: []string{"key"}, Top: 2, Quantiles: []float64{0.5}, Window: 1},
		{Name: "rate", Kind: "rate", Per: 1, Window: 1},
	}}
	p := compileDefinitions(t, d)
	f := p.NewFolder()
	for i := range int64(900) {
		second := begun + i/5
		f.Fold(program.Pack{Lines: fmt.Appendf(nil, "ts=%d level=info x=%d key=k%d", second, i*i%401, i%3), Second: second, Floor: second})
	}
	f.Flush(func(stat int, fragment []byte) {
		if stat >= len(d.Stats) {
			return
		}
		kind := p.Kind(stat)
		if digests := d.Stats[stat].Kind == "quantiles"; window.Digests(kind) != digests {
			t.Fatalf("%s has digests: %v", d.Stats[stat].Name, !digests)
		} else if !digests {
			return
		}
		whole, joined, minute := window.NewTotal(kind), window.NewTotal(kind), window.NewTotal(kind)
		if err := whole.Join(fragment, 0, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		for _, from := range []int64{begun + 120, begun, begun + 60} {
			if err := minute.Join(fragment, from, from+60); err != nil {
				t.Fatal(err)
			}
			digest, numbers := minute.Digest()
			if numbers != 300 {
				t.Errorf("a minute has %d numbers, want 300", numbers)
			}
			if err := joined.JoinDigest(digest); err != nil {
				t.Fatal(err)
			}
		}
		if digest, numbers := minute.Digest(); len(digest) > 0 || numbers > 0 {
			t.Errorf("a Total whose digest was taken still has %d numbers: %x", numbers, digest)
		}
		got, want := value.AppendJSON(nil, joined.Value(1)), value.AppendJSON(nil, whole.Value(1))
		if !bytes.Equal(got, want) {
			t.Errorf("three minutes joined are %s, all of them %s", got, want)
		}
		if err := joined.JoinDigest([]byte{0xff}); err == nil {
			t.Error("bytes that are no digest were joined")
		}
		if err := joined.Join([]byte("no fragment"), 0, math.MaxInt64); err == nil {
			t.Error("bytes that are no fragment were joined")
		}
		if again := value.AppendJSON(nil, joined.Value(1)); !bytes.Equal(again, got) {
			t.Errorf("after what was refused the value is %s, before it was %s", again, got)
		}
	})
}
