package web

import (
	"maps"
	"slices"
	"strconv"
)

// maxNotes bounds the sentences about one stat.
const maxNotes = 4

// SetNotes says what Pulse did not understand of the lines of stats, in sentences
// by the stat's name, as "no line has had `statsu`; did you mean `status`?". They
// replace all that were set before; those of unknown stats are left out.
func (s *Store) SetNotes(notes map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if maps.EqualFunc(s.notes, notes, slices.Equal) {
		return
	}
	s.notes, s.notesVersion = notes, s.version+1
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
	sel.each(len(s.stats), func(place, stat int) {
		all := s.notes[s.stats[stat].Name]
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
