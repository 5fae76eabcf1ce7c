package fixed

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// big128 is n in units as math/big has it.
func big128(n Number) *big.Int {
	i := new(big.Int).Lsh(big.NewInt(n.Hi), 64)
	return i.Add(i, new(big.Int).SetUint64(n.Lo))
}

// fromBig wraps i around at 128 bits.
func fromBig(i *big.Int) Number {
	mask := new(big.Int).SetUint64(math.MaxUint64)
	lo := new(big.Int).And(i, mask).Uint64()
	hi := new(big.Int).And(new(big.Int).Rsh(i, 64), mask).Uint64()
	return Number{int64(hi), lo}
}

func rat(n Number) *big.Rat { return new(big.Rat).SetFrac(big128(n), big.NewInt(unit)) }

// number returns Numbers of all sizes, with the ends of ranges among them.
func number(r *rand.Rand) Number {
	n := Number{int64(r.Uint64()), r.Uint64()}
	switch r.IntN(8) {
	case 0:
		n.Hi = 0
	case 1:
		n.Hi = -1
	case 2:
		n = Int(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		n = Number{int64(n.Hi) >> r.IntN(64), n.Lo}
	case 4:
		ends := []Number{{}, {0, 1}, {-1, math.MaxUint64}, {math.MinInt64, 0}, {math.MaxInt64, math.MaxUint64}, {0, math.MaxUint64}, {1, 0}, {-1, 0}}
		n = ends[r.IntN(len(ends))]
	case 5:
		n = Number{0, r.Uint64() >> r.IntN(64)}
	}
	return n
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"0", "0"}, {"-0", "0"}, {"007", "7"}, {"1.50", "1.5"}, {"-12.25", "-12.25"},
		{"999999999999999999", "999999999999999999"},
		{"999999999999999999.9999999999", "1000000000000000000"},
		{"0.0000000005", "0.000000001"}, {"-0.0000000005", "-0.000000001"},
		{"0.00000000049999999", "0"}, {"1.1234567895", "1.12345679"},
		{"0.000000001", "0.000000001"}, {"000000000000000000.5", "0.5"},
	} {
		n, ok := Parse([]byte(test.in))
		if !ok || n.String() != test.want {
			t.Errorf("Parse(%q) = %s, %v, want %s", test.in, n, ok, test.want)
		}
	}
	for _, in := range []string{
		"", "-", "+1", ".5", "1.", "-.5", "1e3", "1 ", " 1", "1.2.3", "1.2x", "--1", "0x10", "1_0", "NaN",
		"9223372036854775808", "-9223372036854775808", "9223372036854775807.9999999999", "00000000000000000000", "1.1234567891x", "1.x", "\xb0",
	} {
		if n, ok := Parse([]byte(in)); ok {
			t.Errorf("Parse(%q) = %s, want it refused", in, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "999999999999999999.9999999995", "1.", "-", "1e9", "0.12345678949", "00.10"} {
		f.Add([]byte(s))
	}
	syntax := regexp.MustCompile(`^-?[0-9]{1,19}(\.[0-9]+)?$`)
	limit, _ := new(big.Rat).SetString("9223372036854775808")
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := Parse(b)
		want, exact := false, ""
		if syntax.Match(b) && !bytes.ContainsRune(b, '\n') {
			value, _ := new(big.Rat).SetString(string(b))
			exact = value.FloatString(places) // rounds half away from zero
			value.SetString(exact)
			want = value.Abs(value).Cmp(limit) < 0
		}
		if ok != want {
			t.Fatalf("Parse(%q) says %v, want %v", b, ok, want)
		}
		if !ok {
			return
		}
		if got := rat(n).FloatString(places); strings.TrimPrefix(got, "-") != strings.TrimPrefix(exact, "-") || n.Negative() && exact[0] != '-' {
			t.Fatalf("Parse(%q) = %s, want %s", b, got, exact)
		}
		if again, ok := Parse(n.Append(nil)); !ok || again != n {
			t.Fatalf("Parse(%q) is not itself again through Append: %s", b, again)
		}
	})
}

// TestMulAndQuo: products and quotients are those of fractions, rounded once.
func TestMulAndQuo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	limit := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 63))
	check := func(what string, got Number, ok bool, exact *big.Rat) {
		t.Helper()
		rounded := exact.FloatString(places) // half away from zero
		want, _ := new(big.Rat).SetString(rounded)
		if fits := new(big.Rat).Abs(want).Cmp(limit) < 0; ok != fits || ok && rat(got).Cmp(want) != 0 {
			t.Fatalf("%s is %s, %v, want %s, %v", what, got, ok, rounded, fits)
		}
	}
	for range 20_000 {
		n, m := number(r), number(r)
		if !n.Fits() || !m.Fits() {
			continue
		}
		product, ok := n.Mul(m)
		check(fmt.Sprint(n, " * ", m), product, ok, new(big.Rat).Mul(rat(n), rat(m)))
		if quotient, ok := n.Quo(m); m.IsZero() {
			if ok {
				t.Fatalf("%s / 0 is %s", n, quotient)
			}
		} else {
			check(fmt.Sprint(n, " / ", m), quotient, ok, new(big.Rat).Quo(rat(n), rat(m)))
		}
	}
}

func TestArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		n, m := number(r), number(r)
		if got, want := n.Add(m), fromBig(new(big.Int).Add(big128(n), big128(m))); got != want {
			t.Fatalf("%s + %s = %s, want %s", n, m, got, want)
		}
		if got := n.Add(m).Sub(m); got != n {
			t.Fatalf("%s + %s - %[2]s = %s", n, m, got)
		}
		if got, want := n.Neg(), fromBig(new(big.Int).Neg(big128(n))); got != want {
			t.Fatalf("-(%s) = %s, want %s", n, got, want)
		}
		if got, want := n.Cmp(m), big128(n).Cmp(big128(m)); got != want {
			t.Fatalf("%s compared with %s: %d, want %d", n, m, got, want)
		}
		if got, want := n.Negative(), big128(n).Sign() < 0; got != want {
			t.Fatalf("%s is negative: %v", n, got)
		}
		hi, lo := n.Magnitude()
		if got := FromMagnitude(hi, lo, n.Negative()); got != n {
			t.Fatalf("%s from its magnitude: %s", n, got)
		}
	}
}

func TestInt(t *testing.T) {
	for _, i := range []int64{0, 1, -1, 10, 1e18, math.MaxInt64, math.MinInt64} {
		want := new(big.Int).Mul(big.NewInt(i), big.NewInt(unit))
		if got := big128(Int(i)); got.Cmp(want) != 0 {
			t.Errorf("Int(%d) = %d units, want %d", i, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		in           string
		whole, units int64
	}{{"0", 0, 0}, {"1.5", 1, 500_000_000}, {"-1.5", -1, -500_000_000}, {"-0.000000001", 0, -1}, {"999999999999999999.999999999", 999999999999999999, 999_999_999}} {
		n, _ := Parse([]byte(test.in))
		if whole, units := n.Split(); whole != test.whole || units != test.units {
			t.Errorf("%s splits into %d and %d units, want %d and %d", n, whole, units, test.whole, test.units)
		}
	}
}

func TestDivIsCorrectlyRounded(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(n Number, d uint64) {
		t.Helper()
		exact := new(big.Rat).Quo(rat(n), new(big.Rat).SetInt(new(big.Int).SetUint64(d)))
		if want, _ := exact.Float64(); n.Div(d) != want {
			t.Fatalf("%s / %d = %v, want %v", n, d, n.Div(d), want)
		}
	}
	for range 20_000 {
		n := number(r)
		check(n, 1)
		check(n, r.Uint64()>>r.IntN(64)|1)
	}
	// Ties between two neighbors, and one unit to either side of them.
	for range 2_000 {
		odd := new(big.Int).SetUint64(r.Uint64()>>10 | 1<<53 | 1) // 54 bits, the last of which is a half
		units := odd.Mul(odd, big.NewInt(unit))
		units.Lsh(units, uint(r.IntN(40)))
		for _, off := range []int64{-1, 0, 1} {
			check(fromBig(new(big.Int).Add(units, big.NewInt(off))), 1)
		}
	}
	if got := Int(1).Div(0); !math.IsNaN(got) {
		t.Errorf("1 / 0 = %v, want NaN", got)
	}
}

func TestAppendIsExactAndShort(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		n := number(r)
		want := rat(n).FloatString(places)
		want = strings.TrimSuffix(strings.TrimRight(want, "0"), ".")
		if got := n.String(); got != want {
			t.Fatalf("%d units: %s, want %s", big128(n), got, want)
		}
	}
}

func TestBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		n := number(r)
		b := n.AppendBinary([]byte("x"))[1:]
		if got, size := DecodeBinary(append(b, 0xff)); got != n || size != len(b) || size > MaxBinary {
			t.Fatalf("%s through %x: %s in %d bytes", n, b, got, size)
		}
		for i := range b {
			if got, size := DecodeBinary(b[:i]); size != 0 && size != i {
				t.Fatalf("%x cut to %d bytes: %s in %d bytes", b, i, got, size)
			}
		}
	}
	if b := Int(200).AppendBinary(nil); len(b) != 2 {
		t.Errorf("200 takes %d bytes, want 2", len(b))
	}
}

func FuzzDecodeBinary(f *testing.F) {
	for _, n := range []Number{{}, Int(1), Int(-200), {0, 1}, {math.MinInt64, 0}, {math.MaxInt64, math.MaxUint64}} {
		f.Add(n.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, size := DecodeBinary(b)
		if size < 0 || size > len(b) || size > MaxBinary {
			t.Fatalf("%x: %d bytes", b, size)
		}
		if size > 0 && !bytes.Equal(n.AppendBinary(nil), b[:size]) {
			t.Fatalf("%x is a second form of %s", b[:size], n)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	in := []byte("1234.567")
	for b.Loop() {
		Parse(in)
	}
}

func BenchmarkDiv(b *testing.B) {
	n := Int(123456789012).Add(Number{0, 7})
	for b.Loop() {
		n.Div(1_000_003)
	}
}
