package aggregate

import (
	"cmp"
	"slices"

	"pulse/stats/value"
)

// quantilesBy is quantiles by key. The top keys are those with most numbers, and
// quantiles are worked out for them alone: a window counts what each key has,
// and reads the codes of those it shows from the seconds' partials. Where keys rank by
// a quantile, that is worked out for all of them.
type quantilesBy struct {
	*by
	quantiles *quantiles
}

func (k *quantiles) keyed(b *by) Kind {
	b.member = func() Window { return new(tally) }
	return &quantilesBy{b, k}
}

// packable implements Packable: a window reads its seconds' partials.
func (*quantilesBy) packable() bool { return false }

func (k *quantilesBy) NewWindow() Window {
	return &quantilesByWindow{
		byWindow: k.by.NewWindow().(*byWindow),
		all:      quantilesWindow{quantiles: k.quantiles},
		one:      quantilesWindow{quantiles: k.quantiles},
	}
}

// maxKeyedNumbers is how many different numbers of all keys a partial of many seconds
// has at most, of which each takes about 32 bytes.
const maxKeyedNumbers = 2 << 20

// Limit keeps a partial of many seconds small: beyond maxKeyedNumbers those keys stay
// that have most numbers, twice as many as values show; see by for what the others
// become.
func (k *quantilesBy) Limit(p Partial) {
	keyed, different := p.(*keyed), 0
	for i := range keyed.keys.entries {
		different += keyed.keys.entries[i].value.partial.(*values).different()
	}
	if different > maxKeyedNumbers {
		keyed.trimTo(2 * k.top)
	}
}

// tally is the window of one key of quantilesBy: how many numbers it has.
type tally struct {
	numbers uint64
	rank    uint32 // the code of the number by which the key ranks; 0 of all keys: none
}

func (w *tally) Add(p Partial) { w.numbers += p.(*values).total() }
func (w *tally) Sub(p Partial) { w.numbers -= p.(*values).total() }

func (w *tally) compare(other Window) int {
	o := other.(*tally)
	return cmp.Or(cmp.Compare(w.rank, o.rank), cmp.Compare(w.numbers, o.numbers))
}

// absorb and Value are there for the interface.
func (w *tally) absorb(other Window)    { w.numbers += other.(*tally).numbers }
func (w *tally) Value(Span) value.Value { return value.Count(w.numbers) }

// total is how many numbers there are.
func (p *values) total() (n uint64) {
	eachOf(p.settled(), func(_ uint32, its uint64) { n += its })
	return n
}

// different is how many different numbers there are.
func (p *values) different() (n int) {
	eachOf(p.settled(), func(uint32, uint64) { n++ })
	return n
}

type quantilesByWindow struct {
	*byWindow
	seconds []*keyed
	all     quantilesWindow // the numbers of all keys
	one     quantilesWindow // those of one, while Value works them out
}

func (w *quantilesByWindow) Add(p Partial) {
	s := p.(*keyed)
	w.byWindow.Add(s)
	w.seconds = append(w.seconds, s)
	for i := range s.keys.entries {
		w.all.Add(s.keys.entries[i].value.partial)
	}
	if s.offset > 0 {
		w.all.Add(s.rest)
	}
}

func (w *quantilesByWindow) Sub(p Partial) {
	s := p.(*keyed)
	w.byWindow.Sub(s)
	i := slices.Index(w.seconds, s)
	w.seconds = slices.Delete(w.seconds, i, i+1)
	for i := range s.keys.entries {
		w.all.Sub(s.keys.entries[i].value.partial)
	}
	if s.offset > 0 {
		w.all.Sub(s.rest)
	}
}

func (w *quantilesByWindow) Value(span Span) value.Value {
	w.rank()
	best := w.best()
	v := &value.Keyed{Top: make([]value.Key, len(best)), Distinct: w.distinct()}
	for i, r := range best {
		w.each(r.key, func(p Partial) { w.one.Add(p); w.all.Sub(p) })
		v.Top[i] = value.Key{Key: w.text(r.key), Value: w.one.Value(span)}
		w.each(r.key, w.one.Sub)
	}
	v.Other = w.all.Value(span)
	for _, r := range best {
		w.each(r.key, w.all.Add)
	}
	return v
}

// rank works out by what keys rank, if that is a quantile.
func (w *quantilesByWindow) rank() {
	q := w.one.ranked
	if q.units == 0 {
		return
	}
	for key, m := range w.members {
		t := m.window.(*tally)
		w.each(key, w.one.Add)
		t.rank = w.one.counts.rank(q.rank(t.numbers))
		w.each(key, w.one.Sub)
	}
}

// each calls f with what each second has of a key.
func (w *quantilesByWindow) each(key string, f func(Partial)) {
	hash := hashKey([]byte(key))
	for _, s := range w.seconds {
		if e := s.keys.find([]byte(key), hash); e != nil {
			f(e.value.partial)
		}
	}
}
