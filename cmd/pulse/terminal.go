package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"
)

// onTerminal is a file as it is, or, if it is a terminal, one that control characters
// do not reach: log lines and ids are other people's, and their escape sequences
// could hide lines, or have the terminal type commands.
func onTerminal(f *os.File) io.Writer {
	if term.IsTerminal(int(f.Fd())) {
		return cleaner{f}
	}
	return f
}

// cleaner writes control characters, but for line feeds and tabs, as \x1b and the like,
// those of Unicode too, and what turns the direction of text.
type cleaner struct{ to io.Writer }

func (c cleaner) Write(b []byte) (int, error) {
	clean := make([]byte, 0, len(b))
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1 && rest[0] < 0xa0,
			r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			if r == utf8.RuneError {
				r = rune(rest[0])
			}
			clean = fmt.Appendf(clean, "\\x%02x", r)
		default:
			clean = append(clean, rest[:n]...)
		}
		rest = rest[n:]
	}
	if _, err := c.to.Write(clean); err != nil {
		return 0, err
	}
	return len(b), nil
}
