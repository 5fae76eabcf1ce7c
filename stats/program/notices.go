package program

import (
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/line"
)

// What stats have to say of lines beside their values is counted where it costs nothing:
// which fields lines have by the memo's entries, and what is not a number where a line
// was to be folded.

// fieldTypes are those of pulse.fields. The type of a field that no condition compares is
// any.
var fieldTypes = [...]string{condition.Text: "text", condition.Num: "number", condition.Bool: "boolean", anyType: "any"}

const anyType = condition.Bool + 1

// A codedField numbers the keys of a field of a Schema in pulse.fields: from first on, in
// the order of fieldTypes.
type codedField struct {
	first   int32   // noField: the field is of the internal stats alone
	numbers line.ID // the first of numbers, Absent if the types are not known
}

// noField is the number of what has no key, everyLine that of the key of all lines.
const (
	noField = iota
	everyLine
)

// key is the number of the key of values with an ID, or noField.
func (f codedField) key(id line.ID) int32 {
	switch {
	case f.first == noField || id == line.Absent:
		return noField
	case f.numbers == line.Absent:
		return f.first + int32(anyType)
	case id >= f.numbers:
		return f.first + int32(condition.Num)
	case id == line.True || id == line.False:
		return f.first + int32(condition.Bool)
	}
	return f.first + int32(condition.Text)
}

// compileFields numbers the keys of the fields that a definitions file names, which are
// the first.
func (p *Program) compileFields(fields []line.Field, named int) {
	p.named = make(map[string]line.Slot, named)
	p.fields, p.keys = make([]codedField, len(fields)), [][]byte{noField: nil, everyLine: aggregate.AppendKey(nil, stats.EveryLine, fieldTypes[anyType])}
	for slot, f := range fields[:named] {
		if f.Name == stats.EveryLine {
			continue
		}
		p.named[f.Name] = line.Slot(slot)
		p.fields[slot] = codedField{int32(len(p.keys)), p.schema.Numbers(line.Slot(slot))}
		for _, t := range fieldTypes {
			p.keys = append(p.keys, aggregate.AppendKey(nil, f.Name, t))
		}
	}
}

// isNothing reports whether a value says that there is none.
func isNothing(value []byte) bool { return len(value) == 0 || string(value) == "-" }

// accountNotices adds what was noticed of a second to the internal stats.
func (f *Folder) accountNotices(o *openSecond) {
	f.countByStat(o, stats.SubjectErrors, o.errors, f.errors)
	f.countByStat(o, stats.SubjectTexts, o.texts, f.texts)
	o.fields[noField] = 0
	for i, n := range o.fields {
		if n > 0 {
			f.fields[i] += n
			f.countKey(o, stats.SubjectFields, f.program.keys[i], n)
			o.fields[i] = 0
		}
	}
}

// countByStat adds counts of each stat to an internal stat and to a total, and sets them
// to 0.
func (f *Folder) countByStat(o *openSecond, subject stats.Subject, counts, total []uint64) {
	for stat, n := range counts {
		if n > 0 {
			total[stat] += n
			f.key = append(f.key[:0], f.program.stats[stat].Name...)
			f.countKey(o, subject, f.key, n)
			counts[stat] = 0
		}
	}
}

func (f *Folder) countKey(o *openSecond, subject stats.Subject, key []byte, n uint64) {
	f.partialOf(o, f.program.internal[subject]).(aggregate.KeyCounter).Count(key, n)
}

// Notices gives what was noticed of all lines since the Folder was made, up to the last
// Flush.
func (f *Folder) Notices() stats.Notices {
	n := stats.Notices{Fields: map[string]uint64{}, Texts: map[string]uint64{}, Errors: map[string]uint64{}, Lateness: f.latest}
	n.Fields[stats.EveryLine] = f.fields[everyLine]
	for name, slot := range f.program.named {
		for t := range fieldTypes {
			n.Fields[name] += f.fields[int(f.program.fields[slot].first)+t]
		}
	}
	for i, s := range f.program.stats {
		n.Texts[s.Name], n.Errors[s.Name] = f.texts[i], f.errors[i]
	}
	n.Unlisted = f.Unlisted()
	return n
}
