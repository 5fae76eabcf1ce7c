package aggregate

import (
	"slices"

	"pulse/stats/value"
)

// combinedBy is combined by key, of stats with the same keys. A key that one of the
// stats does not have counts with that stat's value of nothing. But a key that a
// stat may have dropped (see by) has no value, and is marked.
type combinedBy struct {
	*combined
	fields  int // of a key
	top     int
	byLines bool // keys rank by their lines
}

func (k *combinedBy) NewWindow() Window {
	w := &combinedByWindow{combinedBy: k, keys: make(map[string]*combination)}
	for _, kind := range k.of {
		w.of = append(w.of, kind.NewWindow().(*byWindow))
	}
	return w
}

type combinedByWindow struct {
	*combinedBy
	of      []*byWindow
	keys    map[string]*combination // of any stat
	covered int64                   // what values were made with
	error   float64                 // the greatest of what Value gave last

	different uint64 // what distinct gave last
}

// A combination is what a window has of one key.
type combination struct {
	members []*member // of each stat; nil: it has nothing of the key
	fresh   bool      // value is that of members
	value   value.Value
	error   float64
	dropped bool
	lines   uint64 // by which keys rank; 0 if they do not
}

// shown is the value that a key has in a value: null if the key may have been dropped.
func (c *combination) shown() value.Value {
	if c.dropped {
		return nil
	}
	return c.value
}

func (w *combinedByWindow) Add(p Partial) {
	for i, part := range p.(*tuple).of {
		w.of[i].Add(part)
		w.touch(part.(*keyed), func(key []byte) {
			c := w.keys[string(key)]
			if c == nil {
				c = &combination{members: make([]*member, len(w.of))}
				w.keys[string(key)] = c
			}
			c.fresh = false
		})
	}
}

func (w *combinedByWindow) Sub(p Partial) {
	for i, part := range p.(*tuple).of {
		w.of[i].Sub(part)
		w.touch(part.(*keyed), func(key []byte) {
			if slices.ContainsFunc(w.of, func(of *byWindow) bool { return of.members[string(key)] != nil }) {
				w.keys[string(key)].fresh = false
			} else {
				delete(w.keys, string(key))
			}
		})
	}
}

// touch calls f with each key of a partial.
func (w *combinedByWindow) touch(s *keyed, f func(key []byte)) {
	for i := range s.keys.entries {
		f(s.keys.key(&s.keys.entries[i]))
	}
}

func (w *combinedByWindow) Value(span Span) value.Value {
	best := w.best(span)
	v := &value.Keyed{Top: make([]value.Key, len(best)), Distinct: w.distinct()}
	w.error = 0
	for i, c := range best {
		v.Top[i] = value.Key{Key: keyText(c.key, w.fields), Value: c.shown(), Dropped: c.dropped}
		w.error = max(w.error, c.error)
	}
	others := make([]Window, len(w.of))
	for stat, of := range w.of {
		shown := make(map[*member]bool, len(best))
		for _, c := range best {
			if m := c.members[stat]; m != nil {
				shown[m] = true
			}
		}
		others[stat] = of.other(shown)
	}
	other, inexact := w.Combine(valuesOf(others, span))
	v.Other = other
	w.error = max(w.error, inexact)
	return v
}

// StandardError implements Estimator.
func (w *combinedByWindow) StandardError() float64 {
	if slices.ContainsFunc(w.of, func(of *byWindow) bool { return of.dropped > 0 }) {
		return max(w.error, registersError)
	}
	return w.error
}

// BeyondRoom implements Bounded: of the lines it is the share of the stat that lacks
// most.
func (w *combinedByWindow) BeyondRoom() (b Beyond) {
	for _, of := range w.of {
		if of.dropped > 0 {
			b.Share = max(b.Share, share(of.lost, of.lines))
		}
	}
	if kept := uint64(len(w.keys)); b.Share > 0 && w.different > kept {
		b.Keys = w.different - kept
	}
	return b
}

// distinct is how many keys the window has.
func (w *combinedByWindow) distinct() uint64 {
	w.different = distinctKeys(w.keys, w.of...)
	return w.different
}

// A rankedCombination is a combination with its key.
type rankedCombination struct {
	key string
	*combination
}

// before reports whether c comes before d: it has more lines, if these are asked for;
// a greater value, of which null is the least; or its key's bytes are less.
func (c *rankedCombination) before(d *rankedCombination) bool {
	if c.lines != d.lines {
		return c.lines > d.lines
	}
	m, some := c.shown().(value.Number)
	n, others := d.shown().(value.Number)
	switch {
	case some != others:
		return some
	case some && m != n:
		return m.Compare(n) > 0
	}
	return c.key < d.key
}

// best gives the top combinations in order.
func (w *combinedByWindow) best(span Span) []rankedCombination {
	nothing := make([]Window, len(w.of))
	for stat, of := range w.of {
		nothing[stat] = of.inner.NewWindow()
	}
	none, _ := valuesOf(nothing, span)
	best := make([]rankedCombination, 0, w.top+1)
	for key, c := range w.keys {
		if !c.fresh || w.covered != span.Covered {
			w.refresh(key, c, none, span)
		}
		c.dropped = w.lacks(c)
		best = insertTop(best, w.top, rankedCombination{key, c}, (*rankedCombination).before)
	}
	w.covered = span.Covered
	return best
}

// refresh works out the value of a key. The values of nothing are those of each stat.
func (w *combinedByWindow) refresh(key string, c *combination, nothing []value.Value, span Span) {
	values, errors := slices.Clone(nothing), make([]float64, len(w.of))
	c.lines = 0
	for stat, of := range w.of {
		m := of.members[key]
		c.members[stat] = m
		if m == nil {
			continue
		}
		values[stat], errors[stat] = m.window.Value(span), standardError(m.window)
		if w.byLines && w.counts(stat) {
			c.lines += m.lines
		}
	}
	c.value, c.error = w.Combine(values, errors)
	c.fresh = true
}

// lacks reports whether a stat may have dropped a key.
func (w *combinedByWindow) lacks(c *combination) bool {
	for stat, of := range w.of {
		kept := 0
		if m := c.members[stat]; m != nil {
			kept = m.kept
		}
		if kept < of.dropped {
			return true
		}
	}
	return false
}
