package program

import (
	"bytes"
	"fmt"

	"pulse/stats/line"
	"pulse/stats/timing"
)

// A Matcher finds the lines that count for one stat, so that a number can be
// traced back to what it is made of. It is for one goroutine.
type Matcher struct {
	program *Program
	scanner *line.Scanner
	event   line.Event
	conds   []*cond         // a line meets one of them; what is made of other stats has several
	also    *cond           // they meet this too; nil: anything
	done    <-chan struct{} // Match gives up when it is closed; nil: never
	inlog   int             // the number of a stat of in-log metrics, of which a line has one; -1: it is another stat
	buffer  []byte
	codes   []line.Code
	ids     ids
	start   int // of the line that Match is at, in its pack
	from    line.Origin
}

// NewMatcher makes a Matcher of a stat, by its name. It fails if there is no such
// stat, and for internal stats that are not about single lines.
func (p *Program) NewMatcher(stat string) (*Matcher, error) {
	m := &Matcher{program: p, scanner: p.schema.NewScanner(), inlog: -1}
	p.deriveFor(&m.event)
	for i, s := range p.stats {
		if s.Name != stat {
			continue
		}
		switch of := p.of[i]; {
		case s.Inlog():
			m.inlog = i
		case of != nil:
			for _, n := range of {
				m.conds = append(m.conds, p.conds[n])
			}
		case p.conds[i] != nil:
			m.conds = []*cond{p.conds[i]}
		default:
			return nil, fmt.Errorf("stat %s counts all lines and cannot select some of them: choose another stat", stat)
		}
		return m, nil
	}
	return nil, fmt.Errorf("there is no stat %.80q", stat)
}

// And leaves of the lines those that count for another stat too, which is of lines.
func (m *Matcher) And(stat string) error {
	for i, s := range m.program.stats {
		if s.Name == stat && m.program.of[i] == nil && m.program.conds[i] != nil {
			m.also = m.program.conds[i]
			return nil
		}
	}
	return fmt.Errorf("there is no stat %.80q of lines", stat)
}

// Until has Match give up, within a line, when done is closed.
func (m *Matcher) Until(done <-chan struct{}) { m.done = done }

// Match calls f with each line of a pack that counts for the stat at one of the
// seconds [from, to], and with that second, until f gives false. The line is
// valid during the call. Lines are dated, and late, as a Folder has it; the
// values of a line's field are not looked at, so that a line whose field is not a
// number is among those of a mean.
func (m *Matcher) Match(p Pack, from, to int64, f func(second int64, line []byte) bool) {
	m.buffer = append(append(m.buffer[:0], p.Lines...), make([]byte, line.Padding)...)
	end := len(m.buffer) - line.Padding
	ev := &m.event
	p.near(m.scanner)
	runs := runs{rest: p.Runs}
	for next := 0; next < end; {
		start, stop := next, end
		if i := bytes.IndexByte(m.buffer[start:end], '\n'); i >= 0 {
			stop = start + i
		}
		next = stop + 1
		if stop > start && m.buffer[stop-1] == '\r' {
			stop--
		}
		if stop == start {
			continue
		}
		runs.next(m.scanner)
		if stop-start > line.MaxLen {
			continue
		}
		select {
		case <-m.done:
			return
		default:
		}
		m.scanner.Parse(ev, m.buffer, start, stop)
		second, nanos, dated := ev.Time()
		if dated && !p.Map.Identity() {
			second, _ = mapped(p.Map, second, nanos)
		}
		if !dated || second > p.Second+timing.LineAhead {
			second = p.Second
		}
		if second < from || second > to || second <= p.Floor-1-m.program.lateness {
			continue
		}
		m.start, m.from = start, runs.from
		if m.matches(ev, m.buffer[start:stop]) && !f(second, m.buffer[start:stop]) {
			return
		}
	}
}

// matches reports whether a line meets one of the conditions, or has a metric.
func (m *Matcher) matches(ev *line.Event, text []byte) bool {
	if m.inlog >= 0 && (m.also == nil || !m.program.hasMetric(m.inlog, text)) {
		return m.program.hasMetric(m.inlog, text)
	}
	m.codes = ev.AppendCodes(m.codes[:0])
	m.ids.set(m.codes)
	defer m.ids.unset(m.codes)
	if m.also != nil && !m.also.match(m.program.schema, &m.ids, ev) {
		return false
	}
	if m.inlog >= 0 {
		return true
	}
	for _, c := range m.conds {
		if c != nil && c.match(m.program.schema, &m.ids, ev) {
			return true
		}
	}
	return false
}

// Place tells of the line that Match is at: at which byte of its pack it begins, and where
// it comes from.
func (m *Matcher) Place() (start int, from line.Origin) { return m.start, m.from }

// Slot gives the slot of a field that the definitions name; line.None if they do not.
func (p *Program) Slot(field string) line.Slot { return p.schema.Slot(field) }

// Field gives the event of the line that Match is at, if the line has a field.
func (m *Matcher) Field(slot line.Slot) (*line.Event, bool) {
	if m.program.derived.Has(slot) {
		m.event.Derived(slot)
	}
	return &m.event, m.event.Has(slot)
}
