package main

import "testing"

func TestThrift(t *testing.T) {
	for _, test := range []struct {
		now         thrift
		collections int64
		want        thrift
	}{
		{plentyPercent, 4, plainPercent},
		{plentyPercent, 5, plentyPercent},
		{plainPercent, 0, thriftyPercent},
		{plainPercent, 2, thriftyPercent},
		{plainPercent, 3, plainPercent},
		{plainPercent, 500, plainPercent},
		{thriftyPercent, 0, thriftyPercent},
		{thriftyPercent, 8, thriftyPercent}, // what 2 became
		{thriftyPercent, 15, thriftyPercent},
		{thriftyPercent, 16, plainPercent},
		{plainPercent, 4, plainPercent}, // and does not go to and fro
	} {
		if got := test.now.next(test.collections); got != test.want {
			t.Errorf("after %d collections at %d %% it is %d, want %d", test.collections, test.now, got, test.want)
		}
	}
}
