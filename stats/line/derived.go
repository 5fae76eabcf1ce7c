package line

import (
	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// A Deriver gives fields that are made of others.
type Deriver interface {
	// Derive gives an event the derived field s, by Event.PutText and the like; if it gives
	// nothing the line lacks the field.
	Derive(e *Event, s Slot)
}

// DeriveBy says what gives the Event's derived fields, of this line and all that come.
func (e *Event) DeriveBy(d Deriver) { e.deriver = d }

// Derived reports whether the line has a derived field. It is derived if nobody asked
// for it before; only then do Has, Bytes and the like know of it.
func (e *Event) Derived(s Slot) bool {
	word, bit := uint(s)/64, uint64(1)<<(uint(s)%64)
	if e.derived[word]&bit == 0 {
		e.derived[word] |= bit
		e.deriver.Derive(e, s)
	}
	return e.Has(s)
}

// ID gives the ID of a field's value among its constants; of a field that conditions
// ask for without a constant it is Present.
func (e *Event) ID(s Slot) ID {
	if !e.Has(s) {
		return Absent
	}
	start, end := e.values[s].bounds()
	return e.id(&e.fields[s], s, start, end, e.values[s])
}

// Mistype says that a derived field is missing since a value that it is made of has another
// type than its expression takes.
func (e *Event) Mistype(s Slot) { e.mistyped[uint(s)/64] |= 1 << (uint(s) % 64) }

// Mistyped reports whether that was said of a derived field.
func (e *Event) Mistyped(s Slot) bool { return e.mistyped[uint(s)/64]>>(uint(s)%64)&1 != 0 }

// PutText gives a derived field a text, which is copied. A text that is a number counts
// as one too.
func (e *Event) PutText(s Slot, text []byte) {
	e.put(s, len(e.text[1]), len(e.text[1])+len(text), asText|inUnescaped)
	e.text[1] = append(append(e.text[1], text...), zeros[:]...)
}

// PutHashed is PutText of a text whose Hash is known.
func (e *Event) PutHashed(s Slot, text []byte, hash uint64) {
	e.PutText(s, text)
	e.hashes[s] = hash
	e.values[s] |= hashed
}

// PutNumber gives a derived field a number.
func (e *Event) PutNumber(s Slot, n fixed.Number) {
	first := len(e.text[1])
	e.text[1] = n.Append(e.text[1])
	last := len(e.text[1])
	e.text[1] = append(e.text[1], zeros[:]...)
	e.put(s, first, last, inUnescaped|isNumber)
	e.numbers[s] = n
}

// PutBool gives a derived field a boolean.
func (e *Event) PutBool(s Slot, is bool) {
	if is {
		e.putConstant(s, trueText, 0)
	} else {
		e.putConstant(s, falseText, 0)
	}
}

// PutSame gives a derived field the value of another field that the line has.
func (e *Event) PutSame(s, of Slot) {
	v := e.values[of]
	start, end := v.bounds()
	e.put(s, start, end, v&^lengthMask&(1<<startShift-1))
	e.numbers[s], e.hashes[s] = e.numbers[of], e.hashes[of]
}

// Constant gives the value of a field, and whether the line has it.
func (e *Event) Constant(s Slot) (c condition.Constant, ok bool) {
	if !e.Has(s) {
		return c, false
	}
	switch c.Type = e.Type(s); c.Type {
	case condition.Num:
		c.Num, _ = e.Number(s)
	case condition.Bool:
		c.Bool = string(e.Bytes(s)) == "true"
	default:
		c.Text = string(e.Bytes(s))
	}
	return c, true
}

// forgetDerived is for the next line.
func (e *Event) forgetDerived() {
	if e.deriver != nil {
		clear(e.derived[:])
		clear(e.mistyped[:])
	}
}
