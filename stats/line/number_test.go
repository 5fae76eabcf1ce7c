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
		{"18ms", units, "18"}, {"1.5ms", units, "1.5"}, {"1.5s", units, "1500"}, {"-2s", units, "-2000"},
		{"0.0000000000005s", units, "0.000000001"}, {"1s", exponents, ""}, {"1m", units, ""}, {"1sm", units, ""}, {"s", units, ""},
		{"123456789012345s", units, "123456789012345000"}, {"1234567890123456s", units, "1234567890123456000"}, {"12345678901234567s", units, ""},
		{"1500us", units, "1.5"}, {"1.5\u00b5s", units, "0.0015"}, {"-2\u03bcs", units, "-0.002"}, {"5ns", units, "0.000005"},
		{"0.0005ns", units, "0.000000001"}, {"0.00049ns", units, "0"}, {"5us", 0, ""}, {"5ns", exponents, ""}, {"5\u00b5", units, ""}, {"5u", units, ""},
		{"1m2.5s", units, "62500"}, {"1h2m0s", units, "3720000"}, {"-1h0m0.000000001s", units, "-3600000.000001"}, {"1h5s", units, "3605000"},
		{"100m90s", units, "6090000"}, {"1m0.0000000000005s", units, "60000.000000001"},
		{"5m", units, ""}, {"1h", units, ""}, {"1h2m", units, "3720000"}, {"2d5h", units, "190800000"}, {"1d", units, ""}, {"99999999999d999999999999h1s", units, ""}, {"12345678901d1h", units, "1066666657050000000"}, {"123456789012d1h", units, ""}, {"1m2s", 0, ""}, {"1m2s", exponents, ""}, {"1m1h2s", units, ""}, {"1h1h2s", units, ""},
		{"1m2m3s", units, ""}, {"1m5ms", units, ""}, {"1m5us", units, ""}, {"1m5ns", units, ""}, {"1hs", units, ""}, {"1ms5s", units, ""}, {"1m-2s", units, ""},
		{"1m--2s", units, ""}, {"1.5m2s", units, ""}, {"1hm2s", units, ""}, {"1m2.s", units, ""}, {"1m.5s", units, ""}, {"1m2s3s", units, ""}, {"1s2m", units, ""}, {"1m 2s", units, ""},
		{"277777777777h0m0s", units, "999999999997200000"}, {"277777777777h46m39.9s", units, "999999999999999900"}, {"277777777777h46m40s", units, "1000000000000000000"},
		{"999999999999h999999999999m1s", units, "3659999999996341000"}, {"1000000000000m1s", units, ""}, {"1m123456789012345s", units, "123456789012405000"}, {"1m1234567890123456s", units, "1234567890123516000"}, {"1m9223372036854775s", units, ""},
		{"1e3", exponents, "1000"}, {"1E+3", exponents, "1000"}, {"-1.25e1", exponents, "-12.5"}, {"15e-1", exponents, "1.5"},
		{"1e17", exponents, "100000000000000000"}, {"1e18", exponents, "1000000000000000000"}, {"9.3e18", exponents, ""}, {"1e19", exponents, ""}, {"0.001e20", exponents, "100000000000000000"},
		{"0e9999", exponents, "0"}, {"5e-10", exponents, "0.000000001"}, {"4e-10", exponents, "0"}, {"1e-9999", exponents, "0"},
		{"1e", exponents, ""}, {"1e+", exponents, ""}, {"1e99999", exponents, ""}, {"1e1x", exponents, ""}, {"1e3", units, ""},
		{"384.3MB", units, "384300000"}, {"21kB", units, "21000"}, {"21KB", units, "21000"}, {"3GiB", units, "3221225472"}, {"-0.5KiB", units, "-512"}, {"12B", units, "12"}, {"1.5PB", units, "1500000000000000"},
		{"8191PiB", units, "9222246136947933184"}, {"8192PiB", units, ""}, {"9999PB", units, ""}, {"1MB", 0, ""}, {"1M", units, ""}, {"1mB", units, ""}, {"1iB", units, ""}, {"1MiiB", units, ""}, {"1XB", units, ""}, {"MB", units, ""},
		{"12kb", units, "12000"}, {"1.5mb", units, "1500000"}, {"5kib", units, "5120"}, {"2Gi", units, "2147483648"}, {"12b", units, ""}, {"12Mb", units, ""}, {"1xb", units, ""}, {"1kkb", units, ""},
		{"1.5 s", units, "1500"}, {"12 MB", units, "12000000"}, {"12 %", units, "12"}, {"90sec", units, "90000"}, {"1.5 seconds", units, "1500"}, {"3 milliseconds", units, "3"}, {"5 usec", units, "0.005"},
		{"12 bytes", units, "12"}, {"5 minutes", units, ""}, {"5  s", units, ""}, {"5 ", units, ""}, {"5 s ago", units, ""}, {"1.5 s", 0, ""}, {"5 e3", exponents, ""},
		{"12.5%", units, "12.5"}, {"%", units, ""}, {"5%", 0, ""}, {"2.5e+06", units | exponents, "2500000"}, {"2e-05", units | exponents, "0.00002"},
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
		if got, ok := parseNumber([]byte(text), units); !ok || got != n {
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
		if n, ok := parseNumber([]byte(text), units); ok {
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
	for _, s := range []string{"0", "-1.5", "123456789012345678.1234567895", "1e3", "-0.5E-9", "1.5e16", "x", "1s", "5ms", "5us", "1h2m3.5s", "12345678", "12345678ms", "1234:", "12/", "1.5", "123456.7", "0.123456", "1.", ".5", "1.5.", "12.5ms", "1234567.8", "1.\xb05"} {
		f.Add(s)
	}
	half := new(big.Rat).SetFrac64(1, 2)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseNumber([]byte(text), 0)
		want, wantOK := fixed.Parse([]byte(text))
		if ok != wantOK || ok && got != want {
			t.Errorf("%q: %v %v, package fixed has %v %v", text, got, ok, want, wantOK)
		}
		if n, short := shortDecimal(buffer(text), 0, len(text)); short && (!ok || n != got) {
			t.Errorf("%q: %v all at once, %v %v digit by digit", text, n, got, ok)
		}
		for _, flags := range []value{0, units, exponents} {
			short, isShort := shortNumber(buffer(text), 0, len(text), flags)
			if n, ok := parseNumber([]byte(text), flags); isShort && (!ok || short != n) {
				t.Errorf("%q: %v all at once, %v %v digit by digit", text, short, n, ok)
			}
			if ev := (&Event{text: [4][]byte{buffer(text)}, values: [MaxFields]value{valueOf(0, min(len(text), MaxLen), flags)}}); len(text) <= MaxLen {
				digits, isDigits := ev.Digits(0)
				read := []uint64{digits}
				FromDigits(read)
				if n, ok := parseNumber([]byte(text), flags); isDigits && (!ok || n != fixed.Number{Lo: read[0]}) {
					t.Errorf("%q: %d units from digits, %v %v digit by digit", text, read[0], n, ok)
				}
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
