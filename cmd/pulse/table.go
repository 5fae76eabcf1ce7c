package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"pulse/stats"
	"pulse/stats/value"
)

// A table is what `pulse eval --table` prints: each stat with its last value and
// a sparkline of those before it.
type table struct {
	w      io.Writer
	stats  []*stats.Stat
	values map[string][]value.Value // the newest, at most tableSeconds

	summaries map[string]summary // of a whole log, in place of sparklines; nil: it is not of one

	covered map[string]string // how much of the window of the last value is covered, if not all is
	approx  map[string]bool   // whether the last value is an estimate
}

// tableSeconds is the length of a sparkline.
const tableSeconds = 60

// maxCell is the most characters of a value that is not a number.
const maxCell = 60

func newTable(w io.Writer, d *stats.Definitions) *table {
	return &table{w: w, stats: d.All(), values: make(map[string][]value.Value), covered: make(map[string]string), approx: make(map[string]bool)}
}

// write takes a snapshot. Seconds without a clock are there as one without a
// value.
func (t *table) write(s stats.Snapshot) {
	v, _ := value.Parse(s.Value) // it was made here
	values := t.values[s.Stat]
	for range s.Seconds(s.Time-tableSeconds+1, s.Time) {
		values = append(values, v)
	}
	t.values[s.Stat] = values[max(0, len(values)-tableSeconds):]
	t.covered[s.Stat], t.approx[s.Stat] = "", s.Approx > 0
	if s.Of != 0 {
		t.covered[s.Stat] = "  (" + coverage(s.Covered, s.Of) + ")"
	}
}

// coverage says how many seconds of a window are covered, in the unit in which it is short,
// as the page does: it is whole only if all are.
func coverage(covered, of int64) string {
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{24 * 3600, "d"}, {3600, "h"}} {
		if of >= 2*unit.seconds && of%unit.seconds == 0 {
			tenths := 10 * covered / unit.seconds
			return fmt.Sprintf("%s of %d %s", strings.TrimSuffix(fmt.Sprintf("%d.%d", tenths/10, tenths%10), ".0"), of/unit.seconds, unit.name)
		}
	}
	return fmt.Sprintf("%d of %d s", covered, of)
}

// flush prints the table.
func (t *table) flush() error {
	width := 0
	for _, s := range t.stats {
		width = max(width, len(s.Name))
	}
	var b strings.Builder
	if t.summaries != nil {
		fmt.Fprintf(&b, "%-*s  %12s  %s\n", width, "", "", strings.TrimRight(fmt.Sprintf(summaryColumns, "count", "min", "mean", "max"), " "))
	}
	for _, s := range t.stats {
		values := t.values[s.Name]
		if len(values) == 0 {
			continue
		}
		points := make([]*float64, len(values))
		for i, v := range values {
			if n := mainNumber(v); n != "" {
				f := n.Float64()
				points[i] = &f
			}
		}
		graph := sparkline(points)
		if t.summaries != nil {
			graph = t.summaries[s.Name].columns(s)
		}
		last := values[len(values)-1]
		number := cell(mainNumber(last), s)
		if t.approx[s.Name] {
			number = "≈" + number
		}
		line := fmt.Sprintf("%-*s  %12s  %s  %s", width, s.Name, number, graph, details(last)+t.covered[s.Name])
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

const summaryColumns = "%9s  %9s  %9s  %9s"

// columns are the numbers of a summary, in the stat's unit but without its name.
func (s summary) columns(of *stats.Stat) string {
	plain := *of
	plain.Unit = ""
	text := func(n value.Number) string {
		if n == "" {
			return ""
		}
		return cell(n, &plain)
	}
	return fmt.Sprintf(summaryColumns, string(s.count), text(s.min), text(s.mean), text(s.max))
}

// mainNumber gives the number of a value that stands in the table: of several the first,
// of buckets how many numbers are in them. It is "" where there is none.
func mainNumber(v value.Value) value.Number {
	if h, ok := v.(*value.Histogram); ok {
		sum := uint64(0)
		for _, n := range h.Counts {
			sum += n
		}
		return value.Count(sum)
	}
	for labels, n := range value.Numbers(v) {
		if len(labels) > 0 && labels[0].Name == value.LabelKeys {
			break // no key has a value
		}
		return n
	}
	return ""
}

// cell writes a stat's number for people: a whole one with all its digits, a small one in
// two significant digits.
func cell(n value.Number, s *stats.Stat) string {
	if n == "" {
		return "–"
	}
	text := string(n)
	if scale := s.Scale(); scale != 1 || strings.Contains(text, ".") {
		f := n.Float64() * scale
		switch a := math.Abs(f); {
		case a > 0 && a < 0.001:
			text = strconv.FormatFloat(f, 'g', 2, 64)
		case a < 1e6:
			text = strconv.FormatFloat(f, 'g', 6, 64)
		case scale != 1 || a < 1e15:
			text = strconv.FormatFloat(f, 'f', 0, 64)
		}
	}
	if s.Unit != "" {
		text += " " + s.Unit
	}
	return text
}

// details writes the numbers of a value that has several.
func details(v value.Value) string {
	var words []string
	for labels, n := range value.Numbers(v) {
		if len(labels) == 0 {
			return ""
		}
		for _, l := range labels {
			words = append(words, l.Text)
		}
		words = append(words, string(n)+",")
	}
	text := strings.TrimSuffix(strings.Join(words, " "), ",")
	if utf8.RuneCountInString(text) > maxCell {
		text = string([]rune(text)[:maxCell-1]) + "…"
	}
	// A log's bytes must not steer the terminal.
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws numbers from 0 or the least, whichever is less, to the
// greatest; what is nil is a space.
func sparkline(points []*float64) string {
	low, high := 0.0, 0.0
	for _, p := range points {
		if p != nil {
			low, high = min(low, *p), max(high, *p)
		}
	}
	var b strings.Builder
	for _, p := range points {
		switch {
		case p == nil:
			b.WriteByte(' ')
		case high == low:
			b.WriteRune(bars[0])
		default:
			b.WriteRune(bars[int((*p-low)/(high-low)*float64(len(bars)-1)+0.5)])
		}
	}
	return b.String()
}
