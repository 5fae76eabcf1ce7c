package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What a terminal is as large as, in the picture.
const columns, rows = 132, 17

// inTerminal runs a command in a terminal of its own, by util-linux' script, and returns what is
// on the screen after a while, as a web page.
func inTerminal(ctx context.Context, command string, after time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, after)
	defer cancel()
	c := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command", fmt.Sprintf("stty rows %d cols %d; exec %s", rows, columns, command), os.DevNull)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8")
	keys, err := c.StdinPipe() // stays open, or the command is told that its input has ended
	if err != nil {
		return "", err
	}
	defer keys.Close()
	var out bytes.Buffer
	c.Stdout = &out
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("%s: %w\n%s", command, err, out.Bytes())
	}
	s := newScreen()
	s.write(out.String())
	return s.page(), nil
}

// A screen is what a terminal shows: of its sequences, those that move the cursor, erase, and say
// how text looks.
type screen struct {
	cells    [rows][columns]cell
	row, col int
	look     string // the parameters of the sequences that say how text looks
}

type cell struct {
	text rune
	look string
}

func newScreen() *screen {
	s := &screen{}
	s.erase(0, rows*columns)
	return s
}

func (s *screen) erase(from, to int) {
	for i := from; i < to; i++ {
		s.cells[i/columns][i%columns] = cell{text: ' '}
	}
}

var sequence = regexp.MustCompile("^\x1b(?:\\[([0-9;?]*)([A-Za-z])|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[=>78M])")

func (s *screen) write(text string) {
	for text != "" {
		if m := sequence.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			s.control(m[1], m[2])
			continue
		}
		r := []rune(text[:min(len(text), 4)])[0]
		text = text[len(string(r)):]
		switch {
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.row = min(s.row+1, rows-1)
		case r >= ' ' && s.col < columns:
			s.cells[s.row][s.col] = cell{r, s.look}
			s.col++
		}
	}
}

func (s *screen) control(parameters, final string) {
	numbers := []int{}
	for p := range strings.SplitSeq(parameters, ";") {
		n, _ := strconv.Atoi(p) // what is left out is 0
		numbers = append(numbers, n)
	}
	n := max(numbers[0], 1)
	here := s.row*columns + min(s.col, columns-1)
	switch final {
	case "A":
		s.row = max(s.row-n, 0)
	case "B":
		s.row = min(s.row+n, rows-1)
	case "C":
		s.col = min(s.col+n, columns-1)
	case "D":
		s.col = max(s.col-n, 0)
	case "H":
		s.row, s.col = min(n, rows)-1, 0
		if len(numbers) > 1 {
			s.col = min(max(numbers[1], 1), columns) - 1
		}
	case "J":
		if numbers[0] == 2 {
			here = 0
		}
		s.erase(here, rows*columns)
	case "K":
		if numbers[0] == 2 {
			here = s.row * columns
		}
		s.erase(here, (s.row+1)*columns)
	case "m":
		if s.look += ";" + parameters; numbers[0] == 0 {
			s.look = ""
		}
	}
}

// styles are what the parameters of SGR are in CSS.
var styles = map[string]string{
	"1": "font-weight:bold", "2": "opacity:.6", "4": "text-decoration:underline",
	"7": "background:#d7dde2;color:#14181c", "91": "color:#ff6b6b", "93": "color:#f2c14e",
	"41": "background:#b3261e", "97": "color:#fff",
}

func (s *screen) page() string {
	var b strings.Builder
	b.WriteString(`<!doctype html><meta charset="utf-8"><style>body{margin:0;background:#14181c}` +
		`pre{margin:0;padding:16px 20px;color:#d7dde2;font:15px/19px "DejaVu Sans Mono",monospace;display:inline-block}</style><pre>`)
	for _, line := range s.cells {
		for i := 0; i < columns; {
			from := i
			var text strings.Builder
			for ; i < columns && line[i].look == line[from].look; i++ {
				text.WriteRune(line[i].text)
			}
			var css []string
			for p := range strings.SplitSeq(line[from].look, ";") {
				if style := styles[p]; style != "" {
					css = append(css, style)
				}
			}
			fmt.Fprintf(&b, `<span style="%s">%s</span>`, strings.Join(css, ";"), html.EscapeString(text.String()))
		}
		b.WriteString("\n")
	}
	return b.String()
}
