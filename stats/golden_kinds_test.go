package stats_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse/stats"
)

// An event is what the slow calculation of a stat finds in a line: a key, a
// number, and when.
type event struct {
	at     time.Time
	key    string
	number float64
}

// A naiveKind is a stat of a kind with keys or parts, worked out a second time:
// a pattern with groups for the key and the number, and what the events of the
// window amount to.
type naiveKind struct {
	stat    string
	over    int64
	pattern string
	key     string // template of the key; "$1" is the first group
	number  string // template of the number
	value   func(window []event) any
}

const (
	nginxPattern  = ` nginx\[\d+\] - \S+ - \S+ - \S+ \[[^]]+\] "(\S+) [^"]*" (\d+) (\S+) .* (\S+)$`
	hermesPattern = `mod=hermes_proxy app_id=(\S+) code=(\S+) .*redis=(\S+) service=(\S+)`
)

func TestGoldenKindsAgain(t *testing.T) {
	for _, n := range []naiveKind{
		{"rate-by", 10, nginxPattern, "$4", "1", top(3, func(e []event) any { return float64(len(e)) / 10 })},
		{"rate-by-two", 20, nginxPattern, "$1,$2", "1", top(4, func(e []event) any { return float64(len(e)) * 60 / 20 })},
		{"sum-by", 20, nginxPattern, "$4", "$3", top(3, func(e []event) any { return total1(e) })},
		{"mean-by", 30, hermesPattern, "$2", "$4", top(2, func(e []event) any { return orNull(len(e), func() float64 { return total1(e) / float64(len(e)) }) })},
		{"min-by", 30, hermesPattern, "$2", "$4", top(2, func(e []event) any { return extreme(e, -1) })},
		{"max-by", 15, hermesPattern, "$1", "$3", top(3, func(e []event) any { return extreme(e, 1) })},
		{"quantiles-by", 30, hermesPattern, "$2", "$4", quantilesBy},
		{"histogram", 2, hermesPattern, "", "$4", func(e []event) any {
			counts := make([]any, 6)
			for i := range counts {
				n := 0.0
				for _, e := range e {
					if i == sortIn(e.number, 1, 5, 20, 100.5, 1000) {
						n++
					}
				}
				counts[i] = n
			}
			return map[string]any{"le": []any{1.0, 5.0, 20.0, 100.5, 1000.0}, "counts": counts}
		}},
		{"last", 30, `at=stats processes=(\d+)`, "", "$1", parts(func(last []float64) any { return last[0] })},
		{"last-sum", 40, `hermes\.(\d+)@.*at=stats processes=(\d+)`, "$1", "$2", parts(func(last []float64) any { return add(last) })},
		{"last-max", 40, `hermes\.(\d+)@.*at=stats processes=(\d+)`, "$1", "$2", parts(func(last []float64) any { return slices.Max(last) })},
		{"last-mean", 20, hermesPattern, "$1", "$3", parts(func(last []float64) any {
			tenths := 0.0
			for _, n := range last {
				tenths += math.Round(n * 10)
			}
			return tenths / float64(10*len(last))
		})},
		{"last-count", 60, `logplex\.(\d+)@.*drain_id=(\d+) drain_delivered=(\d+)`, "$1,$2", "$3", func(e []event) any { return float64(len(groups(e))) }},
		{"delta", 80, `hermes\.(\d+)@.*mod=hermes_proxy .*service=(\d+)`, "$1", "$2", grown},
		{"delta-of-one", 60, `message_processed=(\d+)`, "", "$1", grown},
		{"ratio", 10, nginxPattern, "", "$2", func(e []event) any {
			failed := 0.0
			for _, e := range e {
				if e.number >= 400 {
					failed++
				}
			}
			return orNull(len(e), func() float64 { return failed / 10 / (float64(len(e)) / 10) })
		}},
	} {
		t.Run(n.stat, func(t *testing.T) { n.check(t) })
	}
}

func add(numbers []float64) float64 {
	sum := 0.0
	for _, n := range numbers {
		sum += n
	}
	return sum
}

// total1 adds integers.
func total1(events []event) float64 {
	sum := 0.0
	for _, e := range events {
		sum += e.number
	}
	return sum
}

func extreme(events []event, sign float64) any {
	return orNull(len(events), func() float64 {
		best := events[0].number
		for _, e := range events {
			if sign*e.number > sign*best {
				best = e.number
			}
		}
		return best
	})
}

func sortIn(n float64, bounds ...float64) int {
	for i, b := range bounds {
		if n <= b {
			return i
		}
	}
	return len(bounds)
}

func groups(events []event) map[string][]event {
	g := make(map[string][]event)
	for _, e := range events {
		g[e.key] = append(g[e.key], e)
	}
	return g
}

// top gives the greatest values by key, and that of all the others.
func top(n int, value func([]event) any) func([]event) any {
	return func(events []event) any {
		type one struct {
			key   string
			value float64
		}
		var all []one
		for key, e := range groups(events) {
			all = append(all, one{key, value(e).(float64)})
		}
		slices.SortFunc(all, func(a, b one) int { return cmp.Or(cmp.Compare(b.value, a.value), strings.Compare(a.key, b.key)) })
		shown := []any{}
		best := make(map[string]bool)
		for _, o := range all[:min(n, len(all))] {
			shown = append(shown, map[string]any{"key": o.key, "value": o.value})
			best[o.key] = true
		}
		var other []event
		for _, e := range events {
			if !best[e.key] {
				other = append(other, e)
			}
		}
		return map[string]any{"top": shown, "other": value(other), "distinct": float64(len(all))}
	}
}

// quantilesBy gives quantiles of the two keys with most numbers, and those of
// all others.
func quantilesBy(events []event) any {
	value := func(events []event) any {
		var found []string
		for _, e := range events {
			found = append(found, strconv.FormatFloat(e.number, 'f', -1, 64))
		}
		return quantiles(0.5, 0.99)(found, 0)
	}
	counted := top(2, func(e []event) any { return float64(len(e)) })(events).(map[string]any)
	best := make(map[string]bool)
	for _, one := range counted["top"].([]any) {
		one := one.(map[string]any)
		best[one["key"].(string)] = true
		one["value"] = value(groups(events)[one["key"].(string)])
	}
	var other []event
	for _, e := range events {
		if !best[e.key] {
			other = append(other, e)
		}
	}
	counted["other"] = value(other)
	return counted
}

// parts gives what the newest numbers of the parts amount to.
func parts(value func(last []float64) any) func([]event) any {
	return func(events []event) any {
		if len(events) == 0 {
			return nil
		}
		var last []float64
		for _, e := range groups(events) {
			newest := e[0]
			for _, e := range e {
				if c := e.at.Compare(newest.at); c > 0 || c == 0 && e.number > newest.number {
					newest = e
				}
			}
			last = append(last, newest.number)
		}
		return value(last)
	}
}

// grown is the growth of the parts' counters, from second to second.
func grown(events []event) any {
	if len(events) == 0 {
		return nil
	}
	sum := 0.0
	for _, e := range groups(events) {
		slices.SortFunc(e, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.number, b.number)) })
		for i := range e {
			if i+1 < len(e) && e[i+1].at.Unix() == e[i].at.Unix() {
				e[i].number = -1 // only the newest of a second
			}
		}
		e = slices.DeleteFunc(e, func(e event) bool { return e.number < 0 })
		for i := 1; i < len(e); i++ {
			if sum += e[i].number; e[i].number >= e[i-1].number {
				sum -= e[i-1].number
			}
		}
	}
	return sum
}

func (n naiveKind) check(t *testing.T) {
	pattern := regexp.MustCompile(n.pattern)
	var events []event
	for l := range bytes.Lines(readFile(t, golden("kinds", ".log"))) {
		text := string(bytes.TrimRight(l, "\n"))
		m := pattern.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, rfc3339.FindString(text))
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.ParseFloat(string(pattern.ExpandString(nil, n.number, text, m)), 64)
		if err != nil {
			continue
		}
		events = append(events, event{at, string(pattern.ExpandString(nil, n.key, text, m)), number})
	}
	seconds := 0
	different := make(map[string]bool)
	for l := range bytes.Lines(readFile(t, golden("kinds", ".jsonl"))) {
		var s stats.Snapshot
		if err := json.Unmarshal(l, &s); err != nil {
			t.Fatal(err)
		}
		if s.Stat != n.stat {
			continue
		}
		seconds++
		different[string(s.Value)] = true
		var window []event
		for _, e := range events {
			if second := e.at.Unix(); second > s.Time-n.over && second <= s.Time {
				window = append(window, e)
			}
		}
		var got any
		if err := json.Unmarshal(s.Value, &got); err != nil {
			t.Fatal(err)
		}
		if want := n.value(window); !reflect.DeepEqual(got, want) {
			t.Errorf("at %s: %v, want %v", time.Unix(s.Time, 0).UTC().Format(time.TimeOnly), got, want)
		}
	}
	if seconds < 60 || len(different) < 5 {
		t.Errorf("little was compared: %d seconds, %d different values", seconds, len(different))
	}
}
