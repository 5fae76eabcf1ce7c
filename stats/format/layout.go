package format

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Layout says how a time is written.
type Layout struct {
	// Name is the text that it was made of.
	Name string
	// Unit is how many nanoseconds a number counts; 0: it is not a number.
	Unit uint64
	// ISO says that it is RFC 3339, or what loggers make of that.
	ISO bool

	go_    string // without its fraction
	digits int    // of the fraction: as many; -1: up to nine, or none at all; 0: as Go has it
	year   bool
	zone   bool
}

// words are the layouts that have a name.
var words = map[string]Layout{
	"iso": {ISO: true}, "unix": {Unit: 1e9}, "unixms": {Unit: 1e6}, "unixus": {Unit: 1e3}, "unixns": {Unit: 1},
}

// longestTime is the greatest length of a time's text.
const longestTime = 64

var (
	fractionOfSecond = regexp.MustCompile(`5[.,](0+|9+)(?:[^0-9]|$)`)
	zoneName         = regexp.MustCompile(`MST`)
)

// ParseLayout reads a layout: one of package time, or iso, unix, unixms, unixus, unixns.
func ParseLayout(text string) (*Layout, *Error) {
	if l, ok := words[text]; ok {
		l.Name = text
		return &l, nil
	}
	l := &Layout{Name: text, go_: text}
	has := func(change time.Time) bool { return reference.Format(text) != change.Format(text) }
	l.year = has(reference.AddDate(28, 0, 0)) // when weekdays are the same
	l.zone = has(reference.In(time.FixedZone("", 3600)).Add(-time.Hour))
	example := `such as "2006-01-02 15:04:05,000"`
	if layout := translated(text); layout != "" {
		example = fmt.Sprintf("%q", layout)
	}
	switch {
	case !has(reference.Add(11*time.Hour)) || !has(reference.Add(time.Minute)):
		return nil, errorf(0, "%q is not a time layout: write Go's reference time in your log's format, %s, or one of %s", short(text), example, strings.Join(slices.Sorted(maps.Keys(words)), ", "))
	case !has(reference.AddDate(0, 0, 7)) || !has(reference.AddDate(0, 1, 0)) && !strings.Contains(text, "002"):
		return nil, errorf(0, "the layout %q has no date, and a time of day alone does not date a line: write a full layout, %s, or remove time", short(text), example)
	case !has(reference.Add(-12 * time.Hour)):
		return nil, errorf(0, "the layout %q has a 12-hour clock without PM, so morning and afternoon look the same: write 15 for hours up to 23, or add PM", short(text))
	case zoneName.MatchString(text):
		return nil, errorf(strings.Index(text, "MST"), "a zone name such as MST is ambiguous: write the layout without it and set zone, or remove time to use the names listed in docs/formats.md")
	}
	if at := fractionOfSecond.FindStringSubmatchIndex(text); at != nil {
		l.go_, l.digits = text[:at[0]+1]+text[at[3]:], at[3]-at[2]
		if text[at[2]] == '9' {
			l.digits = -1
		}
		if l.digits > 9 {
			return nil, errorf(at[2], "a second has at most nine decimals, this layout has %d", l.digits)
		}
	}
	if _, err := time.Parse(l.go_, reference.Format(l.go_)); err != nil {
		return nil, errorf(0, "%q is not a time layout that can be parsed: %v", short(text), err)
	}
	return l, nil
}

// TimedBy says how the time is written that a format's Match finds.
func (f *Format) TimedBy(l *Layout) {
	f.Time = l
	if p, ok := f.Match.(*pattern); ok {
		p.timedBy(f.Captures, l)
	}
}

// reference is Go's, in UTC: a time whose parts all differ.
var reference = time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)

func short(text string) string {
	if len(text) > longestTime {
		return text[:longestTime] + "…"
	}
	return text
}

// A Reader reads times of a Layout; it remembers the last one, since the next most
// often has the same second. It is for one goroutine.
type Reader struct {
	layout *Layout
	key    []byte // the last text without its fraction; nil: none
	text   []byte // that of the time which is read
	last   Time
}

// A Time is what a text says of a time.
type Time struct {
	Second           int64 // Unix time if it has a zone, otherwise as if it were in UTC
	Nanos            uint32
	Month, Day       int64
	OfDay            int64 // the second of its day
	HasYear, HasZone bool
}

// NewReader makes a Reader of a layout that is neither a number nor ISO.
func (l *Layout) NewReader() *Reader { return &Reader{layout: l} }

// Read reads a time, and reports whether it is one.
func (r *Reader) Read(b []byte) (Time, bool) {
	if len(b) > longestTime {
		return Time{}, false
	}
	nanos, text := uint32(0), b
	if r.layout.digits != 0 {
		var ok bool
		if nanos, text, ok = r.cut(b); !ok {
			return Time{}, false
		}
	}
	if r.key == nil || !bytes.Equal(r.key, text) {
		t, err := time.Parse(r.layout.go_, string(text))
		if err != nil {
			return Time{}, false
		}
		r.last = Time{
			Second: t.Unix(), Nanos: uint32(t.Nanosecond()), HasYear: r.layout.year, HasZone: r.layout.zone,
			Month: int64(t.Month()), Day: int64(t.Day()), OfDay: int64(t.Hour()*3600 + t.Minute()*60 + t.Second()),
		}
		r.key = append(r.key[:0], text...)
	}
	t := r.last
	t.Nanos += nanos
	return t, true
}

// cut gives the nanoseconds of a text, and the text without them.
func (r *Reader) cut(b []byte) (nanos uint32, text []byte, ok bool) {
	optional := r.layout.digits < 0
	at := bytes.LastIndexAny(b, ".,")
	if at < 0 {
		return 0, b, optional
	}
	end := at + 1
	for scale := uint32(1e8); end < len(b) && b[end]-'0' <= 9; end++ {
		nanos += uint32(b[end]-'0') * scale
		scale /= 10
	}
	if n := end - at - 1; n == 0 || n > 9 || !optional && n != r.layout.digits {
		return 0, b, optional && n == 0
	}
	r.text = append(append(r.text[:0], b[:at]...), b[end:]...)
	return nanos, r.text, true
}
