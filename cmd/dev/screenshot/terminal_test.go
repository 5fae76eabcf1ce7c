package main

import (
	"strings"
	"testing"
)

// A screen is what is left after all that was written, with how it looks.
func TestScreen(t *testing.T) {
	s := newScreen()
	s.write("\x1b]11;?\x1b\\\x1b[?1049h\x1b[2J\x1b[Hold\r\nline two\x1b[1;1H\x1b[1;93mnéw\x1b[0m\x1b[K\x1b[2;6H3\x1b[K\x1b[A\x1b[2Dü<\x1b[3B\rend")
	lines := strings.Split(s.page(), "\n")
	for i, want := range []string{
		`<span style="font-weight:bold;color:#f2c14e">néw</span><span style=""> ü&lt;   `,
		`<span style="">line 3     `,
		`<span style="">     `,
		`<span style="">end  `,
	} {
		if i == 0 {
			lines[i] = lines[i][strings.Index(lines[i], "<pre>")+len("<pre>"):]
		}
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if len(lines) != rows+1 {
		t.Errorf("there are %d lines", len(lines)-1)
	}
}
