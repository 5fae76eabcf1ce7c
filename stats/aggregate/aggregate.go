// Package aggregate has the kinds of statistic, one file each: how a second's
// lines fold into a partial, how partials join, and what value a window of
// them has. Joining is free of order and grouping: however a second's lines
// were split, the joined partial has the same bytes.
package aggregate

import (
	"encoding/binary"
	"errors"
	"math"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

// A Partial is what some of the lines of one second add to one stat.
type Partial interface {
	// Fold adds a line that met the stat's condition. It reports false if it adds
	// nothing because the line's value is not a number and the kind needs one. It
	// allocates nothing once the partial has grown to the size of its data.
	Fold(ev *line.Event) bool
	// Empty reports whether nothing was added since the last Reset.
	Empty() bool
	// Reset empties the partial and keeps its memory.
	Reset()
	// AppendTo appends the canonical bytes: equal contents, equal bytes. An
	// empty partial has none.
	AppendTo(b []byte) []byte
	// Join adds the contents of bytes made by AppendTo, and keeps none of them. Bytes that
	// AppendTo cannot have made are an error, and then nothing was added.
	Join(b []byte) error
}

// A Slimmer is a Partial that keeps memory to make its bytes with. Who keeps many partials of
// which each is asked for its bytes once lets them go without it.
type Slimmer interface {
	Partial
	Slim()
}

// A Counter is a Partial that asks nothing of a line but that it is there, so
// that lines can be counted elsewhere and added at once.
type Counter interface {
	Partial
	Count(n uint64)
}

// An Observer is a Partial of min or max, to which numbers can be added
// that are not the field's.
type Observer interface {
	Partial
	Observe(n fixed.Number)
}

// A BatchFolder is a Partial that takes of many lines at once what it would take of each, so
// that they can be gathered first. No number of theirs is below 0 or so large as to need
// more than 63 bits in units of 10^-9.
type BatchFolder interface {
	Partial
	// FoldBatch adds lines by their fields' numbers in these units, or by their hashes.
	FoldBatch(lines []uint64)
	// ByHash reports whether it is by hashes.
	ByHash() bool
}

// A KeyCounter is a Partial of a rate by key, to which lines can be added at once
// whose key is not a field's.
type KeyCounter interface {
	Partial
	Count(key []byte, n uint64)
}

// A KeyObserver is a Partial of min or max by key, to which numbers can be added that
// are not the field's, of keys that are not fields'.
type KeyObserver interface {
	Partial
	ObserveOf(key []byte, n fixed.Number)
}

// A Window is the join of the partials of an interval of seconds. A partial that
// was added must not change before it is taken out.
type Window interface {
	// Add joins a second's partial; Sub takes one out that was added, and leaves the
	// window as if it had never been there, whatever was added before or since. A kind
	// that cannot subtract keeps what it needs: see extreme.go.
	Add(p Partial)
	Sub(p Partial)
	// Value is the window's value. The caller may keep it. It is asked for each second, and
	// must not cost more with a longer window.
	Value(Span) value.Value
}

// A Settler is a Window that can keep less than a partial of a second that nothing joins any
// more, as long as those after it are in each window that it is in.
type Settler interface {
	Window
	// Settle takes a partial that was added as that of a second, which is after those that
	// settled before and in the window. The partial is not needed any more.
	Settle(p Partial, second int64)
	// Slide says with which second the window begins, as far as those that settled are
	// concerned, and that it will begin before least no more.
	Slide(from, least int64)
}

// An Estimator is a Window whose value may be an estimate.
type Estimator interface {
	Window
	// StandardError is that of the value that Value gave last, as a share of it, in
	// thousandths and rounded up; 0: the value is exact.
	StandardError() float64
}

// Beyond is what a window has no room for by its bounds (see capacity): how many keys, or
// parts, are in none of its seconds, and which share of the lines counts for no key of
// its own, in thousandths and rounded up. The zero Beyond says that there was room.
type Beyond struct {
	Keys  uint64  `json:"keys"`
	Share float64 `json:"share"`
}

// A Bounded is a Window of keys or parts that has room for so many.
type Bounded interface {
	Window
	// BeyondRoom is that of the value that Value gave last.
	BeyondRoom() Beyond
}

// share is that of some lines among them and others.
func share(some, others uint64) float64 {
	return thousandths(float64(some) / float64(max(some+others, 1)))
}

// thousandths rounds an error or a share up.
func thousandths(e float64) float64 { return math.Ceil(e*1000) / 1000 }

// A Span says which seconds a window's value is of.
type Span struct {
	Since   int64 // the first that counts; the window may have seconds before it, to compare with
	Covered int64 // how many of those that count are covered, 1 at least: what rates divide by
}

// Packable reports whether windows of a kind keep nothing of a partial that was added: one
// with the same bytes can be taken out in its place.
func Packable(k Kind) bool {
	p, ok := k.(interface{ packable() bool })
	return ok && p.packable()
}

// A Limiter is a Kind whose partials of a second are bounded, but which grow with the
// seconds that are joined.
type Limiter interface {
	Kind
	// Limit makes a partial of many seconds smaller if it is large.
	Limit(p Partial)
}

// A Kind is one statistic's way of aggregating, with its parameters. Its
// partials and windows work with each other and with no other kind's.
type Kind interface {
	NewPartial() Partial
	NewWindow() Window
	// Check reports whether Join would take these bytes, whatever the partial
	// holds, and adds nothing.
	Check(b []byte) error
}

// ErrMalformed is what Join and Check say of bytes that AppendTo cannot have
// made.
var ErrMalformed = errors.New("bytes are not a partial of this kind")

// maxCount bounds each count that is read from bytes, far above what a second
// can have, so that sums of counts do not overflow.
const maxCount = 1 << 48

// uvarint reads a count or a step in its shortest form from the start of b, and
// returns what is left; false if there is none or it is above limit.
func uvarint(b []byte, limit uint64) (v uint64, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:], uint64(b[0]) <= limit
	}
	v, n := binary.Uvarint(b)
	if n <= 0 || b[n-1] == 0 || v > limit {
		return 0, nil, false
	}
	return v, b[n:], true
}

// decimal is the value of an exact decimal.
func decimal(n fixed.Number) value.Number {
	var buf [48]byte
	return value.Number(n.Append(buf[:0]))
}
