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

// Original gives the recorded second that counts as a second, to about a second,
// or -1 where it is far from the mapping's own times.
func (m Mapping) Original(second int64) int64 {
	if m.Identity() {
		return second
	}
	const far = 1 << 31 // 68 years: times the greatest speed it fits 64 bits
	d := second - m.To/1e9
	if d < -far || d > far {
		return -1
	}
	if m.Milli != 0 {
		d = d * int64(m.Milli) / 1000
	}
	return max(m.From/1e9+d, -1)
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
