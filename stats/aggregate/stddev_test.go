package aggregate

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/stats/fixed"
)

func newStddev() Kind { return stddevKind.New(Parameters{Field: x}) }

func TestStddev(t *testing.T) {
	for _, test := range []struct{ numbers, want string }{
		{"5", "0"},
		{"0 0 0", "0"},
		{"2 4 4 4 5 5 7 9", "2"},
		{"1 2", "0.5"},
		{"-1 1", "1"},
		{"1 2 3", "0.816496580927726"},
		{"0.000000001 0", "0.0000000005"},
		{"0.000000001 0 0", "0.000000000471404520791032"},
		{"9223372036854775807 -9223372036854775807", "9223372036854780000"},
		{"9223372036854775807 -9223372036854775807 0", "7530851732716320000"},
		{"1000000000000000.000000001 1000000000000000", "0.0000000005"}, // floats would have 0
	} {
		f := newFolder(t)
		p := newStddev().NewPartial()
		for n := range strings.FieldsSeq(test.numbers) {
			f.fold(p, "level=info x="+n)
		}
		if got := valueOf(newStddev(), p); got != test.want {
			t.Errorf("of %s: %s, want %s", test.numbers, got, test.want)
		}
	}
}

// deviation works the standard deviation of numbers in units out a second time:
// the mean of the squares of what each is off the mean, as a fraction. It gives the
// square.
func deviation(units []*big.Int) *big.Rat {
	n := big.NewRat(int64(len(units)), 1)
	mean := new(big.Rat)
	for _, u := range units {
		mean.Add(mean, new(big.Rat).SetInt(u))
	}
	mean.Quo(mean, n)
	squares := new(big.Rat)
	for _, u := range units {
		off := new(big.Rat).Sub(new(big.Rat).SetInt(u), mean)
		squares.Add(squares, off.Mul(off, off))
	}
	return squares.Quo(squares, new(big.Rat).Mul(n, big.NewRat(1e18, 1)))
}

// Values are the standard deviation rounded to 15 digits, while a window moves:
// no 15 digits are nearer.
func TestStddevIsRounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	for _, size := range []int{1, 10, 30, 63, 92} { // bits
		w := newStddev().NewWindow()
		type second struct {
			p     Partial
			units []*big.Int
		}
		var seconds []second
		for range 60 {
			s := second{p: newStddev().NewPartial()}
			for range r.IntN(4) {
				hi, lo := r.Uint64(), r.Uint64()
				n := fixed.FromMagnitude(hi>>min(64, 64-max(0, size-64)), lo>>max(0, 64-size), r.IntN(2) == 0)
				s.p.(*spread).add(moments{1, n, square(n)})
				u := new(big.Int).SetUint64(hi >> min(64, 64-max(0, size-64)))
				u.Lsh(u, 64).Add(u, new(big.Int).SetUint64(lo>>max(0, 64-size)))
				if n.Negative() {
					u.Neg(u)
				}
				s.units = append(s.units, u)
			}
			seconds = append(seconds, s)
			w.Add(s.p)
			if old := len(seconds) - 6; old >= 0 {
				w.Sub(seconds[old].p)
			}
			var all []*big.Int
			for _, s := range seconds[max(0, len(seconds)-5):] {
				all = append(all, s.units...)
			}
			got := jsonOf(w.Value(whole))
			if len(all) == 0 {
				if got != "null" {
					t.Fatalf("of nothing: %s", got)
				}
				continue
			}
			checkRounded(t, got, deviation(all))
		}
	}
}

// checkRounded requires that a decimal is the root of a square, to 15 digits.
func checkRounded(t *testing.T, got string, square *big.Rat) {
	t.Helper()
	n, ok := new(big.Rat).SetString(got)
	if !ok {
		t.Fatalf("%q is no number", got)
	}
	if square.Sign() == 0 {
		if n.Sign() != 0 {
			t.Fatalf("%s, want 0", got)
		}
		return
	}
	digits := strings.TrimLeft(strings.Replace(got, ".", "", 1), "0")
	if len(strings.TrimRight(digits, "0")) > stddevDigits {
		t.Fatalf("%s has more than %d digits", got, stddevDigits)
	}
	// Half a step of the last of 15 digits to either side.
	step := big.NewRat(1, 1)
	ten := big.NewRat(10, 1)
	least := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(stddevDigits-1), nil))
	for new(big.Rat).Quo(n, step).Cmp(least) < 0 {
		step.Quo(step, ten)
	}
	for new(big.Rat).Quo(n, step).Cmp(new(big.Rat).Mul(least, ten)) >= 0 {
		step.Mul(step, ten)
	}
	step.Quo(step, big.NewRat(2, 1))
	low, high := new(big.Rat).Sub(n, step), new(big.Rat).Add(n, step)
	if low.Mul(low, low).Cmp(square) > 0 || high.Mul(high, high).Cmp(square) <= 0 {
		f, _ := square.Float64()
		t.Fatalf("%s is not the root of %s (%g) to %d digits", got, square, f, stddevDigits)
	}
}

// Keys are in the order of their exact deviations, however near these are.
func TestStddevOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	var windows []*stddevWindow
	var squares []*big.Rat
	for range 60 {
		w := newStddev().NewWindow().(*stddevWindow)
		var units []*big.Int
		base := r.Uint64N(3) * 1e12
		for range 1 + r.IntN(3) {
			u := base + r.Uint64N(3)
			n := fixed.FromMagnitude(0, u, false)
			w.add(moments{1, n, square(n)})
			units = append(units, new(big.Int).SetUint64(u))
		}
		windows, squares = append(windows, w), append(squares, deviation(units))
	}
	for i, a := range windows {
		for j, b := range windows {
			if got, want := a.compare(b), squares[i].Cmp(squares[j]); got != want {
				t.Fatalf("%s compared with %s: %d, want %d", squares[i], squares[j], got, want)
			}
		}
	}
}

func TestStddevRefuses(t *testing.T) {
	p := newStddev().NewPartial()
	newFolder(t).fold(p, "level=info x=2", "level=info x=300.5")
	good := p.AppendTo(nil)
	big := fixed.Int(1000).AppendBinary([]byte{1})
	for name, b := range map[string][]byte{
		"no numbers":             {0, 0, 0},
		"cut":                    good[:len(good)-1],
		"a rest":                 append(slices.Clone(good), 0),
		"a zero at the end":      append(fixed.Int(0).AppendBinary([]byte{1}), 2, 1, 0),
		"squares less than none": append(big, 1, 1),
		"squares beyond all":     append(fixed.Int(0).AppendBinary([]byte{1}), append([]byte{31}, slices.Repeat([]byte{1}, 31)...)...),
	} {
		p := newStddev().NewPartial()
		if p.Join(b) == nil || newStddev().Check(b) == nil || !p.Empty() {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWide(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 14))
	for range 5000 {
		n := fixed.FromMagnitude(r.Uint64()>>(1+r.IntN(64)), r.Uint64()>>r.IntN(64), r.IntN(2) == 0)
		hi, lo := n.Magnitude()
		u := new(big.Int).SetUint64(hi)
		u.Lsh(u, 64).Add(u, new(big.Int).SetUint64(lo))
		m := r.Uint64() >> r.IntN(64)
		want := new(big.Int).Mul(u, u)
		if got := square(n).big(); got.Cmp(want) != 0 {
			t.Fatalf("%s squared: %s, want %s", u, got, want)
		}
		want.Mul(want, new(big.Int).SetUint64(m))
		if got := square(n).times(m).big(); got.Cmp(want) != 0 {
			t.Fatalf("%s squared × %d: %s, want %s", u, m, got, want)
		}
		f, _ := new(big.Float).SetInt(want).Float64()
		if got := square(n).times(m).float(); got < f*(1-1e-15) || got > f*(1+1e-15) {
			t.Fatalf("%s is %g, want %g", want, got, f)
		}
		if got := square(n).sub(square(n).add(widen(fixed.Int(1)))).sign(); got != -1 {
			t.Fatalf("below 0 has the sign %d", got)
		}
		if n.Negative() {
			u.Neg(u)
		}
		if got, want := widen(n).times(7).sign(), u.Sign(); got != want {
			t.Fatalf("%s × 7 has the sign %d", u, got)
		}
	}
}

func BenchmarkStddevValue(b *testing.B) {
	w := newStddev().NewWindow()
	f, p := newFolder(b), newStddev().NewPartial()
	for i := range 1000 {
		f.fold(p, fmt.Sprintf("level=info x=%d.5", i*i))
	}
	w.Add(p)
	b.ReportAllocs()
	for b.Loop() {
		w.Value(whole)
	}
}
