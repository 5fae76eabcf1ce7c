package main

import (
	"fmt"
	"math"
	"testing"

	"pulse/stats"
	"pulse/stats/program"
)

// What tail looks for may have route, capture and bytes, and the fields that the definitions
// derive.
func TestTailWhere(t *testing.T) {
	d, err := stats.Parse("d.yaml", []byte("derive:\n  endpoint: route(path)\nstats: [{name: carts, count: lines, where: endpoint == \"/users/:id/cart\"}]"))
	if err != nil {
		t.Fatal(err)
	}
	const lines = "path=/users/17/cart mem=512M\npath=/users/4/cart mem=2GB\npath=/users/4\nstatus=200"
	for _, test := range []struct{ where, stat, want string }{
		{where: `route(path) == "/users/:id/cart"`, want: "2"},
		{where: `route(path, "/users/:who") == "/users/:who"`, want: "1"},
		{where: "capture(path, `^/users/(\\d+)`) == 17", want: "1"},
		{where: "(capture(path, `/(cart)$`) ?? \"none\") == \"none\"", want: "2"},
		{where: "bytes(mem) > 1000000000 && endpoint startsWith \"/users\"", want: "1"},
		{where: `endpoint == "/users/:id"`, want: "1"},
		{stat: "carts", want: "2"},
	} {
		matcher, err := tailMatcher(d, test.where, test.stat)
		if err != nil {
			t.Errorf("%s: %v", test.where, err)
			continue
		}
		n := 0
		matcher.Match(program.Pack{Lines: []byte(lines), Second: 1000}, math.MinInt64, math.MaxInt64, func(int64, []byte) bool {
			n++
			return true
		})
		if got := fmt.Sprint(n); got != test.want {
			t.Errorf("%s%s finds %s lines, want %s", test.where, test.stat, got, test.want)
		}
	}
}
