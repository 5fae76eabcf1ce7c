package line

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// MaxOrigin is the greatest length of an Origin, in bytes.
const MaxOrigin = 1 << 10

// An Origin is what an input knows of lines beside their text: fields, such as
// the input's name and the sender's address, that no line can overwrite. It is
// text of the form key=value&key=value, in which whatever is not a plain character
// is escaped as in a URL, so that it is comparable and stays readable. No
// origin is the empty text.
type Origin string

// NewOrigin returns the origin with these keys and values, in that order; those
// without a value are left out. It fails beyond MaxOrigin, and for a format or a
// zone that there is not.
func NewOrigin(pairs ...string) (Origin, error) {
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if value == "" {
			continue
		}
		var err error
		switch key {
		case FormatField:
			err = CheckFormat(value)
		case ZoneField:
			_, err = ParseZone(value)
		case UnwrapField:
			err = CheckUnwrap(value)
		}
		if err != nil {
			return "", err
		}
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = appendEscaped(b, key)
		b = append(b, '=')
		b = appendEscaped(b, value)
	}
	if len(b) > MaxOrigin {
		return "", fmt.Errorf("the fields of an origin take up %d bytes, more than %d: %.60s…", len(b), MaxOrigin, b)
	}
	return Origin(b), nil
}

// Fields yields the keys and values, in their order.
func (o Origin) Fields() iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for pair := range strings.SplitSeq(string(o), "&") {
			key, value, ok := strings.Cut(pair, "=")
			if ok && !yield(unescaped(key), unescaped(value)) {
				return
			}
		}
	}
}

// With is the origin with one more field; without it, if the origin has the key already,
// or the value cannot be that of an origin or is too long for one.
func (o Origin) With(key, value string) Origin {
	var pairs []string
	for k, v := range o.Fields() {
		if k == key {
			return o
		}
		pairs = append(pairs, k, v)
	}
	with, err := NewOrigin(append(pairs, key, value)...)
	if err != nil {
		return o
	}
	return with
}

// A character is plain if it means nothing in an Origin or in Origins.
func isPlain(c byte) bool {
	return c > ' ' && c < 0x7f && c != '%' && c != '&' && c != '='
}

const hexDigits = "0123456789abcdef"

func appendEscaped(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; isPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}

func unescaped(text string) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, text[i])
	}
	return string(b)
}

// A Run is lines that follow one another and have one origin. Empty lines do
// not count.
type Run struct {
	Lines int64
	From  Origin
}

// maxOrigins is how many origins a Scanner keeps ready.
const maxOrigins = 1024

// An origin is an Origin made ready: the fields of it that are wanted.
type origin struct {
	format  *Format        // that it names; nil: any
	zone    *time.Location // of times that have none; nil: UTC
	columns []w3cColumn    // of W3C lines
	unwrap  string         // the member of JSON that lines are in
	fields  []originField
	text    []byte // their values, and the padding

	lines, inner []*ownFormat // that are for it
}

// empty reports whether lines are parsed as if they had no origin.
func (o *origin) empty() bool {
	return len(o.fields) == 0 && o.format == nil && o.zone == nil && o.columns == nil && o.unwrap == ""
}

type originField struct {
	slot       Slot
	start, end int
	id         ID
}

// From says where the lines that are parsed next come from. They have the
// origin's fields, as text, instead of what they say themselves of the same
// names.
func (sc *Scanner) From(o Origin) {
	sc.origin, sc.clock.zone, sc.columns = nil, nil, nil
	if o == "" {
		sc.own.lines, sc.own.inner = sc.schema.formats.unattributed()
		return
	}
	ready, ok := sc.origins[o]
	if !ok {
		if sc.origins == nil || len(sc.origins) >= maxOrigins {
			sc.origins = make(map[Origin]*origin)
		}
		ready = sc.schema.origin(o)
		sc.origins[Origin(strings.Clone(string(o)))] = ready
	}
	sc.own.lines, sc.own.inner = ready.lines, ready.inner
	if sc.origin = ready; ready.empty() {
		sc.origin = nil
	} else {
		sc.clock.zone, sc.columns = ready.zone, ready.columns
	}
}

// origin makes an Origin ready.
func (s *Schema) origin(o Origin) *origin {
	ready := &origin{}
	for key, value := range o.Fields() {
		switch key {
		case FormatField:
			ready.format = formatNamed(value) // one of a newer Pulse: any
		case ZoneField:
			ready.zone, _ = ParseZone(value)
		case ColumnsField:
			ready.columns = parseColumns(value)
		case UnwrapField:
			ready.unwrap = unwrappedMember(value)
		}
		slot := s.Slot(key)
		if slot == None || s.fields[slot].derived {
			continue
		}
		start := len(ready.text)
		ready.text = append(ready.text, value...)
		ready.fields = append(ready.fields, originField{slot: slot, start: start, end: len(ready.text)})
	}
	ready.lines, ready.inner = s.formats.from(o)
	ready.text = append(ready.text, make([]byte, Padding)...)
	for i := range ready.fields {
		f := &ready.fields[i]
		f.id = s.fields[f.slot].textID(ready.text, f.start, f.end, 0)
	}
	return ready
}

// parse parses a line of that origin, of which ev has the field line.
func (o *origin) parse(sc *Scanner, ev *Event, b []byte, start, end int) {
	f, first := o.format, start
	if f == nil || !f.asIs {
		first = begin(b, start, end)
	}
	known := false
	if f == nil {
		known = sc.fits(ev, b, first, end)
	} else {
		known = f.parse(sc, ev, b, first, end)
	}
	if known = known || sc.recolored(ev, b, first, end, f); known && f != nil {
		ev.format = f.id
	}
	if !known {
		ev.unparsed(sc.schema, start, end)
	}
	if len(o.fields) == 0 {
		return
	}
	base := len(ev.text[1])
	ev.text[1] = append(ev.text[1], o.text...)
	for _, f := range o.fields {
		ev.putID(f.slot, base+f.start, base+f.end, asText|inUnescaped, f.id)
	}
}
