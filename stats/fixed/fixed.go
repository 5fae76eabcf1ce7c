// Package fixed has the numbers that Pulse sums: exact decimals with nine
// places in 128 bits, so that a sum does not depend on the order of its terms.
package fixed

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// A Number is a signed decimal in units of 10^-9, in two's complement: its
// value is (Hi * 2^64 + Lo) / 10^9. The zero Number is 0. A value whose whole part
// fits an int64 fits, and so does the sum of 10^10 of them; beyond that Add and Sub
// wrap around.
type Number struct {
	Hi int64
	Lo uint64
}

const (
	places    = 9
	unit      = 1_000_000_000 // 10^places
	maxDigits = 19            // before the point
)

// MaxBinary is the most bytes that AppendBinary appends.
const MaxBinary = 17

// Int returns the Number of an integer.
func Int(i int64) Number {
	hi, lo := bits.Mul64(magnitude(i), unit)
	n := Number{int64(hi), lo}
	if i < 0 {
		return n.Neg()
	}
	return n
}

// magnitude is |i|, also of the least int64.
func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// Parse reads a decimal: an optional minus sign, 1 to 19 digits, and optionally
// a point with one or more digits, rounded half away from zero to nine. It
// reports false for anything else, and for what does not fit (see Fits).
func Parse(b []byte) (Number, bool) {
	i, negative := 0, false
	if len(b) > 0 && b[0] == '-' {
		i, negative = 1, true
	}
	start := i
	var whole uint64
	for ; i < len(b) && isDigit(b[i]); i++ {
		if i-start == maxDigits {
			return Number{}, false
		}
		whole = whole*10 + uint64(b[i]-'0')
	}
	if i == start {
		return Number{}, false
	}
	var fraction uint64
	if i < len(b) {
		var ok bool
		if fraction, ok = parseFraction(b[i:]); !ok {
			return Number{}, false
		}
	}

	hi, lo := bits.Mul64(whole, unit)
	lo, carry := bits.Add64(lo, fraction, 0)
	n := Number{int64(hi + carry), lo}
	if negative {
		n = n.Neg()
	}
	return n, n.Fits()
}

// Fits reports whether the whole part of n is at most 2^63 - 1, either way: that of
// an int64.
func (n Number) Fits() bool {
	hi, _ := n.Magnitude()
	return hi < unit/2 // 2^63 * 10^9 is unit/2 * 2^64
}

// parseFraction reads a point and the digits after it as units.
func parseFraction(b []byte) (units uint64, ok bool) {
	if len(b) < 2 || b[0] != '.' {
		return 0, false
	}
	b = b[1:]
	kept := min(len(b), places)
	for _, c := range b[:kept] {
		if !isDigit(c) {
			return 0, false
		}
		units = units*10 + uint64(c-'0')
	}
	for range places - kept {
		units *= 10
	}
	for _, c := range b[kept:] {
		if !isDigit(c) {
			return 0, false
		}
	}
	if len(b) > kept && b[kept] >= '5' {
		units++
	}
	return units, true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// Split returns the whole part of n, rounded towards zero, and what is left in
// units of 10^-9, both with n's sign. The number must fit.
func (n Number) Split() (whole, units int64) {
	hi, lo := n.Magnitude()
	w, u := bits.Div64(hi%unit, lo, unit)
	if n.Hi < 0 {
		return -int64(w), -int64(u)
	}
	return int64(w), int64(u)
}

// Add returns n + m.
func (n Number) Add(m Number) Number {
	lo, carry := bits.Add64(n.Lo, m.Lo, 0)
	hi, _ := bits.Add64(uint64(n.Hi), uint64(m.Hi), carry)
	return Number{int64(hi), lo}
}

// Sub returns n - m.
func (n Number) Sub(m Number) Number {
	lo, borrow := bits.Sub64(n.Lo, m.Lo, 0)
	hi, _ := bits.Sub64(uint64(n.Hi), uint64(m.Hi), borrow)
	return Number{int64(hi), lo}
}

// Mul returns n * m, rounded half away from zero to nine decimals, and whether it fits.
func (n Number) Mul(m Number) (Number, bool) {
	aHi, a := n.Magnitude()
	bHi, b := m.Magnitude()
	negative := n.Negative() != m.Negative()
	if aHi|bHi != 0 {
		product := new(big.Int).Mul(bigInt(aHi, a), bigInt(bHi, b))
		return dividedBig(product, big.NewInt(unit), negative)
	}
	hi, lo := bits.Mul64(a, b)
	return divided(hi, lo, unit, negative)
}

// Quo returns n / m, rounded half away from zero to nine decimals, and whether it fits;
// nothing does if m is 0.
func (n Number) Quo(m Number) (Number, bool) {
	if m.IsZero() {
		return Number{}, false
	}
	aHi, a := n.Magnitude()
	bHi, b := m.Magnitude()
	negative := n.Negative() != m.Negative()
	if aHi|bHi != 0 {
		scaled := new(big.Int).Mul(bigInt(aHi, a), big.NewInt(unit))
		return dividedBig(scaled, bigInt(bHi, b), negative)
	}
	hi, lo := bits.Mul64(a, unit)
	return divided(hi, lo, b, negative)
}

// divided is a 128-bit number by d, rounded half up, with a sign, and whether it fits.
func divided(hi, lo, d uint64, negative bool) (Number, bool) {
	quoHi := hi / d
	quo, rest := bits.Div64(hi%d, lo, d)
	if rest >= d-rest {
		var carry uint64
		quo, carry = bits.Add64(quo, 1, 0)
		quoHi += carry
	}
	if quoHi >= unit/2 {
		return Number{}, false
	}
	return FromMagnitude(quoHi, quo, negative), true
}

func bigInt(hi, lo uint64) *big.Int {
	b := new(big.Int).SetUint64(hi)
	return b.Or(b.Lsh(b, 64), new(big.Int).SetUint64(lo))
}

// dividedBig is divided for numbers of any size.
func dividedBig(n, d *big.Int, negative bool) (Number, bool) {
	quo, rest := new(big.Int).QuoRem(n, d, new(big.Int))
	if rest.Lsh(rest, 1).Cmp(d) >= 0 {
		quo.Add(quo, big.NewInt(1))
	}
	if quo.BitLen() > 128 {
		return Number{}, false
	}
	hi := new(big.Int).Rsh(quo, 64).Uint64()
	if hi >= unit/2 {
		return Number{}, false
	}
	lo := quo.And(quo, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	return FromMagnitude(hi, lo, negative), true
}

// Neg returns -n.
func (n Number) Neg() Number { return Number{}.Sub(n) }

// Cmp returns -1, 0 or 1 as n is less than, equal to or greater than m.
func (n Number) Cmp(m Number) int {
	if n.Hi != m.Hi {
		return cmp.Compare(n.Hi, m.Hi)
	}
	return cmp.Compare(n.Lo, m.Lo)
}

// IsZero reports whether n is 0.
func (n Number) IsZero() bool { return n == Number{} }

// Negative reports whether n is less than 0.
func (n Number) Negative() bool { return n.Hi < 0 }

// Magnitude returns |n| as units of 10^-9, the number hi * 2^64 + lo.
func (n Number) Magnitude() (hi, lo uint64) {
	if n.Hi < 0 {
		n = n.Neg()
	}
	return uint64(n.Hi), n.Lo
}

// FromMagnitude is the reverse of Magnitude.
func FromMagnitude(hi, lo uint64, negative bool) Number {
	n := Number{int64(hi), lo}
	if negative {
		return n.Neg()
	}
	return n
}

// Float64 returns the float64 nearest to n, of two equally near the even one.
func (n Number) Float64() float64 { return n.Div(1) }

// Div returns the float64 nearest to n / d, of two equally near the even one.
// It is NaN if d is 0.
func (n Number) Div(d uint64) float64 {
	if d == 0 {
		return math.NaN()
	}
	hi, lo := n.Magnitude()
	divHi, divLo := bits.Mul64(d, unit)
	f := quotient(hi, lo, divHi, divLo)
	if n.Hi < 0 {
		return -f
	}
	return f
}

// quotient returns a / b, two 128-bit numbers, correctly rounded; b is not 0.
// The result is far from the ends of a float64's range, 2^-94 to 2^128.
func quotient(aHi, aLo, bHi, bLo uint64) float64 {
	if aHi|aLo == 0 {
		return 0
	}
	if bHi == 0 && aHi == 0 && aLo < 1<<53 && bLo < 1<<53 {
		return float64(aLo) / float64(bLo) // both exact, so rounded once
	}
	// Both to 128 significant bits; then the quotient of the two is in
	// (1/2, 2), and 64 bits of it by long division, the first of which may be
	// 0, with all that is left in a sticky bit, are enough to round to 53.
	aHi, aLo, aShift := normalize(aHi, aLo)
	bHi, bLo, bShift := normalize(bHi, bLo)
	var q uint64
	carry := uint64(0) // the bit of a above 128
	for range 64 {
		q <<= 1
		if carry == 1 || aHi > bHi || aHi == bHi && aLo >= bLo {
			var borrow uint64
			aLo, borrow = bits.Sub64(aLo, bLo, 0)
			aHi, _ = bits.Sub64(aHi, bHi, borrow)
			q |= 1
		}
		carry = aHi >> 63
		aHi = aHi<<1 | aLo>>63
		aLo <<= 1
	}
	exponent := bShift - aShift - 63
	if q>>63 == 0 {
		q <<= 1 // its lowest bit only serves rounding: 63 bits will do
		exponent--
	}
	if carry|aHi|aLo != 0 {
		q |= 1
	}
	// The conversion rounds 64 bits to 53, half to even; the lowest bit, which
	// stands for all that was cut off, is not among those that stay.
	return math.Ldexp(float64(q), exponent)
}

// normalize shifts a number other than 0 left until its highest bit is set.
func normalize(hi, lo uint64) (uint64, uint64, int) {
	shift := 0
	if hi == 0 {
		hi, lo, shift = lo, 0, 64
	}
	n := bits.LeadingZeros64(hi)
	return hi<<n | lo>>(64-n), lo << n, shift + n
}

// Append appends n as a decimal in its shortest exact form, such as -12.5.
func (n Number) Append(b []byte) []byte {
	hi, lo := n.Magnitude()
	if n.Hi < 0 {
		b = append(b, '-')
	}
	wholeHi, wholeLo, fraction := hi/unit, uint64(0), uint64(0)
	wholeLo, fraction = bits.Div64(hi%unit, lo, unit)
	if wholeHi == 0 {
		b = strconv.AppendUint(b, wholeLo, 10)
	} else {
		// 2^127 / 10^9 has 30 digits: two pieces of up to 19 digits.
		const piece = 10_000_000_000_000_000_000
		high, low := bits.Div64(wholeHi, wholeLo, piece)
		b = strconv.AppendUint(b, high, 10)
		b = appendPadded(b, low, 19)
	}
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	b = appendPadded(b, fraction, places)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// appendPadded appends v with zeros before it to fill width digits.
func appendPadded(b []byte, v uint64, width int) []byte {
	start := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := start + width - 1; v != 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return b
}

// String returns n as Append has it.
func (n Number) String() string { return string(n.Append(nil)) }

// AppendBinary appends n in a compact binary form with one form for each
// Number, which DecodeBinary reads: a byte with the sign in bit 0, the scale in
// bit 1 and the length of the rest above, then the magnitude, little endian,
// without zeros at its end. With the scale set the magnitude is of whole
// numbers, else of units.
func (n Number) AppendBinary(b []byte) []byte {
	hi, lo := n.Magnitude()
	var head byte
	if n.Hi < 0 {
		head = headNegative
	}
	if wholeHi, wholeLo, ok := whole(hi, lo); ok {
		hi, lo = wholeHi, wholeLo
		head |= headWhole
	}
	var buf [16]byte
	binary.LittleEndian.PutUint64(buf[:8], lo)
	binary.LittleEndian.PutUint64(buf[8:], hi)
	length := byteLen(hi, lo)
	b = append(b, head|byte(length)<<headLength)
	return append(b, buf[:length]...)
}

const (
	headNegative = 1 << 0
	headWhole    = 1 << 1
	headLength   = 2 // the length's place
)

// whole divides a magnitude by 10^9 if that leaves nothing.
func whole(hi, lo uint64) (uint64, uint64, bool) {
	wholeLo, rest := bits.Div64(hi%unit, lo, unit)
	return hi / unit, wholeLo, rest == 0
}

// byteLen is how many bytes a magnitude has without leading zeros.
func byteLen(hi, lo uint64) int {
	if hi != 0 {
		return 8 + (bits.Len64(hi)+7)/8
	}
	return (bits.Len64(lo) + 7) / 8
}

// DecodeBinary reads a Number that AppendBinary appended from the start of b
// and returns how many bytes it has, or 0 if they are not such a form.
func DecodeBinary(b []byte) (Number, int) {
	if len(b) == 0 {
		return Number{}, 0
	}
	head, length := b[0], int(b[0]>>headLength)
	if length > 16 || len(b) < 1+length {
		return Number{}, 0
	}
	var buf [16]byte
	copy(buf[:], b[1:1+length])
	lo, hi := binary.LittleEndian.Uint64(buf[:8]), binary.LittleEndian.Uint64(buf[8:])
	if byteLen(hi, lo) != length {
		return Number{}, 0
	}
	if head&headWhole != 0 {
		overflow, mid := bits.Mul64(hi, unit)
		carryHi, low := bits.Mul64(lo, unit)
		mid, carry := bits.Add64(mid, carryHi, 0)
		if overflow != 0 || carry != 0 {
			return Number{}, 0
		}
		hi, lo = mid, low
	} else if _, _, ok := whole(hi, lo); ok {
		return Number{}, 0 // the other form is the canonical one
	}
	negative := head&headNegative != 0
	least := negative && hi == 1<<63 && lo == 0
	if hi>>63 != 0 && !least || negative && hi|lo == 0 {
		return Number{}, 0
	}
	return FromMagnitude(hi, lo, negative), 1 + length
}
