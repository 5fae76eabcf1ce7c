package ingest

import (
	"bytes"
	"maps"
	"slices"
)

// Container runtimes cut long lines. Those of Kubernetes (CRI) mark the parts of a line
// that are not its last one by P:
//
//	2012-11-22T09:31:34.123456789Z stdout P the first part,
//	2012-11-22T09:31:34.123456790Z stdout F and the last
//
// Docker cuts at 16 KiB, and a line's last part alone ends with a line feed:
//
//	{"log":"the first part,","stream":"stdout","time":"2012-11-22T09:31:34.123456789Z"}
//	{"log":"and the last\n","stream":"stdout","time":"2012-11-22T09:31:34.123456790Z"}

// dockerPart is how long Docker's parts of lines are, but the last ones.
const dockerPart = 16 << 10

// A joiner joins the parts of lines, those of each stream apart, to what the runtime
// would have written for the whole line: the first part's, with the text of all. It does
// so in logs whose first line is a container's.
type joiner struct {
	envelope envelope
	open     openLines
	out      []byte // a chunk with what was joined
}

// An envelope is what a container's runtime writes around lines.
type envelope int

const (
	unknownEnvelope envelope = iota
	noEnvelope
	criEnvelope
	dockerEnvelope
)

// envelopeOf tells the envelope of a log by how it begins.
func envelopeOf(begin []byte) envelope {
	if _, _, ok := cutCRI(begin); ok {
		return criEnvelope
	}
	if bytes.HasPrefix(begin, dockerText) {
		return dockerEnvelope
	}
	return noEnvelope
}

// openLines are lines whose last part is still to come, by their stream.
type openLines map[string]openLine

// An openLine is what there is of a line: its text, with what the runtime wrote before
// it, and what it wrote behind it. What is in a text is not written to again.
type openLine struct {
	Text []byte `json:"text"`
	Rest []byte `json:"rest,omitempty"`
}

func (l openLine) whole() []byte { return slices.Concat(l.Text, l.Rest) }

// join joins the parts in a chunk of whole lines. What it returns is valid until the next
// call.
func (j *joiner) join(lines []byte) []byte {
	if !j.concerns(lines) {
		return lines
	}
	j.out = j.out[:0]
	for len(lines) > 0 {
		var l []byte
		l, lines, _ = bytes.Cut(lines, []byte{'\n'})
		if l, whole := j.add(l); whole {
			j.out = append(append(j.out, l...), '\n')
		}
	}
	return j.out
}

// concerns reports whether there may be parts of lines in a chunk, the first one at first.
func (j *joiner) concerns(lines []byte) bool {
	if j.envelope == unknownEnvelope && len(lines) > 0 {
		j.envelope = envelopeOf(lines)
	}
	switch {
	case len(j.open) > 0:
		return true
	case j.envelope == criEnvelope:
		return bytes.Contains(lines, []byte(" P "))
	}
	return j.envelope == dockerEnvelope && len(lines) > dockerPart
}

// add takes a line. If it is not the last part of one, it is kept; else the whole line is
// returned.
func (j *joiner) add(l []byte) (line []byte, whole bool) {
	p, ok := parsePart(l)
	if !ok {
		return l, true
	}
	open, begun := j.open[p.stream]
	switch {
	case p.last && !begun:
		return l, true
	case !begun:
		open = openLine{slices.Clone(l[:p.end]), slices.Clone(l[p.end:])}
		if p.tag > 0 {
			open.Text[p.tag] = 'F'
		}
	default: // of a line that is too long as much is kept as shows it
		open.Text = append(open.Text, l[p.start:p.end][:min(p.end-p.start, max(0, maxLine-len(open.Text)))]...)
	}
	if p.last {
		delete(j.open, p.stream)
		return open.whole(), true
	}
	if j.open == nil {
		j.open = openLines{}
	}
	j.open[p.stream] = open
	return nil, false
}

// end returns what is left at the end: a last line that no line feed ended, which may be
// empty, and the lines whose last part has not come.
func (j *joiner) end(rest []byte) []byte {
	ended := slices.Clone(j.join(rest))
	for _, stream := range slices.Sorted(maps.Keys(j.open)) {
		ended = append(append(ended, j.open[stream].whole()...), '\n')
	}
	j.open = nil
	return ended
}

// lines are the lines that are open now.
func (j *joiner) lines() openLines {
	if len(j.open) == 0 {
		return nil
	}
	return maps.Clone(j.open)
}

// A linePart is a line in an envelope: where its text begins and ends, and whether it is
// the last part.
type linePart struct {
	stream     string
	start, end int
	tag        int // where CRI's F or P is; 0: it is Docker's
	last       bool
}

var dockerText = []byte(`{"log":"`)

func parsePart(l []byte) (linePart, bool) {
	if stream, tag, ok := cutCRI(l); ok {
		return linePart{stream: stream, start: tag + 2, end: len(l), tag: tag, last: l[tag] == 'F'}, true
	}
	if !bytes.HasPrefix(l, dockerText) {
		return linePart{}, false
	}
	start := len(dockerText)
	end := closingQuote(l, start)
	if end < 0 {
		return linePart{}, false
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if bytes.HasPrefix(l[end:], []byte(`","stream":"`+stream+`"`)) {
			return linePart{stream: stream, start: start, end: end, last: end-start < dockerPart || endsInNewline(l[start:end])}, true
		}
	}
	return linePart{}, false
}

// cutCRI finds the stream of a CRI line, and where its F or P is.
func cutCRI(l []byte) (stream string, tag int, ok bool) {
	const shortest, longest = len("2012-11-22T09:31:34Z"), len("2012-11-22T09:31:34.123456789+00:00")
	if len(l) < shortest || l[4] != '-' || l[10] != 'T' {
		return "", 0, false
	}
	i := bytes.IndexByte(l[:min(len(l), longest+1)], ' ')
	tag = i + len(" stdout ")
	if i < shortest || tag+1 >= len(l) || l[tag-1] != ' ' || l[tag+1] != ' ' || l[tag] != 'F' && l[tag] != 'P' {
		return "", 0, false
	}
	stream = string(l[i+1 : tag-1])
	return stream, tag, stream == "stdout" || stream == "stderr"
}

// closingQuote is where the JSON text that begins at i ends; -1: nowhere.
func closingQuote(l []byte, i int) int {
	for i < len(l) {
		next := bytes.IndexAny(l[i:], `"\`)
		if next < 0 {
			return -1
		}
		if i += next; l[i] == '"' {
			return i
		}
		i += 2
	}
	return -1
}

// endsInNewline reports whether a text in JSON ends with a line feed.
func endsInNewline(text []byte) bool {
	escape := bytes.TrimRight(bytes.TrimSuffix(text, []byte("n")), `\`)
	return bytes.HasSuffix(text, []byte(`\n`)) && (len(text)-len(escape))%2 == 0
}
