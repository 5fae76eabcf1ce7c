package aggregate

import (
	"encoding/binary"

	"pulse/stats/line"
)

// counting is what kinds share that only count lines.
type counting struct{}

func (counting) NewPartial() Partial  { return new(count) }
func (counting) Check(b []byte) error { return new(count).Join(b) }
func (counting) measured() line.Slot  { return line.None }

// count is the number of lines, as a uvarint.
type count uint64

func (c *count) Fold(*line.Event) bool {
	*c++
	return true
}

func (c *count) Count(n uint64) { *c += count(n) }
func (c *count) Empty() bool    { return *c == 0 }
func (c *count) Reset()         { *c = 0 }

func (c *count) AppendTo(b []byte) []byte {
	if *c == 0 {
		return b
	}
	return binary.AppendUvarint(b, uint64(*c))
}

func (c *count) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, rest, ok := uvarint(b, maxCount)
	if !ok || n == 0 || len(rest) > 0 {
		return ErrMalformed
	}
	*c += count(n)
	return nil
}

// countWindow is the number of lines of some seconds.
type countWindow struct{ count uint64 }

func (w *countWindow) Add(p Partial) { w.count += uint64(*p.(*count)) }
func (w *countWindow) Sub(p Partial) { w.count -= uint64(*p.(*count)) }
