// Package window makes values of fragments: what lines add to the seconds of a
// stat is joined, and each of its values is of a trailing window of seconds.
package window

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/value"
)

// A Series is the state of one stat: the partials of its seconds, and a window
// over them that moves from second to second. It holds the seconds that have
// lines alone, so that it costs nothing to pass the others.
//
// It keeps a partial for each second that Forget has not dropped, or what is left to tell of
// it: those of a window and of the lateness are the least. A Series is for one goroutine.
type Series struct {
	kind    aggregate.Kind
	stat    *stats.Stat
	over    int64    // so many seconds are kept of a window
	seconds []second // ascending; of a long window see minutes.go
	least   int64    // no second below is kept

	middle  middle
	edge    int   // so many of seconds are before those of middle
	settled int64 // nothing is joined before it
	settles bool  // what is forgotten goes to settler, or into middle

	window   aggregate.Window
	settler  aggregate.Settler // the window, if seconds that are forgotten settle in it
	slid     bool              // one of those that settled entered or left
	from, to int64             // the window's seconds, [from, to]
	lo, hi   int               // where they are: seconds[lo:hi]
	pending  int               // of those, how many window lacks
	value    json.RawMessage   // window's value; nil if it is to be made anew
	covered  int64             // what value was made with

	free []aggregate.Partial
}

type second struct {
	second  int64
	partial aggregate.Partial // nil: it is packed, or settled
	packed  []byte
	added   bool // to window
	settled bool // in window, which knows what is left of it
}

// Of windows of longWindow seconds and more what is forgotten, which nothing joins any more,
// settles: the window keeps what is left to tell of it, or it is kept as bytes (middle), if
// the kind allows that.
const longWindow = 600

// maxFree bounds the partials kept to be used again.
const maxFree = 64

// NewSeries returns an empty Series of a stat, which aggregates as kind does.
func NewSeries(kind aggregate.Kind, stat *stats.Stat) *Series {
	s := &Series{kind: kind, stat: stat, over: stat.Window + stat.Expire, middle: middle{kind: kind}, window: kind.NewWindow(), to: -1}
	if s.over >= longWindow && !stat.Long() {
		s.settle()
	}
	return s
}

// settle makes seconds settle, if the kind allows that.
func (s *Series) settle() {
	if settler, ok := s.window.(aggregate.Settler); ok {
		s.settler, s.settles = settler, true
	} else if aggregate.Packable(s.kind) && s.over == s.stat.Window {
		s.settles = true
	}
}

// Join adds a fragment and calls touched, if it is not nil, with each second
// that it changed. On an error it changed nothing. Parts of a fragment for
// seconds that Forget dropped are left out: no later window needs them.
func (s *Series) Join(fragment []byte, touched func(second int64)) error {
	return s.JoinWithin(fragment, 0, math.MaxInt64, touched)
}

// JoinWithin is Join of the seconds [from, to) alone.
func (s *Series) JoinWithin(fragment []byte, from, to int64, touched func(second int64)) error {
	from = max(s.least, s.settled, from)
	r := newFragmentReader(fragment)
	if !r.next() || !r.last() || r.second < from || r.second >= to {
		// What joining the first second would change must not be, if another is wrong.
		if err := check(s.kind, fragment); err != nil {
			return err
		}
	}
	for r = newFragmentReader(fragment); r.next(); {
		if r.second < from || r.second >= to {
			continue
		}
		if err := s.joinSecond(r.second, r.partial); err != nil {
			return fmt.Errorf("fragment: second %d: %w", r.second, err)
		}
		if touched != nil {
			touched(r.second)
		}
	}
	return nil
}

// joinSecond adds a partial's bytes to a second. On an error it changed nothing.
func (s *Series) joinSecond(sec int64, b []byte) error {
	i, found := s.find(sec)
	if !found {
		partial := s.newPartial()
		if err := partial.Join(b); err != nil {
			s.recycle(partial)
			return err
		}
		s.insert(i, second{second: sec, partial: partial})
		return nil
	}
	partial := s.partial(i)
	if e := &s.seconds[i]; e.added {
		if err := s.kind.Check(b); err != nil {
			return err
		}
		s.window.Sub(partial)
		e.added = false
		s.pending++
		s.value = nil
	}
	return partial.Join(b)
}

// check finds what is wrong with a fragment.
func check(kind aggregate.Kind, fragment []byte) error {
	r := newFragmentReader(fragment)
	for r.next() {
		if err := kind.Check(r.partial); err != nil {
			return fmt.Errorf("fragment: second %d: %w", r.second, err)
		}
	}
	return r.err
}

// find returns where a second is or would be. Most often it is the last or a new one.
func (s *Series) find(sec int64) (int, bool) {
	last := len(s.seconds) - 1
	switch {
	case last < 0 || s.seconds[last].second < sec:
		return last + 1, false
	case s.seconds[last].second == sec:
		return last, true
	}
	return s.search(sec)
}

// insert inserts a second where find said.
func (s *Series) insert(i int, e second) {
	s.seconds = slices.Insert(s.seconds, i, e)
	if e.second < s.from {
		s.lo++
	}
	if e.second <= s.to {
		s.hi++
		if e.second >= s.from {
			s.pending++
		}
	}
}

func (s *Series) search(sec int64) (int, bool) {
	return slices.BinarySearchFunc(s.seconds, sec, func(e second, sec int64) int { return cmp.Compare(e.second, sec) })
}

// partial returns that of the second at i, unpacked.
func (s *Series) partial(i int) aggregate.Partial {
	e := &s.seconds[i]
	if e.partial == nil {
		e.partial = s.newPartial()
		if err := e.partial.Join(e.packed); err != nil {
			panic(fmt.Sprintf("stats: what was packed does not join: %v", err))
		}
		e.packed = nil
	}
	return e.partial
}

func (s *Series) newPartial() aggregate.Partial {
	if n := len(s.free); n > 0 {
		p := s.free[n-1]
		s.free = s.free[:n-1]
		return p
	}
	return s.kind.NewPartial()
}

// Value returns the value at sec: that of the window that ends with the stat's End of it and
// of which so many seconds are covered. It costs what the seconds with lines cost that enter
// or leave the window that was asked for before. The value must not be changed.
func (s *Series) Value(sec, covered int64) json.RawMessage {
	sec = s.stat.End(sec)
	compares := s.over > s.stat.Window // with seconds before those that count
	if s.covered != covered || compares && s.to != sec {
		s.value = nil
	}
	s.move(sec)
	if s.value == nil {
		s.covered = covered
		s.value = value.AppendJSON(nil, s.window.Value(aggregate.Span{Since: sec + 1 - s.stat.Window, Covered: covered}))
	}
	return s.value
}

// Approx is the standard error of what Value returned last, as a share of it; 0: it is
// exact.
func (s *Series) Approx() float64 {
	if e, ok := s.window.(aggregate.Estimator); ok {
		return e.StandardError()
	}
	return 0
}

// Beyond is what the window had no room for of what Value returned last.
func (s *Series) Beyond() aggregate.Beyond { return beyondRoom(s.window) }

func beyondRoom(w aggregate.Window) aggregate.Beyond {
	if b, ok := w.(aggregate.Bounded); ok {
		return b.BeyondRoom()
	}
	return aggregate.Beyond{}
}

// Until returns the first second after sec whose value can differ from that of sec
// where as many seconds are covered: a second with lines enters the window, or
// leaves it. It is MaxInt64 if there is none.
func (s *Series) Until(sec int64) int64 {
	if s.stat.Long() {
		return s.untilMinute(sec)
	}
	until := int64(math.MaxInt64)
	if i, _ := s.search(sec + 1); i < len(s.seconds) {
		until = s.seconds[i].second
	}
	for _, over := range []int64{s.stat.Window, s.over} {
		if first, ok := s.firstSince(sec + 1 - over); ok {
			until = min(until, first+over)
		}
	}
	return until
}

// firstSince returns the first second with lines from one on, which is not before the window.
func (s *Series) firstSince(sec int64) (first int64, ok bool) {
	switch i, _ := s.search(sec); {
	case i >= s.edge && len(s.middle.chunks) > 0:
		return s.middle.chunks[0].first, true
	case i < len(s.seconds):
		return s.seconds[i].second, true
	}
	return 0, false
}

// move moves the window to the one whose last second is sec.
func (s *Series) move(sec int64) {
	s.from, s.to = sec+1-s.over, sec
	s.unpack()
	for s.lo < len(s.seconds) && s.seconds[s.lo].second < s.from {
		if s.lo == s.hi { // never was in the window
			s.hi++
		} else {
			s.leave(s.lo)
		}
		s.lo++
	}
	for s.hi > s.lo && s.seconds[s.hi-1].second > s.to {
		s.hi--
		s.leave(s.hi)
	}
	for s.lo > 0 && s.seconds[s.lo-1].second >= s.from {
		if s.lo == s.hi && s.seconds[s.lo-1].second > s.to { // never was
			s.hi--
		} else {
			s.enter(s.lo - 1)
		}
		s.lo--
	}
	for s.hi < len(s.seconds) && s.seconds[s.hi].second <= s.to {
		s.enter(s.hi)
		s.hi++
	}
	for i := s.hi; s.pending > 0; {
		i--
		if !s.seconds[i].added {
			s.pending--
			s.enter(i)
		}
	}
	s.slide()
}

func (s *Series) enter(i int) {
	if s.seconds[i].settled {
		s.slid = true
	} else {
		s.window.Add(s.partial(i))
	}
	s.seconds[i].added = true
	s.value = nil
}

func (s *Series) leave(i int) {
	switch e := &s.seconds[i]; {
	case !e.added:
		s.pending--
		return
	case e.settled:
		s.slid = true
	default:
		s.window.Sub(s.partial(i))
	}
	s.seconds[i].added = false
	s.value = nil
}

// slide tells the window which of those that settled are in it.
func (s *Series) slide() {
	if s.slid {
		s.settler.Slide(max(s.from, s.least), s.least)
		s.slid = false
	}
}

// settleSeconds settles the seconds up to one. Nothing joins them any more.
func (s *Series) settleSeconds(last int64) {
	if last < s.settled {
		return
	}
	s.settled = last + 1
	s.move(max(s.to, last))
	s.edge = max(s.edge, s.lo) // never were in the window
	i := s.edge
	for ; i < s.hi && s.seconds[i].second <= last; i++ {
		e := &s.seconds[i]
		if s.settler != nil {
			s.settler.Settle(s.partial(i), e.second)
			e.settled = true
		} else {
			s.middle.add(e.second, s.partial(i).AppendTo(nil), packedSeconds)
		}
		s.recycle(e.partial)
		e.partial = nil
	}
	if s.settler != nil {
		s.edge = i
		return
	}
	s.hi -= i - s.edge
	s.seconds = slices.Delete(s.seconds, s.edge, i)
}

// AppendSecond appends a fragment of all that has been joined of a second that Forget has
// not passed; nothing, if that is nothing.
func (s *Series) AppendSecond(b []byte, sec int64) []byte {
	i, found := s.search(sec)
	if !found {
		return b
	}
	f := Fragment{bytes: b}
	p := s.seconds[i].partial
	if p == nil {
		if packed := s.seconds[i].packed; len(packed) > 0 {
			f.Add(sec, packed)
		}
		return f.bytes
	}
	f.addPartial(sec, p)
	if p, ok := p.(aggregate.Slimmer); ok {
		p.Slim() // it stays for as long as the window is
	}
	return f.bytes
}

// Between returns the seconds in [from, to) that have something and that Forget has not passed.
func (s *Series) Between(from, to int64) []int64 {
	var seconds []int64
	for i, _ := s.search(from); i < len(s.seconds) && s.seconds[i].second < to; i++ {
		seconds = append(seconds, s.seconds[i].second)
	}
	return seconds
}

// Forget says that no Value at or before sec will be asked for again, and drops
// the seconds that no later window needs. Nothing more is joined of the minutes of a long
// window that are over by then, nor of seconds up to it where these settle.
func (s *Series) Forget(sec int64) {
	least := sec + 2 - s.over
	if s.stat.Long() {
		end := s.stat.End(sec)
		s.settleMinutes(end + 1)
		least = end + 1 - s.over
	} else if s.settles {
		s.settleSeconds(sec)
	}
	if least <= s.least {
		return
	}
	s.least = least
	n := 0
	for n < len(s.seconds) && s.seconds[n].second < least {
		if n >= s.lo && n < s.hi {
			s.leave(n)
		}
		if p := s.seconds[n].partial; p != nil {
			s.recycle(p)
		}
		n++
	}
	if n == 0 {
		return
	}
	s.slide()
	clear(s.seconds[:n])
	s.seconds = s.seconds[n:]
	s.lo, s.hi, s.edge = max(s.lo-n, 0), max(s.hi-n, 0), max(s.edge-n, 0)
}

func (s *Series) recycle(p aggregate.Partial) {
	if len(s.free) < maxFree {
		p.Reset()
		s.free = append(s.free, p)
	}
}
