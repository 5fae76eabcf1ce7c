package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often a progress line is drawn anew.
const progressEvery = 200 * time.Millisecond

// A progress is a line on a terminal that says how far long work has come.
type progress struct {
	w     io.Writer // nil: nobody looks
	start time.Time
	drawn time.Time
}

// newProgress draws on w if that is a terminal.
func newProgress(w io.Writer) *progress {
	p := &progress{start: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

// show draws the line if the last time is long enough ago. The total is 0 where
// it is not known.
func (p *progress) show(done, total, lines int64) {
	if p.w == nil || time.Since(p.drawn) < progressEvery {
		return
	}
	p.drawn = time.Now()
	share := fmt.Sprintf("%.1f MB", float64(done)/1e6)
	if total > 0 {
		share = fmt.Sprintf("%.1f %% of %.1f MB", 100*float64(done)/float64(total), float64(total)/1e6)
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s, %d lines, %.0f s", share, lines, time.Since(p.start).Seconds())
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
