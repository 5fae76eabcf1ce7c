package stats

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/internal/suggest"
	"pulse/stats/value"
)

// EveryLine is the field in whose place pulse.fields counts all lines: each has it.
const EveryLine = "line"

// FieldsStat is the internal stat that counts lines by the fields that they have.
const FieldsStat = "pulse.fields"

// A TypedField is a key of FieldsStat.
type TypedField struct{ Name, Type string }

// FieldsOf gives the counts of a value of FieldsStat; nothing of another value, or of one
// that has not all fields.
func FieldsOf(v value.Value) map[TypedField]uint64 {
	keyed, ok := v.(*value.Keyed)
	if !ok || int(keyed.Distinct) > len(keyed.Top) {
		return nil // a field that is not among them may be there
	}
	counts := map[TypedField]uint64{}
	for _, k := range keyed.Top {
		count, _ := k.Value.(value.Number)
		comma := max(strings.LastIndexByte(k.Key, ','), 0)
		name := strings.ReplaceAll(k.Key[:comma], `\,`, ",")
		counts[TypedField{name, k.Key[min(comma+1, len(k.Key)):]}] += uint64(math.Ceil(count.Float64()))
	}
	return counts
}

// Notices are what was noticed of lines beside the values of stats.
type Notices struct {
	Fields   map[string]uint64           // how many lines had a field that the definitions name, and EveryLine
	Texts    map[string]uint64           // how many lines a stat left out since its field's value is not a number
	Errors   map[string]uint64           // how many its condition could not compare; a minute, of the newest values
	Beyond   map[string]aggregate.Beyond // what the windows of stats had no room for
	Unlisted map[string][]string         // by stat: some names of in-log metrics beyond the first MaxInlogNames
	Names    []string                    // of other fields that lines have, as far as is known
	Lateness int64                       // how long a second would have to wait, in seconds, for no line to be late; 0 if none was
	When     string                      // which lines they are of: "" of all, or " of the last minute"
}

// Add adds what was noticed of other lines, of the same definitions. Of Beyond, Names and
// When it keeps its own.
func (n *Notices) Add(other Notices) {
	addCounts(n.Fields, other.Fields)
	addCounts(n.Texts, other.Texts)
	addCounts(n.Errors, other.Errors)
	for stat, names := range other.Unlisted {
		n.Unlisted[stat] = append(n.Unlisted[stat], names...)
	}
	n.Lateness = max(n.Lateness, other.Lateness)
}

func addCounts(to, from map[string]uint64) {
	for name, n := range from {
		to[name] += n
	}
}

// Notices reports whether the values of an internal stat of the subject are notices.
func (s Subject) Notices() bool { return s == SubjectErrors || s == SubjectTexts || s == SubjectFields }

// recently is When of the newest values of internal stats.
const recently = " of the last minute"

// NoticesOf reads the value of an internal stat; what is not of its subject is empty.
func NoticesOf(subject Subject, v value.Value) Notices {
	n := Notices{When: recently}
	counts := map[string]uint64{}
	if subject == SubjectFields {
		fields := FieldsOf(v)
		if fields == nil {
			return n
		}
		for field, lines := range fields {
			counts[field.Name] += lines
		}
		n.Fields = counts
		return n
	}
	keyed, ok := v.(*value.Keyed)
	if !ok {
		return n
	}
	for _, k := range keyed.Top {
		count, _ := k.Value.(value.Number)
		counts[k.Key] += uint64(math.Ceil(count.Float64()))
	}
	switch subject {
	case SubjectTexts:
		n.Texts = counts
	case SubjectErrors:
		n.Errors = counts
	}
	return n
}

// Notes says of stats what the notices mean for them: sentences, by the name of the stat.
func (d *Definitions) Notes(n Notices) map[string][]string {
	notes := map[string][]string{}
	byName := map[string]*Stat{}
	n.Fields = d.withDerived(n.Fields)
	for _, s := range d.Stats {
		byName[s.Name] = s
		for _, field := range d.missing(s, n) {
			notes[s.Name] = append(notes[s.Name], n.without(field))
		}
		if texts := n.Texts[s.Name]; texts > 0 {
			notes[s.Name] = append(notes[s.Name], fmt.Sprintf("%s values of %s%s were text or numbers too large, and are not counted", about(texts), measured(s), n.When))
		}
		if names := n.Unlisted[s.Name]; len(names) > 0 {
			notes[s.Name] = append(notes[s.Name], fmt.Sprintf("more than %d names: those with the smallest values are summed up as `other`. The newest are `%s`",
				MaxInlogNames, strings.Join(names, "`, `")))
		}
		if beyond := n.Beyond[s.Name]; beyond.Share > 0 {
			notes[s.Name] = append(notes[s.Name], sayBeyond(beyond))
		}
		if errors := n.Errors[s.Name]; errors > 0 {
			minute := ""
			if n.When != "" {
				minute = " a minute"
			}
			notes[s.Name] = append(notes[s.Name], fmt.Sprintf("%s lines%s are not counted: a field's value has another type than its condition or expression expects", about(errors), minute))
		}
	}
	for _, s := range d.Stats {
		for _, of := range s.Of {
			for _, note := range notes[of] {
				if byName[of].Kind != "ratio" && !slices.Contains(notes[s.Name], note) {
					notes[s.Name] = append(notes[s.Name], note)
				}
			}
		}
	}
	return notes
}

// sayBeyond says what a stat had no room for. The share is rounded up.
func sayBeyond(b aggregate.Beyond) string {
	keys := "keys"
	if b.Keys > 0 {
		keys = fmt.Sprintf("about %s keys", about(b.Keys))
	}
	return fmt.Sprintf("%s with %.0f %% of the lines are beyond its room and have no values of their own: group by what has fewer values, or narrow `where`", keys, math.Ceil(100*b.Share-1e-9))
}

// withDerived adds to the fields that lines had those that can be derived of them.
func (d *Definitions) withDerived(had map[string]uint64) map[string]uint64 {
	if had[EveryLine] == 0 || len(d.Derived) == 0 {
		return had
	}
	had = maps.Clone(had)
	for _, f := range d.Derived {
		had[f.Name] = had[EveryLine]
		for _, field := range f.Needs {
			had[f.Name] = min(had[f.Name], had[field])
		}
	}
	return had
}

// measured is what a stat takes numbers of, for a sentence.
func measured(s *Stat) string {
	if s.Inlog() {
		return "in-log metrics"
	}
	return "`" + s.Field + "`"
}

// missing gives the fields that no line had, if without them no line can count for the
// stat: of a derived field those that it is made of.
func (d *Definitions) missing(s *Stat, n Notices) (missing []string) {
	if n.Fields[EveryLine] == 0 || s.Inlog() {
		return nil
	}
	named := map[string]bool{}
	for _, field := range condition.Fields(s.Cond) {
		named[field] = true
	}
	blind := !can(s.Cond, n.Fields)
	for _, field := range append([]string{s.Field}, s.GroupBy...) {
		if field != "" {
			named[field] = true
			blind = blind || n.Fields[field] == 0
		}
	}
	if !blind {
		return nil
	}
	for _, f := range slices.Backward(d.Derived) { // those that it is made of stand before it
		if named[f.Name] {
			delete(named, f.Name)
			for _, field := range f.Needs {
				named[field] = true
			}
		}
	}
	delete(named, "unparsed") // good news
	for _, field := range slices.Sorted(maps.Keys(named)) {
		if n.Fields[field] == 0 {
			missing = append(missing, field)
		}
	}
	return missing
}

func (n Notices) without(field string) string {
	known := slices.DeleteFunc(slices.Sorted(maps.Keys(n.Fields)), func(name string) bool { return name == EveryLine || n.Fields[name] == 0 })
	known = append(known, n.Names...)
	hint := ""
	if near := suggest.Nearest(field, slices.Values(known)); near != "" && near != field {
		hint = fmt.Sprintf("; did you mean `%s`?", near)
	}
	return fmt.Sprintf("no line%s has had `%s`%s", n.When, field, hint)
}

// can reports whether a line with some of the fields that lines had may meet a condition.
func can(c condition.Node, had map[string]uint64) bool {
	switch c := c.(type) {
	case *condition.And:
		return !slices.ContainsFunc(c.Nodes, func(n condition.Node) bool { return !can(n, had) })
	case *condition.Or:
		return slices.ContainsFunc(c.Nodes, func(n condition.Node) bool { return can(n, had) })
	case *condition.Compare:
		return c.Op == condition.Missing || had[c.Field] > 0
	case *condition.Expr:
		return c.Missing || !slices.ContainsFunc(c.Fields, func(field string) bool { return had[field] == 0 })
	}
	return true // of every line, or of those that do not meet another one
}

// about is a number in two significant digits, so that a sentence stays as it is while
// little changes.
func about(n uint64) string {
	unit := uint64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return strconv.FormatUint((n+unit/2)/unit*unit, 10)
}
