// Package cursor reads the binary forms of Pulse: varints, and bytes after their
// number. It is for decoders of bytes that anybody may have written: each number
// is read with the bound that it must keep.
package cursor

import "encoding/binary"

// A Cursor reads bytes from the front. What is missing there or out of bounds
// makes it fail: from then on it gives zeros and nothing is left, so that a
// decoder reads all it wants and asks once, by OK or Done.
type Cursor struct {
	rest   []byte
	failed bool
}

// New returns a Cursor at the front of b. What it gives is part of b.
func New(b []byte) Cursor { return Cursor{rest: b} }

// OK reports whether nothing has failed.
func (c *Cursor) OK() bool { return !c.failed }

// Done reports whether nothing has failed and all has been read.
func (c *Cursor) Done() bool { return !c.failed && len(c.rest) == 0 }

// More reports whether there is something to read.
func (c *Cursor) More() bool { return len(c.rest) > 0 }

// Fail makes the cursor fail, for what only its user can tell to be wrong.
func (c *Cursor) Fail() { c.failed, c.rest = true, nil }

// Uint reads an unsigned varint from 0 to most.
func (c *Cursor) Uint(most int64) int64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 || most < 0 || v > uint64(most) {
		c.Fail()
		return 0
	}
	c.rest = c.rest[n:]
	return int64(v)
}

// Int reads a signed varint from -most to most.
func (c *Cursor) Int(most int64) int64 {
	v, n := binary.Varint(c.rest)
	if n <= 0 || v > most || v < -most {
		c.Fail()
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// Byte reads one byte of at most most.
func (c *Cursor) Byte(most byte) byte {
	b := c.take(1)
	if b == nil || b[0] > most {
		c.Fail()
		return 0
	}
	return b[0]
}

// Short reads bytes after their number, one byte of at most most.
func (c *Cursor) Short(most byte) []byte { return c.take(int64(c.Byte(most))) }

// Bytes reads bytes after their number, a varint of at most most.
func (c *Cursor) Bytes(most int64) []byte { return c.take(c.Uint(min(most, int64(len(c.rest))))) }

// Rest reads all that is left.
func (c *Cursor) Rest() []byte { return c.take(int64(len(c.rest))) }

func (c *Cursor) take(n int64) []byte {
	if n > int64(len(c.rest)) {
		c.Fail()
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}
