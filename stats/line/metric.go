package line

import (
	"bytes"
	"strings"

	"pulse/stats/fixed"
)

// A Metric is a number that a line names itself, as l2met's conventions have it:
// count#orders=3, measure#db.query=1.2s, sample#memory_total=384.3MB.
type Metric struct {
	Kind   MetricKind
	Name   []byte
	Number fixed.Number // in milliseconds or bytes, if a unit of time or size is behind it
	Valid  bool         // it has a number
}

// A MetricKind is what stands before the # of a Metric.
type MetricKind uint8

// The kinds.
const (
	CountMetric MetricKind = iota
	MeasureMetric
	SampleMetric
)

var metricWords = [...]string{CountMetric: "count", MeasureMetric: "measure", SampleMetric: "sample"}

// maxMetricName is the most bytes of a metric's name; what has a longer one is left out.
const maxMetricName = 100

// NextMetric finds the first Metric of a text wherever it is, and returns what comes after
// it. Names have letters, digits and . _ - / : only. Letters behind a number that are not a
// unit are left out, as of 1bottle; it is not a number with those that scale it, but by what
// is not certain, such as 5m, 513M and 10Mbps, nor with marks between its digits, as 1,234.
func NextMetric(text []byte) (m Metric, rest []byte, found bool) {
	for start := 0; ; {
		n := bytes.IndexByte(text[start:], '#')
		if n < 0 {
			return m, nil, false
		}
		hash := start + n
		start = hash + 1
		kind, ok := metricBefore(text[:hash])
		if !ok {
			continue
		}
		name := text[start:]
		end := 0
		for end < len(name) && isMetricName(name[end]) {
			end++
		}
		if end == 0 || end > maxMetricName || end == len(name) || name[end] != '=' {
			continue
		}
		value, rest := metricValue(name[end+1:])
		m = Metric{Kind: kind, Name: name[:end]}
		m.Number, m.Valid = metricNumber(value)
		return m, rest, true
	}
}

// metricValue gives the value that a text begins with, in double quotes or up to what cannot
// be in a number, with a unit after a blank, and what comes after it. It is empty where a
// quote is not closed, or a mark that separates is between two digits.
func metricValue(text []byte) (value, rest []byte) {
	for _, quote := range [...]string{`"`, `\"`} { // within JSON's text
		if quoted, ok := bytes.CutPrefix(text, []byte(quote)); ok {
			value, rest, ok = bytes.Cut(quoted, []byte(quote))
			if !ok {
				return nil, quoted
			}
			return value, rest
		}
	}
	stop := bytes.IndexAny(text, " \t\r\n\",;'\\)]}")
	if stop < 0 {
		return text, nil
	}
	value, rest = text[:stop], text[stop:]
	if len(rest) > 1 && rest[1]-'0' <= 9 && (rest[0] == ',' || rest[0] == ';' || rest[0] == '\'') {
		return nil, rest
	}
	if rest[0] == ' ' {
		unit := rest[1:]
		if end := bytes.IndexAny(unit, " \t\r\n\",;'\\)]}"); end >= 0 {
			unit = unit[:end]
		}
		if len(unit) > 0 && isUnit(unit, span{0, len(unit)}) {
			value = text[:stop+1+len(unit)]
		}
	}
	return value, text[len(value):]
}

// CutMetric gives the parts of a metric's kind and name as lines write them, count#orders;
// it is not ok for another text.
func CutMetric(text string) (kind MetricKind, name string, ok bool) {
	word, name, _ := strings.Cut(text, "#")
	m, _, found := NextMetric([]byte(text + "=0"))
	if !found || string(m.Name) != name || metricWords[m.Kind] != word {
		return 0, "", false
	}
	return m.Kind, name, true
}

// metricBefore gives the kind of metric that a text ends with as a word of its own.
func metricBefore(text []byte) (MetricKind, bool) {
	for kind, word := range metricWords {
		if bytes.HasSuffix(text, []byte(word)) {
			before := len(text) - len(word)
			return MetricKind(kind), before == 0 || !isMetricName(text[before-1]) && text[before-1] != '#'
		}
	}
	return 0, false
}

func isMetricName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || c == '.' || c == '_' || c == '-' || c == '/' || c == ':'
}

func metricNumber(b []byte) (fixed.Number, bool) {
	if n, ok := parseNumber(b, units|exponents); ok {
		return n, true
	}
	end := len(b)
	for end > 0 && b[end-1]|0x20 >= 'a' && b[end-1]|0x20 <= 'z' {
		end--
	}
	if unit := b[end:]; len(unit) > 0 && isUnit(unit, span{0, len(unit)}) {
		return fixed.Number{}, false
	}
	switch string(b[end:]) {
	case "k", "K", "M", "G", "T":
		return fixed.Number{}, false
	}
	return parseNumber(b[:end], 0)
}
