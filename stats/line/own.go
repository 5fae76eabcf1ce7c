package line

import (
	"bytes"
	"math/bits"
	"time"

	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/format"
)

// An ownFormat is a format of a definitions file made ready for a Schema.
type ownFormat struct {
	*format.Format
	number  int  // in the file
	id      int8 // after those of Formats
	in      Slot // of In
	columns []w3cColumn

	slots   []Slot      // of the captures
	numbers []int       // the captures that must be numbers
	time    int         // the capture that is the time; -1: none
	rest    format.Kind // of the last capture, if it is parsed on
	layout  int         // of ownReading.readers; -1: none is needed
}

// formats are those of a definitions file.
type formats struct {
	all                     []*ownFormat
	lines                   []*ownFormat // of all, those of whole lines
	inner                   []*ownFormat // of all, those of fields
	anywhere, anywhereInner []*ownFormat // of lines and inner, those for lines without an origin

	layouts []*format.Layout
	most    int // captures of one
}

// newFormats makes formats ready for a Schema.
func (s *Schema) newFormats(all []*format.Format) *formats {
	if len(all) == 0 {
		return nil
	}
	fs := &formats{}
	for i, f := range all {
		o := &ownFormat{Format: f, number: i, id: int8(len(Formats) + i), in: None, time: -1, layout: -1}
		if f.In != "" {
			o.in = s.Slot(f.In)
			fs.inner = append(fs.inner, o)
		} else {
			fs.lines = append(fs.lines, o)
		}
		fs.all = append(fs.all, o)
		if f.Columns == format.W3C && f.Names != nil {
			o.columns = s.namedColumns(f.Names)
		}
		for i, c := range f.Captures {
			slot := None
			if c.Name != "" {
				slot = s.Slot(c.Name)
			}
			o.slots = append(o.slots, slot)
			switch {
			case c.Is == format.Number:
				o.numbers = append(o.numbers, i)
			case c.Is != format.Text:
				o.rest = c.Is
			}
			if c.Name == format.TimeField {
				o.time = i
			}
		}
		fs.most = max(fs.most, len(f.Captures))
		if t := f.Time; t != nil && t.Unit == 0 && !t.ISO {
			o.layout = len(fs.layouts)
			fs.layouts = append(fs.layouts, t)
		}
	}
	fs.anywhere, fs.anywhereInner = fs.from("")
	return fs
}

// ownReading is what a Scanner needs for formats of a definitions file.
type ownReading struct {
	lines, inner []*ownFormat // those whose where the lines' origin meets
	spans        []format.Span
	readers      []*format.Reader
	spare        *Event // what a field's text is parsed into before its fields are known
	text         []byte // that text, with zeros behind it
}

func (fs *formats) newReading() ownReading {
	if fs == nil {
		return ownReading{}
	}
	r := ownReading{spans: make([]format.Span, fs.most), spare: new(Event)}
	for _, l := range fs.layouts {
		r.readers = append(r.readers, l.NewReader())
	}
	r.lines, r.inner = fs.unattributed()
	return r
}

// unattributed gives the formats for lines that have no origin.
func (fs *formats) unattributed() (lines, inner []*ownFormat) {
	if fs == nil {
		return nil, nil
	}
	return fs.anywhere, fs.anywhereInner
}

// from gives the formats whose where an origin meets.
func (fs *formats) from(o Origin) (lines, inner []*ownFormat) {
	if fs == nil {
		return nil, nil
	}
	fields := map[string]string{}
	for key, value := range o.Fields() {
		fields[key] = value
	}
	meeting := func(all []*ownFormat) (meet []*ownFormat) {
		for _, f := range all {
			if condition.Holds(f.Where, fields) {
				meet = append(meet, f)
			}
		}
		return meet
	}
	return meeting(fs.lines), meeting(fs.inner)
}

// fits parses the line by a format of the definitions file, or else by the one of
// Formats that it has.
func (sc *Scanner) fits(ev *Event, b []byte, start, end int) bool {
	for _, f := range sc.own.lines {
		if sc.fit(ev, f, b, start, end, 0) {
			ev.format = f.id
			return true
		}
	}
	return sc.recognize(ev, b, start, end)
}

// fitFields parses texts of fields by the formats of the definitions file that are
// for them: each by the first that fits.
func (sc *Scanner) fitFields(ev *Event) {
	var parsed [MaxFields / 64]uint64
	for _, f := range sc.own.inner {
		word, bit := uint(f.in)/64, uint64(1)<<(uint(f.in)%64)
		if !ev.Has(f.in) || parsed[word]&bit != 0 {
			continue
		}
		v := ev.values[f.in]
		start, end := v.bounds()
		if sc.fit(ev, f, ev.text[v>>textShift&3], start, end, v&inOuter) {
			parsed[word] |= bit
			ev.half = false
		}
	}
}

// fit parses b[start:end], which is in the text of a place, by a format of the
// definitions file, or reports that it is not of that format, before it has put
// anything into the event.
func (sc *Scanner) fit(ev *Event, f *ownFormat, b []byte, start, end int, place value) bool {
	if start == end {
		return false
	}
	zone := sc.clock.zone
	if f.Zone != nil {
		sc.clock.zone = f.Zone
	}
	ok := sc.fitZoned(ev, f, b, start, end, place)
	sc.clock.zone = zone
	if ok {
		ev.fitted |= 1 << f.number
	}
	return ok
}

func (sc *Scanner) fitZoned(ev *Event, f *ownFormat, b []byte, start, end int, place value) bool {
	switch f.Columns {
	case format.W3C:
		columns := sc.columns
		if f.columns != nil {
			sc.columns = f.columns
		}
		ok := end-start > len("2006-01-02") && sc.w3c(ev, b, start, end)
		sc.columns = columns
		return ok
	case format.LTSV:
		return sc.ltsv(ev, f, b, start, end, place)
	}
	spans := sc.own.spans[:len(f.slots)]
	if !f.Match.Match(b, start, end, spans, &sc.clock) {
		return false
	}
	for _, i := range f.numbers {
		if s := spans[i]; s.End > s.Start && !isDashAlone(b, s.Start, s.End) {
			if _, ok := parseNumber(b[s.Start:s.End], units|exponents); !ok {
				return false
			}
		}
	}
	outer := ev.dated
	if f.time >= 0 {
		s := spans[f.time]
		if !sc.timeBy(f, b, s.Start, s.End) {
			return false
		}
	}
	second, nanos, zoneless := sc.clock.second, sc.clock.nanos, sc.clock.zoneless
	if f.rest != format.Text && !sc.rest(ev, f, b, spans[len(spans)-1].Start, end) {
		return false
	}
	if f.time >= 0 && !outer {
		ev.lineSecond, ev.lineNanos, ev.dated, ev.zoneless = second, nanos, true, zoneless
	}
	for i, slot := range f.slots {
		if slot == None || f.in != None && ev.Has(slot) {
			continue
		}
		switch s := spans[i]; {
		case s.End == s.Start:
		case s.Doubled:
			first, last := ev.undouble(b[s.Start:s.End])
			ev.put(slot, first, last, asText|units|exponents|inUnescaped)
		case f.Captures[i].Is == format.Number && isDashAlone(b, s.Start, s.End):
		default:
			ev.put(slot, s.Start, s.End, asText|units|exponents|place)
		}
	}
	if place == 0 && f.in == None {
		sc.defaultMessage(ev, start, end)
	}
	return true
}

// rest parses what a text ends with as JSON or as attributes, and reports whether it
// is that. Fields that the line has already stay as they are.
func (sc *Scanner) rest(ev *Event, f *ownFormat, b []byte, i, end int) bool {
	to := ev
	if f.in != None {
		to = sc.own.spare
		sc.own.text = append(append(sc.own.text[:0], b[i:end]...), zeros[:]...) // behind a text of JSON is a quote
		b, i, end = sc.own.text, 0, end-i
		to.reset(sc.schema, b)
		to.dated = ev.dated
	}
	m, dated := to.mark(), to.dated
	ok := false
	if f.rest == format.JSON {
		ok = i < end && b[i] == '{' && sc.object(to, b, i, end, wholeLine)
	} else if ok = looksLikeAttributes(b, i, end); ok {
		sc.attributes(to, b, i, end, wholeLine, int32(wholeLine)*roots)
	}
	if !ok {
		to.rewind(&m)
		to.dated = dated
		return false
	}
	if to != ev {
		ev.adopt(to)
	}
	return true
}

// adopt takes fields and the time of another event that the event lacks.
func (e *Event) adopt(o *Event) {
	if !e.dated {
		e.lineSecond, e.lineNanos, e.dated, e.zoneless = o.lineSecond, o.lineNanos, o.dated, o.zoneless
	}
	for w, word := range o.present {
		for word &^= e.present[w]; word != 0; word &= word - 1 {
			s := Slot(w*64 + bits.TrailingZeros64(word))
			first := len(e.text[1])
			e.text[1] = append(e.text[1], o.Bytes(s)...)
			last := len(e.text[1])
			e.text[1] = append(e.text[1], zeros[:]...)
			e.put(s, first, last, o.values[s]&(asText|units|exponents|onlyText)|inUnescaped)
		}
	}
}

// TimeEnd implements format.Clock.
func (c *clock) TimeEnd(b []byte, i, end int) int {
	if end-i < len("22/Nov/12 09:31:34") {
		return i
	}
	if at := c.date(b, i); at >= 0 && at <= end {
		return at
	}
	return i
}

// timeBy reads b[start:end] as the time that the format says, and reports whether it
// is one.
func (sc *Scanner) timeBy(f *ownFormat, b []byte, start, end int) bool {
	c, l := &sc.clock, f.Time
	switch {
	case l == nil:
		return c.any(b, start, end)
	case l.ISO:
		return end-start >= len("2006-01-02 15:04:05") && c.stamp(b, start) == end && c.dated
	case l.Unit > 0:
		n, ok := parseNumber(b[start:end], exponents)
		return ok && n.Hi >= 0 && c.count(n, l.Unit)
	}
	t, ok := sc.own.readers[f.layout].Read(b[start:end])
	switch {
	case !ok:
		return false
	case !t.HasYear:
		return c.yearless(t.Month, t.Day, t.OfDay, t.Nanos, sc.near, sc.zones)
	case !t.HasZone:
		t.Second -= c.offset(t.Second)
	}
	c.set(t.Second, t.Nanos)
	return c.dated
}

// count takes a number of units of so many nanoseconds as a Unix time.
func (c *clock) count(n fixed.Number, unit uint64) bool {
	whole, billionths := n.Split()
	perSecond := int64(uint64(time.Second) / unit)
	c.set(whole/perSecond, uint32(uint64(whole%perSecond)*unit+uint64(billionths)/uint64(perSecond)))
	return c.dated
}

// undouble appends a text, in which two double quotes are one, to the unescaped text,
// and gives the place there.
func (e *Event) undouble(b []byte) (first, last int) {
	out := e.text[1]
	first = len(out)
	for {
		i := bytes.IndexByte(b, '"')
		if i < 0 {
			break
		}
		out = append(out, b[:i+1]...)
		b = b[min(i+2, len(b)):]
	}
	out = append(out, b...)
	last = len(out)
	e.text[1] = append(out, zeros[:]...)
	return first, last
}

// ltsv parses columns that have a label and a colon before their value, with tabs
// between them.
func (sc *Scanner) ltsv(ev *Event, f *ownFormat, b []byte, start, end int, place value) bool {
	if !isLTSV(b[start:end]) {
		return false
	}
	keys := sc.schema.bodies[wholeLine].keys
	timed := false
	for i := start; i < end; {
		next := end
		if n := bytes.IndexByte(b[i:end], '\t'); n >= 0 {
			next = i + n
		}
		colon := i + max(bytes.IndexByte(b[i:next], ':'), 0)
		key, _ := keys.find(b, i, colon)
		slot := keySlot(key)
		if first := colon + 1; key&slotMask != 0 && first < next && !isDashAlone(b, first, next) && !ev.Has(slot) {
			ev.put(slot, first, next, asText|units|exponents|place)
		}
		if !timed && string(b[i:colon]) == format.TimeField && !ev.dated && sc.timeBy(f, b, colon+1, next) {
			sc.date(ev)
			timed = true
		}
		i = next + 1
	}
	if place == 0 && f.in == None {
		sc.defaultMessage(ev, start, end)
	}
	return true
}

// isLTSV reports whether each column of a text has a label, and there are two at least.
func isLTSV(b []byte) bool {
	for n := 1; ; n++ {
		column, rest, more := bytes.Cut(b, tab)
		if i := bytes.IndexByte(column, ':'); i <= 0 || bytes.IndexByte(column[:i], ' ') >= 0 {
			return false
		}
		if !more {
			return n > 1
		}
		b = rest
	}
}

var tab = []byte("\t")
