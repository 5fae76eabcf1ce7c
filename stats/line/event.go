package line

import (
	"math/bits"

	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// An Event is one parsed line: its time and the fields that the Schema names.
// It refers to the parsed buffer and is valid until the next Parse. The zero
// Event is ready for use.
type Event struct {
	text   [4][]byte // what values are in: the line, unescaped text (or an origin's), constant text, the line that the line is in
	fields []field   // of the Schema

	present [MaxFields / 64]uint64
	values  [MaxFields]value
	numbers [MaxFields]fixed.Number // of values that are known to be numbers
	hashes  [MaxFields]uint64       // of values whose hash is known

	codes    [maxCodes + CodePadding]Code
	coded    int    // how many codes there are
	codeHash uint64 // of the codes in their order
	overflow bool   // there were more than maxCodes

	deriver  Deriver                // nil: there are no derived fields
	derived  [MaxFields / 64]uint64 // those that were derived, or found to be missing
	mistyped [MaxFields / 64]uint64 // those missing since a value has another type than their expression takes

	format int8   // its position in Formats; -1: none
	half   bool   // its message gave no field
	fitted uint64 // which formats of the definitions file read it, or a field of it
	inner  bool   // text[3] is in use

	dated       bool // the line has a time: that, in UTC
	zoneless    bool // it has no zone, and was taken for UTC's
	lineSecond  int64
	lineNanos   uint32
	eventSecond int64 // where the event counts
	eventNanos  uint32
}

// A value is where a field's text is: its start in the upper 32 bits, then
// flags, its length in the lower 20 bits.
type value uint64

const (
	inUnescaped value = 1 << 20 // in text[1]
	inConstant  value = 2 << 20 // in text[2]
	inOuter     value = 3 << 20 // in text[3]
	textShift         = 20

	asText     value = 1 << 22 // in quotes or in a header: a number if all of it is one, never a boolean
	units      value = 1 << 23 // numbers may have units: 1.5s, 3kB, 12%
	exponents  value = 1 << 24 // 1e3 is a number
	onlyText   value = 1 << 27 // no number either
	isNumber   value = 1 << 25 // a number, which is in Event.numbers
	hashed     value = 1 << 26 // the hash is in Event.hashes
	startShift       = 32
	lengthMask value = 1<<20 - 1
)

func valueOf(start, end int, flags value) value {
	return value(start)<<startShift | flags | value(end-start)
}

func (v value) bounds() (start, end int) {
	start = int(v >> startShift)
	return start, start + int(v&lengthMask)
}

// is reports whether a value is all of a text's part.
func (v value) is(start, end int) bool {
	first, last := v.bounds()
	return first == start && last == end
}

// Has reports whether the line has the field.
func (e *Event) Has(s Slot) bool {
	return uint(s) < MaxFields && e.present[uint(s)/64]>>(uint(s)%64)&1 != 0
}

// Bytes gives the text of a field that the line has, unescaped; of a bare key
// it is "true". The bytes are valid until the next Parse and must not be
// changed.
func (e *Event) Bytes(s Slot) []byte {
	v := e.values[s]
	start, end := v.bounds()
	return e.text[v>>textShift&3][start:end:end]
}

// Number gives the number that the field is, and whether it is one.
func (e *Event) Number(s Slot) (fixed.Number, bool) {
	if !e.Has(s) {
		return fixed.Number{}, false
	}
	v := e.values[s]
	if v&(isNumber|onlyText) != 0 {
		return e.numbers[s], v&isNumber != 0
	}
	start, end := v.bounds()
	b := e.text[v>>textShift&3]
	n, ok := shortNumber(b, start, end, v)
	if !ok {
		n, ok = shortDecimal(b, start, end)
	}
	if !ok {
		n, ok = parseNumber(b[start:end], v)
	}
	if ok {
		e.numbers[s] = n
		e.values[s] |= isNumber
	}
	return n, ok
}

// Type gives the type of a field that the line has. A text is a number if all of it
// is one, as loggers put numbers in quotes.
func (e *Event) Type(s Slot) condition.Type {
	v := e.values[s]
	if v&isNumber != 0 {
		return condition.Num
	}
	b := e.Bytes(s)
	if len(b) == 0 || v&onlyText != 0 {
		return condition.Text
	}
	if beginsNumber(b[0]) {
		if _, ok := parseNumber(b, v); ok {
			return condition.Num
		}
		return condition.Text
	}
	if v&asText == 0 && (string(b) == "true" || string(b) == "false") {
		return condition.Bool
	}
	return condition.Text
}

// IsText reports whether a field that the line has is written as text, or is
// nothing else: what is in quotes may be a number for comparisons, and be searched
// as a text too.
func (e *Event) IsText(s Slot) bool {
	return e.values[s]&(asText|onlyText) != 0 || e.Type(s) == condition.Text
}

// Hash gives a hash of the text of a field that the line has, without its quotes.
// It depends on nothing else, so that it is the same in every process.
func (e *Event) Hash(s Slot) uint64 {
	if v := e.values[s]; v&hashed == 0 {
		start, end := v.bounds()
		e.hashes[s] = hash(e.text[v>>textShift&3], start, end)
		e.values[s] |= hashed
	}
	return e.hashes[s]
}

// Time gives the line's own time, and whether it has one: after the first second of 1970 and
// before 2262, so that its nanoseconds fit 64 bits.
func (e *Event) Time() (second int64, nanos uint32, ok bool) {
	return e.lineSecond, e.lineNanos, e.dated
}

// Shape says what was understood of the line: its format, and whether it is half
// understood, which is to say that it has a header but the message after that gave no
// field, or that it is JSON whose text is all in one member, such as message.
func (e *Event) Shape() Shape {
	s := Shape(e.format+1) << 1
	if e.half {
		s++
	}
	return s
}

// Fitted reports whether a format of the definitions file, by its number there, read the
// line or a field of it.
func (e *Event) Fitted(format int) bool { return e.fitted>>format&1 != 0 }

// Nanos gives the time at which the event counts, as Place set it.
func (e *Event) Nanos() (second int64, nanos uint32) { return e.eventSecond, e.eventNanos }

// Place sets the time at which the event counts.
func (e *Event) Place(second int64, nanos uint32) { e.eventSecond, e.eventNanos = second, nanos }

// Codes gives the coded fields of the line in its order, with one entry for
// each time that a key is given, and a hash of that sequence. CodePadding codes after them, of
// the slice's capacity, are 0, as no code is. It is not ok if there are too many; AppendCodes
// then has them.
func (e *Event) Codes() (codes []Code, hash uint64, ok bool) {
	*(*[CodePadding]Code)(e.codes[e.coded:]) = [CodePadding]Code{}
	return e.codes[:e.coded], e.codeHash, !e.overflow
}

// AppendCodes appends the coded fields of the line, each once, in ascending
// order of their slots.
func (e *Event) AppendCodes(codes []Code) []Code {
	for w, word := range e.present {
		for ; word != 0; word &= word - 1 {
			s := Slot(w*64 + bits.TrailingZeros64(word))
			f := &e.fields[s]
			if !f.coded {
				continue
			}
			start, end := e.values[s].bounds()
			codes = append(codes, codeOf(s, e.id(f, s, start, end, e.values[s])))
		}
	}
	return codes
}

// reset empties the event for a line in buf.
func (e *Event) reset(schema *Schema, buf []byte) {
	e.fields = schema.fields
	e.text[0] = buf
	e.text[1] = e.text[1][:0]
	e.text[2] = constantText
	e.dated, e.zoneless, e.half, e.inner, e.fitted = false, false, false, false, 0
	e.clearFields()
	e.forgetDerived()
}

// within makes b the line, for what is parsed next; what was is the outer one.
func (e *Event) within(b []byte) {
	for w, word := range e.present {
		for ; word != 0; word &= word - 1 {
			if v := &e.values[w*64+bits.TrailingZeros64(word)]; *v>>textShift&3 == 0 {
				*v |= inOuter
			}
		}
	}
	e.text[3], e.text[0], e.inner = e.text[0], b, true
}

// unparsed makes it the event of a line that no format fits.
func (e *Event) unparsed(s *Schema, start, end int) {
	e.clearFields()
	if e.inner {
		e.text[0], e.inner = e.text[3], false
	}
	e.format, e.half = -1, false
	e.put(s.at[ofLine], start, end, asText)
	e.putConstant(s.at[ofUnparsed], trueText, 0)
}

func (e *Event) clearFields() {
	clear(e.present[:])
	e.coded, e.codeHash, e.overflow = 0, 0, false
}

// A mark is what an event had before something was tried.
type mark struct {
	present  [MaxFields / 64]uint64
	coded    int
	codeHash uint64
	overflow bool
}

func (e *Event) mark() mark {
	return mark{e.present, e.coded, e.codeHash, e.overflow}
}

// rewind takes away the fields that were put since the mark. None of them was
// there before, since a body cannot overwrite what a header gave.
func (e *Event) rewind(m *mark) {
	e.present, e.coded, e.codeHash, e.overflow = m.present, m.coded, m.codeHash, m.overflow
}

// put gives the field s the value text[start:end] of the place that flags
// name. It does nothing for None, and is inlined: most of what lines have is not wanted.
func (e *Event) put(s Slot, start, end int, flags value) {
	if uint(s) < MaxFields {
		e.set(s, start, end, flags)
	}
}

// set is put of a field of the schema.
func (e *Event) set(s Slot, start, end int, flags value) {
	e.values[s] = valueOf(start, end, flags)
	e.present[uint(s)/64] |= 1 << (uint(s) % 64)
	f := &e.fields[s]
	if !f.coded {
		return
	}
	id := Present
	if f.values != nil {
		id = e.id(f, s, start, end, flags)
	}
	e.push(codeOf(s, id))
}

// putID gives the field s a value whose ID is known.
func (e *Event) putID(s Slot, start, end int, flags value, id ID) {
	if uint(s) >= MaxFields {
		return
	}
	e.values[s] = valueOf(start, end, flags)
	e.present[uint(s)/64] |= 1 << (uint(s) % 64)
	if id != Absent {
		e.push(codeOf(s, id))
	}
}

// putWhole gives the field s, which is coded, the whole number n whose ID is known.
func (e *Event) putWhole(s Slot, start, end int, n uint64, id ID) {
	e.values[s] = valueOf(start, end, isNumber)
	e.numbers[s] = fixed.Number{Lo: n * 1e9}
	e.present[uint(s)/64] |= 1 << (uint(s) % 64)
	e.push(codeOf(s, id))
}

// textID gives the ID of what is written as text as a value of the field s, Absent
// if it is not coded.
func (e *Event) textID(s Slot, b []byte, start, end int) ID {
	if s == None {
		return Absent
	}
	return e.fields[s].textID(b, start, end, 0)
}

// textID is a constant text's ID before it is that of a number.
func (f *field) textID(b []byte, start, end int, flags value) ID {
	if !f.coded && !f.derived {
		return Absent
	}
	if f.values == nil {
		return Present
	}
	if found, ok := f.values.find(b, start, end); ok {
		text, look := ID(found>>16), ID(found&0xffff)
		if text >= firstText || look == True || look == False || flags&onlyText != 0 {
			return text
		}
		return look
	}
	if len(f.numbers) > 0 && end > start && beginsNumber(b[start]) && flags&onlyText == 0 {
		if n, ok := parseNumber(b[start:end], flags); ok {
			return f.number(n)
		}
	}
	return Present
}

// id gives the ID of the value v of the field f, which is text[start:end]. Eight
// bytes can be read after it.
func (e *Event) id(f *field, s Slot, start, end int, v value) ID {
	if f.values == nil {
		return Present
	}
	b := e.text[v>>textShift&3]
	if v&(asText|onlyText) != 0 {
		return f.textID(b, start, end, v)
	}
	if b[start]-'0' <= 9 {
		if n, ok := shortNumber(b, start, end, v); ok {
			e.numbers[s] = n
			e.values[s] |= isNumber
			return f.number(n)
		}
	}
	if found, ok := f.values.find(b, start, end); ok {
		if look := ID(found & 0xffff); look != Absent {
			return look
		}
		if n, ok := e.Number(s); ok {
			return f.number(n)
		}
		return ID(found >> 16)
	}
	if end == start || !beginsNumber(b[start]) || v&(units|exponents) == 0 && hasWord(b, start, end) {
		return Present
	}
	if n, ok := shortDecimal(b, start, end); ok { // no shortNumber is it
		e.numbers[s] = n
		e.values[s] |= isNumber
		return f.number(n)
	}
	if n, ok := e.Number(s); ok {
		return f.number(n)
	}
	return Present
}

// putNumber gives the field s a number that the line does not have as such.
func (e *Event) putNumber(s Slot, n fixed.Number) {
	if s == None {
		return
	}
	first := len(e.text[1])
	e.text[1] = n.Append(e.text[1])
	last := len(e.text[1])
	e.text[1] = append(e.text[1], zeros[:]...)
	e.put(s, first, last, inUnescaped)
}

// putConstant gives the field s one of the constant texts.
func (e *Event) putConstant(s Slot, t constant, flags value) {
	e.put(s, t.start, t.end, flags|inConstant)
}

func (e *Event) push(c Code) {
	if e.coded == maxCodes {
		e.overflow = true
		return
	}
	e.codes[e.coded&(maxCodes-1)] = c
	e.coded++
	e.codeHash = hashCode(e.codeHash, c)
}

// hashCode gives the hash of codes and one more after them.
func hashCode(hash uint64, c Code) uint64 { return bits.RotateLeft64((hash^uint64(c))*prime1, 29) }

// hash is a fixed hash of b[start:end], after wyhash: each step multiplies two
// words to 128 bits and folds them.
func hash(b []byte, start, end int) uint64 {
	n := end - start
	h := uint64(n) * prime1
	for ; n > 16; n -= 16 {
		h = fold(load(b, start)^prime2^h, load(b, start+8)^prime3)
		start += 16
	}
	first, last := ends(b, start, start+n)
	return fold(fold(first^prime2^h, last^prime3)^prime1, prime2)
}

func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}
