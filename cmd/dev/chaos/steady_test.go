package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSteady compares processes that have owned other partitions meanwhile, and such that
// have grown.
func TestSteady(t *testing.T) {
	began := time.Unix(1_000_000, 0)
	for name, test := range map[string]struct {
		// Of a sample: what it owns, and what it takes up.
		owned      func(minute int) int
		heap       func(minute int) float64
		goroutines func(minute int) float64
		want       []string
	}{
		"as before": {
			func(int) int { return 3 }, func(int) float64 { return 10 }, func(int) float64 { return 90 }, nil,
		},
		"owned all for a while, and writes to these partitions since": {
			func(minute int) int {
				if minute == 30 {
					return 8
				}
				return 3
			},
			func(int) float64 { return 10 },
			func(minute int) float64 {
				if minute < 30 {
					return 90
				}
				return 90 + 5*5
			}, nil,
		},
		"collected with all, and has three again since": {
			func(minute int) int {
				if minute == 56 {
					return 8
				}
				return 3
			},
			func(minute int) float64 {
				if minute == 56 || minute == 57 {
					return 20
				}
				return 10
			},
			func(int) float64 { return 90 }, nil,
		},
		"a heap that grows": {
			func(int) int { return 3 }, func(minute int) float64 { return float64(10 + minute/20) }, func(int) float64 { return 90 },
			[]string{"the heap of v grew"},
		},
		"goroutines that leak": {
			func(int) int { return 3 }, func(int) float64 { return 10 }, func(minute int) float64 { return float64(90 + minute/4) },
			[]string{"the goroutines of v became more"},
		},
	} {
		v := &veteran{process: &process{name: "v"}, outputs: 5}
		for at := began; at.Before(began.Add(time.Hour)); at = at.Add(sampleEvery) {
			minute := int(at.Sub(began) / time.Minute)
			s := sample{at: at, collected: at.Truncate(2 * time.Minute), goroutines: test.goroutines(minute)}
			s.heap = test.heap(int(s.collected.Sub(began) / time.Minute))
			for p := range test.owned(minute) {
				s.partitions = append(s.partitions, fmt.Sprint(p))
			}
			v.add(s)
		}
		compared, grown := v.compare(began.Add(warm), began.Add(time.Hour))
		if len(compared) == 0 || !slices.Equal(grown, test.want) {
			t.Errorf("%s: compared %q, grown %q, want %q", name, compared, grown, test.want)
		}
	}
}
