package derive

import (
	"bytes"
	"math"
	"slices"

	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/line"
)

// A Program is derived fields made ready for a Schema. It may be shared.
type Program struct {
	fields []compiled
	bySlot [line.MaxFields]int16 // 1 + the number in fields; 0: not derived
}

// A compiled is a Field with the slots of what it is made of.
type compiled struct {
	form    form
	names   []string
	slots   []line.Slot // of names
	derived []bool      // which of them are derived
	texts   []bool      // which of them are texts for a machine, even if they read as numbers
	numbers *arithmetic // whose fields are of slots
	needs   []line.Slot // of lines' own fields, all that it cannot do without
}

// Compile makes a Program of fields in the order that Order gives. A Schema may lack some,
// which nobody asks for; of the others it has all that they are made of.
func Compile(fields []*Field, s *line.Schema) *Program {
	p := &Program{}
	for _, f := range fields {
		slot := s.Slot(f.Name)
		if slot == line.None {
			continue
		}
		r := compiled{form: f.form, names: f.Fields}
		for _, name := range f.Fields {
			of := s.Slot(name)
			r.slots = append(r.slots, of)
			r.derived = append(r.derived, p.bySlot[of] > 0)
			m, ok := f.form.(*machine)
			r.texts = append(r.texts, p.givesText(of, name) || ok && slices.Contains(m.value.Texts, name))
		}
		for _, name := range f.Needs {
			r.needs = append(r.needs, p.Needs(s.Slot(name))...)
		}
		if a, ok := f.form.(*arithmetic); ok {
			r.numbers = a.resolve(func(name string) int { return slices.Index(f.Fields, name) })
		}
		p.fields = append(p.fields, r)
		p.bySlot[slot] = int16(len(p.fields))
	}
	return p
}

// givesText reports whether a field is what a call within an expression gives, and that is
// text: so len(capture(code, `\d+`)) is how many digits there are.
func (p *Program) givesText(s line.Slot, name string) bool {
	if !p.Has(s) || condition.IsName(name) {
		return false
	}
	switch p.fields[p.bySlot[s]-1].form.(type) {
	case *route, *capture:
		return true
	}
	return false
}

// Has reports whether a field is derived.
func (p *Program) Has(s line.Slot) bool { return s != line.None && p.bySlot[s] > 0 }

// Needs gives lines' own fields without which a line lacks a field: those that a derived
// one cannot do without, of others the field itself.
func (p *Program) Needs(s line.Slot) []line.Slot {
	if !p.Has(s) {
		return []line.Slot{s}
	}
	return p.fields[p.bySlot[s]-1].needs
}

// Any reports whether there are derived fields.
func (p *Program) Any() bool { return len(p.fields) > 0 }

// An Evaluator derives fields; it is a line.Deriver. It is for one goroutine.
type Evaluator struct {
	program *Program
	memo    memo
	out     []byte         // text that is derived
	values  map[string]any // of a machine's fields
	event   *line.Event    // whose field is derived
	current *compiled      // of that
}

// NewEvaluator makes an Evaluator.
func (p *Program) NewEvaluator() *Evaluator {
	return &Evaluator{program: p, values: make(map[string]any)}
}

// Derive implements line.Deriver.
func (e *Evaluator) Derive(ev *line.Event, s line.Slot) {
	r := &e.program.fields[e.program.bySlot[s]-1]
	wrong := false
	for i, slot := range r.slots {
		if r.derived[i] && !ev.Derived(slot) {
			wrong = wrong || ev.Mistyped(slot)
		}
	}
	e.derive(ev, s, r)
	if wrong && !ev.Has(s) {
		ev.Mistype(s)
	}
}

// derive is Derive where the derived fields that r is made of are derived.
func (e *Evaluator) derive(ev *line.Event, s line.Slot, r *compiled) {
	for _, slot := range r.needs {
		if !ev.Has(slot) {
			return
		}
	}
	if r.numbers != nil {
		e.event, e.current = ev, r
		if v, ok := r.numbers.value(e.number); ok {
			ev.PutNumber(s, v)
		} else if slices.ContainsFunc(r.slots, func(slot line.Slot) bool { return isNoNumber(ev, slot) }) {
			ev.Mistype(s)
		}
		return
	}
	if _, ok := r.form.(*same); ok {
		if ev.Has(r.slots[0]) && len(ev.Bytes(r.slots[0])) > 0 {
			ev.PutSame(s, r.slots[0])
		}
		return
	}
	if m, ok := r.form.(*metric); ok {
		switch n, found, wrong := m.find(ev.Bytes(r.slots[0])); {
		case found:
			ev.PutNumber(s, n)
		case wrong:
			ev.Mistype(s)
		}
		return
	}
	if len(r.slots) > 1 {
		e.compute(ev, r).put(ev, s)
		return
	}
	source := r.slots[0]
	if !ev.Has(source) {
		if m, ok := r.form.(*machine); ok { // its default counts
			e.run(ev, r, m).put(ev, s)
		}
		return
	}
	typ := condition.Text
	if _, ok := r.form.(*machine); ok {
		typ = ev.Type(source)
	}
	n := e.program.bySlot[s]
	text := ev.Bytes(source)
	hash := ev.Hash(source)
	if known := e.memo.find(n, typ, text, hash); known != nil {
		known.put(ev, s)
		return
	}
	v := e.compute(ev, r)
	v.put(ev, s)
	if known := e.memo.add(n, typ, text, hash, v); known != nil && v.is == isText {
		known.textHash = ev.Hash(s)
	}
}

// number gives a field of the arithmetic that is worked out.
func (e *Evaluator) number(i int) (fixed.Number, bool) { return e.event.Number(e.current.slots[i]) }

// isNoNumber reports whether a line has a value for a field that is not a number, nor says
// that there is none.
func isNoNumber(ev *line.Event, s line.Slot) bool {
	if !ev.Has(s) || saysNone(ev, s) {
		return false
	}
	_, ok := ev.Number(s)
	return !ok
}

// saysNone reports whether a line has a field that is empty or "-".
func saysNone(ev *line.Event, s line.Slot) bool {
	if !ev.Has(s) {
		return false
	}
	text := ev.Bytes(s)
	return len(text) == 0 || string(text) == "-"
}

// A result is a value that was derived.
type result struct {
	is     kind
	text   []byte
	number fixed.Number
}

type kind uint8

const (
	missing kind = iota
	isText
	isNumber
	isTrue
	isFalse
	isMistyped // missing, since a value has another type than the expression takes
)

func textResult(b []byte) result {
	if len(b) == 0 {
		return result{}
	}
	return result{is: isText, text: b}
}

func numberResult(n fixed.Number, ok bool) result {
	if !ok {
		return result{}
	}
	return result{is: isNumber, number: n}
}

func (r result) put(ev *line.Event, s line.Slot) {
	switch r.is {
	case isText:
		ev.PutText(s, r.text)
	case isNumber:
		ev.PutNumber(s, r.number)
	case isTrue, isFalse:
		ev.PutBool(s, r.is == isTrue)
	case isMistyped:
		ev.Mistype(s)
	}
}

// compute derives a field of a line that has what it needs.
func (e *Evaluator) compute(ev *line.Event, r *compiled) result {
	switch f := r.form.(type) {
	case *route:
		e.out = f.append(e.out[:0], ev.Bytes(r.slots[0]))
		return textResult(e.out)
	case *capture:
		text := ev.Bytes(r.slots[0])
		start, end := f.find(text)
		return textResult(text[start:end])
	case *size:
		if n, ok := line.Bytes(ev.Bytes(r.slots[0])); ok {
			return numberResult(n, true)
		}
		if isNoNumber(ev, r.slots[0]) {
			return result{is: isMistyped}
		}
		return numberResult(ev.Number(r.slots[0]))
	case *machine:
		return e.run(ev, r, f)
	}
	return result{}
}

// run lets expr's machine derive a field.
func (e *Evaluator) run(ev *line.Event, r *compiled, m *machine) result {
	clear(e.values)
	for i, slot := range r.slots {
		if r.texts[i] && ev.Has(slot) {
			e.values[r.names[i]] = string(ev.Bytes(slot))
		} else if v, ok := ev.Constant(slot); ok {
			e.values[r.names[i]] = v.Value()
		}
	}
	value, err := m.value.Run(e.values)
	if err != nil {
		if condition.IsMissing(err) || slices.ContainsFunc(r.slots, func(slot line.Slot) bool { return saysNone(ev, slot) }) {
			return result{}
		}
		return result{is: isMistyped}
	}
	switch v := value.(type) {
	case string:
		e.out = append(e.out[:0], v...)
		return textResult(e.out)
	case int:
		return numberResult(fixed.Int(int64(v)), true)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) { // as float("NaN") gives, and a division by 0
			if r.textual(ev) {
				return result{is: isMistyped}
			}
			return result{}
		}
		return numberResult(fixed.Parse(appendFloat(nil, v)))
	case bool:
		if v {
			return result{is: isTrue}
		}
		return result{is: isFalse}
	}
	return result{}
}

// textual reports whether one of the fields that it is made of is text.
func (r *compiled) textual(ev *line.Event) bool {
	return slices.ContainsFunc(r.slots, func(s line.Slot) bool { return ev.Has(s) && ev.IsText(s) })
}

// Bounds of a memo: beyond them a value is derived each time.
const (
	memoEntries = 1 << 13
	memoWays    = 2   // entries that a value can be in
	longestKey  = 104 // bytes of a value
	longestText = 80  // bytes of what it gives
)

// A memo remembers what fields of one other field give, by its value.
type memo struct {
	entries []memoEntry // nil until one is added
	victim  uint8       // which of the entries goes next
}

type memoEntry struct {
	hash, textHash uint64
	number         fixed.Number
	field          int16 // 0: free
	typ            condition.Type
	is             kind
	keyLength      uint8
	textLength     uint8
	key            [longestKey]byte
	text           [longestText]byte
}

func (e *memoEntry) put(ev *line.Event, s line.Slot) {
	if e.is == isText {
		ev.PutHashed(s, e.text[:e.textLength], e.textHash)
		return
	}
	result{is: e.is, number: e.number}.put(ev, s)
}

// ways gives the entries that a field's value can be in.
func (m *memo) ways(field int16, hash uint64) []memoEntry {
	at := (hash ^ uint64(field)<<7) % (memoEntries / memoWays) * memoWays
	return m.entries[at : at+memoWays]
}

// find gives the entry of a field's value, nil if there is none.
func (m *memo) find(field int16, typ condition.Type, text []byte, hash uint64) *memoEntry {
	if m.entries == nil {
		return nil
	}
	ways := m.ways(field, hash)
	for i := range ways {
		if e := &ways[i]; e.hash == hash && e.field == field && e.typ == typ && bytes.Equal(e.key[:e.keyLength], text) {
			return e
		}
	}
	return nil
}

// add remembers what a field's value gives, if that is short enough, and gives the entry.
func (m *memo) add(field int16, typ condition.Type, text []byte, hash uint64, v result) *memoEntry {
	if len(text) > longestKey || len(v.text) > longestText {
		return nil
	}
	if m.entries == nil {
		m.entries = make([]memoEntry, memoEntries)
	}
	ways := m.ways(field, hash)
	m.victim++
	e := &ways[m.victim%memoWays]
	for i := range ways {
		if ways[i].field == 0 {
			e = &ways[i]
		}
	}
	e.hash, e.field, e.typ, e.is, e.number = hash, field, typ, v.is, v.number
	e.keyLength = uint8(copy(e.key[:], text))
	e.textLength = uint8(copy(e.text[:], v.text))
	return e
}
