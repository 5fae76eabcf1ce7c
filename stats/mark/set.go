package mark

import (
	"maps"
	"slices"
)

const (
	minute = 60
	// A Set keeps so many marks, and counts of more, and about so many bytes of them: the
	// oldest minutes go.
	maxKept  = 20_000
	maxBytes = 32 << 20
)

// A Set is marks, each once. Adding one again changes nothing but the number of its
// lines, which only grows, so that it does not matter in which order marks come and how
// often. The zero Set is empty.
type Set struct {
	minutes map[int64]*ofMinute
	kept    int // marks, and counts of more
	bytes   int
}

// ofMinute is the marks of a minute.
type ofMinute struct {
	marks map[identity]Mark
	more  map[source]uint64 // of these seconds and names there are more than were told
	bytes int               // of marks
}

type identity struct {
	source
	text string
}

type source struct {
	second int64
	name   string
}

func (m Mark) source() source { return source{m.Time, m.Name} }

// Add adds marks, and reports whether the set changed.
func (s *Set) Add(marks ...Mark) (changed bool) {
	for _, m := range marks {
		of, id := s.of(m.Time), identity{m.source(), m.Text}
		known, ok := of.marks[id]
		if ok && known.Lines >= m.Lines && (known.Link == m.Link || m.Link == "") {
			continue
		}
		if !ok {
			s.kept++
		}
		m.Lines = max(m.Lines, known.Lines)
		if m.Link == "" {
			m.Link = known.Link
		}
		of.marks[id], changed = m, true
		more := m.Size()
		if ok {
			more -= known.Size()
		}
		of.bytes, s.bytes = of.bytes+more, s.bytes+more
	}
	s.forget()
	return changed
}

// More says that of a second and a name there are so many marks more than were told, and
// reports whether that is new.
func (s *Set) More(second int64, name string, more uint64) bool {
	if more == 0 {
		return false
	}
	of, from := s.of(second), source{second, name}
	known, ok := of.more[from]
	if known >= more {
		return false
	}
	of.more[from] = more
	if !ok {
		s.kept++
		s.forget()
	}
	return true
}

func (s *Set) of(second int64) *ofMinute {
	if s.minutes == nil {
		s.minutes = map[int64]*ofMinute{}
	}
	begin := second - second%minute
	of := s.minutes[begin]
	if of == nil {
		of = &ofMinute{marks: map[identity]Mark{}, more: map[source]uint64{}}
		s.minutes[begin] = of
	}
	return of
}

// forget drops the oldest minutes while there are too many marks.
func (s *Set) forget() {
	if s.kept <= maxKept && s.bytes <= maxBytes {
		return
	}
	for _, begin := range slices.Sorted(maps.Keys(s.minutes)) {
		of := s.minutes[begin]
		s.kept -= len(of.marks) + len(of.more)
		s.bytes -= of.bytes
		delete(s.minutes, begin)
		if s.kept <= maxKept/10*9 && s.bytes <= maxBytes/10*9 {
			return
		}
	}
}

// Between gives the marks of the seconds [from, to] in their order, at most MaxMinute of
// a minute, which are its first; and how many more there are.
func (s *Set) Between(from, to int64) (marks []Mark, more uint64) {
	for _, begin := range slices.Sorted(maps.Keys(s.minutes)) {
		if begin+minute <= from || begin > to {
			continue
		}
		of := s.minutes[begin]
		all := slices.SortedFunc(maps.Values(of.marks), compare)
		for i, m := range all {
			switch {
			case m.Time < from || m.Time > to:
			case i < MaxMinute:
				marks = append(marks, m)
			default:
				more++
			}
		}
		for at, n := range of.more {
			if from <= at.second && at.second <= to {
				more += n
			}
		}
	}
	return marks, more
}

// Full reports whether no further mark of the minute of a second is shown.
func (s *Set) Full(second int64) bool {
	of := s.minutes[second-second%minute]
	return of != nil && len(of.marks) >= MaxMinute
}
