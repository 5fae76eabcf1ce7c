package line

import (
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pulse/stats/fixed"
)

func TestParseNumber(t *testing.T) {
	for _, test := range []struct {
		text  string
		flags value
		want  string // "": no number
	}{
		{"0", 0, "0"}, {"-0", 0, "0"}, {"007", 0, "7"}, {"-12.50", 0, "-12.5"},
		{"123456789012345678", 0, "123456789012345678"}, {"1234567890123456789", 0, "1234567890123456789"},
		{"9223372036854775807.999999999", 0, "9223372036854775807.999999999"}, {"9223372036854775807.9999999999", 0, ""}, {"-9223372036854775808", 0, ""}, {"9999999999999999999", 0, ""}, {"12345678901234567890", 0, ""},
		{"0.0000000005", 0, "0.000000001"}, {"0.00000000049", 0, "0"}, {"-0.0000000005", 0, "-0.000000001"},
		{"0.9999999999", 0, "1"}, {"1.1234567894999", 0, "1.123456789"},
		{"", 0, ""}, {"-", 0, ""}, {".5", 0, ""}, {"5.", 0, ""}, {"1.2.3", 0, ""}, {"+5", 0, ""}, {"5x", 0, ""}, {"0x5", 0, ""}, {" 5", 0, ""},
		{"18ms", 0, ""}, {"1.5s", 0, ""}, {"1e3", 0, ""},
		{"18ms", durations, "18"}, {"1.5ms", durations, "1.5"}, {"1.5s", durations, "1500"}, {"-2s", durations, "-2000"},
		{"0.0000000000005s", durations, "0.000000001"}, {"1s", exponents, ""}, {"1m", durations, ""}, {"1sm", durations, ""}, {"s", durations, ""},
		{"123456789012345s", durations, "123456789012345000"}, {"1234567890123456s", durations, "1234567890123456000"}, {"12345678901234567s", durations, ""},
		{"1500us", durations, "1.5"}, {"1.5\u00b5s", durations, "0.0015"}, {"-2\u03bcs", durations, "-0.002"}, {"5ns", durations, "0.000005"},
		{"0.0005ns", durations, "0.000000001"}, {"0.00049ns", durations, "0"}, {"5us", 0, ""}, {"5ns", exponents, ""}, {"5\u00b5", durations, ""}, {"5u", durations, ""},
		{"1m2.5s", durations, "62500"}, {"1h2m0s", durations, "3720000"}, {"-1h0m0.000000001s", durations, "-3600000.000001"}, {"1h5s", durations, "3605000"},
		{"100m90s", durations, "6090000"}, {"1m0.0000000000005s", durations, "60000.000000001"},
		{"5m", durations, ""}, {"1h", durations, ""}, {"1h2m", durations, ""}, {"1m2s", 0, ""}, {"1m2s", exponents, ""}, {"1m1h2s", durations, ""}, {"1h1h2s", durations, ""},
		{"1m2m3s", durations, ""}, {"1m5ms", durations, ""}, {"1m5us", durations, ""}, {"1m5ns", durations, ""}, {"1hs", durations, ""}, {"1ms5s", durations, ""}, {"1m-2s", durations, ""},
		{"1m--2s", durations, ""}, {"1.5m2s", durations, ""}, {"1hm2s", durations, ""}, {"1m2.s", durations, ""}, {"1m.5s", durations, ""}, {"1m2s3s", durations, ""}, {"1s2m", durations, ""}, {"1m 2s", durations, ""},
		{"277777777777h0m0s", durations, "999999999997200000"}, {"277777777777h46m39.9s", durations, "999999999999999900"}, {"277777777777h46m40s", durations, "1000000000000000000"},
		{"999999999999h999999999999m1s", durations, "3659999999996341000"}, {"1000000000000m1s", durations, ""}, {"1m123456789012345s", durations, "123456789012405000"}, {"1m1234567890123456s", durations, "1234567890123516000"}, {"1m9223372036854775s", durations, ""},
		{"1e3", exponents, "1000"}, {"1E+3", exponents, "1000"}, {"-1.25e1", exponents, "-12.5"}, {"15e-1", exponents, "1.5"},
		{"1e17", exponents, "100000000000000000"}, {"1e18", exponents, "1000000000000000000"}, {"9.3e18", exponents, ""}, {"1e19", exponents, ""}, {"0.001e20", exponents, "100000000000000000"},
		{"0e9999", exponents, "0"}, {"5e-10", exponents, "0.000000001"}, {"4e-10", exponents, "0"}, {"1e-9999", exponents, "0"},
		{"1e", exponents, ""}, {"1e+", exponents, ""}, {"1e99999", exponents, ""}, {"1e1x", exponents, ""}, {"1e3", durations, ""},
	} {
		n, ok := parseNumber([]byte(test.text), test.flags)
		got := ""
		if ok {
			got = n.String()
		}
		if got != test.want {
			t.Errorf("%q (flags %x): %q, want %q", test.text, test.flags, got, test.want)
		}
	}
}

// TestDurations: what a time.Duration prints is its milliseconds, to the
// nanosecond, and what Parse takes and Go does too is the same.
func TestDurations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	check := func(text string, want time.Duration) {
		hi, lo := bits.Mul64(uint64(want.Abs()), 1000) // of a millisecond's billionths
		n := fixed.Number{Hi: int64(hi), Lo: lo}
		if want < 0 {
			n = n.Neg()
		}
		if got, ok := parseNumber([]byte(text), durations); !ok || got != n {
			t.Errorf("%s: %v, %v, want %v", text, got, ok, n)
		}
	}
	for range 20000 {
		d := time.Duration(r.Int64() >> r.IntN(63))
		for _, d := range []time.Duration{d, -d, d.Round(time.Second), d.Round(time.Minute)} {
			check(d.String(), d)
		}
		text := ""
		for _, unit := range []string{"h", "m", "s", "ms", "us", "µs", "ns"} {
			if r.IntN(4) == 0 {
				text += fmt.Sprint(r.IntN(100), unit)
			}
		}
		if n, ok := parseNumber([]byte(text), durations); ok {
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatalf("%s is %v to us, and to Go: %v", text, n, err)
			}
			check(text, d)
		}
	}
}

// FuzzParseNumber compares with package fixed, and exponents with math/big.
func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "123456789012345678.1234567895", "1e3", "-0.5E-9", "1.5e16", "x", "1s", "5ms", "5us", "1h2m3.5s", "12345678", "12345678ms", "1234:", "12/"} {
		f.Add(s)
	}
	half := new(big.Rat).SetFrac64(1, 2)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseNumber([]byte(text), 0)
		want, wantOK := fixed.Parse([]byte(text))
		if ok != wantOK || ok && got != want {
			t.Errorf("%q: %v %v, package fixed has %v %v", text, got, ok, want, wantOK)
		}
		for _, flags := range []value{0, durations, exponents} {
			short, isShort := shortNumber(buffer(text), 0, len(text), flags)
			if n, ok := parseNumber([]byte(text), flags); isShort && (!ok || short != n) {
				t.Errorf("%q: %v all at once, %v %v digit by digit", text, short, n, ok)
			}
		}
		n, ok := parseNumber([]byte(text), exponents)
		if !ok || len(text) > 40 || strings.ContainsAny(text, "_") {
			return
		}
		r, isRat := new(big.Rat).SetString(text)
		if !isRat {
			t.Fatalf("%q is a number to us, and none to math/big", text)
		}
		r.Mul(r, new(big.Rat).SetInt64(1e9))
		away := new(big.Rat).Add(new(big.Rat).Abs(r), half)
		units := new(big.Int).Quo(away.Num(), away.Denom())
		if r.Sign() < 0 {
			units.Neg(units)
		}
		ours := new(big.Int).Lsh(big.NewInt(n.Hi), 64)
		if ours.Add(ours, new(big.Int).SetUint64(n.Lo)); ours.Cmp(units) != 0 {
			t.Errorf("%q: %v units, want %v", text, ours, units)
		}
	})
}
