package line

import (
	"bytes"
	"math/bits"
	"strings"

	"pulse/stats/fixed"
)

// Digits of a number before its point, at most: all of them fit 64 bits.
const maxDigits = 19

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

func beginsNumber(c byte) bool { return c-'0' <= 9 || c == '-' }

// parseNumber reads a number: an optional minus, 1 to 19 digits, optionally a
// point and more digits, rounded half away from zero to nine. The flag units
// allows one after it, also after a blank: of time, which gives milliseconds (ns, us, µs, ms
// or s, also as words, or several as in 1m2.5s), of size, which gives bytes (kB, kb, MiB,
// Mi), or %. The flag exponents allows an exponent. A number that does not fit (see fixed.Number) is not one.
func parseNumber(b []byte, flags value) (fixed.Number, bool) {
	i := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		i++
	}
	first := i
	var whole, fraction uint64
	for i < len(b) && b[i]-'0' <= 9 {
		whole = whole*10 + uint64(b[i]-'0')
		i++
	}
	if i == first || i-first > maxDigits {
		return fixed.Number{}, false
	}
	point := i
	if i < len(b) && b[i] == '.' {
		i++
		for i < len(b) && b[i]-'0' <= 9 {
			switch n := i - point; {
			case n <= 9:
				fraction = fraction*10 + uint64(b[i]-'0')
			case n == 10 && b[i] >= '5':
				fraction++
			}
			i++
		}
		if i == point+1 {
			return fixed.Number{}, false
		}
		fraction *= pow10[max(9-(i-point-1), 0)]
	}
	if i == len(b) {
		return fitting(whole, fraction, negative)
	}
	if flags&units != 0 {
		unit := b[i:]
		if unit[0] == ' ' { // "1.5 s"
			unit = unit[1:]
		}
		switch string(unit) {
		case "ms", "msec", "millisecond", "milliseconds", "%", "B", "byte", "bytes":
			return fitting(whole, fraction, negative)
		case "s", "sec", "secs", "second", "seconds":
			return shift(b[first:point], b[point:i], 3, negative)
		case "us", "\u00b5s", "\u03bcs", "usec", "microsecond", "microseconds": // the micro sign and the Greek letter
			return shift(b[first:point], b[point:i], -3, negative)
		case "ns", "nsec", "nanosecond", "nanoseconds":
			return shift(b[first:point], b[point:i], -6, negative)
		}
		if i == point && (b[i] == 'd' || b[i] == 'h' || b[i] == 'm') {
			if n, ok := compound(b[first:], negative); ok {
				return n, true
			}
		}
		if n := len(unit) - 1; n > 0 {
			switch {
			case unit[n] == 'B':
				return size(b[first:point], b[point:i], unit[:n], negative)
			case unit[n] == 'b' && n <= len("ki") && strings.IndexByte("kmgtp", unit[0]) >= 0:
				return size(b[first:point], b[point:i], append([]byte{unit[0] - 'a' + 'A'}, unit[1:n]...), negative)
			case n == 1 && unit[1] == 'i':
				return size(b[first:point], b[point:i], unit, negative)
			}
		}
	}
	if flags&exponents != 0 && b[i]|0x20 == 'e' {
		if n, ok := parseExponent(b[i+1:]); ok {
			return shift(b[first:point], b[point:i], n, negative)
		}
	}
	return fixed.Number{}, false
}

// compound reads a duration of several units, 1h2m0.5s as Go prints it or 2d5h, in
// milliseconds: whole days, hours and minutes, and seconds. 5m alone may be months or
// megabytes, and one of days, hours or minutes alone is not a number.
func compound(b []byte, negative bool) (fixed.Number, bool) {
	const most = 12 // digits of a count, of days one less, so that their sum fits 64 bits
	var millis uint64
	parts := 0
	for _, unit := range [...]struct {
		letter byte
		millis uint64
	}{{'d', 86400e3}, {'h', 3600e3}, {'m', 60e3}} {
		n := bytes.IndexByte(b, unit.letter)
		if n < 0 {
			continue
		}
		var count uint64
		for _, c := range b[:n] {
			if c-'0' > 9 {
				return fixed.Number{}, false
			}
			count = count*10 + uint64(c-'0')
		}
		if n == 0 || n > most || n == most && unit.letter == 'd' {
			return fixed.Number{}, false
		}
		parts++
		millis += count * unit.millis
		b = b[n+1:]
	}
	sum := makeNumber(millis, 0, false)
	switch {
	case len(b) == 0 && parts > 1:
	case len(b) < 2 || b[0]-'0' > 9 || b[len(b)-2]-'0' > 9 || b[len(b)-1] != 's' || bytes.ContainsAny(b, "dhm"):
		return fixed.Number{}, false
	default:
		seconds, ok := parseNumber(b, units)
		if sum = sum.Add(seconds); !ok {
			return fixed.Number{}, false
		}
	}
	if !sum.Fits() {
		return fixed.Number{}, false
	}
	if negative {
		sum = sum.Neg()
	}
	return sum, true
}

// size reads a number of bytes with a prefix: k, M, G, T or P (powers of a
// thousand; K is k), with an i after it (powers of 1024).
func size(whole, fraction, prefix []byte, negative bool) (fixed.Number, bool) {
	power := 0
	if len(prefix) > 0 {
		power = 1 + strings.IndexByte("kMGTP", prefix[0])
		if prefix[0] == 'K' {
			power = 1
		}
	}
	switch {
	case power == 0 || len(prefix) > 2 || len(prefix) == 2 && prefix[1] != 'i':
		return fixed.Number{}, false
	case len(prefix) == 1:
		return shift(whole, fraction, 3*power, negative)
	}
	n, ok := shift(whole, fraction, 0, false)
	for range 10 * power { // 1024 is ten times the double
		if n = n.Add(n); !n.Fits() {
			return fixed.Number{}, false
		}
	}
	if negative {
		n = n.Neg()
	}
	return n, ok
}

// shortNumber reads what most numbers are, 1 to 8 digits and, with the flag
// units, ms after them: all digits at once. It is not ok if b[start:end],
// which has eight bytes after it, is anything else, a number or not.
func shortNumber(b []byte, start, end int, flags value) (fixed.Number, bool) {
	x := load(b, start) ^ '0'*ones
	n := min(bits.TrailingZeros64(notDigits(x))>>3, end-start)
	if n == 0 || n < end-start && (flags&units == 0 || n+2 != end-start || b[end-2] != 'm' || b[end-1] != 's') {
		return fixed.Number{}, false
	}
	x <<= 64 - 8*n // zeros before it
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	x = (x*10000 + x>>32) & 0xffffffff
	return fixed.Number{Lo: x * 1e9}, true
}

// hasWord reports whether something else than a point comes after the digits that b[start:end] begins
// with, so that it is not a number without a unit. It looks at the first eight bytes alone.
func hasWord(b []byte, start, end int) bool {
	x := load(b, start) ^ '0'*ones
	n := bits.TrailingZeros64(notDigits(x)) >> 3
	return n < min(end-start, 8) && n > 0 && b[start+n] != '.'
}

// shortDecimal reads numbers of up to eight bytes, with a point between digits. It is not ok if
// b[start:end], which has eight bytes after it, is anything else.
func shortDecimal(b []byte, start, end int) (fixed.Number, bool) {
	x, places, ok := decimalDigits(b, start, end)
	if !ok {
		return fixed.Number{}, false
	}
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	x = (x*10000 + x>>32) & 0xffffffff
	return fixed.Number{Lo: x * pow10[9-places]}, true
}

// decimalDigits gives the digits of a number as shortDecimal reads it, with zeros before them,
// a byte each, and how many are after the point.
func decimalDigits(b []byte, start, end int) (x uint64, places int, ok bool) {
	size := end - start
	if size > 8 {
		return 0, 0, false
	}
	x = load(b, start) ^ '0'*ones
	stops := notDigits(x) & lowBytes[size&15]
	n := bits.TrailingZeros64(stops) >> 3
	places = size - n - 1
	if n == 0 || stops&(stops-1) != 0 || places <= 0 || b[start+n] != '.' {
		return 0, 0, false
	}
	whole := lowBytes[n&15]
	return (x&whole | x>>8&^whole) << (64 - 8*(size-1)), places, true // without the point
}

// Digits gives the digits of a field that the line has, if it is a number as shortNumber or
// shortDecimal reads it: eight with zeros before them, a byte each, and in the upper half of the
// first byte how many are after the point. FromDigits makes numbers of them, of many at once.
func (e *Event) Digits(s Slot) (digits uint64, ok bool) {
	v := e.values[uint(s)%MaxFields]
	start, end := v.bounds()
	b := e.text[v>>textShift&3]
	x := load(b, start) ^ '0'*ones
	n := min(bits.TrailingZeros64(notDigits(x))>>3, end-start)
	if n == 0 || v&onlyText != 0 {
		return 0, false
	}
	if n < end-start && (v&units == 0 || n+2 != end-start || b[end-2] != 'm' || b[end-1] != 's') {
		x, places, ok := decimalDigits(b, start, end)
		return x | uint64(places)<<4, ok
	}
	return x << (64 - 8*n), true
}

// FromDigits replaces what Digits gave by the numbers that they are, in units of 10^-9.
func FromDigits(all []uint64) {
	for i, x := range all {
		unit := pow10[9-x>>4&7]
		x &= 0x0f * ones
		x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
		x = (x*100 + x>>16) & 0x0000ffff0000ffff
		x = (x*10000 + x>>32) & 0xffffffff
		all[i] = x * unit
	}
}

// fitting is makeNumber of what may not fit.
func fitting(whole, fraction uint64, negative bool) (fixed.Number, bool) {
	n := makeNumber(whole, fraction, negative)
	return n, n.Fits()
}

// scaled reads digits, perhaps with a point and more, as so many places further
// left (negative: right) than they are.
func scaled(b []byte, places int) (fixed.Number, bool) {
	point := bytes.IndexByte(b, '.')
	if point < 0 {
		point = len(b)
	}
	if _, ok := parseNumber(b, 0); !ok || b[0] == '-' {
		return fixed.Number{}, false
	}
	return shift(b[:point], b[point:], places, false)
}

func makeNumber(whole, fraction uint64, negative bool) fixed.Number {
	hi, lo := bits.Mul64(whole, 1e9)
	lo, carry := bits.Add64(lo, fraction, 0)
	hi += carry
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return fixed.Number{Hi: int64(hi), Lo: lo}
}

// parseExponent reads an optional sign and 1 to 4 digits.
func parseExponent(b []byte) (int, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 4 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// shift gives the number whole.fraction (fraction with its point, or empty)
// with the point moved n places to the right, if that fits.
func shift(whole, fraction []byte, n int, negative bool) (fixed.Number, bool) {
	if len(fraction) > 0 {
		fraction = fraction[1:]
	}
	digit := func(i int) uint64 { // the digit of 10^-(i-len(whole)+1)
		switch {
		case i < 0 || i >= len(whole)+len(fraction):
			return 0
		case i < len(whole):
			return uint64(whole[i] - '0')
		}
		return uint64(fraction[i-len(whole)] - '0')
	}
	point := len(whole) + n
	// Zeros before the number do not count: 0.001e19 has 17 digits.
	start, digits := 0, len(whole)+len(fraction)
	for start < digits && digit(start) == 0 {
		start++
	}
	switch {
	case start == digits || start > point+9:
		return fixed.Number{}, true
	case point-start > maxDigits:
		return fixed.Number{}, false
	}
	var w, f uint64
	for i := min(start, point); i < point; i++ {
		w = w*10 + digit(i)
	}
	for i := point; i < point+9; i++ {
		f = f*10 + digit(i)
	}
	if digit(point+9) >= 5 {
		f++
	}
	return fitting(w, f, negative)
}

// Bytes reads a size as a number of bytes: digits, perhaps a point and more, and a prefix
// (k, M, G, T, P, powers of a thousand, or with an i of 1024), a B, both or neither. What
// has another unit is not one.
func Bytes(b []byte) (fixed.Number, bool) {
	b = bytes.TrimSpace(b)
	i := 0
	for i < len(b) && (b[i]-'0' <= 9 || b[i] == '.') {
		i++
	}
	prefix := bytes.TrimSuffix(bytes.TrimLeft(b[i:], " "), []byte("B"))
	if _, ok := parseNumber(b[:i], 0); !ok || len(prefix) == 0 {
		return parseNumber(b[:i], 0)
	}
	whole, fraction := b[:i], []byte(nil)
	if point := bytes.IndexByte(whole, '.'); point >= 0 {
		whole, fraction = whole[:point], whole[point:]
	}
	return size(whole, fraction, prefix, false)
}
