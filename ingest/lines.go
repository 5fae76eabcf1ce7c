package ingest

import (
	"bytes"
	"errors"
	"io"

	"pulse/stats/line"
)

// chunkSize is how much a reader of lines holds in memory at most.
const chunkSize = 128 << 10

// maxLine is what is kept of a line that is too long. It is one byte more
// than it takes to be too long, so that a line cut just behind a carriage
// return, which is not part of the line, is still seen to be too long.
const maxLine = line.MaxLen + 2

// A chunker cuts a stream of bytes into chunks of whole lines, in bounded
// memory.
type chunker struct {
	size int    // of the buffer at most
	soft int    // of the buffer but for long lines
	keep int    // how much is kept of a line that does not fit there
	buf  []byte // what was read; the first of it was handed on already
	done int    // how much of buf was handed on
	skip bool   // what is left of a line that was cut is thrown away
}

func newChunker() *chunker {
	return &chunker{size: chunkSize, soft: chunkSize, keep: maxLine}
}

// read reads once from r and returns the whole lines that are there now, each
// with its line feed but for a line that was cut. They are valid until the
// next call. Lines may come with an error, io.EOF included; what follows the
// last line feed stays behind until rest is called.
func (c *chunker) read(r io.Reader) ([]byte, error) {
	c.makeRoom()
	kept := len(c.buf)
	n, err := r.Read(c.buf[kept:cap(c.buf)])
	fresh := c.buf[kept : kept+n]
	if c.skip {
		end := bytes.IndexByte(fresh, '\n')
		if end < 0 {
			return nil, err
		}
		c.skip = false
		fresh = fresh[:copy(fresh, fresh[end+1:])]
	}
	c.buf = c.buf[:kept+len(fresh)]
	if end := bytes.LastIndexByte(fresh, '\n'); end >= 0 {
		c.done = kept + end + 1
		return c.buf[:c.done], err
	}
	if len(c.buf) == c.size {
		c.skip = true
		c.done = len(c.buf)
		return c.buf[:c.keep], err
	}
	return nil, err
}

// makeRoom moves what was not handed on to the beginning of the buffer. It is as small at
// first as what is mostly read of a file that grows, and grows with what comes at a time.
func (c *chunker) makeRoom() {
	rest := c.buf[c.done:]
	size := cap(c.buf)
	switch {
	case size == 0:
		size = min(leastBuffer, c.soft)
	case len(rest) == size:
		size = min(2*size, c.size)
	case len(c.buf) == size:
		size = max(size, min(2*size, c.soft))
	}
	if size == cap(c.buf) {
		c.buf = c.buf[:copy(c.buf, rest)]
	} else {
		c.buf = append(make([]byte, 0, size), rest...)
	}
	c.done = 0
}

// rest returns a last line that no line feed ends, if there is one, and
// leaves the chunker as new.
func (c *chunker) rest() []byte {
	last := c.buf[c.done:]
	c.buf, c.done, c.skip = c.buf[:0], 0, false
	return last
}

// idle gives the buffer back if there is nothing in it that was not handed on.
func (c *chunker) idle() {
	if c.done == len(c.buf) && !c.skip {
		c.buf, c.done = nil, 0
	}
}

// A Source is the lines of a recording, from the first to the last. It yields
// them in order, in pieces, which are valid until yield returns. It ends at the
// first error, its own or yield's, and returns it.
type Source func(yield func(Piece) error) error

// A Piece is whole lines that follow one another, with a line feed between them.
type Piece struct {
	Source string // the name of the file that they are of; empty: there is none
	From   line.Origin
	Lines  []byte
}

// Lines is the source of what can be read from r, once.
func Lines(r io.Reader, from line.Origin) Source { return Reading{}.Lines(r, from) }

// Lines is the source of what can be read from r, once, with lines joined as the Reading
// says.
func (r Reading) Lines(in io.Reader, from line.Origin) Source {
	return func(yield func(Piece) error) error {
		return eachPiece(&part{next: r.reader(in, from).next, from: from}, yield)
	}
}

// A reader reads chunks to the end of what it reads from, and joins lines that a
// container's runtime cut, and those that belong together.
type reader struct {
	from   io.Reader
	chunks *chunker
	parts  joiner
	events lineJoiner
}

func (r Reading) reader(in io.Reader, from line.Origin) *reader {
	return &reader{from: in, chunks: newChunker(), events: r.joiner(from)}
}

// next returns the next chunk, or an error: io.EOF at the end. A last line
// without a line feed is a line.
func (r *reader) next() ([]byte, error) {
	for {
		lines, err := r.chunks.read(r.from)
		if len(lines) == 0 && errors.Is(err, io.EOF) {
			lines = r.events.rest(r.parts.end(r.chunks.rest()))
		} else {
			lines = r.events.join(r.parts.join(lines))
		}
		if len(lines) > 0 {
			return lines, nil // an error comes again
		}
		if err != nil {
			return nil, err
		}
	}
}

// eachPiece yields all of a part.
func eachPiece(p *part, yield func(Piece) error) error {
	for {
		piece, err := p.piece()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := yield(piece); err != nil {
			return err
		}
	}
}

// eachLine calls f for each line of a chunk, without its line feed, until f
// fails.
func eachLine(lines []byte, f func(l []byte) error) error {
	for len(lines) > 0 {
		var l []byte
		l, lines, _ = bytes.Cut(lines, []byte{'\n'})
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty tells whether l, which has no line feed, is not a line at all.
func isEmpty(l []byte) bool {
	return len(l) == 0 || len(l) == 1 && l[0] == '\r'
}
