package topics

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Bounds on what a raw record says of its lines' origins.
const (
	MaxOrigin  = 1 << 10  // bytes of one origin
	MaxOrigins = 64 << 10 // bytes of the header with all of a pack's
)

// An Origin is what an input knows of lines beside their text: fields, such as
// the input's name and the sender's address, that no line can overwrite. It is
// text of the form key=value&key=value, in which whatever is no plain character
// is escaped as in a URL, so that it is comparable and stays readable. No
// origin is the empty text.
type Origin string

// NewOrigin returns the origin with these keys and values, in that order; those
// without a value are left out. It fails beyond MaxOrigin.
func NewOrigin(pairs ...string) (Origin, error) {
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if value == "" {
			continue
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

// Origins says which lines of a pack have which origin, as text: runs of
// neighbouring lines with a space between them, each a number of lines, a colon
// and their origin, or the number of an earlier run's among the different ones:
//
//	2:input=drain&source=shop 1:input=syslog 40:0
//
// The zero Origins has no runs.
type Origins struct {
	text  []byte
	known map[Origin]int
}

// Add appends a run of lines.
func (o *Origins) Add(lines int64, from Origin) {
	if len(o.text) > 0 {
		o.text = append(o.text, ' ')
	}
	o.text = strconv.AppendInt(o.text, lines, 10)
	o.text = append(o.text, ':')
	if n, ok := o.known[from]; ok {
		o.text = strconv.AppendInt(o.text, int64(n), 10)
		return
	}
	if o.known == nil {
		o.known = make(map[Origin]int)
	}
	o.known[from] = len(o.known)
	o.text = append(o.text, from...)
}

// Full reports whether one more run might exceed MaxOrigins.
func (o *Origins) Full() bool { return len(o.text)+MaxOrigin+24 > MaxOrigins }

// Take returns the text, and begins anew. It is empty if no line has an origin.
func (o *Origins) Take() string {
	text := string(o.text)
	if _, none := o.known[""]; none && len(o.known) == 1 {
		text = ""
	}
	o.text = o.text[:0]
	clear(o.known)
	return text
}

// EachRun calls f with each run of text that Origins has made. An error says
// that it is none, and f may have been called before it is seen.
func EachRun(origins string, f func(lines int64, from Origin)) error {
	if len(origins) > MaxOrigins {
		return fmt.Errorf("raw record: header %s has %d bytes, more than %d", headerOrigins, len(origins), MaxOrigins)
	}
	if origins == "" {
		return nil
	}
	var known []Origin
	for run := range strings.SplitSeq(origins, " ") {
		count, text, ok := strings.Cut(run, ":")
		lines, err := strconv.ParseInt(count, 10, 64)
		if !ok || err != nil || lines < 1 || lines > MaxPack {
			return fmt.Errorf("raw record: header %s has the run %.80q, not a number of lines and an origin", headerOrigins, run)
		}
		from := Origin(text)
		if text == "" || strings.Contains(text, "=") {
			if len(text) > MaxOrigin {
				return errors.New("raw record: an origin is too long")
			}
			known = append(known, from)
		} else {
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil || n >= uint64(len(known)) {
				return fmt.Errorf("raw record: header %s has the run %.80q, not of an earlier origin", headerOrigins, run)
			}
			from = known[n]
		}
		f(lines, from)
	}
	return nil
}
