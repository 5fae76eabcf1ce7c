package ingest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// plain is what a chunker must yield, by the plainest means; longer lines
// than keep are compared by so much.
func plain(in []byte, keep int) []string {
	var lines []string
	for l := range bytes.SplitSeq(in, []byte{'\n'}) {
		lines = append(lines, string(l[:min(len(l), keep)]))
	}
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// checkChunks compares the lines that a chunker yields with plain's.
func checkChunks(t *testing.T, c *chunker, r io.Reader, in []byte) {
	t.Helper()
	var got []string
	err := eachPiece(&part{next: (&reader{from: r, chunks: c}).next}, func(p Piece) error {
		return eachLine(p.Lines, func(l []byte) error {
			got = append(got, string(l[:min(len(l), c.keep)]))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if cap(c.buf) > c.size {
		t.Errorf("a chunker of %d bytes has grown to %d", c.size, cap(c.buf))
	}
	want := plain(in, c.keep)
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("line %d is %.50q (%d bytes), want %.50q (%d)", i, got[i], len(got[i]), want[i], len(want[i]))
		}
	}
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("a\nb"), uint16(3))
	f.Add([]byte("\n\na\r\n\x00\xff\n"), uint16(1))
	f.Add([]byte(strings.Repeat("x", 16)+"\nb\n"), uint16(99))
	f.Add([]byte(strings.Repeat("x", 20)+"\nb\n"), uint16(5))
	f.Add([]byte(strings.Repeat("x", 64)+"\nb\n"+strings.Repeat("y", 200)), uint16(7))
	f.Add([]byte(strings.Repeat("xyz\n", 90)), uint16(11))
	f.Fuzz(func(t *testing.T, in []byte, pace uint16) {
		c := &chunker{size: 64, soft: 1 + int(pace)%64, keep: 16}
		checkChunks(t, c, &stutter{bytes.NewReader(in), 1 + int(pace)}, in)
	})
}

func TestLines(t *testing.T) {
	for _, in := range []string{
		"",
		strings.Repeat("x", maxLine) + "\nb\n",
		strings.Repeat("x", chunkSize-1) + "\nb\n",
		strings.Repeat("x", chunkSize) + "\nb\n",
		strings.Repeat("x", 3*chunkSize) + "\nb\n" + strings.Repeat("y", chunkSize),
		strings.Repeat(strings.Repeat("x", 99)+"\n", chunkSize/30),
	} {
		checkChunks(t, newChunker(), strings.NewReader(in), []byte(in))
		checkChunks(t, newChunker(), &stutter{strings.NewReader(in), 7777}, []byte(in))
	}
}

// stutter reads a few bytes at a time.
type stutter struct {
	r io.Reader
	n int
}

func (s *stutter) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.n)]) }

func TestLinesReportsErrors(t *testing.T) {
	broken := errors.New("broken")
	var got []string
	yield := func(p Piece) error { got = append(got, string(p.Lines)); return nil }
	r := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))
	if err := Lines(r, "")(yield); !errors.Is(err, broken) {
		t.Errorf("got the error %v, want the reader's", err)
	}
	if len(got) != 1 || got[0] != "a\n" {
		t.Errorf("got %q before the error, want the whole lines", got)
	}
	if err := Lines(strings.NewReader("a\n"), "")(func(Piece) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got the error %v, want yield's", err)
	}
}
