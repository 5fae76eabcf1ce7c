package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestReported: logs like those with which users of such tools found their numbers wrong,
// or nothing said of what was not understood.
func TestReported(t *testing.T) {
	t.Parallel()
	values := func(values ...string) string {
		var b strings.Builder
		for _, v := range values {
			fmt.Fprintf(&b, "ts=1700000000 ms=%s\n", v)
		}
		return b.String()
	}
	repeat := func(n int, v string) []string { return strings.Split(strings.Repeat(v+" ", n)[:n*(len(v)+1)-1], " ") }
	tests := []struct {
		name, stats, log string
		want             []string // of what eval prints or says
	}{
		// Quantiles: estimates between values, or beyond the greatest.
		{"one slow among many equal", "{name: q, quantiles: ms, at: [0.5, 0.95, 0.999, 1]}", values(append(repeat(999, "220"), "60000")...),
			[]string{`"value":{"0.5":220,"0.95":220,"0.999":220,"1":60000}`}},
		{"negative values", "{name: q, quantiles: ms, at: [0.01, 0.5, 0.99]}", values("-73.997484", "-74", "-73.5"),
			[]string{`"value":{"0.01":-74,"0.5":-74,"0.99":-73.5}`}},
		{"each value twice", "{name: q, quantiles: ms, at: [0.5, 0.9]}", values(append(strings.Fields("90 91 92 93 94 95 96 97 98 99 100"), strings.Fields("90 91 92 93 94 95 96 97 98 99 100")...)...),
			[]string{`"value":{"0.5":95,"0.9":99}`}},
		{"the 99.9th is not the 99th", "{name: q, quantiles: ms, at: [0.99, 0.999]}", values(append(repeat(995, "1"), repeat(5, "2")...)...),
			[]string{`"value":{"0.99":1,"0.999":2}`}},
		{"a single value", "{name: q, quantiles: ms, at: [0.000001, 0.5, 1]}", values("295"), []string{`"value":{"0.000001":295,"0.5":295,"1":295}`}},

		// Sums, extremes and newest: floats, and integers of 32 bits.
		{"beyond a float's integers", "{name: s, sum: ms}, {name: m, max: ms}, {name: l, last: ms}", values("9007199254740993", "1"),
			[]string{`"s","time":"2023-11-14T22:13:20Z","value":9007199254740994`, `"m","time":"2023-11-14T22:13:20Z","value":9007199254740993`}},
		{"the greatest integer twice", "{name: s, sum: ms}, {name: l, last: ms}", values("9223372036854775807", "9223372036854775807"),
			[]string{`"value":18446744073709551614`, `"value":9223372036854775807`}},
		{"more than 4 GiB", "{name: s, sum: ms}", values(repeat(3, "4294967295")...), []string{`"value":12884901885`}},
		{"an integer, a float and a text are one number", "{name: s, sum: ms}, {name: u, unique: ms}", "{\"ts\":1700000000,\"ms\":42}\n{\"ts\":1700000000,\"ms\":42.000000}\n{\"ts\":1700000000,\"ms\":\"42\"}\n",
			[]string{`"value":126`}},
		{"tenths add up", "{name: s, sum: ms}", values(repeat(10, "0.1")...), []string{`"value":1,`}},

		// What is no number is said.
		{"words for numbers", "{name: s, sum: ms}", values("NaN", "Infinity", "0x10", "1_000", "1.5.3", "7"), []string{`"value":7,`, "5 values of `ms` were text or numbers too large"}},
		{"nothing is no text", "{name: s, sum: ms}", values("-", `""`, "7"), []string{`"value":7,`}},
		{"lists and booleans", "{name: s, sum: ms}", "{\"ts\":1700000000,\"ms\":[42]}\n{\"ts\":1700000000,\"ms\":true}\n{\"ts\":1700000000,\"ms\":null}\n", []string{"2 values of `ms` were text"}},

		// Fields under other names.
		{"capitals", "{name: s, sum: HTTP_STATUS}", "ts=1700000000 http_status=200\n", []string{"no line has had `HTTP_STATUS`; did you mean `http_status`?"}},
		{"another style", "{name: s, sum: requestTime}", "{\"ts\":1700000000,\"request_time\":1}\n", []string{"did you mean `request_time`?"}},
		{"within an object", "{name: s, sum: http_status}", "{\"ts\":1700000000,\"http\":{\"status\":1}}\n", []string{"no line has had `http_status`; did you mean `http.status`?"}},

		// Times of recordings.
		{"over New Year, without a year", "{name: c, count: lines, over: 1s}", "Dec 31 23:59:59 h su: a\nJan  1 00:00:00 h su: b\n",
			[]string{`-12-31T23:59:59Z","value":1,`, `-01-01T00:00:00Z","value":1,`}},
		{"a leap day, without a year", "{name: c, count: lines, over: 1s}", "Feb 29 12:00:00 h su: a\n", []string{`-02-29T12:00:00Z","value":1,`}},
		{"summer time ends", "{name: c, count: lines, over: 1s}", "time=2025-10-26T02:59:59+02:00 a=1\ntime=2025-10-26T02:00:00+01:00 a=1\n",
			[]string{`"time":"2025-10-26T01:00:00Z","value":1,`, `"late":0`}},
		{"seconds, ms, µs and ns", "{name: c, count: lines, over: 1s}", "{\"ts\":1700000000}\n{\"ts\":1700000001000}\n{\"ts\":1700000002000000}\n{\"ts\":1700000003000000000}\n",
			[]string{`"time":"2023-11-14T22:13:23Z","value":1,`}},
		{"a clock that was not set", "{name: c, count: lines, over: 1s}", "time=1970-01-01T00:00:00Z a=1\ntime=2025-11-22T09:00:00Z a=1\ntime=0001-01-01T00:00:00Z a=1\n",
			[]string{`"time":"2025-11-22T09:00:00Z","value":3,`, `"undated":2`}},
		{"a date that is far ahead first", "{name: c, count: lines, over: 1s}", "time=2052-11-22T09:00:01Z a=1\ntime=2025-11-22T09:00:00Z a=1\ntime=2025-11-22T09:00:01Z a=1\n",
			[]string{`"time":"2025-11-22T09:00:00Z","value":2,`, `"ahead":1`}},

		// Windows with holes.
		{"a rate from its first second", "{name: r, rate: minute, over: 60s}", "time=2025-11-22T09:00:00Z a=1\ntime=2025-11-22T09:00:01Z a=1\n",
			[]string{`"time":"2025-11-22T09:00:00Z","value":60,`, `"time":"2025-11-22T09:00:01Z","value":60,`, `"covered":2,"of":60`}},
		{"a quiet night is zeros", "{name: r, rate: minute, over: 60s}", "time=2025-11-22T22:00:00Z a=1\ntime=2025-11-23T06:00:00Z a=1\n",
			[]string{`"value":0,`, `"time":"2025-11-23T06:00:00Z","value":1,`}},
	}
	for _, test := range tests {
		file := writeFile(t, "stats.yaml", "stats: ["+test.stats+"]\n")
		p := start(t, nil, strings.NewReader(test.log), "eval", "--stats", file).succeed()
		for _, want := range test.want {
			if !strings.Contains(p.stdout.String(), want) && !strings.Contains(p.stderr.String(), want) {
				t.Errorf("%s: eval does not print %s but\n%s%s", test.name, want, p.stdout, p.stderr)
			}
		}
	}
}
