package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"pulse/stats"
	"pulse/stats/value"
)

// A valueDiff is how the final values of a stat differ by two definitions files.
type valueDiff struct {
	stat     string
	lookback int64               // of the longer of its two windows
	waiting  [2][]stats.Snapshot // those of the side that is ahead

	seconds int64 // in which they differ
	first   int64 // the first of these
	at      [2]stats.Snapshot

	// The greatest difference of two numbers, by their share, and when; 0: none was
	// between numbers.
	greatest float64
	when     int64
	numbers  [2]value.Number

	counted [2]*matching // lines in the window of the first difference; nil: they are not known
}

// take takes the next snapshot of a side.
func (v *valueDiff) take(side int, s stats.Snapshot) {
	v.waiting[side] = append(v.waiting[side], s)
	for len(v.waiting[0]) > 0 && len(v.waiting[1]) > 0 {
		a, b := v.waiting[0][0], v.waiting[1][0]
		switch {
		case a.First() < b.First():
			v.alone(0, b.First()-1)
		case b.First() < a.First():
			v.alone(1, a.First()-1)
		default:
			last := min(a.Time, b.Time)
			v.compare(a, b, last)
			v.cut(0, last)
			v.cut(1, last)
		}
	}
}

// end is that nothing more comes.
func (v *valueDiff) end() {
	for side := range v.waiting {
		for len(v.waiting[side]) > 0 {
			v.alone(side, math.MaxInt64)
		}
	}
}

// alone is that a side has seconds, up to one, that the other has not.
func (v *valueDiff) alone(side int, last int64) {
	s := v.waiting[side][0]
	last = min(last, s.Time)
	var two [2]stats.Snapshot
	two[side] = s
	v.differ(s.First(), last, two)
	v.cut(side, last)
}

// cut takes the seconds up to one away from a side's first snapshot.
func (v *valueDiff) cut(side int, last int64) {
	s := &v.waiting[side][0]
	if last >= s.Time {
		v.waiting[side] = v.waiting[side][1:]
		return
	}
	*s, _ = s.Cut(last+1, s.Time)
}

// compare compares two snapshots that begin at the same second, up to another one.
func (v *valueDiff) compare(a, b stats.Snapshot, last int64) {
	if bytes.Equal(a.Value, b.Value) && (a.StaleSince == 0) == (b.StaleSince == 0) && a.Covered == b.Covered && a.Of == b.Of {
		return
	}
	v.differ(a.First(), last, [2]stats.Snapshot{a, b})
	var main [2]value.Number
	for i, s := range []stats.Snapshot{a, b} {
		parsed, _ := value.Parse(s.Value) // it was made here
		main[i] = mainNumber(parsed)
	}
	if main[0] == "" || main[1] == "" {
		return
	}
	x, y := main[0].Float64(), main[1].Float64()
	if share := math.Abs(x-y) / max(math.Abs(x), math.Abs(y), math.SmallestNonzeroFloat64); share > v.greatest {
		v.greatest, v.when, v.numbers = share, a.First(), main
	}
}

func (v *valueDiff) differ(from, last int64, two [2]stats.Snapshot) {
	if v.seconds == 0 {
		v.first, v.at = from, two
	}
	v.seconds += last + 1 - from
}

// maxShown bounds a value that is printed, in bytes.
const maxShown = 120

func (v *valueDiff) print(w io.Writer) {
	fmt.Fprintf(w, "%s: its values differ in %s\n  first at %s: %s, then %s\n",
		v.stat, plural(int(v.seconds), "second"), utc(v.first), shown(v.at[0]), shown(v.at[1]))
	if v.greatest > 0 {
		fmt.Fprintf(w, "  most at %s: %s, then %s\n", utc(v.when), v.numbers[0], v.numbers[1])
	}
	if v.counted[0] == nil || v.counted[1] == nil {
		return
	}
	for i, side := range []string{"old", "new"} {
		for _, text := range v.counted[i].beyond(v.counted[1-i]) {
			fmt.Fprintf(w, "  only by the %s file counts: %s\n", side, text)
		}
	}
}

// shown is a value as it is printed.
func shown(s stats.Snapshot) string {
	switch {
	case s.Stat == "":
		return "no value"
	case s.StaleSince != 0:
		return "stale"
	}
	text := string(s.Value)
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	if s.Of != 0 {
		text += fmt.Sprintf(" (%d of %d s)", s.Covered, s.Of)
	}
	return text
}
