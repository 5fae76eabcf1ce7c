// Package wall is the dashboard in a terminal.
package wall

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pulse/stats/alert"
	"pulse/stats/value"
)

// kept is how many seconds of each stat are kept, for its sparkline.
const kept = 300

// A stat is one as the server's first message has it.
type stat struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Unit     string   `json:"unit"`
	Help     string   `json:"help"`
	Kind     string   `json:"kind"`
	Where    string   `json:"where"`
	Over     int64    `json:"over"`
	Scale    float64  `json:"scale"`
	Warn     *float64 `json:"warn"`
	Crit     *float64 `json:"crit"`
	Reversed bool     `json:"reversed"`
	Mark     bool     `json:"mark"`
}

// scale is of its numbers and thresholds in its unit.
func (s *stat) scale() float64 { return cmp.Or(s.Scale, 1) }

// A series is a stat with its newest points.
type series struct {
	stat
	newest int64
	stale  bool // no ingester covered the newest second
	value  value.Value
	past   map[int64]float64 // the main number of each second
}

// A page is one of the definitions.
type page struct {
	Title string     `json:"title"`
	Rows  [][]string `json:"rows"`
}

// A message is one of the server's.
type message struct {
	Type    string            `json:"type"`
	Now     float64           `json:"now"`
	Clocks  []int64           `json:"clocks"`
	Alerts  *uint64           `json:"alerts"`
	Pages   []page            `json:"pages"`
	Stats   []stat            `json:"stats"`
	History []json.RawMessage `json:"history"`
	Points  []json.RawMessage `json:"points"`
}

// An alertNow is an incident that goes on.
type alertNow struct {
	Alert   string          `json:"alert"`
	Key     *string         `json:"key"`
	Kind    string          `json:"kind"`
	Since   string          `json:"since"`
	Until   *string         `json:"until"`
	Silence json.RawMessage `json:"silence"`
	Value   string          `json:"value"` // when it began
	Now     string          `json:"now"`
}

// name is the alert's, and the key's.
func (a *alertNow) name() string { return clean(alert.Name(a.Alert, a.Key)) }

// lasts is for how long it has gone on; "" if that is not known.
func (a *alertNow) lasts(now float64) string {
	since, err := time.Parse(time.RFC3339, a.Since)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("for %s", time.Duration(max(now-float64(since.Unix()), 0))*time.Second)
}

// A board is what is known.
type board struct {
	series []*series
	byName map[string]*series
	pages  []page
	now    float64 // the server's clock
	clock  int64   // the newest of the ingesters'
	moved  float64 // when that, or a stat's newest second, was new
	alerts []alertNow
}

// A clock that is this many seconds from the server's, and ran within the second, is that of a
// recording of another time.
const (
	apart = 60
	still = 3
)

// time is what ages are counted from: the server's clock, or that of a recording.
func (b *board) time() (now float64, recording bool) {
	if b.clock > 0 && math.Abs(b.now-float64(b.clock)) > apart && b.now-b.moved <= still {
		return float64(b.clock), true
	}
	return b.now, false
}

// take takes a message of the server's. One that is not understood is an error.
func (b *board) take(m *message) error {
	b.now = m.Now
	for _, c := range m.Clocks {
		if c > b.clock {
			b.clock, b.moved = c, m.Now
		}
	}
	switch m.Type {
	case "config":
		b.series, b.byName, b.pages = nil, map[string]*series{}, nil
		all := page{Title: "All stats"}
		for _, s := range m.Stats {
			one := &series{stat: s, past: map[int64]float64{}}
			b.series = append(b.series, one)
			b.byName[s.Name] = one
			if !strings.HasPrefix(s.Name, "pulse.") && !s.Mark {
				all.Rows = append(all.Rows, []string{s.Name})
			}
		}
		b.pages = append(m.Pages, all)
	case "history":
		for _, raw := range m.History {
			var piece []json.RawMessage
			var place int
			var first int64
			if json.Unmarshal(raw, &piece) != nil || len(piece) < 3 || json.Unmarshal(piece[0], &place) != nil || json.Unmarshal(piece[1], &first) != nil {
				return fmt.Errorf("not a piece of history: %.100s", raw)
			}
			for i, v := range piece[2:] {
				if strings.HasPrefix(string(v), `{"stale"`) {
					continue
				}
				b.put(place, first+int64(i), v, false)
			}
		}
	case "points":
		for _, raw := range m.Points {
			var point []json.RawMessage
			var place int
			var second int64
			if json.Unmarshal(raw, &point) != nil || len(point) < 3 || json.Unmarshal(point[0], &place) != nil || json.Unmarshal(point[1], &second) != nil {
				return fmt.Errorf("not a point: %.100s", raw)
			}
			if b.put(place, second, point[2], len(point) > 3) {
				b.moved = m.Now
			}
		}
	}
	return nil
}

// put takes a point, and reports whether it is the stat's newest by now.
func (b *board) put(place int, second int64, raw json.RawMessage, stale bool) bool {
	if place < 0 || place >= len(b.series) {
		return false
	}
	s := b.series[place]
	v, err := value.Parse(raw)
	if err != nil {
		return false // of a shape that a newer server has
	}
	if n, ok := mainNumber(v); ok && !stale {
		s.past[second] = n * s.scale()
	}
	further := second > s.newest
	if second >= s.newest {
		s.newest, s.value, s.stale = second, v, stale
		delete(s.past, second-kept)
		if len(s.past) > 2*kept {
			for at := range s.past {
				if at <= second-kept {
					delete(s.past, at)
				}
			}
		}
	}
	return further
}

// mainNumber is the one that a sparkline is of: the greatest quantile, the greatest key, the sum.
func mainNumber(v value.Value) (float64, bool) {
	greatest, found := math.Inf(-1), false
	for labels, n := range value.Numbers(v) {
		if len(labels) > 0 && labels[0].Name == value.LabelKeys {
			continue
		}
		greatest, found = max(greatest, n.Float64()), true
	}
	return greatest, found && !math.IsInf(greatest, 0) && !math.IsNaN(greatest)
}

// level is how the newest value stands to the thresholds: "", "warn" or "crit".
func (s *series) level() string {
	worst := ""
	for labels, n := range value.Numbers(s.value) {
		if len(labels) > 0 && labels[0].Name == value.LabelKeys {
			continue
		}
		f := n.Float64() * s.scale()
		past := func(limit *float64) bool {
			if limit == nil {
				return false
			}
			l := *limit * s.scale()
			return !s.Reversed && f >= l || s.Reversed && f <= l
		}
		switch {
		case past(s.Crit):
			return "crit"
		case past(s.Warn):
			worst = "warn"
		}
	}
	return worst
}

// figure is the newest value in a few words.
func (s *series) figure(now float64) string {
	switch {
	case s.newest == 0:
		return "nothing yet"
	case s.stale:
		return "no ingester"
	case s.value == nil:
		return "–"
	}
	var words []string
	for labels, n := range value.Numbers(s.value) {
		if len(labels) > 0 && labels[0].Name == value.LabelKeys {
			continue
		}
		text := brief(n.Float64() * s.scale())
		if len(labels) > 0 {
			name := labels[len(labels)-1].Text
			if f, err := strconv.ParseFloat(name, 64); err == nil && labels[len(labels)-1].Name == "quantile" {
				name = "p" + strconv.FormatFloat(f*100, 'f', -1, 64)
			}
			text = clean(name) + " " + text
		}
		if words = append(words, text); len(words) == 4 {
			break
		}
	}
	if len(words) == 0 {
		return "–"
	}
	text := strings.Join(words, "  ")
	if s.Unit != "" {
		text += " " + clean(s.Unit)
	}
	switch ago := now - float64(s.newest) - 1; {
	case ago > 3600:
		text += time.Unix(s.newest, 0).UTC().Format(" (2006-01-02 15:04:05)")
	case ago > 5:
		text += fmt.Sprintf(" (%.0f s ago)", ago)
	}
	return text
}

// rows are the stats of a page, or those that a search finds.
func (b *board) rows(number int, search string) (title string, all []*series) {
	if search != "" {
		words := strings.Fields(strings.ToLower(search))
		for _, s := range b.series {
			name := strings.ToLower(s.Name + " " + s.Title)
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(name, w) }) {
				all = append(all, s)
			}
		}
		return "“" + clean(search) + "”", all
	}
	if number < 0 || number >= len(b.pages) {
		return "", nil
	}
	for _, name := range slices.Concat(b.pages[number].Rows...) {
		if s := b.byName[name]; s != nil {
			all = append(all, s)
		}
	}
	return clean(b.pages[number].Title), all
}

var bars = []rune("▁▂▃▄▅▆▇█")

// spark draws the last seconds of a series in so many columns.
func (s *series) spark(columns int) string {
	columns = min(columns, kept)
	if columns <= 0 || s.newest == 0 {
		return strings.Repeat(" ", max(columns, 0))
	}
	lo, hi := 0.0, 0.0
	for at := s.newest - int64(columns) + 1; at <= s.newest; at++ {
		if n, ok := s.past[at]; ok {
			lo, hi = min(lo, n), max(hi, n)
		}
	}
	var b strings.Builder
	for at := s.newest - int64(columns) + 1; at <= s.newest; at++ {
		n, ok := s.past[at]
		switch {
		case !ok:
			b.WriteByte(' ')
		case hi == lo:
			b.WriteRune(bars[0])
		default:
			b.WriteRune(bars[min(int((n-lo)/(hi-lo)*float64(len(bars))), len(bars)-1)])
		}
	}
	return b.String()
}

// brief is a number with three significant digits, as on the page.
func brief(v float64) string {
	a, step := math.Abs(v), 0
	if a >= 1e18 || a > 0 && a < 1e-4 {
		return strconv.FormatFloat(v, 'e', 1, 64)
	}
	if a < 1000 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	for a >= 999.5 && step < 5 {
		a, step = a/1000, step+1
	}
	decimals := 2
	switch {
	case a >= 99.95:
		decimals = 0
	case a >= 9.995:
		decimals = 1
	case a < 0.9995:
		decimals = max(3, 1-int(math.Floor(math.Log10(a))))
	}
	return strconv.FormatFloat(math.Copysign(a, v), 'f', decimals, 64) + []string{"", "k", "M", "G", "T", "P"}[step]
}

// clean takes out of a text from a log what a terminal would obey, and what turns the
// direction of text.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return '·'
		}
		return r
	}, strings.ToValidUTF8(text, "·"))
}

// numbers are all numbers of a value, a line each.
func numbers(s *series, width int) (lines []string) {
	for labels, n := range value.Numbers(s.value) {
		if len(labels) == 0 {
			continue
		}
		var names []string
		for _, l := range labels {
			names = append(names, clean(l.Text))
		}
		lines = append(lines, fit(fmt.Sprintf("%10s  %s", brief(n.Float64()*s.scale()), strings.Join(names, " ")), width))
	}
	return lines
}
