package aggregate

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/big"
	"strings"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

var stddevKind = Description{
	Name:    "stddev",
	Aliases: []string{"stdev", "deviation", "variance"},
	Doc:     "The population standard deviation of the field's numbers, from exact sums, rounded once to 15 digits.",
	Example: []string{"stddev: ms"},
	Options: append(byKey(), over(60)),
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return stddev{p.Field} },
}

// stddevDigits is how many significant digits a value has.
const stddevDigits = 15

// stddev is sqrt(n Σx² - (Σx)²) / n of n numbers x. Sums are of integers, the
// numbers in units of 10^-9, so that they do not depend on an order, and what is
// taken out leaves nothing behind.
type stddev struct{ field line.Slot }

func (k stddev) NewPartial() Partial { return &spread{field: k.field} }
func (stddev) NewWindow() Window     { return new(stddevWindow) }
func (stddev) Check(b []byte) error  { return new(spread).Join(b) }
func (k stddev) measured() line.Slot { return k.field }

// moments are how many numbers there are, their sum, and the sum of their squares.
type moments struct {
	count   uint64
	sum     fixed.Number
	squares wide // in units of 10^-18
}

func (m *moments) add(o moments) {
	m.count += o.count
	m.sum = m.sum.Add(o.sum)
	m.squares = m.squares.add(o.squares)
}

func (m *moments) sub(o moments) {
	m.count -= o.count
	m.sum = m.sum.Sub(o.sum)
	m.squares = m.squares.sub(o.squares)
}

// spread is the partial: the moments of a second. Its bytes are the count, as a
// uvarint, the sum, and the length and the bytes of the squares, little endian.
type spread struct {
	field line.Slot
	moments
}

func (p *spread) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		p.count++
		p.sum = p.sum.Add(n)
		p.squares = p.squares.add(square(n))
	}
	return ok
}

func (p *spread) Empty() bool { return p.count == 0 }
func (p *spread) Reset()      { p.moments = moments{} }

func (p *spread) AppendTo(b []byte) []byte {
	if p.count == 0 {
		return b
	}
	b = p.sum.AppendBinary(binary.AppendUvarint(b, p.count))
	var squares [8 * len(p.squares)]byte
	for i, word := range p.squares {
		binary.LittleEndian.PutUint64(squares[8*i:], word)
	}
	length := len(squares)
	for length > 0 && squares[length-1] == 0 {
		length--
	}
	return appendChunk(b, squares[:length])
}

func (p *spread) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var m moments
	var ok bool
	if m.count, b, ok = uvarint(b, maxCount); !ok || m.count == 0 {
		return ErrMalformed
	}
	var size int
	if m.sum, size = fixed.DecodeBinary(b); size == 0 {
		return ErrMalformed
	}
	squares, rest, ok := chunk(b[size:], maxSquares)
	if !ok || len(rest) > 0 || len(squares) > 0 && squares[len(squares)-1] == 0 {
		return ErrMalformed
	}
	var buf [8 * len(m.squares)]byte
	copy(buf[:], squares)
	for i := range m.squares {
		m.squares[i] = binary.LittleEndian.Uint64(buf[8*i:])
	}
	if m.variance().sign() < 0 {
		return ErrMalformed // no numbers have such sums
	}
	p.add(m)
	return nil
}

// maxSquares is how many bytes the squares of a second have at most: those of 2^48
// numbers of 93 bits have 30. The count times those of a day's seconds fit a wide.
const maxSquares = 30

// variance is n² times the variance, in units of 10^-18. Sums that no numbers have
// may have a negative one.
func (m *moments) variance() wide { return m.squares.times(m.count).sub(square(m.sum)) }

type stddevWindow struct{ moments }

func (w *stddevWindow) Add(p Partial) { w.add(p.(*spread).moments) }
func (w *stddevWindow) Sub(p Partial) { w.sub(p.(*spread).moments) }

func (w *stddevWindow) Value(Span) value.Value {
	if w.count == 0 {
		return nil
	}
	variance := w.variance()
	if variance.sign() <= 0 {
		return value.Count(0)
	}
	n := new(big.Int).SetUint64(w.count)
	return rootBy(variance.big(), n.Mul(n, big.NewInt(1e9)), stddevDigits)
}

func (w *stddevWindow) absorb(other Window) { w.add(other.(*stddevWindow).moments) }

func (w *stddevWindow) compare(other Window) int {
	o := other.(*stddevWindow)
	a, b := w.variance(), o.variance()
	n, m := float64(w.count), float64(o.count)
	x, y := a.float()/(n*n), b.float()/(m*m) // within 2^-50 of the variances
	const sure = 1e-12
	if x-y > sure*x || y-x > sure*y || a == b && w.count == o.count {
		return cmp.Compare(x, y)
	}
	return scaled(a, o.count).Cmp(scaled(b, w.count))
}

// scaled gives v × n².
func scaled(v wide, n uint64) *big.Int {
	factor := new(big.Int).SetUint64(n)
	return factor.Mul(factor, factor).Mul(factor, v.big())
}

// rootBy gives sqrt(v) / d rounded half away from zero to so many significant
// digits; v and d are above 0.
func rootBy(v, d *big.Int, digits int) value.Number {
	ten := big.NewInt(10)
	limit := new(big.Int).Exp(ten, big.NewInt(int64(digits)), nil)
	// The digits are the integer r nearest to x × 10^places. As floor(2 y) is
	// isqrt(floor(4 y²)), it is (that + 1) / 2.
	rounded := func(places int) *big.Int {
		dividend, divisor := new(big.Int).Lsh(v, 2), new(big.Int).Mul(d, d)
		power := new(big.Int).Exp(ten, big.NewInt(int64(2*max(places, -places))), nil)
		if places >= 0 {
			dividend.Mul(dividend, power)
		} else {
			divisor.Mul(divisor, power)
		}
		r := dividend.Quo(dividend, divisor)
		r.Sqrt(r)
		return r.Rsh(r.Add(r, big.NewInt(1)), 1)
	}
	least := float64(v.BitLen()-1)/2 - float64(d.BitLen()) // x is above 2^least
	places := digits - 1 - int(math.Floor(least*math.Log10(2)))
	r := rounded(places)
	for r.Cmp(limit) >= 0 {
		places--
		r = rounded(places)
	}
	return shifted(r.String(), places)
}

// shifted writes digits × 10^-places as a decimal without zeros at its end.
func shifted(digits string, places int) value.Number {
	if places <= 0 {
		return value.Number(digits + strings.Repeat("0", -places))
	}
	if len(digits) <= places {
		digits = strings.Repeat("0", places-len(digits)+1) + digits
	}
	point := len(digits) - places
	return value.Number(strings.TrimRight(strings.TrimRight(digits[:point]+"."+digits[point:], "0"), "."))
}
