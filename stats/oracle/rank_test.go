package oracle_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// TestQuantilesOfRecordings compares quantiles of a minute of generated traffic
// with all its values, sorted: none may be off by more than 0.5 % of the ranks.
func TestQuantilesOfRecordings(t *testing.T) {
	const lines, rate = 120_000, 2000
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
		var all []float64
		for _, l := range recording {
			if found := pattern.FindStringSubmatch(l); found != nil {
				x, err := strconv.ParseFloat(found[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, x)
			}
		}
		slices.Sort(all)
		n := float64(len(all))

		var got map[string]float64
		if err := json.Unmarshal(last, &got); err != nil || n < lines/2 {
			t.Fatalf("%s %s: %s of %v values: %v", test.kind, test.field, last, n, err)
		}
		worst := 0.0
		for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
			value := got[strconv.FormatFloat(q, 'f', -1, 64)]
			// A value's four digits stand for all that round to them.
			first := float64(sort.SearchFloat64s(all, value*(1-5e-4)))
			behind := float64(sort.SearchFloat64s(all, math.Nextafter(value*(1+5e-4), math.Inf(1))))
			off := max(first-q*n, q*n-behind, 0) / n
			worst = max(worst, off)
			if off > 0.005 {
				t.Errorf("%s %s: quantile %v is %v, off by %.2f %% of the ranks", test.kind, test.field, q, value, 100*off)
			}
		}
		t.Logf("%s %s: %v values, off by %.3f %% of the ranks at most", test.kind, test.field, n, 100*worst)
	}
}
