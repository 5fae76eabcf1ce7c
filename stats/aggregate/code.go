package aggregate

import (
	"math"
	"math/bits"
	"slices"

	"pulse/stats/fixed"
)

// Values for quantiles are counted by a code: the number rounded to four
// significant digits, half away from zero, so that an integer up to 9,999, or
// a fraction down to 0.000009999 in steps of 10^-9, is itself. Codes are dense and in
// the order of the numbers: zeroCode is 0's; above it are first the magnitudes
// of 1 to 9,999 units, then 9,000 for each further power of ten.
const (
	leastMantissa = 1000
	leastExponent = 10_000 // the code of 1000 * 10^1 units, relative to zeroCode
	perExponent   = 9_000
	maxExponent   = 25 // the greatest magnitude is 10^28 units, above a line's numbers

	zeroCode = leastExponent + (maxExponent-1)*perExponent // the code of -10^28 units is 0
	codes    = 2*zeroCode + 1
)

var powersOfTen = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// reciprocals are 2^64 by the powers of ten, rounded down (of 1, what fits).
var reciprocals = func() (r [20]uint64) {
	for i, p := range powersOfTen {
		r[i] = math.MaxUint64 / p
	}
	return r
}()

// byPower divides by 10^n. A multiplication, which is faster than a division, gives the
// quotient or one less.
func byPower(v uint64, n int) (quotient, rest uint64) {
	power := powersOfTen[n]
	quotient, _ = bits.Mul64(v, reciprocals[n])
	if rest = v - quotient*power; rest >= power {
		quotient, rest = quotient+1, rest-power
	}
	return quotient, rest
}

// code returns a number's code. Numbers beyond 10^19 have its code.
func code(n fixed.Number) uint32 {
	hi, lo := n.Magnitude()
	above := magnitudeCode(hi, lo)
	if n.Negative() {
		return zeroCode - above
	}
	return zeroCode + above
}

// magnitudeCode returns how far the code of a magnitude is above zeroCode.
func magnitudeCode(hi, lo uint64) uint32 {
	if hi == 0 && lo < 10*leastMantissa {
		return uint32(lo)
	}
	exponent := 0
	if hi != 0 {
		// Ten digits or more are left, and rounding half away from zero never
		// asks what was below them.
		const cut = 10
		if hi >= powersOfTen[cut] {
			return zeroCode
		}
		lo, _ = bits.Div64(hi, lo, powersOfTen[cut])
		exponent = cut
	}
	off := digits(lo) - 4
	mantissa, rest := byPower(lo, off)
	if rest >= powersOfTen[off]/2 {
		mantissa++
	}
	exponent += off
	if mantissa == 10*leastMantissa {
		mantissa = leastMantissa
		exponent++
	}
	above := leastExponent + (exponent-1)*perExponent + int(mantissa-leastMantissa)
	return uint32(min(above, zeroCode))
}

// coding is how a magnitude of so many bits, in units, is rounded to four digits: by division by
// a power of ten, or from a limit on by the next one.
type coding struct {
	limit uint64
	by    [2]codePower
}

type codePower struct {
	power, half, reciprocal uint64
	above                   uint64 // zeroCode and more, to which the quotient is added
}

// codings are those of magnitudes by how many bits they have, of up to 63.
var codings = func() (all [64]coding) {
	for n := range all {
		least := uint64(1) << n >> 1
		off := max(digits(max(least, 1))-4, 0)
		c := &all[n]
		c.limit = powersOfTen[off+4]
		for i := range c.by {
			p := powersOfTen[off+i]
			c.by[i] = codePower{
				power: p, half: p / 2, reciprocal: math.MaxUint64 / p,
				above: uint64(zeroCode + (off+i)*perExponent),
			}
		}
	}
	return all
}()

// appendCodes appends the codes of magnitudes of up to 63 bits, without a branch.
func appendCodes(all []uint32, units []uint64) []uint32 {
	all = slices.Grow(all, len(units))
	to := all[len(all) : len(all)+len(units)]
	for i, n := range units {
		c := &codings[bits.Len64(n)&63]
		k := 0
		if n >= c.limit {
			k = 1
		}
		by := &c.by[k]
		n += by.half
		quotient, _ := bits.Mul64(n, by.reciprocal)
		if n-quotient*by.power >= by.power {
			quotient++
		}
		to[i] = uint32(by.above + quotient)
	}
	return all[:len(all)+len(units)]
}

// digits is how many decimal digits v has; v is not 0.
func digits(v uint64) int {
	n := bits.Len64(v) * 1233 >> 12 // log10(2), so n or n+1
	if v >= powersOfTen[n] {
		n++
	}
	return n
}

// decode returns the number that a code stands for.
func decode(code uint32) fixed.Number {
	above, negative := int(code)-zeroCode, code < zeroCode
	if negative {
		above = -above
	}
	if above < leastExponent {
		return fixed.FromMagnitude(0, uint64(above), negative)
	}
	exponent := (above-leastExponent)/perExponent + 1
	mantissa := uint64((above-leastExponent)%perExponent + leastMantissa)
	// Up to 10^28: two powers of ten, of which the second fits 64 bits.
	first := min(exponent, 15)
	hi, lo := bits.Mul64(mantissa*powersOfTen[first], powersOfTen[exponent-first])
	return fixed.FromMagnitude(hi, lo, negative)
}
