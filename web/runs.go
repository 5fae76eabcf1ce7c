package web

import "strconv"

// runs writes a member of a message: an array of runs of neighboring seconds of a
// stat without a break, each [place among the selected stats, first second, what is
// said of it, of the next, …].
type runs struct {
	json  []byte // without the brackets around it
	open  bool   // whether the last run can go on
	place int    // of it
	next  int64  // the second after it
}

// add appends what is said of a second, as JSON.
func (r *runs) add(place int, second int64, what []byte) {
	if !r.open || place != r.place || second != r.next {
		r.end()
		if len(r.json) > 0 {
			r.json = append(r.json, ',')
		}
		r.json = strconv.AppendInt(append(r.json, '['), int64(place), 10)
		r.json = strconv.AppendInt(append(r.json, ','), second, 10)
		r.open = true
	}
	r.json = append(append(r.json, ','), what...)
	r.place, r.next = place, second+1
}

// end ends the last run, if there is one.
func (r *runs) end() {
	if r.open {
		r.json, r.open = append(r.json, ']'), false
	}
}

// appendTo appends the member by its name, with a comma before it, and begins anew.
func (r *runs) appendTo(b []byte, name string) []byte {
	r.end()
	b = append(b, `,"`+name+`":[`...)
	b = append(append(b, r.json...), ']')
	r.json = r.json[:0]
	return b
}

// A certainty says how sure points are: of those whose windows were not covered
// whole how many seconds were, and of estimates their errors.
type certainty struct{ covered, approx runs }

func (c *certainty) add(place int, e *entry) {
	var number [32]byte
	if e.Covered < e.Of {
		c.covered.add(place, e.Time, strconv.AppendInt(number[:0], e.Covered, 10))
	}
	if e.Approx != 0 {
		c.approx.add(place, e.Time, strconv.AppendFloat(number[:0], e.Approx, 'g', -1, 64))
	}
}

// size is how many bytes it has to tell.
func (c *certainty) size() int { return len(c.covered.json) + len(c.approx.json) }

// appendTo appends the members "covered" and "approx", as far as they have something,
// and begins anew.
func (c *certainty) appendTo(b []byte) []byte {
	if len(c.covered.json) > 0 {
		b = c.covered.appendTo(b, "covered")
	}
	if len(c.approx.json) > 0 {
		b = c.approx.appendTo(b, "approx")
	}
	return b
}

// soon is how many of the newest seconds of each stat a page gets first.
const soon = 5

// History gives of each selected stat its own last seconds, a window of them, in members of
// messages, of not much more than limit bytes each but for values that are longer, so
// that a page on a slow line sees them come: the newest seconds of all stats, then
// what is before them, stat by stat. Of both what stats are first says the order of
// their places. A second without a clock is the end of a run
// [place, first second, {"stale": last second}].
func (s *Store) History(sel selection, order []int, limit int) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pieces [][]byte
	var history runs
	var sure certainty
	cut := func() {
		pieces = append(pieces, sure.appendTo(history.appendTo(nil, "history")))
	}
	add := func(place int, sr *series, from, to int64) {
		for t := max(1, from); t <= to; t++ {
			e := &sr.ring[t%s.size]
			if e.version == 0 || e.Time != t {
				continue
			}
			if e.StaleSince != 0 {
				history.end()
				history.add(place, e.StaleSince, strconv.AppendInt([]byte(`{"stale":`), t, 10))
				history.json = append(history.json, '}')
				history.end()
			} else {
				history.add(place, t, e.Value)
				sure.add(place, e)
			}
			if len(history.json)+sure.size() > limit {
				cut()
			}
		}
	}
	for _, place := range order {
		sr := &s.series[sel.stat(place)]
		add(place, sr, max(sr.newest-s.window, sr.newest-soon)+1, sr.newest)
	}
	for _, place := range order {
		sr := &s.series[sel.stat(place)]
		add(place, sr, sr.newest-s.window+1, sr.newest-soon)
	}
	cut()
	return pieces
}
