package aggregate

import (
	"encoding/binary"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

// maxWeight is where a key's weight stays.
const maxWeight = 1 << 62

// A keyable is a Kind that there can be one of for each key.
type keyable interface {
	Kind
	// measured is the field of which a line must have a number to count;
	// line.None: none.
	measured() line.Slot
}

// A selfKeyed is a keyable that has windows of its own for values by key.
type selfKeyed interface{ keyed(b *by) Kind }

// newBy makes another kind for each key: what the texts of some fields are. Its
// value has the top keys with the greatest values, of equal ones those with the
// lesser bytes; the value of all others together; and how many keys there are. The
// texts of keys are as different as their bytes (see keyText). A line without one of
// the fields does not count.
//
// All of it is exact, and free of order and grouping, while no second of the
// window has more keys than it has room for (see capacity). A second with more
// keeps the heaviest: those with most lines, for sum those with the greatest sum
// of magnitudes. That is Misra and Gries' algorithm ("Finding repeated
// elements", 1982) in the batched form of Anderson et al. ("A high-performance
// algorithm for identifying frequent items in data streams", 2017): with N the
// weight of a second and k its room, each key heavier than N / (k + 1) is there,
// and lacks at most that much; it never has too much. What a key lacks is in
// other, so that the total stays exact, and distinct is HyperLogLog's estimate.
func newBy(inner keyable, p Parameters) Kind {
	k := &by{inner: inner, fields: p.By, top: p.Top, byLines: p.RankLines, room: capacity(p.Over), field: inner.measured(), has: line.None, member: inner.NewWindow}
	_, k.weighed = inner.(interface{ weighted() })
	if c, ok := inner.(interface{ counted() line.Slot }); ok {
		k.has = c.counted()
	}
	if self, ok := inner.(selfKeyed); ok {
		return self.keyed(k)
	}
	return k
}

type by struct {
	inner   Kind
	fields  []line.Slot
	field   line.Slot // that has to be a number; None: none
	has     line.Slot // that a line must have; None: none
	weighed bool      // keys weigh as much as their numbers
	top     int
	byLines bool // keys rank by their lines
	room    int
	member  func() Window // makes the window of a key, a rankable
}

func (k *by) NewPartial() Partial {
	return &keyed{by: k, keyer: keyer{fields: k.fields}, rest: k.inner.NewPartial()}
}

func (*by) packable() bool { return true }

func (k *by) NewWindow() Window {
	return &byWindow{by: k, members: make(map[string]*member), rest: k.inner.NewWindow()}
}

// keyed is the partial of values by key. Its bytes are 0, or 1 and what there is of keys
// that found no room: their greatest weight, how many lines they had, the chunk of their
// partials joined, and registers of all keys; then for each key, ascending, the chunk of
// it, its weight, how many lines its partial is of if that may be another number, and the
// chunk of its partial. A chunk has its length before it.
type keyed struct {
	*by
	keyer
	keys keyTable[weighted]

	offset uint64  // no key that was dropped had more weight; 0: none was dropped
	rest   Partial // of the lines of keys when they were dropped
	lost   uint64  // how many lines that is
	ranks  []uint8 // registers of all keys, once one was dropped

	buf []byte
}

// A weighted is the partial of a key, how many lines it is of, and at most what all lines
// of the key weigh.
type weighted struct {
	weight  uint64
	lines   uint64
	partial Partial
}

const (
	keysExact   = 0
	keysDropped = 1
)

func (p *keyed) Fold(ev *line.Event) bool {
	weight := uint64(1)
	if p.field != line.None {
		n, ok := ev.Number(p.field)
		if !ok {
			return false
		}
		if p.weighed {
			weight = weigh(n)
		}
	}
	if p.has != line.None && !ev.Has(p.has) {
		return true
	}
	if key, ok := p.key(ev); ok {
		p.entry(key, hashKey(key), weight, 1).Fold(ev)
	}
	return true
}

// Count adds n lines of a key, of a kind that only counts.
func (p *keyed) Count(key []byte, n uint64) {
	if len(key) > maxKey {
		key = p.shorten(key)
	}
	p.entry(key, hashKey(key), n, n).(Counter).Count(n)
}

// ObserveOf adds a number of a key, of min and max.
func (p *keyed) ObserveOf(key []byte, n fixed.Number) {
	if len(key) > maxKey {
		key = p.shorten(key)
	}
	p.entry(key, hashKey(key), 1, 1).(Observer).Observe(n)
}

// weigh gives the magnitude of a number, rounded down, in [1, 2^40].
func weigh(n fixed.Number) uint64 {
	const most = 1 << 40
	if hi, _ := n.Magnitude(); hi >= 64 {
		return most // 10^12 and more
	}
	whole, _ := n.Split()
	return uint64(min(max(whole, -whole, 1), most))
}

// entry gives the partial of a key, to which lines of a weight are added.
func (p *keyed) entry(key []byte, hash, weight, lines uint64) Partial {
	e := p.keys.find(key, hash)
	if e == nil {
		if len(p.keys.entries) >= 2*p.room {
			p.trim()
		}
		e = p.add(key, hash)
	}
	e.value.weight = min(e.value.weight+weight, maxWeight)
	e.value.lines += lines
	return e.value.partial
}

// add makes the entry of a new key. It may have been dropped before, with as
// much weight as any that was.
func (p *keyed) add(key []byte, hash uint64) *keyEntry[weighted] {
	e := p.keys.add(key, hash)
	e.value.weight, e.value.lines = p.offset, 0
	if e.value.partial == nil {
		e.value.partial = p.inner.NewPartial()
	}
	if p.offset > 0 {
		raise(p.ranks, hash)
	}
	return e
}

// raise enters a hash into registers.
func raise(ranks []uint8, hash uint64) {
	register, rank := place(hash)
	ranks[register] = max(ranks[register], rank)
}

// sketch begins to keep registers, unless keys were dropped already.
func (p *keyed) sketch() {
	if p.offset > 0 {
		return
	}
	if p.ranks == nil {
		p.ranks = make([]uint8, registers)
	}
	for i := range p.keys.entries {
		raise(p.ranks, p.keys.entries[i].hash)
	}
}

// trim drops the lightest keys for which there is no room.
func (p *keyed) trim() { p.trimTo(p.room) }

// trimTo drops the lightest keys beyond so many.
func (p *keyed) trimTo(room int) {
	if len(p.keys.entries) <= room {
		return
	}
	p.sketch()
	p.keys.keep(room, func(a, b *keyEntry[weighted]) int {
		switch {
		case a.value.weight > b.value.weight:
			return -1
		case a.value.weight < b.value.weight:
			return 1
		}
		return 0
	}, func(e *keyEntry[weighted]) {
		p.offset = max(p.offset, e.value.weight)
		p.lost += e.value.lines
		p.buf = e.value.partial.AppendTo(p.buf[:0])
		_ = p.rest.Join(p.buf) // bytes that were just made
		e.value.partial.Reset()
	})
}

func (p *keyed) Empty() bool { return len(p.keys.entries) == 0 && p.offset == 0 }

// Slim implements Slimmer.
func (p *keyed) Slim() {
	p.buf = nil
	for i := range p.keys.entries {
		if inner, ok := p.keys.entries[i].value.partial.(Slimmer); ok {
			inner.Slim()
		}
	}
}

func (p *keyed) Reset() {
	for i := range p.keys.entries {
		p.keys.entries[i].value.partial.Reset()
	}
	p.keys.reset()
	if p.offset > 0 {
		p.offset, p.lost = 0, 0
		p.rest.Reset()
		clear(p.ranks)
	}
}

func (p *keyed) AppendTo(b []byte) []byte {
	if p.Empty() {
		return b
	}
	p.trim()
	if p.offset == 0 {
		b = append(b, keysExact)
	} else {
		b = binary.AppendUvarint(append(b, keysDropped), p.offset)
		b = binary.AppendUvarint(b, p.lost)
		p.buf = p.rest.AppendTo(p.buf[:0])
		b = appendRegisters(appendChunk(b, p.buf), p.ranks)
	}
	for _, i := range p.keys.sorted(p.keys.byKey) {
		e := &p.keys.entries[i]
		b = binary.AppendUvarint(appendChunk(b, p.keys.key(e)), e.value.weight)
		if p.weighed || p.offset > 0 {
			b = binary.AppendUvarint(b, e.value.lines)
		}
		p.buf = e.value.partial.AppendTo(p.buf[:0])
		b = appendChunk(b, p.buf)
	}
	return b
}

func (k *by) Check(b []byte) error {
	_, err := k.read(b, func(key []byte, weight, lines uint64, partial []byte) {})
	return err
}

// dropped is what bytes say of keys that were dropped.
type dropped struct {
	offset    uint64
	lost      uint64
	rest      []byte
	registers []byte
}

// read calls f with each key of bytes that AppendTo made.
func (k *by) read(b []byte, f func(key []byte, weight, lines uint64, partial []byte)) (d dropped, err error) {
	if len(b) == 0 {
		return d, nil
	}
	kind, b := b[0], b[1:]
	switch {
	case kind == keysExact && len(b) > 0:
	case kind == keysDropped:
		var ok bool
		if d.offset, b, ok = uvarint(b, maxWeight); !ok || d.offset == 0 {
			return d, ErrMalformed
		}
		if d.lost, b, ok = uvarint(b, maxCount); !ok || d.lost == 0 {
			return d, ErrMalformed
		}
		if d.rest, b, ok = chunk(b, maxCount); !ok || len(d.rest) == 0 || k.inner.Check(d.rest) != nil {
			return d, ErrMalformed
		}
		if len(b) < registersLen || !checkRegisters(b[:registersLen]) {
			return d, ErrMalformed
		}
		d.registers, b = b[:registersLen], b[registersLen:]
	default:
		return d, ErrMalformed
	}
	var last []byte
	for n := 0; len(b) > 0; n++ {
		key, rest, ok := chunk(b, maxKey)
		if !ok || n == k.room || n > 0 && string(key) <= string(last) {
			return d, ErrMalformed
		}
		weight, rest, ok := uvarint(rest, maxWeight)
		if !ok || weight < max(d.offset, 1) {
			return d, ErrMalformed
		}
		lines := weight
		if k.weighed || d.offset > 0 {
			if lines, rest, ok = uvarint(rest, maxCount); !ok || lines == 0 {
				return d, ErrMalformed
			}
		}
		partial, rest, ok := chunk(rest, maxCount)
		if !ok || len(partial) == 0 || k.inner.Check(partial) != nil {
			return d, ErrMalformed
		}
		f(key, weight, lines, partial)
		last, b = key, rest
	}
	return d, nil
}

// registersAt says where bytes have registers; see RegistersAt.
func (k *by) registersAt(b []byte) (at int, ok bool) {
	if len(b) == 0 || b[0] != keysDropped {
		return 0, false
	}
	rest := b[1:]
	for _, limit := range []uint64{maxWeight, maxCount} {
		if _, rest, ok = uvarint(rest, limit); !ok {
			return 0, false
		}
	}
	if _, rest, ok = chunk(rest, maxCount); !ok {
		return 0, false
	}
	return len(b) - len(rest), true
}

func (p *keyed) Join(b []byte) error {
	d, err := p.read(b, func([]byte, uint64, uint64, []byte) {})
	if err != nil || len(b) == 0 {
		return err
	}
	// A key that is in one of both may have been dropped from the other.
	if d.offset > 0 {
		p.sketch()
		if p.ranks == nil {
			p.ranks = make([]uint8, registers)
		}
		joinRegisters(p.ranks, d.registers)
		_ = p.rest.Join(d.rest) // checked
		for i := range p.keys.entries {
			v := &p.keys.entries[i].value
			v.weight = min(v.weight+d.offset, maxWeight)
		}
	}
	_, err = p.read(b, func(key []byte, weight, lines uint64, partial []byte) {
		hash := hashKey(key)
		e := p.keys.find(key, hash)
		if e == nil {
			e = p.add(key, hash) // with the weight that it may have had here
		} else {
			weight -= d.offset
		}
		e.value.weight = min(e.value.weight+weight, maxWeight)
		e.value.lines += lines
		_ = e.value.partial.Join(partial) // checked
	})
	p.offset = min(p.offset+d.offset, maxWeight)
	p.lost += d.lost
	p.trim()
	return err
}

// A member is what the seconds of a window have of one key.
type member struct {
	seconds int
	kept    int    // of those from which keys were dropped
	lines   uint64 // how many it is of
	window  rankable
}

type byWindow struct {
	*by
	members map[string]*member
	rest    Window
	dropped int     // seconds from which keys were dropped
	all     union   // the registers of these
	lines   uint64  // of the members
	lost    uint64  // of keys when they were dropped
	inexact float64 // the greatest standard error of what Value gave
	keys    uint64  // what distinct gave last
}

func (w *byWindow) Add(p Partial) {
	s := p.(*keyed)
	for i := range s.keys.entries {
		e := &s.keys.entries[i]
		key := s.keys.key(e)
		m := w.members[string(key)]
		if m == nil {
			m = &member{window: w.member().(rankable)}
			w.members[string(key)] = m
		}
		m.seconds++
		m.lines += e.value.lines
		w.lines += e.value.lines
		if s.offset > 0 {
			m.kept++
		}
		m.window.Add(e.value.partial)
	}
	if s.offset > 0 {
		w.lost += s.lost
		w.rest.Add(s.rest)
		if w.dropped++; w.dropped == 1 {
			w.all.begin()
		}
		for register, rank := range s.ranks {
			if rank > 0 {
				w.all.raise(register, rank)
			}
		}
	}
}

func (w *byWindow) Sub(p Partial) {
	s := p.(*keyed)
	for i := range s.keys.entries {
		e := &s.keys.entries[i]
		key := s.keys.key(e)
		m := w.members[string(key)]
		m.window.Sub(e.value.partial)
		m.lines -= e.value.lines
		w.lines -= e.value.lines
		if s.offset > 0 {
			m.kept--
		}
		if m.seconds--; m.seconds == 0 {
			delete(w.members, string(key))
		}
	}
	if s.offset > 0 {
		w.lost -= s.lost
		w.rest.Sub(s.rest)
		if w.dropped--; w.dropped == 0 {
			w.all.end()
			return
		}
		for register, rank := range s.ranks {
			if rank > 0 {
				w.all.lower(register, rank)
			}
		}
	}
}

// distinct is how many keys the window has.
func (w *byWindow) distinct() uint64 {
	w.keys = distinctKeys(w.members, w)
	return w.keys
}

// distinctKeys is how many keys there are, of those that are kept and those of seconds
// from which some were dropped.
func distinctKeys[T any](kept map[string]T, windows ...*byWindow) uint64 {
	var ranks []uint8
	for _, w := range windows {
		if w.dropped == 0 {
			continue
		}
		if ranks == nil {
			ranks = make([]uint8, registers)
		}
		for i, rank := range w.all.ranks {
			ranks[i] = max(ranks[i], rank)
		}
	}
	if ranks == nil {
		return uint64(len(kept))
	}
	for key := range kept {
		raise(ranks, hashKey([]byte(key)))
	}
	var histogram [maxRank + 1]int
	for _, rank := range ranks {
		histogram[rank]++
	}
	return estimate(&histogram)
}

func (w *byWindow) Value(span Span) value.Value {
	best := w.best()
	shown := make(map[*member]bool, len(best))
	for _, r := range best {
		shown[r.member] = true
	}
	other := w.other(shown)
	v := &value.Keyed{Top: make([]value.Key, len(best)), Other: other.Value(span), Distinct: w.distinct()}
	w.inexact = standardError(other)
	for i, r := range best {
		v.Top[i] = value.Key{Key: w.text(r.key), Value: r.member.window.Value(span)}
		w.inexact = max(w.inexact, standardError(r.member.window))
	}
	return v
}

// StandardError implements Estimator: that of how many keys there are, where some
// found no room, or of their values.
func (w *byWindow) StandardError() float64 {
	if w.dropped > 0 {
		return max(w.inexact, registersError)
	}
	return w.inexact
}

// BeyondRoom implements Bounded.
func (w *byWindow) BeyondRoom() Beyond {
	if w.dropped == 0 {
		return Beyond{}
	}
	kept := uint64(len(w.members))
	return Beyond{Keys: max(w.keys, kept) - kept, Share: share(w.lost, w.lines)}
}

// text is a key as it is shown.
func (k *by) text(key string) string { return keyText(key, len(k.fields)) }

// other is the window of what is not of the members that are shown.
func (w *byWindow) other(shown map[*member]bool) Window {
	other := w.inner.NewWindow().(rankable)
	other.absorb(w.rest)
	if len(w.members) == len(shown) {
		return other
	}
	for _, m := range w.members {
		if !shown[m] {
			other.absorb(m.window)
		}
	}
	return other
}

// A rankable is a window of one key among those of others.
type rankable interface {
	Window
	// compare returns -1, 0 or 1 as its value is less than, equal to or greater
	// than another's.
	compare(other Window) int
	// absorb adds what another window of the kind amounts to. It is for a
	// window of which only the value is asked for then.
	absorb(other Window)
}

type ranked struct {
	key    string
	lines  uint64 // by which keys rank; 0 if they do not
	member *member
}

// before reports whether r comes before s: it is greater, or as great and its
// key's bytes are less.
func (r *ranked) before(s *ranked) bool {
	if r.lines != s.lines {
		return r.lines > s.lines
	}
	if c := r.member.window.compare(s.member.window); c != 0 {
		return c > 0
	}
	return r.key < s.key
}

// best gives the top members in order.
func (w *byWindow) best() []ranked {
	best := make([]ranked, 0, min(w.top, len(w.members))+1)
	for key, m := range w.members {
		r := ranked{key: key, member: m}
		if w.byLines {
			r.lines = m.lines
		}
		best = insertTop(best, w.top, r, (*ranked).before)
	}
	return best
}

// insertTop inserts r into the best so far, which are in order and at most so many.
func insertTop[T any](best []T, most int, r T, before func(a, b *T) bool) []T {
	if len(best) == most && !before(&r, &best[most-1]) {
		return best
	}
	i := len(best)
	best = append(best, r)
	for ; i > 0 && before(&r, &best[i-1]); i-- {
		best[i] = best[i-1]
	}
	best[i] = r
	return best[:min(len(best), most)]
}
