package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
	"pulse/stats/program"
	"pulse/stats/survey"
	"pulse/topics"
)

// From a number back to its lines: events.raw is read around the seconds that are
// asked for, and each line goes through the stat's own condition.

const (
	usualLines  = 100     // unless more are asked for
	maxLines    = 1000    // of one answer
	maxLineText = 4 << 10 // bytes of one line that are shown
	maxFound    = 8 << 20 // bytes of one answer's lines and fields, about
	linesWithin = 20 * time.Second
	tellEvery   = 200 * time.Millisecond
)

// maxScan bounds the bytes of the seconds asked for that are read for one answer; those around
// them, which may have some of their lines, are read besides. It is constant but for tests.
var maxScan = 64 << 20

// foundLine is a line and the second at which it counts.
type foundLine struct {
	second   int64
	text     string
	at       place
	ingester string
	from     line.Origin
	fields   map[string]any // nil: they were not asked for
}

// size is about how many bytes a line has in an answer.
func (l *foundLine) size() int {
	n := 256 + len(l.text)
	for name, v := range l.fields {
		n += 16 + len(name)
		if text, ok := v.(string); ok {
			n += len(text)
		}
	}
	return n
}

// foundLines is what was found.
type foundLines struct {
	lines   []foundLine
	more    bool // there may be more than were asked for, or than maxScan and maxFound let find
	expired bool // some of what was asked for is past its retention
	stopped bool // linesWithin was over before all was read
	read    readSoFar
}

// readSoFar is what was read for an answer.
type readSoFar struct {
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
}

// progressTo tells who waits for an answer how much was read so far.
func progressTo(tell func(any)) func(readSoFar) {
	return func(so readSoFar) {
		if p, err := parcelOf(struct {
			Read readSoFar `json:"read"`
			Done bool      `json:"done"`
		}{so, false}); err == nil {
			tell(p)
		}
	}
}

// A lineQuery asks for the lines of a stat that count at the seconds [from, to].
type lineQuery struct {
	stat     string
	from, to int64
	where    string // a condition that they meet too; "": any
	key      string // of the stat's keys the one that they have; "": any
	limit    int    // lines
	fields   bool   // they are wanted too
}

// whereStat counts the lines that meet a query's condition.
const whereStat = "pulse.where"

// rawLines finds lines in the topic of raw records.
type rawLines struct {
	rawLog
	program     *program.Program
	definitions *stats.Definitions
}

// matcher makes what finds a query's lines, and reports whether a line that it has found is
// of the key.
func (q lineQuery) matcher(p *program.Program, by []string) (m *program.Matcher, is func() bool, err error) {
	if m, err = p.NewMatcher(q.stat); err == nil && q.where != "" {
		err = m.And(whereStat)
	}
	if err != nil || q.key == "" {
		return m, func() bool { return true }, err
	}
	var slots []line.Slot
	for _, field := range by {
		slots = append(slots, p.Slot(field))
	}
	key := aggregate.NewLineKey(slots...)
	return m, func() bool {
		var event *line.Event
		for _, slot := range slots {
			var ok bool
			if event, ok = m.Field(slot); !ok {
				return false
			}
		}
		return key.Is(event, q.key)
	}, nil
}

// A badQuestion is an error of who asks.
type badQuestion struct{ error }

// errOutOfTime is why reading stops when linesWithin is over.
var errOutOfTime = errors.New("out of time")

// A notThere is about something that is not there, or no longer.
type notThere struct{ error }

// check compiles what a query asks for beside the stat, which is one of the definitions;
// it gives the fields of the stat's keys, too. An error says what is wrong with the query.
func (q lineQuery) check(p *program.Program, d *stats.Definitions) (*program.Program, []string, error) {
	all := d.All()
	s := all[slices.IndexFunc(all, func(s *stats.Stat) bool { return s.Name == q.stat })]
	if q.key != "" && len(s.GroupBy) == 0 {
		return nil, nil, fmt.Errorf("key: stat %s has no keys", q.stat)
	}
	if q.where == "" {
		return p, s.GroupBy, nil
	}
	if err := condition.CheckQuestion(q.where); err != nil {
		return nil, nil, fmt.Errorf("where: %w", err)
	}
	with, err := d.Where(whereStat, q.where)
	if err != nil {
		return nil, nil, fmt.Errorf("where: %w", err)
	}
	compiled, err := program.Compile(with)
	if err != nil {
		return nil, nil, fmt.Errorf("where: %w", err)
	}
	return compiled, s.GroupBy, nil
}

// Lines finds up to a query's limit of lines, those of the last second first. Meanwhile it
// tells what it has found, and how much it has read; when its time is over, that is the
// answer. Whether a line was late is told by its own record's clock: one that only another
// ingester's clock made late is among them, though it was not counted.
func (l *rawLines) Lines(ctx context.Context, q lineQuery, tell func(foundLines)) (foundLines, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, linesWithin, errOutOfTime)
	defer cancel()
	compiled, by, err := q.check(l.program, l.definitions)
	if err != nil {
		return foundLines{}, badQuestion{err}
	}
	tell(foundLines{})
	log, err := l.open(ctx)
	if err != nil {
		return foundLines{}, err
	}
	defer log.Close()
	found := lineFinder{query: q, formats: l.definitions.Formats, tell: tell, parts: make([][]foundLine, len(log.Partitions)), left: make([]int64, len(log.Partitions)), room: make([]int, len(log.Partitions))}
	for i := range found.left {
		found.left[i], found.room[i] = int64(maxScan/len(found.left)), maxFound/len(found.room)
	}
	for _, part := range [][2]int64{{q.to, q.to}, {q.from, q.to - 1}} {
		if part[0] > part[1] || len(found.all.lines) == q.limit {
			continue
		}
		newMatcher := func() (*program.Matcher, func() bool, error) { return q.matcher(compiled, by) }
		err := scan(ctx, log, newMatcher, part[0], part[1], &found)
		if err != nil && found.all.read.Bytes > 0 && errors.Is(context.Cause(ctx), errOutOfTime) {
			found.all.stopped, found.all.more = true, true
			break
		}
		if err != nil {
			return foundLines{}, err
		}
	}
	return found.all, nil
}

// A lineFinder gathers what is found in each partition.
type lineFinder struct {
	query   lineQuery
	formats []*format.Format
	mu      sync.Mutex
	all     foundLines
	parts   [][]foundLine // by partition, those of the last second first
	left    []int64       // bytes of the seconds asked for that may still be read of each
	room    []int         // bytes that lines of each may still have
	tell    func(foundLines)
	told    time.Time
}

// add takes what one partition had in some records, and tells it if there is news.
func (f *lineFinder) add(partition int, lines []foundLine, read readSoFar, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all.more = f.all.more || more
	f.all.read.Lines += read.Lines
	f.all.read.Bytes += read.Bytes
	first := len(f.all.lines) == 0 && len(lines) > 0
	if len(lines) > 0 {
		f.parts[partition] = append(f.parts[partition], lines...)
		// The same lines are left of the same log, whichever partition came first.
		all := slices.Concat(f.parts...)
		slices.SortStableFunc(all, func(a, b foundLine) int { return cmp.Compare(b.second, a.second) })
		f.all.more = f.all.more || len(all) > f.query.limit
		f.all.lines = all[:min(len(all), f.query.limit)]
	}
	if now := time.Now(); first || now.Sub(f.told) > tellEvery {
		f.told = now
		f.tell(f.all)
	}
}

// scan finds lines at the seconds [from, to], in all partitions at a time.
func scan(ctx context.Context, log *openLog, newMatcher func() (*program.Matcher, func() bool, error), from, to int64, found *lineFinder) error {
	return log.Each(ctx, from, to, func(i int, s *topics.RawSection) error {
		matcher, is, err := newMatcher()
		if err != nil {
			return err
		}
		matcher.Until(ctx.Done())
		if s.Expired {
			found.mu.Lock()
			found.all.expired = true
			found.mu.Unlock()
		}
		var fields *survey.Reader
		if found.query.fields {
			fields = survey.NewReader(found.formats, to)
		}
		n := 0
		for {
			packs, err := s.Next(ctx)
			if err != nil || packs == nil {
				return err
			}
			var lines []foundLine
			var read readSoFar
			more := false
			for _, p := range packs {
				if more = n == found.query.limit || found.left[i] <= 0 || found.room[i] <= 0; more {
					break
				}
				pack := packOf(p)
				read.Lines += int64(bytes.Count(pack.Lines, []byte{'\n'}))
				read.Bytes += int64(len(pack.Lines))
				if from <= p.Second() && p.Second() <= to {
					found.left[i] -= int64(len(pack.Lines))
				}
				var failed error
				matcher.Match(pack, from, to, func(second int64, line []byte) bool {
					if !is() {
						return true
					}
					if more = n == found.query.limit || found.room[i] <= 0; more {
						return false
					}
					n++
					start, from := matcher.Place()
					l := foundLine{second: second, text: textOf(line), at: place{p.Record.Partition, p.Record.Offset, start}, ingester: p.Ingester, from: from}
					if fields != nil {
						l.fields, failed = fieldsOf(fields, from, line)
					}
					found.room[i] -= l.size()
					lines = append(lines, l)
					return failed == nil
				})
				if failed != nil {
					return failed
				}
			}
			found.add(i, lines, read, more)
			if more {
				return ctx.Err()
			}
		}
	})
}

// fieldsOf are the fields of a line, as JSON has them.
func fieldsOf(r *survey.Reader, from line.Origin, text []byte) (map[string]any, error) {
	if err := r.Read(from, text); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	r.Each(func(name string, v condition.Constant) {
		switch v.Type {
		case condition.Num:
			fields[name] = json.Number(v.Num.String())
		case condition.Bool:
			fields[name] = v.Bool
		default:
			fields[name] = textOf([]byte(v.Text))
		}
	})
	return fields, nil
}

// textOf is a line as it is shown: bytes that are not UTF-8 are marked, a long one is
// cut, and the lines that were joined in it are lines again.
func textOf(line []byte) string {
	if len(line) > maxLineText {
		line = append(slices.Clip(line[:maxLineText]), "…"...)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(line), "\ufffd"), "\u2028", "\n")
}

// lines answers with the lines of ?stat= that count at the seconds from ?from= to
// ?to=, and of these with those that meet ?where= and have the key ?key=, up to ?limit= of them and with their fields, if
// ?fields= is true.
func (s *Server) lines(w http.ResponseWriter, r *http.Request, of *subject) {
	stat, ok := of.lined(w, r)
	if !ok {
		return
	}
	to, err := second(r.URL.Query().Get("to"), of.last)
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	from, err := second(r.URL.Query().Get("from"), to)
	if err != nil || from > to || to-from >= maxRange {
		http.Error(w, fmt.Sprintf("from must be a time at most %d s before to", maxRange), http.StatusBadRequest)
		return
	}
	q := lineQuery{stat: stat.Name, from: from, to: to, where: r.URL.Query().Get("where"), key: r.URL.Query().Get("key"), limit: usualLines}
	if err := cmp.Or(of.missing(from, to), q.options(r)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stream := s.newStream(w, r)
	read, err := s.readers.follow(r.Context(), of.asked(fmt.Sprintf("lines %#v", q)), func(ctx context.Context, tell func(any)) (any, error) {
		found, err := of.raw.Lines(ctx, q, func(found foundLines) {
			if p, err := linesAnswer(q, stat.Window, of.final(), found, false); err == nil {
				tell(p)
			}
		})
		if err != nil {
			return nil, err
		}
		return linesAnswer(q, stat.Window, of.final(), found, true)
	}, stream.write)
	if stream.fail("lines", stat.Name, err) {
		return
	}
	stream.end(read)
}

// options takes how many lines ?limit= asks for, and whether ?fields= are wanted.
func (q *lineQuery) options(r *http.Request) (err error) {
	if text := r.URL.Query().Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > maxLines {
			return fmt.Errorf("limit must be a number from 1 to %d", maxLines)
		}
	}
	switch text := r.URL.Query().Get("fields"); text {
	case "", "false":
	case "true":
		q.fields = true
	default:
		return errors.New("fields must be true or false")
	}
	return nil
}

// linesAnswer is what was found as the API has it, of a stat with a window. A line up to the
// last final second is final: no other can come at its second any more.
func linesAnswer(q lineQuery, over, final int64, found foundLines, done bool) (*parcel, error) {
	type line struct {
		Time     string            `json:"time"`
		Text     string            `json:"text"`
		Final    bool              `json:"final"`
		At       string            `json:"at"`
		Ingester string            `json:"ingester"`
		Origin   map[string]string `json:"origin,omitempty"`
		Fields   map[string]any    `json:"fields,omitempty"`
	}
	answer := struct {
		Stat    string    `json:"stat"`
		From    string    `json:"from"`
		To      string    `json:"to"`
		Over    int64     `json:"over"`
		Lines   []line    `json:"lines"`
		More    bool      `json:"more"`
		Expired bool      `json:"expired"`
		Stopped bool      `json:"stopped"`
		Read    readSoFar `json:"read"`
		Done    bool      `json:"done"`
	}{q.stat, formatSecond(q.from), formatSecond(q.to), over, []line{}, found.more, found.expired, found.stopped, found.read, done}
	for _, l := range found.lines {
		answer.Lines = append(answer.Lines, line{formatSecond(l.second), l.text, l.second <= final, l.at.String(), l.ingester, maps.Collect(l.from.Fields()), l.fields})
	}
	return parcelOf(answer)
}
