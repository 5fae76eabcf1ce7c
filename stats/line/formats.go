package line

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FormatField is the field of an Origin that names the format of its lines. A line
// that is not in it is unparsed, whatever else it looks like.
const FormatField = "format"

// asIsFormat is the format whose lines are kept as they are, blanks before them too.
const asIsFormat = "text"

// A format parses a line, or reports that it is none of its own.
type format func(sc *Scanner, ev *Event, b []byte, start, end int) bool

var formats = map[string]format{
	"pulse": func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		i, ok := sc.host(ev, b, start)
		return ok && sc.pulse(ev, b, word(b, i), end)
	},
	"heroku": func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		i, ok := sc.host(ev, b, start)
		return ok && b[wordOr(b, i, '[', '[')] == '[' && sc.heroku(ev, b, i, end)
	},
	"syslog": func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if i := octetCount(b, start); b[start] != '<' && i > 0 {
			start = i
		}
		return b[start] == '<' && sc.syslog(ev, b, start, end) || sc.bsd(ev, b, start, end)
	},
	"access": (*Scanner).accessLine,
	"logfmt": (*Scanner).logfmtLine,
	"json": func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		return b[start] == '{' && sc.jsonLine(ev, b, start, end)
	},
	asIsFormat: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		ev.put(sc.schema.msg, start, end, asText)
		return true
	},
}

// CheckFormat fails unless FormatField can have the name, and says which it can.
func CheckFormat(name string) error {
	if formats[name] == nil {
		return fmt.Errorf("there is no format %.40q: choose among %s", name, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	return nil
}

// host reads a timestamp and gives the position of the word after it.
func (sc *Scanner) host(ev *Event, b []byte, start int) (int, bool) {
	i := sc.clock.timestamp(b, start)
	if i < 0 {
		return 0, false
	}
	sc.date(ev)
	return i + 1, b[i] == ' '
}
