package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// TestOnTerminal: control characters do not reach a terminal, by errors neither, and
// files get what is there.
func TestOnTerminal(t *testing.T) {
	t.Parallel()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer control.Close()
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer terminal.Close()
	shown := func() string {
		buf := make([]byte, 100)
		n, err := control.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(string(buf[:n]), "\r\n")
	}
	fmt.Fprintln(onTerminal(terminal), "a\x1b[2Jb")
	if got, want := shown(), `a\x1b[2Jb`; got != want {
		t.Errorf("a terminal gets %q, want %q", got, want)
	}
	(&environment{Stderr: terminal}).exit("tail", errors.New("topic \x1b[2J"))
	if got, want := shown(), `pulse tail: topic \x1b[2J`; got != want {
		t.Errorf("of an error a terminal gets %q, want %q", got, want)
	}
	file, err := os.Create(writeFile(t, "out", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if w := onTerminal(file); w != file {
		t.Errorf("to a file writes a %T", w)
	}
}
