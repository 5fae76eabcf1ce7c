package aggregate

import (
	"math"
	"math/big"
	"math/bits"

	"pulse/stats/fixed"
)

// A wide is an integer of 320 bits in two's complement, the lowest word first: the
// sums of squares of numbers, which have 93 bits, and what is made of them.
type wide [5]uint64

// widen gives a number's units.
func widen(n fixed.Number) wide {
	sign := uint64(n.Hi >> 63)
	return wide{n.Lo, uint64(n.Hi), sign, sign, sign}
}

// square gives the square of a number's units.
func square(n fixed.Number) wide {
	hi, lo := n.Magnitude()
	low1, low0 := bits.Mul64(lo, lo)
	if hi == 0 {
		return wide{low0, low1}
	}
	mid1, mid0 := bits.Mul64(hi, lo) // twice
	high1, high0 := bits.Mul64(hi, hi)
	return wide{low0, low1, high0, high1}.add(wide{0, mid0 << 1, mid1<<1 | mid0>>63, mid1 >> 63})
}

func (a wide) add(b wide) (sum wide) {
	var carry uint64
	for i := range a {
		sum[i], carry = bits.Add64(a[i], b[i], carry)
	}
	return sum
}

func (a wide) sub(b wide) (difference wide) {
	var borrow uint64
	for i := range a {
		difference[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	return difference
}

// times gives a × m, which must fit.
func (a wide) times(m uint64) (product wide) {
	var carry uint64
	for i := range a {
		hi, lo := bits.Mul64(a[i], m)
		var c uint64
		product[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return product
}

func (a wide) sign() int {
	switch {
	case a[4]>>63 != 0:
		return -1
	case a == wide{}:
		return 0
	}
	return 1
}

func (a wide) cmp(b wide) int { return a.sub(b).sign() }

// float gives a within 2^-52 of it; a is not negative.
func (a wide) float() float64 {
	for i := len(a) - 1; i > 0; i-- {
		if a[i] != 0 {
			return math.Ldexp(float64(a[i])+math.Ldexp(float64(a[i-1]), -64), 64*i)
		}
	}
	return float64(a[0])
}

// big gives a, which is not negative.
func (a wide) big() *big.Int {
	var b [40]byte
	for i, word := range a {
		for j := range 8 {
			b[len(b)-1-8*i-j] = byte(word >> (8 * j))
		}
	}
	return new(big.Int).SetBytes(b[:])
}
