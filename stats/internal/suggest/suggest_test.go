package suggest

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"rate", "mean", "max", "min", "sum", "quantiles", "unique", "nginx-requests-per-second"}
	tests := []struct{ word, want string }{
		{"quantile", "quantiles"},
		{"qunatiles", "quantiles"},
		{"uniqe", "unique"},
		{"rat", "rate"},
		{"mx", "max"},
		{"nginx-request-per-secnd", "nginx-requests-per-second"},
		{"rate", "rate"},
		{"MEAN", "mean"},
		{"nginxRequestsPer-Second", "nginx-requests-per-second"},
		{"x", ""},
		{"histogram", ""},
		{"", ""},
		{"médian", ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, slices.Values(known)); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b  string
		limit int
		want  int
	}{
		{"abc", "abc", 3, 0},
		{"abc", "abd", 3, 1},
		{"abc", "acb", 3, 1},
		{"abcd", "badc", 3, 2},
		{"abc", "", 3, 3},
		{"", "abcd", 3, 4},
		{"kitten", "sitting", 3, 3},
		{"kitten", "sitting", 1, 2},
		{"ünique", "unique", 3, 1},
	}
	for _, tt := range tests {
		if got := distance([]rune(tt.a), []rune(tt.b), tt.limit); got != tt.want {
			t.Errorf("distance(%q, %q, %d) = %d, want %d", tt.a, tt.b, tt.limit, got, tt.want)
		}
	}
}
