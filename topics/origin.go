package topics

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"pulse/stats/line"
)

// MaxOrigins bounds what a raw record says of its lines' origins, in bytes.
const MaxOrigins = 64 << 10

// Origins says which lines of a pack have which origin, as text: runs of
// neighboring lines with a space between them, each a number of lines, a colon
// and their origin, or the number of an earlier run's among the different ones:
//
//	2:input=drain&source=shop 1:input=syslog 40:0
//
// The zero Origins has no runs.
type Origins struct {
	text  []byte
	known map[line.Origin]int
}

// Add appends a run of lines.
func (o *Origins) Add(lines int64, from line.Origin) {
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
		o.known = make(map[line.Origin]int)
	}
	o.known[from] = len(o.known)
	o.text = append(o.text, from...)
}

// Full reports whether one more run might exceed MaxOrigins.
func (o *Origins) Full() bool { return len(o.text)+line.MaxOrigin+24 > MaxOrigins }

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

// ParseOrigins reads the text that Origins has made.
func ParseOrigins(text string) ([]line.Run, error) {
	if len(text) > MaxOrigins {
		return nil, fmt.Errorf("raw record: header %s has %d bytes, more than %d", headerOrigins, len(text), MaxOrigins)
	}
	if text == "" {
		return nil, nil
	}
	runs := make([]line.Run, 0, 1+strings.Count(text, " "))
	var known []line.Origin
	for run := range strings.SplitSeq(text, " ") {
		count, from, ok := strings.Cut(run, ":")
		lines, err := strconv.ParseInt(count, 10, 64)
		if !ok || err != nil || lines < 1 || lines > MaxPack {
			return nil, fmt.Errorf("raw record: header %s has the run %.80q, not a number of lines and an origin", headerOrigins, run)
		}
		origin := line.Origin(from)
		if from == "" || strings.Contains(from, "=") {
			if len(from) > line.MaxOrigin {
				return nil, errors.New("raw record: an origin is too long")
			}
			known = append(known, origin)
		} else {
			n, err := strconv.ParseUint(from, 10, 31)
			if err != nil || n >= uint64(len(known)) {
				return nil, fmt.Errorf("raw record: header %s has the run %.80q, not of an earlier origin", headerOrigins, run)
			}
			origin = known[n]
		}
		runs = append(runs, line.Run{Lines: lines, From: origin})
	}
	return runs, nil
}
