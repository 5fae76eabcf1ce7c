package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"pulse/stats"
)

// A table is what `pulse eval --table` prints: each stat with its last value and
// a sparkline of those before it.
type table struct {
	w      io.Writer
	stats  []*stats.Stat
	values map[string][]json.RawMessage // the newest, at most tableSeconds
	plain  bool                         // without sparklines
}

// tableSeconds is the length of a sparkline.
const tableSeconds = 60

// maxCell is the most characters of a value that is no number.
const maxCell = 60

func newTable(w io.Writer, d *stats.Definitions) *table {
	return &table{w: w, stats: d.All(), values: make(map[string][]json.RawMessage)}
}

// write takes a snapshot. Seconds without a clock are there as one without a
// value.
func (t *table) write(s stats.Snapshot) {
	values := append(t.values[s.Stat], bytes.Clone(s.Value))
	t.values[s.Stat] = values[max(0, len(values)-tableSeconds):]
}

// flush prints the table.
func (t *table) flush() error {
	width := 0
	for _, s := range t.stats {
		width = max(width, len(s.Name))
	}
	var b strings.Builder
	for _, s := range t.stats {
		values := t.values[s.Name]
		if len(values) == 0 {
			continue
		}
		points := make([]*float64, len(values))
		for i, v := range values {
			points[i] = mainNumber(v)
		}
		graph := ""
		if !t.plain {
			graph = sparkline(points)
		}
		last := values[len(values)-1]
		line := fmt.Sprintf("%-*s  %12s  %s  %s", width, s.Name, cell(last, s.Unit), graph, details(last))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// A shape is a value of any kind.
type shape struct {
	Top []struct {
		Key   string
		Value json.RawMessage
	}
	Other  json.RawMessage
	Counts []float64
	In     *float64
}

// mainNumber gives the number that a value's sparkline follows: that of a
// number itself; of keys the first; of buckets and lines how many there are; of
// quantiles the first. It is nil where there is none.
func mainNumber(value json.RawMessage) *float64 {
	var f *float64
	if json.Unmarshal(value, &f) == nil {
		return f
	}
	var s shape
	if json.Unmarshal(value, &s) != nil {
		return nil
	}
	switch {
	case len(s.Top) > 0:
		return mainNumber(s.Top[0].Value)
	case s.Counts != nil:
		sum := 0.0
		for _, n := range s.Counts {
			sum += n
		}
		return &sum
	case s.In != nil:
		return s.In
	}
	d := json.NewDecoder(bytes.NewReader(value)) // quantiles, in the order of the file
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		if f, ok := token.(float64); ok {
			return &f
		}
	}
	return nil
}

// cell writes a value's main number for people.
func cell(value json.RawMessage, unit string) string {
	f := mainNumber(value)
	if f == nil {
		return "–"
	}
	text := strconv.FormatFloat(*f, 'g', 6, 64)
	if len(text) > 9 || strings.Contains(text, "e") {
		text = strconv.FormatFloat(*f, 'f', 0, 64)
	}
	if unit != "" {
		text += " " + unit
	}
	return text
}

// details writes the rest of a value that is not one number.
func details(value json.RawMessage) string {
	if len(value) == 0 || value[0] != '{' {
		return ""
	}
	var s shape
	text := string(value)
	if json.Unmarshal(value, &s) == nil && s.Top != nil {
		var words []string
		for _, t := range s.Top {
			words = append(words, fmt.Sprintf("%s %s", t.Key, t.Value))
		}
		text = strings.Join(append(words, fmt.Sprintf("other %s", s.Other)), ", ")
	}
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
