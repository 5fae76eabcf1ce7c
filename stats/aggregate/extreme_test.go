package aggregate

import (
	"fmt"
	"testing"
)

// TestExtremeWindowStaysSmall slides a window under a peak that stays: what
// left it must not pile up.
func TestExtremeWindowStaysSmall(t *testing.T) {
	f := newFolder(t)
	k := newMax(x)
	peak := k.NewPartial()
	f.fold(peak, "level=info x=1000000")
	w := k.NewWindow().(*extremeWindow)
	w.Add(peak)
	const over = 10
	var seconds []Partial
	for i := range 10_000 {
		p := k.NewPartial()
		f.fold(p, fmt.Sprintf("level=info x=%d", i*7919%1000))
		w.Add(p)
		if seconds = append(seconds, p); i >= over {
			w.Sub(seconds[i-over])
		}
	}
	if n := len(w.added.numbers) + len(w.taken.numbers); n > 200 {
		t.Errorf("a window of %d seconds holds %d numbers", over+1, n)
	}
	w.Sub(peak)
	if got, want := jsonOf(w.Value(whole)), valueOf(k, seconds[len(seconds)-over:]...); got != want {
		t.Errorf("without the peak %s, want %s", got, want)
	}
}
