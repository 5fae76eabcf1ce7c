package program

import (
	"bytes"
	"math"
	"math/bits"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/timing"
	"pulse/stats/window"
)

// lanes is the number of seconds for which lines are counted by memo entries.
// A line of another second empties the lane of its own.
const lanes = 8

// maxSpare bounds the seconds kept for use again.
const maxSpare = 16

// A Pack is lines with what their record says of them.
type Pack struct {
	Lines  []byte       // whole lines, LF between them
	Second int64        // of the record's clock
	Floor  int64        // Second, or w(p) before the record if that is greater: what lateness is measured against
	Map    line.Mapping // from the lines' times to those that count
	Runs   []line.Run   // the lines' origins; those after them have none

	Recorded bool // the record is of a recording: its clock is that of its lines

	// Ingester is whose record it is, "" if that is of a recording; and Clock w(p) before
	// the record, -1 if there is none. They say whose fault it is that lines are late.
	Ingester string
	Clock    int64
}

// near tells a scanner when the lines were written.
func (p *Pack) near(sc *line.Scanner) {
	if second := p.Map.Original(p.Second); p.Recorded {
		sc.NearRecorded(second)
	} else {
		sc.Near(second)
	}
}

// A Folder folds lines into the stats of a Program. What it holds until the
// next Flush is bounded by the seconds that lines are in time for. It is for
// one goroutine.
type Folder struct {
	program *Program
	scanner *line.Scanner
	event   line.Event
	memo    memo
	lanes   [lanes]lane
	columns []column
	open    map[int64]*openSecond
	spare   []*openSecond
	counts  aggregate.LineCounts
	shapes  [line.Shapes]uint64 // lines of the pack, by what was understood of them
	fields  []uint64            // of all lines; see openSecond
	texts   []uint64
	errors  []uint64
	names   [3]names // of in-log metrics, by their kind
	latest  int64    // the lateness with which no line of all would be late; 0 if none was
	skew    int64    // the most seconds by which a line of the pack is ahead of its record

	runs  runs // of the pack
	whose whose

	// Used again and again.
	tail     []byte
	ids      ids
	codes    []line.Code
	met      []uint64
	seconds  []int64
	fragment window.Fragment
	partial  []byte
	operands [][]byte
	key      []byte
}

// An openSecond is what was folded of one second.
type openSecond struct {
	counts   []uint64            // of the stats that only count
	errors   []uint64            // of lines that a stat could not compare
	texts    []uint64            // of lines whose value is not a number, of each stat
	fields   []uint64            // of lines that have a field, as codedField numbers them
	partials []aggregate.Partial // of the others; nil: none yet
}

// A lane counts the lines of one second by their memo entries.
type lane struct {
	second int64
	open   *openSecond // nil: the lane is not used
	active []*entry    // those whose count is not 0

	gathered uint64 // bits: the columns that have something
	batches  [maxColumns]*batch
}

// NewFolder makes a Folder.
func (p *Program) NewFolder() *Folder {
	f := &Folder{
		program: p, scanner: p.schema.NewScanner(), open: make(map[int64]*openSecond),
		fields: make([]uint64, len(p.keys)), texts: make([]uint64, len(p.stats)), errors: make([]uint64, len(p.stats)),
		met: make([]uint64, len(p.index.unguarded)),
	}
	p.deriveFor(&f.event)
	return f
}

// Counts gives the account of all lines since the Folder was made.
func (f *Folder) Counts() aggregate.LineCounts { return f.counts }

// Fold folds the lines of a pack. A line whose second s is more than timing.LineAhead ahead
// of the record's counts at the record's second, and so does one without a
// time. It is late, and counts in the internal stat alone, if
// s + 1 + lateness <= Floor. A line longer than line.MaxLen is unreadable. An
// empty line does not count.
func (f *Folder) Fold(p Pack) {
	before := f.counts
	f.skew = math.MinInt64
	p.near(f.scanner)
	f.scanner.From("")
	f.runs = runs{rest: p.Runs}
	b := p.Lines
	// Lines near the end are parsed in a copy that has the padding; the others
	// where they are.
	inPlace := 0
	if n := len(b) - line.Padding; n > 0 {
		inPlace = bytes.LastIndexByte(b[:n], '\n') + 1
	}
	f.lines(&p, b, inPlace)
	f.tail = append(append(f.tail[:0], b[inPlace:]...), make([]byte, line.Padding)...)
	f.lines(&p, f.tail, len(f.tail)-line.Padding)
	f.account(p.Floor, before)
	if f.skew > math.MinInt64 {
		f.partialOf(f.at(p.Floor), f.program.internal[stats.SubjectSkew]).(aggregate.Observer).Observe(fixed.Int(f.skew))
	}
}

// Undecodable accounts for a record that is not a pack, of a second: its lines
// came in and are unreadable.
func (f *Folder) Undecodable(value []byte, second int64) {
	before := f.counts
	for text := range bytes.Lines(value) {
		if n := uint64(len(bytes.TrimRight(text, "\r\n"))); n > 0 {
			f.counts.Lines++
			f.counts.Unreadable++
			f.counts.Bytes += n
		}
	}
	f.account(second, before)
}

// account adds what was counted since before to the internal stats.
func (f *Folder) account(second int64, before aggregate.LineCounts) {
	f.accountShapes(second)
	counts := f.counts.Sub(before)
	if counts == (aggregate.LineCounts{}) {
		return
	}
	internal, o := &f.program.internal, f.at(second)
	f.partialOf(o, internal[stats.SubjectAccount]).(*aggregate.LinesPartial).Add(counts)
	o.counts[internal[stats.SubjectLate]] += counts.Late
	o.counts[internal[stats.SubjectBytes]] += counts.Bytes
}

// accountShapes adds the shapes of the pack's lines to the account and to the stat
// of formats.
func (f *Folder) accountShapes(second int64) {
	f.counts.Unparsed += f.shapes[line.Unparsed]
	for i, n := range f.shapes[:f.program.schema.Shapes()] {
		if n == 0 {
			continue
		}
		shape := line.Shape(i)
		if shape.Half() {
			f.counts.Half += n
		}
		f.key = f.program.schema.AppendShape(f.key[:0], shape)
		f.partialOf(f.at(second), f.program.internal[stats.SubjectFormats]).(aggregate.KeyCounter).Count(f.key, n)
		f.shapes[i] = 0
	}
}

// lines folds the lines of b[:end], after which b has the padding.
func (f *Folder) lines(p *Pack, b []byte, end int) {
	ev := &f.event
	identity := p.Map.Identity()
	lastLate := p.Floor - 1 - f.program.lateness
	attributed := p.Runs != nil
	for next := 0; next < end; {
		start, stop := next, end
		if i := bytes.IndexByte(b[start:end], '\n'); i >= 0 {
			stop = start + i
		}
		next = stop + 1
		length := stop - start
		if length > 0 && b[stop-1] == '\r' {
			length--
		}
		if length == 0 {
			continue
		}
		if attributed {
			f.runs.next(f.scanner)
		}
		f.counts.Lines++
		f.counts.Bytes += uint64(length)
		if length > line.MaxLen {
			f.counts.Unreadable++
			continue
		}
		f.scanner.Parse(ev, b, start, start+length)

		f.shapes[ev.Shape()]++
		second, nanos, dated := ev.Time()
		ahead := false
		if !dated {
			second, nanos = p.Second, 0
			if !line.IsDirective(b[start : start+length]) {
				f.counts.Undated++
			}
		} else {
			if !identity {
				second, nanos = mapped(p.Map, second, nanos)
			}
			f.skew = max(f.skew, second-p.Second)
			if ahead = second > p.Second+timing.LineAhead; ahead {
				f.isAhead(p, second, b, start, start+length)
				second, nanos = p.Second, 0
				f.counts.Ahead++
			}
		}
		if second <= lastLate {
			f.counts.Late++
			f.latest = max(f.latest, p.Floor-second)
			if !ahead { // else it has been told why
				f.isLate(p, second, b, start, start+length)
			}
			continue
		}
		f.counts.Counted++
		ev.Place(second, nanos)
		f.fold(ev, second)
		if f.program.inlog != nil {
			f.foldMetrics(ev, second, b[start:start+length])
		}
	}
}

// runs are those of a pack, as its lines are gone through.
type runs struct {
	rest []line.Run
	left int64 // lines of the one before rest
	from line.Origin
}

// next tells the scanner where the next line comes from.
func (r *runs) next(sc *line.Scanner) {
	if r.left == 0 {
		r.begin(sc)
	}
	r.left--
}

// begin begins the next run; the last, without an origin, has no end.
func (r *runs) begin(sc *line.Scanner) {
	run := line.Run{Lines: math.MaxInt64}
	if len(r.rest) > 0 {
		run, r.rest = r.rest[0], r.rest[1:]
	}
	r.from = run.From
	sc.From(run.From)
	r.left = max(run.Lines, 1)
}

func mapped(m line.Mapping, second int64, nanos uint32) (int64, uint32) {
	t := m.Apply(second*1e9 + int64(nanos))
	second, rest := t/1e9, t%1e9
	if rest < 0 {
		second, rest = second-1, rest+1e9
	}
	return second, uint32(rest)
}

// fold folds a line of a second into the stats that it meets.
func (f *Folder) fold(ev *line.Event, second int64) {
	n := uint64(second) % lanes
	l := &f.lanes[n]
	if l.second != second || l.open == nil {
		f.empty(int(n))
		l.second, l.open = second, f.at(second)
	}
	codes, hash, ok := ev.Codes()
	if !ok {
		f.codes = ev.AppendCodes(f.codes[:0])
		f.foldByIndex(ev, l.open, f.codes)
		return
	}
	e, at := f.memo.find(codes, hash)
	if e == nil {
		if e = f.learn(codes, hash, at); e == nil {
			f.foldByIndex(ev, l.open, codes)
			return
		}
	}
	if e.counts[n] == 0 {
		l.active = append(l.active, e)
	}
	e.counts[n]++
	if len(e.columns) > 0 {
		f.gather(l, e.columns, ev)
	}
	for i := range e.folds {
		s := &e.folds[i]
		v := holds
		if s.left != nil {
			v = s.left.verdict(ev)
		}
		switch {
		case v.met():
			f.foldInto(l.open, s.stat, ev)
		case v == isMistyped:
			l.open.errors[s.stat]++
		}
	}
}

// foldInto folds a line into one stat.
func (f *Folder) foldInto(o *openSecond, stat int32, ev *line.Event) {
	if f.program.counted[stat] {
		o.counts[stat]++
		return
	}
	p := o.partials[stat]
	if p == nil {
		p = f.partialOf(o, stat)
	}
	if !p.Fold(ev) && !isNothing(ev.Bytes(f.program.measured[stat])) {
		o.texts[stat]++
	}
}

// foldByIndex folds a line without the memo.
func (f *Folder) foldByIndex(ev *line.Event, o *openSecond, codes []line.Code) {
	p, x, met := f.program, &f.program.index, f.met
	copy(met, x.unguarded)
	o.fields[everyLine]++
	for _, c := range codes {
		slot := c.Slot()
		if before := f.ids[slot]; before != line.Absent { // of a key given twice the last counts
			o.fields[p.fields[slot].key(before)]--
		}
		f.ids[slot] = c.ID()
		e := x.effect(c)
		o.fields[e.key]++
		if e.stats != noStats {
			x.meet(met, e)
		}
	}
	for w, word := range met {
		for ; word != 0; word &= word - 1 {
			stat := int32(w*64 + bits.TrailingZeros64(word))
			c := p.conds[stat]
			if c.match(p.schema, &f.ids, ev) {
				f.foldInto(o, stat, ev)
			} else if p.typed[stat] && c.decide(p.schema, &f.ids).verdict(ev) == isMistyped {
				o.errors[stat]++
			}
		}
	}
	f.ids.unset(codes)
}

// learn makes the entry of a sequence of codes; it gives nil if there is no
// room for it.
func (f *Folder) learn(codes []line.Code, hash uint64, at int) *entry {
	if at < 0 || f.memo.full() {
		f.memo.missed++
		return nil
	}
	p := f.program
	e := &entry{codes: slices.Clone(codes[:len(codes)+line.CodePadding])[:len(codes)]}
	g := gathering{folder: f}
	f.ids.set(codes)
	p.index.candidates(f.met, codes)
	for stat := range members(f.met) {
		switch left := p.conds[stat].decide(p.schema, &f.ids); {
		case left == never:
		case left == mistyped:
			e.mistyped = append(e.mistyped, stat)
		case left != always && left != notMistyped:
			e.folds = append(e.folds, fold{stat, left})
		case p.counted[stat]:
			e.counted = append(e.counted, stat)
		case !g.add(stat):
			e.folds = append(e.folds, fold{stat, nil})
		}
	}
	e.columns = g.columns()
	e.fields = append(e.fields, everyLine)
	for _, c := range codes {
		slot := c.Slot()
		if key := p.fields[slot].key(f.ids[slot]); key != noField {
			e.fields = append(e.fields, key)
		}
		f.ids[slot] = line.Absent
	}
	f.memo.add(at, hash, e)
	return e
}

// at gives what was folded of a second.
func (f *Folder) at(second int64) *openSecond {
	second = max(second, 0) // fragments have no other
	o := f.open[second]
	if o != nil {
		return o
	}
	if n := len(f.spare); n > 0 {
		o, f.spare = f.spare[n-1], f.spare[:n-1]
	} else {
		n := len(f.program.stats)
		o = &openSecond{
			counts: make([]uint64, n), errors: make([]uint64, n), texts: make([]uint64, n),
			fields: make([]uint64, len(f.program.keys)), partials: make([]aggregate.Partial, n),
		}
	}
	f.open[second] = o
	return o
}

// partialOf gives a stat's partial of a second.
func (f *Folder) partialOf(o *openSecond, stat int32) aggregate.Partial {
	if o.partials[stat] == nil {
		o.partials[stat] = f.program.kinds[stat].NewPartial()
	}
	return o.partials[stat]
}

// empty adds the counts of a lane to the stats of its second.
func (f *Folder) empty(n int) {
	l := &f.lanes[n]
	for ; l.gathered != 0; l.gathered &= l.gathered - 1 {
		f.drain(l, bits.TrailingZeros64(l.gathered))
	}
	for _, e := range l.active {
		for _, stat := range e.counted {
			l.open.counts[stat] += e.counts[n]
		}
		for _, stat := range e.mistyped {
			l.open.errors[stat] += e.counts[n]
		}
		for _, key := range e.fields {
			l.open.fields[key] += e.counts[n]
		}
		e.counts[n] = 0
	}
	l.active = l.active[:0]
}

// Flush calls emit with the fragment of each stat to which something was
// folded since the last Flush, in ascending order of the stats, and forgets
// it. The bytes are valid during the call. It returns the first and the last second
// at which lines count, in internal stats too; 0, 0 if there is none but of an
// unknown time.
func (f *Folder) Flush(emit func(stat int, fragment []byte)) (earliest, latest int64) {
	for n := range f.lanes {
		f.empty(n)
		f.lanes[n].open = nil
	}
	if f.memo.missed >= memoRelearn {
		f.memo, f.columns = memo{}, nil
	}
	f.seconds = f.seconds[:0]
	for s := range f.open {
		f.seconds = append(f.seconds, s)
	}
	slices.Sort(f.seconds)
	for _, s := range f.seconds {
		f.accountNotices(f.open[s])
	}

	for stat := range f.program.stats {
		f.fragment.Reset()
		for _, s := range f.seconds {
			if f.partial = f.take(f.open[s], stat); len(f.partial) == 0 {
				continue
			}
			f.fragment.Add(s, f.partial)
		}
		if fragment := f.fragment.Bytes(); len(fragment) > 0 {
			emit(stat, fragment)
		}
	}

	for _, s := range f.seconds {
		if earliest == 0 {
			earliest = s
		}
		latest = s
		f.open[s].reset()
		if len(f.spare) < maxSpare {
			f.spare = append(f.spare, f.open[s])
		}
	}
	clear(f.open)
	return earliest, latest
}

// take gives the bytes of a stat's partial of a second.
func (f *Folder) take(o *openSecond, stat int) []byte {
	of := f.program.of[stat]
	if of == nil {
		return f.appendPartial(f.partial[:0], o, stat)
	}
	f.operands = slices.Grow(f.operands[:0], len(of))[:len(of)]
	for i, n := range of {
		f.operands[i] = f.appendPartial(f.operands[i][:0], o, n)
	}
	return aggregate.AppendCombined(f.partial[:0], f.operands)
}

func (f *Folder) appendPartial(b []byte, o *openSecond, stat int) []byte {
	if n := o.counts[stat]; n > 0 {
		f.partialOf(o, int32(stat)).(aggregate.Counter).Count(n)
		o.counts[stat] = 0
	}
	if p := o.partials[stat]; p != nil && !p.Empty() {
		b = p.AppendTo(b)
	}
	return b
}

// reset empties what appendPartial wrote.
func (o *openSecond) reset() {
	for _, p := range o.partials {
		if p != nil && !p.Empty() {
			p.Reset()
		}
	}
}
