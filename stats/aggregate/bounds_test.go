package aggregate

import (
	"encoding/binary"
	"testing"
)

// The runs that a partial of quantiles keeps until it merges them are bounded, and merged they
// leave the room that they had.
func TestRunsAreBounded(t *testing.T) {
	var run []byte
	for range 100 {
		run = append(run, 3, 1) // few codes, over and over
	}
	p := &values{}
	most := 0
	for range 1000 {
		if err := p.Join(run); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(p.runs))
	}
	if limit := maxRuns + binary.MaxVarintLen64 + len(run); most > limit || most < maxRuns/2 {
		t.Errorf("it kept %d bytes, want %d at most", most, limit)
	}
	p.settled()
	if cap(p.runs) >= roomLen/2 {
		t.Errorf("merged, %d bytes have room for %d", len(p.runs), cap(p.runs))
	}
}

// What a window of unique keeps of seconds that are settled is bounded, however many hashes they
// have, and goes when none of them can be in the window any more.
func TestSettledIsBounded(t *testing.T) {
	kind := unique{}
	w := kind.NewWindow().(*uniqueWindow)
	hash := uint64(1)
	settle := func(second int64, hashes int) {
		p := kind.NewPartial().(*set)
		for range hashes {
			hash = hash*6364136223846793005 + 1442695040888963407
			p.add(hash)
		}
		w.Add(p)
		w.Settle(p, second)
		w.Slide(second-9, second-9)
	}
	for second := range int64(100) {
		settle(second, 500)
		if n := len(w.past.recent); n > maxSeen {
			t.Fatalf("second %d: it keeps %d hashes, want %d at most", second, n, maxSeen)
		}
	}
	if w.past.steps == nil {
		t.Fatal("it keeps no steps of 5,000 hashes")
	}
	for second := range int64(40) {
		settle(100+second, 1)
	}
	if n := len(w.past.recent); n != 10 {
		t.Errorf("it keeps %d hashes of ten seconds with one each", n)
	}
	if w.past.steps != nil {
		t.Error("it keeps steps although hashes tell all")
	}
}
