package main

import (
	"strings"
	"testing"
)

func TestCleaner(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\nc":                "a\tb\nc",
		"\x1b[2J\x1b]0;x\x07":    `\x1b[2J\x1b]0;x\x07`,
		"a\rb\b\x7f\x00":         `a\x0db\x08\x7f\x00`,
		"\u009b31m":              `\x9b31m`,
		"\x9b31m":                `\x9b31m`, // C1 in Latin-1
		"é € 𝄞 \xff":             "é € 𝄞 \xff",
		"user\u202egnp.exe":      `user\x202egnp.exe`,
		"\u2066isolated\u2069":   `\x2066isolated\x2069`,
		"\u2713 it stays \u00a0": "\u2713 it stays \u00a0",
	} {
		var out strings.Builder
		if n, err := (cleaner{&out}).Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: wrote %d bytes, %v", text, n, err)
		}
		if out.String() != want {
			t.Errorf("%q: %q, want %q", text, out.String(), want)
		}
	}
}
