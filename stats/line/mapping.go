package line

import (
	"math"
	"math/bits"
)

// A Mapping is how recorded times become those that count, in a replay: the
// time t becomes To + (t-From) * 1000 / Milli, rounded down. The zero Mapping
// leaves times as they are.
type Mapping struct {
	From, To int64  // Unix nanoseconds
	Milli    uint32 // the speed in thousandths; 0 is 1000
}

// Identity reports whether the mapping leaves times as they are.
func (m Mapping) Identity() bool {
	return m.From == m.To && (m.Milli == 0 || m.Milli == 1000)
}

// Apply maps a time in Unix nanoseconds. What does not fit is cut to what does.
func (m Mapping) Apply(nanos int64) int64 {
	if m.Identity() {
		return nanos
	}
	d, overflow := subtract(nanos, m.From)
	if overflow {
		return limit(nanos > 0)
	}
	if m.Milli != 0 && m.Milli != 1000 {
		negative := d < 0
		hi, lo := bits.Mul64(magnitude(d), 1000)
		if hi >= uint64(m.Milli) {
			return limit(!negative)
		}
		q, r := bits.Div64(hi, lo, uint64(m.Milli))
		if negative && r != 0 {
			q++ // rounded down, not towards zero
		}
		if q > math.MaxInt64 {
			return limit(!negative)
		}
		d = int64(q)
		if negative {
			d = -d
		}
	}
	sum := m.To + d
	if (sum < m.To) != (d < 0) {
		return limit(d > 0)
	}
	return sum
}

func subtract(a, b int64) (d int64, overflow bool) {
	d = a - b
	return d, (d < a) != (b > 0) && b != 0
}

func magnitude(d int64) uint64 {
	if d < 0 {
		return -uint64(d)
	}
	return uint64(d)
}

func limit(positive bool) int64 {
	if positive {
		return math.MaxInt64
	}
	return math.MinInt64
}
