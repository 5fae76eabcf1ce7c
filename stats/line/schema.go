package line

import (
	"fmt"
	"slices"

	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/format"
)

// A Field is a field that is wanted of lines.
type Field struct {
	Name string
	// Coded says that conditions ask whether the field is there. A field with
	// Constants is coded too.
	Coded bool
	// Constants are what conditions compare the field with, for equality or
	// for order.
	Constants []condition.Constant
	// Derived says that a Deriver gives it, and no line: see Event.Derived.
	Derived bool
}

// A Schema is the fields that are wanted of lines, and the constants that
// their values are compared with. It does not change once made and may be
// shared.
type Schema struct {
	fields []field
	slots  map[string]Slot
	bodies [bodies]body

	// at has the fields that formats give, None where they are not wanted.
	at [givens]Slot

	formats *formats // of the definitions file; nil: none

	pastBytes bool // whether what comes after an access line's bytes is wanted
	ofRequest bool // whether parts of a request line are

	statuses []ID // of http_status, by its three digits; nil if it has no constants
}

// A field is a Field made ready for parsing.
type field struct {
	name    string
	coded   bool
	derived bool
	values  *keyTable      // text -> ID if typed by its look | ID if text << 16; nil without constants
	texts   ID             // how many of the constants are texts
	numbers []fixed.Number // the others but for booleans, ascending
}

// NewSchema makes a Schema of fields with different names. Field i has the
// Slot i.
func NewSchema(fields ...Field) (*Schema, error) { return NewSchemaOf(nil, fields...) }

// NewSchemaOf is NewSchema for lines that may be of formats of a definitions file too,
// which are tried before those of Pulse, in their order.
func NewSchemaOf(formats []*format.Format, fields ...Field) (*Schema, error) {
	for _, f := range formats {
		if f.In != "" && !slices.ContainsFunc(fields, func(known Field) bool { return known.Name == f.In }) {
			fields = append(slices.Clip(fields), Field{Name: f.In})
		}
	}
	if len(fields) > MaxFields {
		return nil, fmt.Errorf("the definitions use %d fields, at most %d are allowed: use fewer", len(fields), MaxFields)
	}
	s := &Schema{slots: make(map[string]Slot, len(fields))}
	ofLines := make(map[string]Slot, len(fields))
	for i, f := range fields {
		if _, twice := s.slots[f.Name]; twice {
			return nil, fmt.Errorf("the field %s is named twice", f.Name)
		}
		if len(f.Constants) > MaxConstants {
			return nil, fmt.Errorf("the field %s is compared with %d constants, at most %d are allowed", f.Name, len(f.Constants), MaxConstants)
		}
		s.slots[f.Name] = Slot(i)
		if !f.Derived {
			ofLines[f.Name] = Slot(i)
		}
		s.fields = append(s.fields, newField(f))
	}
	for i, f := range Givens {
		s.at[i] = s.Slot(f.Name)
	}
	for k := range s.bodies {
		s.bodies[k] = newBody(bodyKind(k), ofLines)
	}
	before := []given{ofLine, ofUnparsed, ofMsg, httpHost, httpUser, httpMethod, httpURL, httpPath, httpVersion, httpStatus, httpBytes}
	for slot := range Slot(len(fields)) {
		s.pastBytes = s.pastBytes || !slices.ContainsFunc(before, func(f given) bool { return s.at[f] == slot })
	}
	s.formats = s.newFormats(formats)
	if slot := s.at[httpStatus]; slot != None && s.fields[slot].coded && s.fields[slot].values != nil {
		for n := range int64(1000) {
			s.statuses = append(s.statuses, s.fields[slot].number(fixed.Int(n)))
		}
	}
	s.ofRequest = s.at[httpMethod] != None || s.at[httpURL] != None || s.at[httpPath] != None || s.at[httpVersion] != None
	return s, nil
}

func newField(f Field) field {
	out := field{name: f.Name, derived: f.Derived, coded: (f.Coded || len(f.Constants) > 0) && !f.Derived}
	if len(f.Constants) == 0 {
		return out
	}
	for _, c := range f.Constants {
		n, ok := c.Num, c.Type == condition.Num
		if c.Type == condition.Text {
			n, ok = numberOf(c.Text)
		}
		if i, known := slices.BinarySearchFunc(out.numbers, n, fixed.Number.Cmp); ok && !known {
			out.numbers = slices.Insert(out.numbers, i, n)
		}
	}
	// What each text is when it is written as text, and when its type follows from
	// its look. Some are numbers in some formats only ("5ms").
	texts := map[string]ID{"true": Present, "false": Present}
	for _, n := range out.numbers {
		texts[n.String()] = Present
	}
	for _, c := range f.Constants {
		if _, number := numberOf(c.Text); c.Type == condition.Text && !number && texts[c.Text] <= Present {
			texts[c.Text] = firstText + out.texts
			out.texts++
		}
	}
	table := make(map[string]uint32, len(texts))
	for text, id := range texts {
		look := id
		if n, ok := parseNumber([]byte(text), 0); ok {
			look = out.number(n)
		} else if _, ok := parseNumber([]byte(text), units|exponents); ok {
			look = Absent // it depends
		} else if text == "true" {
			look = True
		} else if text == "false" {
			look = False
		}
		table[text] = uint32(look) | uint32(id)<<16
	}
	out.values = newKeyTable(table)
	return out
}

// numberOf gives the number that a text is, written as Pulse writes it: a constant
// "500" compares as 500, and "007" as a text.
func numberOf(text string) (fixed.Number, bool) {
	n, ok := parseNumber([]byte(text), 0)
	return n, ok && n.String() == text
}

// Slot gives the field's position, None if it is not in the Schema.
func (s *Schema) Slot(name string) Slot {
	if i, ok := s.slots[name]; ok {
		return i
	}
	return None
}

// Len gives the number of fields.
func (s *Schema) Len() int { return len(s.fields) }

// Constant gives the ID of a constant that the field was made with. A text that is a
// number has that number's.
func (s *Schema) Constant(slot Slot, c condition.Constant) ID {
	f := &s.fields[slot]
	switch {
	case c.Type == condition.Bool && c.Bool:
		return True
	case c.Type == condition.Bool:
		return False
	case c.Type == condition.Num:
		return f.number(c.Num)
	}
	if n, ok := numberOf(c.Text); ok {
		return f.number(n)
	}
	b := append([]byte(c.Text), make([]byte, Padding)...)
	if v, ok := f.values.find(b, 0, len(c.Text)); ok {
		return ID(v >> 16)
	}
	return Present
}

// IDs gives the number of IDs that a value of the field can have: they are
// less than it.
func (s *Schema) IDs(slot Slot) int {
	f := &s.fields[slot]
	return int(f.firstNumber()) + 2*len(f.numbers) + 1
}

// Numbers is the first ID of the field's numbers, after which all are numbers; Absent if
// it has no constants.
func (s *Schema) Numbers(slot Slot) ID {
	if s.fields[slot].values == nil {
		return Absent
	}
	return s.fields[slot].firstNumber()
}

// Type gives the type of the values that have the ID; id is not Absent and the
// field has constants.
func (s *Schema) Type(slot Slot, id ID) condition.Type {
	switch {
	case id == True || id == False:
		return condition.Bool
	case id >= s.fields[slot].firstNumber():
		return condition.Num
	}
	return condition.Text
}

// firstNumber is the ID of numbers less than all constants.
func (f *field) firstNumber() ID { return firstText + f.texts }

// number gives a number's ID.
func (f *field) number(n fixed.Number) ID {
	// A binary search, by hand as it is made for most numbers.
	low, high := 0, len(f.numbers)
	for low < high {
		middle := int(uint(low+high) / 2)
		if m := &f.numbers[middle]; m.Hi < n.Hi || m.Hi == n.Hi && m.Lo < n.Lo {
			low = middle + 1
		} else {
			high = middle
		}
	}
	id := f.firstNumber() + 2*ID(low)
	if low < len(f.numbers) && f.numbers[low] == n {
		id++
	}
	return id
}
