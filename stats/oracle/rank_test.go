package oracle_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// TestQuantilesOfRecordings compares quantiles of ten seconds of generated traffic,
// with thousands of different values, with all of them, sorted.
func TestQuantilesOfRecordings(t *testing.T) {
	const rate = 2000
	lines := testkit.Size(5_000, 20_000)
	for _, test := range []struct{ kind, field, value string }{
		{"router", "service", ` service=(\d+)ms`},
		{"router", "bytes", ` bytes=(\d+)$`},
		{"combined", "http_bytes", `" \d+ (\d+) "`},
		{"json", "duration", `"duration":([\d.]+)`},
	} {
		recording := statstest.Record(t, test.kind, lines, rate)
		d, err := stats.Parse("rank.yaml", fmt.Appendf(nil, "lateness: 60s\nstats: [{name: q, quantiles: %s, at: [0.5, 0.9, 0.99, 0.999], over: 24h}]", test.field))
		if err != nil {
			t.Fatal(err)
		}
		var last json.RawMessage
		e, err := oracle.New(d, func(s stats.Snapshot) {
			if s.Stat == "q" {
				last = slices.Clone(s.Value)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(recording); i += 100 {
			second := statstest.FirstSecond + int64(i/rate)
			e.Pack(program.Pack{Lines: []byte(strings.Join(recording[i:i+100], "\n")), Second: second, Floor: second})
		}
		e.Close(-1)

		pattern := regexp.MustCompile(test.value)
		var all []*big.Rat
		for _, l := range recording {
			if test.kind == "json" && !json.Valid([]byte(l)) {
				continue // the generator cut it off
			}
			if found := pattern.FindStringSubmatch(l); found != nil {
				n, _ := new(big.Rat).SetString(found[1])
				all = append(all, n)
			}
		}
		slices.SortFunc(all, (*big.Rat).Cmp)
		var got map[string]json.Number
		if err := json.Unmarshal(last, &got); err != nil || len(all) < lines/2 {
			t.Fatalf("%s %s: %s of %d values: %v", test.kind, test.field, last, len(all), err)
		}
		for q, thousandths := range map[string]int{"0.5": 500, "0.9": 900, "0.99": 990, "0.999": 999} {
			rank := (thousandths*len(all) + 999) / 1000
			n, _ := new(big.Rat).SetString(got[q].String())
			if want := fourDigits(all[rank-1]); n == nil || n.Cmp(want) != 0 {
				t.Errorf("%s %s: quantile %s of %d values is %s, want %s", test.kind, test.field, q, len(all), got[q], want.FloatString(9))
			}
		}
	}
}

// fourDigits rounds a number of at least 0.001 to four significant digits, half up.
func fourDigits(n *big.Rat) *big.Rat {
	unit := big.NewRat(1, 1_000_000)
	for new(big.Rat).Quo(n, unit).Cmp(big.NewRat(10_000, 1)) >= 0 {
		unit.Mul(unit, big.NewRat(10, 1))
	}
	steps, _ := new(big.Rat).SetString(new(big.Rat).Quo(n, unit).FloatString(0))
	return steps.Mul(steps, unit)
}
