package line

import (
	"strings"
	"testing"
)

// A word or digits of any length may follow a time, up to the end of the bytes.
func TestNearLongWord(t *testing.T) {
	for _, word := range []string{strings.Repeat("a", 80), "Europe/" + strings.Repeat("a", 80), strings.Repeat("a", 44), "America/" + strings.Repeat("a", 36)} {
		var times Times
		text := []byte("2012-11-22 09:31:34 " + word)
		if at, ok := times.Near(text[:len(text):len(text)], -1); !ok || at != 1353576694e9 {
			t.Errorf("%s: %d, %t", text, at, ok)
		}
	}
	for _, n := range []int{1, 20, 44, 45, 80, 107, 108, 109, 200, 5000} {
		for _, fraction := range []string{".", ","} {
			for _, zone := range []string{"", "Z", " America/Argentina/ComodRivadavia", "+02:00"} {
				var times Times
				text := []byte("2012-11-22 09:31:34" + fraction + strings.Repeat("0", n) + zone)
				got, ok := times.Near(text[:len(text):len(text)], -1)
				want, wanted := times.parsed(append(text, make([]byte, Padding)...)[:len(text)], -1)
				if got != want || ok != wanted {
					t.Errorf("%d digits of a fraction, then %q: %d, %t; want %d, %t", n, zone, got, ok, want, wanted)
				}
			}
		}
	}
}

func TestIsTime(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"t", "2026-11-27T23:20:35.702Z", true},
		{"logged", "2026-11-27 23:20:35", true},
		{"logged", "27/Nov/2026:23:20:35 +0000", true},
		{"ts", "1795821635", true},
		{"ts", "1795821635.702", true},
		{"dt", "12.5", false}, // a duration
		{"customer", "1795821635", false},
		{"customer", "20261127232035", false},
		{"version", "2026-11-27", false},
		{"region", "eu", false},
		{"region", "", false},
	} {
		if got := IsTime(c.name, c.value); got != c.want {
			t.Errorf("%s=%s is a time: %t, want %t", c.name, c.value, got, c.want)
		}
	}
}
