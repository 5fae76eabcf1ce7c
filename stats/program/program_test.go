package program

import (
	"strings"
	"testing"

	"pulse/stats"
)

// FuzzCompile: what is parsed of files from anywhere compiles.
func FuzzCompile(f *testing.F) {
	f.Add([]byte("stats: [{name: 'a{b:lower}', each: {b: [1, 2]}, rate: second, where: 'x == {b} && ${X:-y}'}]"), "v")
	f.Add([]byte("scope: {field: f, values: '${X}', default: b}\nstats: [{name: a, last-sum: x, by: [y, z], expire: 5s}, {name: r, ratio: [a, a]}]"), "b,c")
	f.Add([]byte("stats: [{name: h, histogram: x, buckets: [1, 2]}]\ntests: [{name: t, lines: x, expect: [{stat: h, value: {le: [1]}}]}]"), "")
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		d, err := stats.ParseEnv("f", data, func(string) (string, bool) { return value, value != "" })
		if err != nil {
			return
		}
		if _, err := Compile(d); err != nil && !strings.Contains(err.Error(), "at most") {
			t.Fatalf("what is parsed does not compile: %v", err)
		}
		d.Version()
	})
}
