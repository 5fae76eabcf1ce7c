package line

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestMapping(t *testing.T) {
	for _, test := range []struct {
		m    Mapping
		t    int64
		want int64
	}{
		{Mapping{}, 5, 5},
		{Mapping{From: 100, To: 1000}, 107, 1007},
		{Mapping{From: 100, To: 1000, Milli: 1000}, 93, 993},
		{Mapping{From: 100, To: 1000, Milli: 2000}, 107, 1003},
		{Mapping{From: 100, To: 1000, Milli: 2000}, 93, 996},
		{Mapping{From: 100, To: 1000, Milli: 500}, 107, 1014},
		{Mapping{From: 0, To: math.MaxInt64}, 1, math.MaxInt64},
		{Mapping{From: math.MaxInt64, To: 0}, math.MinInt64, math.MinInt64},
		{Mapping{From: 0, To: 0, Milli: 1}, math.MaxInt64, math.MaxInt64},
		{Mapping{From: 0, To: 0, Milli: 1}, math.MinInt64, math.MinInt64},
		{Mapping{From: math.MinInt64, To: 0}, math.MaxInt64, math.MaxInt64},
	} {
		if got := test.m.Apply(test.t); got != test.want {
			t.Errorf("%+v of %d: %d, want %d", test.m, test.t, got, test.want)
		}
	}
}

func TestMappingExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	any64 := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
	for range 100_000 {
		m := Mapping{From: any64(), To: any64(), Milli: uint32(r.Uint64()) >> r.IntN(32)}
		at := any64()
		milli := int64(m.Milli)
		if milli == 0 {
			milli = 1000
		}
		want := new(big.Int).Sub(big.NewInt(at), big.NewInt(m.From))
		want.Mul(want, big.NewInt(1000))
		want.Div(want, big.NewInt(milli)) // Euclidean: rounded down, as milli > 0
		want.Add(want, big.NewInt(m.To))
		got := big.NewInt(m.Apply(at))
		if want.IsInt64() && got.Cmp(want) == 0 {
			continue
		}
		// What overflows, also on the way, is cut.
		if got.Int64() == math.MaxInt64 || got.Int64() == math.MinInt64 {
			if !want.IsInt64() && (want.Sign() > 0) == (got.Sign() > 0) || overflowsOnTheWay(m, at, milli) {
				continue
			}
		}
		t.Fatalf("%+v of %d: %v, want %v", m, at, got, want)
	}
}

func overflowsOnTheWay(m Mapping, at, milli int64) bool {
	d := new(big.Int).Sub(big.NewInt(at), big.NewInt(m.From))
	if !d.IsInt64() {
		return true
	}
	d.Mul(d, big.NewInt(1000))
	return !d.Div(d, big.NewInt(milli)).IsInt64()
}
