package web

import (
	"math"
	"strconv"
)

// AppendCertainty appends, each with a comma before it, the members of a message
// that say how sure its points are: "covered", the seconds of their windows that
// some clock covered where not all were, and "approx", the errors of estimates.
// Both are arrays of [place among the selected stats, first second, of it, of the
// next, …]; a member is left out where all is sure. It is of the points that
// changed after one version and up to another.
func (s *Store) AppendCertainty(b []byte, sel selection, after, upTo uint64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = s.appendSparse(b, "covered", sel, after, upTo, func(e *entry) (float64, bool) { return float64(e.Covered), e.Covered < e.Of })
	return s.appendSparse(b, "approx", sel, after, upTo, func(e *entry) (float64, bool) { return e.Approx, e.Approx != 0 })
}

// appendSparse appends a member of AppendCertainty, unless of has nothing to tell
// of any entry.
func (s *Store) appendSparse(b []byte, name string, sel selection, after, upTo uint64, of func(*entry) (float64, bool)) []byte {
	begun := false
	sel.each(len(s.series), func(place, stat int) {
		sr := &s.series[stat]
		if sr.version <= after {
			return
		}
		last := int64(math.MinInt64) // of the run
		for t := max(1, sr.newest-ringSize+1); t <= sr.newest; t++ {
			e := &sr.ring[t%ringSize]
			if e.Time != t || e.version <= after || e.version > upTo {
				continue
			}
			number, ok := of(e)
			if !ok {
				continue
			}
			switch {
			case t == last+1:
				b = b[:len(b)-1] // the run goes on
			case begun:
				b = append(b, ',')
			default:
				b = append(b, `,"`+name+`":[`...)
			}
			if t != last+1 {
				b = strconv.AppendInt(append(b, '['), int64(place), 10)
				b = strconv.AppendInt(append(b, ','), t, 10)
			}
			b = strconv.AppendFloat(append(b, ','), number, 'g', -1, 64)
			b = append(b, ']')
			begun, last = true, t
		}
	})
	if begun {
		b = append(b, ']')
	}
	return b
}
