package aggregate

import (
	"encoding/binary"

	"pulse/stats/line"
	"pulse/stats/value"
)

// Rate counts lines. Its value is how many there are in each per seconds (1 for
// per second, 60 for per minute) over a window of over seconds: the lines ×
// per / over, rounded once to a float64; 0 of no lines.
func Rate(per, over int64) Kind { return rate{uint64(per), over} }

type rate struct {
	per  uint64
	over int64
}

func (rate) NewPartial() Partial  { return new(count) }
func (k rate) NewWindow() Window  { return &rateWindow{rate: k} }
func (rate) Check(b []byte) error { return new(count).Join(b) }

// count is the partial of Rate: the number of lines, as a uvarint.
type count uint64

func (c *count) Fold(*line.Event) { *c++ }
func (c *count) Count(n uint64)   { *c += count(n) }
func (c *count) Empty() bool      { return *c == 0 }
func (c *count) Reset()           { *c = 0 }

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

type rateWindow struct {
	rate
	count uint64
}

func (w *rateWindow) Add(p Partial) { w.count += uint64(*p.(*count)) }
func (w *rateWindow) Sub(p Partial) { w.count -= uint64(*p.(*count)) }

func (w *rateWindow) Value() value.Value {
	return value.Float(float64(w.count*w.per) / float64(w.over))
}
