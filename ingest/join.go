package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"pulse/stats/line"
)

const (
	// eventTime is how long an event waits for its next line: by the wall clock, and where
	// other streams go on by the lines' own times.
	eventTime = time.Second

	// maxEventLines is the greatest number of an event's lines. Its text is as long as a
	// line may be.
	maxEventLines = 500

	// maxEvents is how many events of a source are open at a time, one for each stream.
	// Of more, the one that began first ends.
	maxEvents = 64

	// maxEventText bounds the text of a source's open events.
	maxEventText = 256 << 10

	// maxJoinRule bounds the text of a rule.
	maxJoinRule = 4 << 10
)

// lineBreak stands for a line feed within an event: U+2028, LINE SEPARATOR.
const lineBreak = "\u2028"

// A joinRule says which lines belong to the line before them.
type joinRule struct {
	start  *regexp.Regexp // a line that does not match it does
	indent bool           // a line that begins with a blank or a tab does
	traces bool           // what language runtimes print of an error does
}

// parseJoinRule reads a rule; nil: lines are not joined.
func parseJoinRule(text string) (*joinRule, error) {
	pattern, isStart := strings.CutPrefix(text, "start:")
	switch {
	case text == "":
		return nil, nil
	case text == "indent":
		return &joinRule{indent: true}, nil
	case text == "traceback":
		return &joinRule{traces: true}, nil
	case len(text) > maxJoinRule:
		return nil, fmt.Errorf("the rule has %d bytes: write at most %d", len(text), maxJoinRule)
	case !isStart:
		return nil, fmt.Errorf("there is no rule %.40q: write 'start: REGEXP', indent or traceback", text)
	}
	start, err := regexp.Compile(strings.TrimSpace(pattern))
	if err != nil {
		return nil, err
	}
	if start.MatchString("") {
		return nil, errors.New("the regular expression fits an empty line, so that no line belongs to the one before it: write what first lines begin with, as in 'start: ^\\d{4}-'")
	}
	return &joinRule{start: start}, nil
}

func checkJoinRule(text string) error {
	_, err := parseJoinRule(text)
	return err
}

// belongs reports whether a text is of the event before it, which may be nil, and what
// the event is within then.
func (r *joinRule) belongs(text []byte, e *event) (bool, trace) {
	switch {
	case r.start != nil:
		return !r.start.Match(text), noTrace
	case r.indent:
		return len(text) == 0 || isBlank(text[0]), noTrace
	}
	if e == nil {
		return false, traceOf(text)
	}
	return e.continues(text)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// An event is lines that belong together: the text of all, in the envelope of the first.
type event struct {
	openLine
	Lines int   `json:"lines"`
	Trace trace `json:"trace,omitempty"`
	Time  int64 `json:"time,omitempty"` // of its first line, in Unix nanoseconds; 0: not known yet
	Last  bool  `json:"last,omitempty"` // the line before was of its stream
	Order int   `json:"order"`          // in which events began

	dated   bool      // Time was looked for
	touched time.Time // when its last line came
}

func (e *event) size() int { return len(e.Text) + len(e.Rest) }

// openEvents are events that may go on, by their stream.
type openEvents map[string]*event

// A lineJoiner joins the lines of one source, those of each stream apart: a file, a
// connection, or a partition. It is for one goroutine.
type lineJoiner struct {
	rule    *joinRule // nil: no line belongs to another
	reading Reading
	from    line.Origin
	unwrap  string      // the member of JSON that texts are in; empty: none
	times   *line.Times // nil before they are needed
	now     func() time.Time
	ended   func(event []byte) // is called after each event that add appends; nil: nobody asks
	written int64              // before when lines were written, in Unix seconds: as line.Times.Near has it

	open  openEvents
	last  string // the stream of the line before
	size  int    // of the open events' texts
	begun int    // events so far
	out   []byte // a chunk of what was joined
}

// joiner makes what joins the lines of one source that are from an origin.
func (r Reading) joiner(from line.Origin) lineJoiner {
	rule, err := parseJoinRule(r.Join)
	if err != nil || rule == nil {
		return lineJoiner{} // the setting was checked
	}
	member, isMember := strings.CutPrefix(r.Unwrap, "json:")
	if !isMember {
		member = ""
	}
	return lineJoiner{rule: rule, reading: r, from: from, unwrap: member, now: time.Now, written: time.Now().Unix()}
}

// active reports whether there is anything to join.
func (j *lineJoiner) active() bool { return j.rule != nil || len(j.open) > 0 }

// join takes a chunk of whole lines, and returns the events that ended with them. What it
// returns is valid until the next call.
func (j *lineJoiner) join(lines []byte) []byte {
	if !j.active() {
		return lines
	}
	j.out = j.out[:0]
	for len(lines) > 0 {
		var l []byte
		l, lines, _ = bytes.Cut(lines, []byte{'\n'})
		j.out = j.add(j.out, l, "")
	}
	return j.out
}

// add takes a line of a source, within it of a key, and appends the events that end by it,
// each with a line feed: the one before it in its stream, and those of other streams that
// have waited for too long.
func (j *lineJoiner) add(out, l []byte, key string) []byte {
	if j.rule == nil {
		if out = j.appendAll(out); !isEmpty(l) {
			out = j.append(out, l, nil)
		}
		return out
	}
	l = bytes.TrimSuffix(l, []byte{'\r'})
	in := j.cut(l)
	if in.known {
		if j.last = in.stream; in.escaped { // what is not in JSON does not belong into it
			j.last = ""
		}
	} else {
		in.stream = j.last
	}
	stream := key + in.stream
	e := j.open[stream]
	if len(j.open) > 1 || len(j.open) == 1 && e == nil {
		out = j.endOthers(out, e, l)
	}
	belongs, trace := j.rule.belongs(in.text, e)
	text := l[in.start:in.end]
	if e != nil && belongs && e.Lines < maxEventLines && e.size()+len(lineBreak)+len(text) <= line.MaxLen {
		if len(text) > 0 {
			j.size += len(lineBreak) + len(text)
			e.Text = append(append(e.Text, lineBreak...), text...)
		}
		e.Lines++
		e.Trace, e.touched = trace, j.now()
		return out
	}
	if e != nil {
		out = j.end(out, stream)
	}
	if len(l) == 0 {
		return out
	}
	if e != nil && belongs { // there is no room: it begins another one
		trace = e.Trace
	}
	if len(l) > line.MaxLen { // it is too long to be read, and to be kept
		return j.append(out, l, nil)
	}
	for len(j.open) >= maxEvents || len(j.open) > 0 && j.size+len(l) > maxEventText {
		out = j.end(out, j.oldest())
	}
	j.begin(stream, openLine{bytes.Clone(l[:in.end]), bytes.Clone(l[in.end:])}, trace)
	return out
}

func (j *lineJoiner) begin(stream string, l openLine, trace trace) {
	if j.open == nil {
		j.open = openEvents{}
	}
	j.begun++
	e := &event{openLine: l, Lines: 1, Trace: trace, touched: j.now(), Order: j.begun}
	j.open[stream] = e
	j.size += e.size()
}

// end appends the event of a stream.
func (j *lineJoiner) end(out []byte, stream string) []byte {
	e := j.open[stream]
	delete(j.open, stream)
	j.size -= e.size()
	return j.append(out, e.Text, e.Rest)
}

func (j *lineJoiner) append(out, text, rest []byte) []byte {
	from := len(out)
	out = append(append(out, text...), rest...)
	if j.ended != nil {
		j.ended(out[from:])
	}
	return append(out, '\n')
}

func (j *lineJoiner) oldest() string { return j.open.streams()[0] }

// streams are those that are open, in the order in which their events began.
func (o openEvents) streams() []string {
	return slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		return cmp.Or(cmp.Compare(o[a].Order, o[b].Order), strings.Compare(a, b))
	})
}

// endOthers ends the events of other streams than e's that have waited for too long by the
// time of a line: where one stream is silent its last event must not come out when its
// second is long over.
func (j *lineJoiner) endOthers(out []byte, e *event, l []byte) []byte {
	if j.times == nil {
		j.times = new(line.Times)
		j.times.Of(j.reading.Formats)
		j.times.From(j.from)
	}
	at, dated := j.times.Near(l, j.written)
	if !dated {
		return out
	}
	late := false
	for _, other := range j.open {
		if !other.dated {
			other.dated = true
			if t, ok := j.times.Near(other.whole(), j.written); ok {
				other.Time = t
			}
		}
		if other.Time == 0 {
			other.Time = at
		}
		late = late || other != e && at-other.Time >= int64(eventTime)
	}
	if !late {
		return out
	}
	for _, stream := range j.open.streams() {
		if other := j.open[stream]; other != e && at-other.Time >= int64(eventTime) {
			out = j.end(out, stream)
		}
	}
	return out
}

// expired returns the events that have waited for too long by the wall clock; all of them
// where no line is joined any more.
func (j *lineJoiner) expired() []byte {
	j.out = j.out[:0]
	now := time.Time{}
	for _, stream := range j.open.streams() {
		if j.rule != nil && now.IsZero() {
			now = j.now()
		}
		if j.rule == nil || now.Sub(j.open[stream].touched) >= eventTime {
			j.out = j.end(j.out, stream)
		}
	}
	return j.out
}

// waited says that no line could come for a while.
func (j *lineJoiner) waited(d time.Duration) {
	for _, e := range j.open {
		e.touched = e.touched.Add(d)
	}
}

// rest returns what is left at the end of a source: the lines that no line feed ended, and
// all open events.
func (j *lineJoiner) rest(lines []byte) []byte {
	if !j.active() {
		return lines
	}
	j.out = j.appendAll(slices.Clone(j.join(lines)))
	return j.out
}

func (j *lineJoiner) appendAll(out []byte) []byte {
	for _, stream := range j.open.streams() {
		out = j.end(out, stream)
	}
	return out
}

// events are those that are open now, to be written down; nil: none.
func (j *lineJoiner) events() openEvents {
	if len(j.open) == 0 {
		return nil
	}
	events := make(openEvents, len(j.open))
	for stream, e := range j.open {
		now := *e
		now.Text = slices.Clip(now.Text) // what follows is not of it
		now.Last = stream == j.last
		events[stream] = &now
	}
	return events
}

// resume goes on with events that were open.
func (j *lineJoiner) resume(events openEvents) {
	maps.DeleteFunc(events, func(_ string, e *event) bool { return e == nil })
	for _, stream := range events.streams() {
		e := events[stream]
		j.begun++
		again := *e
		again.Text = slices.Clip(e.Text) // which others may have too
		again.touched, again.Order = time.Now(), j.begun
		if j.open == nil {
			j.open = openEvents{}
		}
		if j.open[stream] = &again; e.Last {
			j.last = stream
		}
		j.size += again.size()
	}
}

// An innerText is the text of a line within what others wrote around it.
type innerText struct {
	known      bool   // there is an envelope
	escaped    bool   // it is JSON
	stream     string // what the envelope says of whose line it is
	start, end int    // of the text in the line
	text       []byte // the same, as it was before it was put into JSON
}

// cut finds the text of a line.
func (j *lineJoiner) cut(l []byte) innerText {
	if len(l) == 0 {
		return innerText{}
	}
	switch l[0] {
	case '{':
		if in, ok := j.cutJSON(l); ok {
			return in
		}
	case '<':
		if stream, start, ok := cutSyslog(l); ok {
			return innerText{known: true, stream: stream, start: start, end: len(l), text: tabbed(l[start:])}
		}
	case '[':
		if pod, container, start, ok := line.CutKubectl(l); ok {
			return innerText{known: true, stream: string(l[pod.Start:container.End]), start: start, end: len(l), text: l[start:]}
		}
	default:
		if stream, tag, ok := cutCRI(l); ok {
			return innerText{known: true, stream: stream, start: tag + 2, end: len(l), text: l[tag+2:]}
		}
		stream, start, ok := cutCompose(l)
		if !ok && j.rule.start == nil { // who writes a regular expression sees the line with its header
			stream, start, ok = cutHeader(l)
		}
		if ok {
			return innerText{known: true, stream: stream, start: start, end: len(l), text: tabbed(l[start:])}
		}
	}
	return innerText{end: len(l), text: l}
}

// streamMembers are members of JSON that tell whose a line is.
var streamMembers = []string{"stream", "_PID", "_SYSTEMD_UNIT", "container_id", "kubernetes.pod_name", "kubernetes.container_name", "host", "file"}

// cutJSON finds the text in a line of Docker's or journald's, or in the member that the
// setting names.
func (j *lineJoiner) cutJSON(l []byte) (innerText, bool) {
	member := j.unwrap
	if member == "" {
		switch {
		case bytes.HasPrefix(l, dockerText):
			member = "log"
		case bytes.Contains(l, []byte(`"__REALTIME_TIMESTAMP"`)):
			member = "MESSAGE"
		default:
			return innerText{}, false
		}
	}
	members := line.Members(l, append([]string{member}, streamMembers...))
	if members == nil || members[0].End < 0 {
		return innerText{}, false
	}
	in := innerText{known: true, escaped: true, start: members[0].Start, end: members[0].End}
	stream := []byte{'{'}
	for _, m := range members[1:] {
		if m.End >= 0 {
			stream = append(append(stream, l[m.Start:m.End]...), ' ')
		}
	}
	in.stream = string(stream)
	if endsInNewline(l[in.start:in.end]) {
		in.end -= len(`\n`)
	}
	in.text = l[in.start:in.end]
	if bytes.IndexByte(in.text, '\\') >= 0 {
		var text string
		if json.Unmarshal(l[in.start-1:members[0].End+1], &text) == nil {
			in.text = []byte(strings.TrimSuffix(text, "\n"))
		}
	}
	return in, true
}
