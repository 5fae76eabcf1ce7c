package cursor

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestCursor(t *testing.T) {
	b := binary.AppendUvarint(nil, 300)
	b = binary.AppendVarint(b, -7)
	b = append(b, 2, 'a', 'b')
	b = append(binary.AppendUvarint(b, 3), "cde"...)
	b = append(b, 9, 'r')
	c := New(b)
	if n := c.Uint(300); n != 300 {
		t.Errorf("Uint gives %d, want 300", n)
	}
	if n := c.Int(7); n != -7 {
		t.Errorf("Int gives %d, want -7", n)
	}
	if s := string(c.Short(2)); s != "ab" {
		t.Errorf("Short gives %q, want ab", s)
	}
	if s := string(c.Bytes(3)); s != "cde" {
		t.Errorf("Bytes gives %q, want cde", s)
	}
	if n := c.Byte(9); n != 9 {
		t.Errorf("Byte gives %d, want 9", n)
	}
	if !c.More() || c.Done() {
		t.Error("a byte is left, and it says that all has been read")
	}
	if s := string(c.Rest()); s != "r" || c.More() || !c.Done() {
		t.Errorf("Rest gives %q, want r and nothing more", s)
	}
}

// TestFails: what is out of bounds or missing fails, and all that comes after it.
func TestFails(t *testing.T) {
	number := func(n uint64) []byte { return append(binary.AppendUvarint(nil, n), 0, 0) }
	for name, test := range map[string]struct {
		b    []byte
		read func(*Cursor)
	}{
		"no number":              {nil, func(c *Cursor) { c.Uint(math.MaxInt64) }},
		"a number that is cut":   {[]byte{0x80}, func(c *Cursor) { c.Uint(math.MaxInt64) }},
		"a number of 65 bits":    {[]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 2}, func(c *Cursor) { c.Uint(math.MaxInt64) }},
		"a number too great":     {number(8), func(c *Cursor) { c.Uint(7) }},
		"a bound below zero":     {number(0), func(c *Cursor) { c.Uint(-1) }},
		"more than an int64":     {number(1 << 63), func(c *Cursor) { c.Uint(math.MaxInt64) }},
		"a number too low":       {binary.AppendVarint(nil, -8), func(c *Cursor) { c.Int(7) }},
		"a byte too great":       {[]byte{8}, func(c *Cursor) { c.Byte(7) }},
		"no byte":                {nil, func(c *Cursor) { c.Byte(7) }},
		"fewer bytes than said":  {[]byte{3, 1, 2}, func(c *Cursor) { c.Bytes(3) }},
		"more bytes than may be": {[]byte{2, 1, 2}, func(c *Cursor) { c.Bytes(1) }},
		"fewer in short":         {[]byte{3, 1, 2}, func(c *Cursor) { c.Short(3) }},
		"what the user says":     {number(0), (*Cursor).Fail},
	} {
		c := New(test.b)
		test.read(&c)
		if c.OK() || c.Done() || c.More() {
			t.Errorf("%s: it does not fail", name)
		}
		if c.Uint(5) != 0 || c.Int(5) != 0 || c.Byte(5) != 0 || len(c.Rest()) != 0 || c.OK() {
			t.Errorf("%s: it gives something after it failed", name)
		}
	}
}
