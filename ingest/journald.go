package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"pulse/stats/line"
	"pulse/topics/retry"
)

const (
	// longestField is how much a journal's field may have to be in a line, but for the
	// message: a core dump is a field too.
	longestField = 16 << 10

	// journalBatch is how many bytes of lines are handed over at a time.
	journalBatch = 64 << 10

	// journalKey is the key of the position, which is a cursor of journald's.
	journalKey = "journald"
)

var journaldKind = &Kind{
	Name: "journald", Past: true,
	Docs: []KindDoc{{"`--journald`", "`input`", "reads no further", "nothing, and no line comes twice"}},
	New:  func() Config { return new(journaldConfig) },
}

type journaldConfig struct {
	read      toggle
	units     list
	directory text
}

func (c *journaldConfig) Settings() []Setting {
	return []Setting{
		{Flag: "journald", Help: "read systemd's journal, by journalctl, and keep reading as it grows", Value: &c.read},
		{Flag: "journald-unit", Key: "unit", Help: "read only the entries of this `unit`; can be repeated", Value: &c.units},
		{Flag: "journald-directory", Key: "directory", Help: "the `folder` of the journal, by default the machine's own", Value: &c.directory},
	}
}

func (c *journaldConfig) Open(o Opening) (*Opened, error) {
	journalctl, err := exec.LookPath("journalctl")
	if err != nil {
		return nil, asked("there is no journalctl on this machine, which reads the journal: install systemd, or read other logs")
	}
	j := &Journald{Name: o.Name, Log: o.Log, Command: []string{journalctl}, Counts: new(JournaldCounts)}
	if c.directory != "" {
		j.Command = append(j.Command, "--directory="+string(c.directory))
	}
	for _, unit := range c.units {
		j.Command = append(j.Command, "--unit="+unit)
	}
	return &Opened{
		Resume: func(p Positions) Input {
			j.Cursor = string(p[journalKey])
			return j
		},
		ID: fixedID("journald", append(c.units, string(c.directory))...),
		Counters: []Counter{
			{linesMetric, linesHelp, &j.Counts.Lines},
			{"pulse_input_left_out_fields_total", "Fields of journal entries that are too long to be in a line.", &j.Counts.LeftOut},
		},
	}, nil
}

// JournaldCounts count what was read of a journal.
type JournaldCounts struct {
	Lines   atomic.Int64 // entries that were taken
	LeftOut atomic.Int64 // fields that are too long
}

// Journald is an input of the entries of systemd's journal, which journalctl exports. Each is a
// line of JSON with the entry's fields, as journalctl writes them. It is for an ingester
// that keeps its positions; without one the journal is read from its beginning.
type Journald struct {
	Name    string   // becomes the field input of the lines
	Command []string // journalctl, and what it is to read
	Cursor  string   // of the last entry that was taken; none if empty
	Counts  *JournaldCounts
	Log     *slog.Logger
}

// Run implements Input.
func (j *Journald) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	origin, err := line.NewOrigin(fieldInput, j.Name)
	if err != nil {
		return err
	}
	notices := newNotices(j.Log)
	pause := retry.Backoff{Least: 100 * time.Millisecond, Most: 10 * time.Second}
	for first := true; ; first = false {
		before := j.Cursor
		taken, ended := j.follow(ctx, origin, take)
		switch {
		case ctx.Err() != nil || taken != nil:
			return taken
		case first && j.Cursor == before:
			return fmt.Errorf("cannot read the journal: %w", ended)
		case j.Cursor != before:
			pause.Reset()
		}
		notices.Warn("journalctl has ended; starting it again", "because", ended)
		if pause.Wait(ctx) != nil {
			return nil
		}
	}
}

// follow reads what one journalctl exports. The first error is take's, the second one
// journalctl's.
func (j *Journald) follow(ctx context.Context, origin line.Origin, take func(context.Context, Batch) error) (taken, ended error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := append(j.Command[1:len(j.Command):len(j.Command)], "--follow", "--no-tail", "--output=export", "--all", "--no-pager")
	if j.Cursor != "" {
		args = append(args, "--after-cursor="+j.Cursor)
	}
	cmd := exec.CommandContext(ctx, j.Command[0], args...) // #nosec G204 -- journalctl, without a shell
	var said strings.Builder
	cmd.Stderr = &limitedWriter{to: &said, left: 1 << 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	taken, ended = j.entries(bufio.NewReaderSize(out, 64<<10), func(b Batch) error {
		b.Origin = origin
		return take(ctx, b)
	})
	cancel()
	if err := cmd.Wait(); said.Len() > 0 {
		ended = fmt.Errorf("%w: %s", cmp.Or(err, ended), strings.TrimSpace(said.String()))
	}
	return taken, cmp.Or(ended, io.ErrUnexpectedEOF)
}

// entries hands over all whole entries that r has.
func (j *Journald) entries(r *bufio.Reader, take func(Batch) error) (taken, ended error) {
	var lines, entry []byte
	var last string
	count := int64(0)
	for ended == nil {
		var cursor string
		if entry, cursor, ended = j.entry(r, entry[:0]); ended == nil && cursor != "" {
			lines, last = append(append(lines, entry...), '\n'), cursor
			count++
		}
		if count > 0 && (ended != nil || r.Buffered() == 0 || len(lines) >= journalBatch) {
			if err := take(Batch{Lines: lines, Positions: Positions{journalKey: []byte(last)}}); err != nil {
				return err, nil
			}
			j.Cursor = last
			j.Counts.Lines.Add(count)
			lines, count = lines[:0], 0
		}
	}
	return nil, ended
}

// errExport says that something is not what journalctl exports.
var errExport = errors.New("cannot read what journalctl exports")

// entry reads an entry in the journal export format, up to the blank line after it, and
// appends it as JSON:
//
//	NAME=text
//	NAME
//	<eight bytes: the length><bytes>
//
// Fields that only journalctl needs are left out.
func (j *Journald) entry(r *bufio.Reader, out []byte) (entry []byte, cursor string, err error) {
	for {
		name, text, err := j.field(r)
		switch {
		case err != nil:
			return nil, "", err
		case name == "" && len(out) > 0:
			return append(out, '}'), cursor, nil
		case name == "":
			continue // nothing came before
		case name == "__CURSOR":
			cursor = text
			continue
		case name == "__SEQNUM", name == "__SEQNUM_ID", name == "__MONOTONIC_TIMESTAMP":
			continue
		}
		if len(out) > maxLine { // no line has as much
			continue
		}
		if out = appendMember(out, name, text); out[0] == ',' {
			out[0] = '{'
		}
	}
}

// field reads one field. An entry's end is one without a name.
func (j *Journald) field(r *bufio.Reader) (name, text string, err error) {
	head, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return "", "", err
	}
	before, after, hasText := bytes.Cut(head, []byte{'='})
	name = strings.TrimSuffix(string(before), "\n")
	if !hasText {
		if name == "" {
			return "", "", nil
		}
		if text, err = j.binary(r, longest(name)); err != nil {
			return "", "", err
		}
		return name, text, nil
	}
	value := append([]byte(nil), after...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if head, err = r.ReadSlice('\n'); len(value) <= maxLine {
			value = append(value, head...)
		}
	}
	if err != nil {
		return "", "", err
	}
	if value = bytes.TrimSuffix(value, []byte{'\n'}); len(value) > longest(name) {
		j.Counts.LeftOut.Add(1)
		return name, "", nil
	}
	return name, string(value), nil
}

// longest is how much a field may have. A line whose message has more is counted as
// unreadable.
func longest(name string) int {
	if name == "MESSAGE" {
		return maxLine
	}
	return longestField
}

// binary reads a field's length and bytes, most of them at most.
func (j *Journald) binary(r *bufio.Reader, most int) (string, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return "", err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > 1<<32 { // journald's own bound is 768 MiB
		return "", errExport
	}
	text := make([]byte, min(n, uint64(most)))
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	if rest := n - uint64(len(text)); rest > 0 {
		j.Counts.LeftOut.Add(1)
		if _, err := io.CopyN(io.Discard, r, int64(rest)); err != nil {
			return "", err
		}
		text = nil
	}
	if end, err := r.ReadByte(); err != nil || end != '\n' {
		return "", cmp.Or(err, errExport)
	}
	return string(text), nil
}

// A limitedWriter keeps the beginning of what is written.
type limitedWriter struct {
	to   io.Writer
	left int
}

func (w *limitedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	if _, err := w.to.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}
