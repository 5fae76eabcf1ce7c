package window

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"pulse/stats/aggregate"
	"pulse/stats/cursor"
	"pulse/stats/timing"
)

// A fragment is what a segment of raw records adds to one stat: a version byte,
// then for each second that it adds to, ascending, a uvarint of the seconds
// since the one before (the first: since 1970), a uvarint of the length of the
// second's partial, and the partial.
const fragmentVersion = 1

// A Fragment is made of partials. Its zero value is empty.
type Fragment struct {
	bytes []byte
	last  int64 // second
	begun bool
}

// Add adds the partial of a second, which is after those before it.
func (f *Fragment) Add(second int64, partial []byte) {
	if !f.begun {
		f.bytes, f.begun = append(f.bytes, fragmentVersion), true
	}
	f.bytes = binary.AppendUvarint(f.bytes, uint64(second-f.last))
	f.bytes = binary.AppendUvarint(f.bytes, uint64(len(partial)))
	f.bytes = append(f.bytes, partial...)
	f.last = second
}

// addPartial is Add of a partial's bytes, which go where they belong without another copy of
// them; nothing, if there are none.
func (f *Fragment) addPartial(second int64, p aggregate.Partial) {
	const most = 1 + 2*binary.MaxVarintLen64
	var room [most]byte
	begin := len(f.bytes)
	f.bytes = p.AppendTo(append(f.bytes, room[:]...))
	partial := f.bytes[begin+most:]
	f.bytes = f.bytes[:begin]
	if len(partial) > 0 {
		f.Add(second, partial)
	}
}

// Bytes returns what was added, until the next Reset; nothing, if that is nothing.
func (f *Fragment) Bytes() []byte { return f.bytes }

// Clip gives back the memory that more would be added to.
func (f *Fragment) Clip() { f.bytes = bytes.Clone(f.bytes) }

// Reset empties it.
func (f *Fragment) Reset() { *f = Fragment{bytes: f.bytes[:0]} }

// A fragmentReader walks over a fragment's seconds.
type fragmentReader struct {
	cursor  cursor.Cursor
	second  int64
	partial []byte
	first   bool
	err     error
}

func newFragmentReader(fragment []byte) fragmentReader {
	if len(fragment) == 0 || fragment[0] != fragmentVersion {
		return fragmentReader{err: fmt.Errorf("fragment: not of form %d, which this program reads", fragmentVersion)}
	}
	return fragmentReader{cursor: cursor.New(fragment[1:]), first: true}
}

// last reports whether there is nothing behind what next has read.
func (r *fragmentReader) last() bool { return r.err == nil && !r.cursor.More() }

var errFragment = errors.New("fragment: its bytes end too early or its seconds are out of order")

// next reads the next second; it is false at the end and on an error.
func (r *fragmentReader) next() bool {
	if r.err != nil || !r.cursor.More() {
		return false
	}
	step := r.cursor.Uint(timing.LastSecond - r.second)
	r.partial = r.cursor.Bytes(math.MaxInt64)
	if len(r.partial) == 0 || step == 0 && !r.first {
		r.err = errFragment
		return false
	}
	r.second += step
	r.first = false
	return true
}
