package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

const (
	iis        = "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time cs-uri-stem sc-status\r\n"
	iis2       = "#Fields: date time sc-status cs-uri-stem time-taken\r\n"
	fewColumns = "date,time,cs-uri-stem,sc-status"
	allColumns = "date,time,sc-status,cs-uri-stem,time-taken"
)

// withColumns gives each line's last word and the columns of its origin.
type withColumns struct{ lines []string }

func (w *withColumns) add(from line.Origin, lines []byte) {
	for l := range bytes.Lines(lines) {
		if l = bytes.TrimSpace(l); line.IsDirective(l) || len(l) == 0 {
			continue
		}
		columns := ""
		for key, value := range from.Fields() {
			if key == line.ColumnsField {
				columns = value
			}
		}
		w.lines = append(w.lines, string(l[bytes.LastIndexByte(l, ' ')+1:])+" "+columns)
	}
}

// A chunk is cut before lines that name columns, and not where a line has such words in it.
func TestHeadingsBegin(t *testing.T) {
	for _, test := range []struct{ chunk, lines string }{
		{"a\nb\n", "a\nb\n"},
		{"a\n#Fields: x\nb\n", "a\n"},
		{"#Fields: x\nb\n#Fields: y\n", "#Fields: x\nb\n"},
		{"a #Fields: x\n##Fields: #Fields:\n#Fields: y\n", "a #Fields: x\n##Fields: #Fields:\n"},
		{"a#Fields:#Fields:", "a#Fields:#Fields:"},
	} {
		var h heading
		lines, rest := h.take([]byte(test.chunk))
		if string(lines) != test.lines || string(lines)+string(rest) != test.chunk {
			t.Errorf("%q is cut into %q and %q", test.chunk, lines, rest)
		}
	}
}

// Lines of a W3C log have the columns that the line #Fields before them names, and the
// lines of other files not.
func TestHeadings(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("a.log", iis+"2025-03-03 08:30:01 /a 200\n2025-03-03 08:30:05 /a 201\n"+iis2+"2025-03-03 08:30:07 202 /a 15\n")
	f.add("b.log", iis2+"2025-03-03 08:30:02 200 /b 16\n2025-03-03 08:30:08 200 /b 17\n")
	f.add("c.log", "2025-03-03 08:30:03 plain\n")
	r, err := OpenRecording([]string{f.name("a.log"), f.name("b.log"), f.name("c.log")})
	if err != nil {
		t.Fatal(err)
	}
	var got withColumns
	if err := r.Lines(func(p Piece) error { got.add(p.From, p.Lines); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []string{"200 " + fewColumns, "16 " + allColumns, "plain ", "201 " + fewColumns, "15 " + allColumns, "17 " + allColumns}
	if !slices.Equal(got.lines, want) {
		t.Errorf("got  %q\nwant %q", got.lines, want)
	}
	r.Origin, _ = line.NewOrigin(line.ColumnsField, "date,time")
	got = withColumns{}
	if err := r.Lines(func(p Piece) error { got.add(p.From, p.Lines); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.lines, []string{"200 date,time", "16 date,time", "plain date,time", "201 date,time", "15 date,time", "17 date,time"}) {
		t.Errorf("with columns that are named elsewhere: %q", got.lines)
	}
}

// A file that is followed has its columns after a restart too.
func TestHeadingsResume(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("a.log", iis+"2025-03-03 08:30:01 /a 200\n")
	positions := Positions{}
	var got withColumns
	follow := func(lines int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
		defer cancel()
		input := Files{Globs: []string{f.name("*.log")}, Follow: true, Positions: maps.Clone(positions), Log: slog.New(slog.DiscardHandler)}
		err := input.Run(ctx, func(_ context.Context, b Batch) error {
			maps.Copy(positions, b.Positions)
			if got.add(b.Origin, b.Lines); len(got.lines) == lines {
				cancel()
			}
			return nil
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	follow(1)
	f.add("a.log", "2025-03-03 08:30:05 /a 201\n"+iis2+"2025-03-03 08:30:07 202 /a 15\n")
	follow(3)
	f.add("a.log", "2025-03-03 08:30:08 202 /a 16\n")
	follow(4)
	want := []string{"200 " + fewColumns, "201 " + fewColumns, "15 " + allColumns, "16 " + allColumns}
	if !slices.Equal(got.lines, want) {
		t.Errorf("got  %q\nwant %q", got.lines, want)
	}
}

// A line #Fields that is too long for an origin changes nothing but that the columns before
// hold no longer.
func TestHeadingTooLong(t *testing.T) {
	var h heading
	h.take([]byte(iis2))
	if got, want := h.origin("a=b"), line.Origin("a=b").With(line.ColumnsField, allColumns); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.take([]byte("#Fields:" + strings.Repeat(" name", 500) + "\n"))
	if got := h.origin("a=b"); got != "a=b" {
		t.Errorf("with %d bytes of columns the origin is %s", 2500, got)
	}
}

// Whether lines have times is judged file by file.
func TestDatingsByFile(t *testing.T) {
	f := folder{t, t.TempDir()}
	for i := range 100 {
		f.add("dated.log", dated(at(float64(i)), "1\n"))
	}
	f.add("undated.log", strings.Repeat("hello\n", 20))
	f.add("w3c.log", "#Software: x\n#Version: 1.0\n#Date: x\n"+iis2+"2025-03-03 08:30:07 202 /a 15\n")
	r, err := OpenRecording([]string{f.name("dated.log"), f.name("undated.log"), f.name("w3c.log")})
	if err != nil {
		t.Fatal(err)
	}
	p := NewPacker("i", "recording:x", 1, func(r Record) error { r.Done(nil); return nil })
	datings, err := PackRecording(r.Lines, nil, p, r.Modified(), 2)
	if err != nil {
		t.Fatal(err)
	}
	err = datings.Check(Reading{Undated: undatedRefused}, slog.New(slog.DiscardHandler))
	if want := fmt.Sprintf("20 of 20 lines of %s have no time", f.name("undated.log")); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %s and nothing else", err, want)
	}
}
