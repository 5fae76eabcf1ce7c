package web

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"pulse/stats"
	"pulse/stats/value"
)

// maxNotes bounds the sentences about one stat.
const maxNotes = 4

// noters make notes of the newest values of internal stats: sentences about what
// Pulse did not understand, by the name of the stat whose lines they are about.
var noters = map[stats.Subject]func(value.Value) map[string][]string{
	stats.SubjectErrors: notesOfErrors,
}

// notesOfErrors tells of lines that a condition could not compare: a rate per minute,
// by stat.
func notesOfErrors(v value.Value) map[string][]string {
	keyed, ok := v.(*value.Keyed)
	if !ok {
		return nil
	}
	notes := map[string][]string{}
	for _, k := range keyed.Top {
		if n, ok := k.Value.(value.Number); ok && n.Float64() > 0 {
			notes[k.Key] = []string{fmt.Sprintf("%s lines a minute are not counted: a field's value has another type than its condition expects", about(n.Float64()))}
		}
	}
	return notes
}

// about is a number in two significant digits, so that a sentence stays as it is
// while little changes.
func about(n float64) string {
	unit := math.Pow10(int(math.Floor(math.Log10(n))) - 1)
	return strconv.FormatFloat(math.Round(n/unit)*unit, 'f', max(0, -int(math.Round(math.Log10(unit)))), 64)
}

// note takes the newest value of an internal stat; s.mu is held.
func (s *Store) note(subject stats.Subject, p stats.Snapshot) {
	of := noters[subject]
	if of == nil {
		return
	}
	v, err := value.Parse(p.Value)
	if err != nil {
		return // what is published can be read
	}
	s.setNotes(subject, of(v))
}

// setNotes replaces all notes of a source; s.mu is held.
func (s *Store) setNotes(source stats.Subject, notes map[string][]string) {
	if maps.EqualFunc(s.notes[source], notes, slices.Equal) {
		return
	}
	if s.notes == nil {
		s.notes = map[stats.Subject]map[string][]string{}
	}
	s.notes[source], s.notesVersion = notes, s.version+1
	s.tell()
}

// AppendNotes appends the member "notes" of a message, with a comma before it, if
// they changed after a version: an array of [place among the selected stats,
// sentence], which is all there are.
func (s *Store) AppendNotes(b []byte, sel selection, after uint64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notesVersion <= after {
		return b
	}
	b = append(b, `,"notes":[`...)
	first := true
	sources := slices.Sorted(maps.Keys(s.notes))
	sel.each(len(s.stats), func(place, stat int) {
		var all []string
		for _, source := range sources {
			all = append(all, s.notes[source][s.stats[stat].Name]...)
		}
		for _, note := range all[:min(len(all), maxNotes)] {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = strconv.AppendInt(append(b, '['), int64(place), 10)
			b = append(append(b, ','), mustJSON(note)...)
			b = append(b, ']')
		}
	})
	return append(b, ']')
}
