package web

import (
	"maps"
	"slices"
	"strconv"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/value"
	"pulse/topics"
)

// maxNotes bounds the sentences about one stat.
const maxNotes = 4

// note takes the newest value of a stat, which says what it had no room for, and for some
// internal stats what others lack; s.mu is held. Those are worked out when a version is cut, and
// of a log that is caught up on once for half of their windows.
func (s *Store) note(st *stats.Stat, p stats.Snapshot) {
	s.noteBeyond(p)
	if !st.Subject.Notices() {
		return
	}
	if s.unnoted == nil {
		s.unnoted, s.noted = map[stats.Subject]stats.Snapshot{}, map[stats.Subject]int64{}
	}
	s.unnoted[st.Subject] = p
	if p.Time >= s.noted[st.Subject]+st.Window/2 {
		s.takeNotes(st.Subject, p)
	}
}

// takeAllNotes takes what note has left; s.mu is held.
func (s *Store) takeAllNotes() {
	for subject, p := range s.unnoted {
		s.takeNotes(subject, p)
	}
}

// takeNotes takes the newest value of an internal stat; s.mu is held.
func (s *Store) takeNotes(subject stats.Subject, p stats.Snapshot) {
	delete(s.unnoted, subject)
	s.noted[subject] = p.Time
	v, err := value.Parse(p.Value)
	if err != nil {
		return // what is published can be read
	}
	n := stats.NoticesOf(subject, v)
	if subject == stats.SubjectFields && n.Fields != nil {
		n.Fields, n.When = s.remember(n.Fields, p.Time), ""
	}
	s.setNotes(subject, s.definitions.Notes(n))
}

// noteBeyond takes what the newest value of a stat had no room for; s.mu is held.
func (s *Store) noteBeyond(p stats.Snapshot) {
	if s.beyond[p.Stat] == p.Beyond {
		return
	}
	if s.beyond == nil {
		s.beyond = map[string]aggregate.Beyond{}
	}
	s.beyond[p.Stat] = p.Beyond
	s.setNotes(stats.SubjectLines, s.definitions.Notes(stats.Notices{Beyond: s.beyond}))
}

const (
	// remembered is for how many seconds a field is held to be one that lines have: it may
	// be that of lines that are rare.
	remembered = 3600
	// maxRemembered is how many fields that is of: more than a definitions file can name.
	maxRemembered = 1000
)

// remember gives the fields that lines have had lately, with those that they have now;
// s.mu is held.
func (s *Store) remember(now map[string]uint64, second int64) map[string]uint64 {
	if s.fields == nil {
		s.fields = map[string]int64{}
	}
	maps.DeleteFunc(s.fields, func(_ string, last int64) bool { return last <= second-remembered })
	for field, lines := range now {
		if _, known := s.fields[field]; lines > 0 && (known || len(s.fields) < maxRemembered) {
			s.fields[field] = max(s.fields[field], second)
		}
	}
	had := map[string]uint64{}
	for field, last := range s.fields {
		if last > second-remembered {
			had[field] = max(now[field], 1)
		}
	}
	return had
}

// Recall takes the minutes of FieldsStat of the hour before the process began.
func (s *Store) Recall(minutes []topics.Minute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range minutes {
		v, err := value.Parse(m.Last)
		if err != nil {
			continue // what is published can be read
		}
		s.remember(stats.NoticesOf(stats.SubjectFields, v).Fields, m.Time+minuteSeconds-1)
	}
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
	s.takeAllNotes()
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
