package ingest

import (
	"bytes"
	"strings"

	"pulse/stats/line"
)

// fieldsLine begins the line of a W3C log that names the columns of the lines after it.
const fieldsLine = "#Fields:"

// A heading is what lines of a source say of those after them: W3C logs name their
// columns. The zero heading says nothing.
type heading struct {
	columns string // their names, with commas between

	own, with line.Origin // the last origin that was asked for, and what it became
}

// read notes what a line says, if it is such a one.
func (h *heading) read(l []byte) {
	names, ok := bytes.CutPrefix(l, []byte(fieldsLine))
	if !ok {
		return
	}
	if *h = (heading{}); len(names) < line.MaxOrigin {
		h.columns = strings.Join(strings.Fields(string(names)), ",")
	}
}

// take cuts a chunk before the next line that says something, and notes what its own
// first line says.
func (h *heading) take(chunk []byte) (lines, rest []byte) {
	first, _, _ := bytes.Cut(chunk, []byte{'\n'})
	h.read(first)
	// By its own first byte, which few lines have: each line has a line feed.
	for at := 0; ; at++ {
		i := bytes.Index(chunk[at:], []byte(fieldsLine))
		if i < 0 {
			return chunk, nil
		}
		if at += i; at > 0 && chunk[at-1] == '\n' {
			return chunk[:at], chunk[at:]
		}
	}
}

// origin is an origin of the source with what the heading says. What the origin says
// itself holds, and one that would become too long stays as it is.
func (h *heading) origin(own line.Origin) line.Origin {
	if h.columns == "" {
		return own
	}
	if h.with == "" || h.own != own {
		h.own, h.with = own, own.With(line.ColumnsField, h.columns)
	}
	return h.with
}
