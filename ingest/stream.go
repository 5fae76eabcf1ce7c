package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// frameTime is how long a message may take to come, and how long the
	// first one of a connection.
	frameTime = 25 * time.Second

	// idleTime is how long a connection may be silent that has sent messages.
	idleTime = 30 * time.Minute

	// quietTime is how long a connection is silent before it gives memory back.
	quietTime = time.Second

	// leastBuffer is what a silent connection holds, and mostBuffer the most
	// that any does: a line that is too long to be read, and its count. Beyond
	// ownBuffer, which usual messages fit, an input's connections share
	// longMemory.
	leastBuffer = 1 << 10
	ownBuffer   = 8 << 10
	mostBuffer  = maxLine + 8
	longMemory  = 64 << 20
)

// errLong is what a connection gets whose message is long, as those of too many others
// are now.
var errLong = errors.New("too many long messages at the same time")

// A framing is how a stream tells where a message ends (RFC 6587).
type framing int

const (
	unknownFraming framing = iota
	octetCounting          // each begins with its length
	lineFraming            // each ends with a line feed or a NUL, as RFC 6587 has seen both
	lineFeeds              // each ends with a line feed, and a NUL is text
)

// end is where a message ends in b, -1 if not there.
func (f framing) end(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if f == lineFeeds {
		return end
	}
	if end >= 0 {
		b = b[:end]
	}
	if nul := bytes.IndexByte(b, 0); nul >= 0 {
		return nul
	}
	return end
}

// A stream takes the messages out of what a connection sends. The zero stream
// finds out by the first bytes which framing it has.
type stream struct {
	framing framing
	buf     []byte
	from    int // where what was not handed on begins
	skip    int // bytes left of a message that was cut; -1: up to its end

	long *budget // of what is held beyond ownBuffer; nil: no bound but mostBuffer
}

// next reads once and returns the messages that are there now, as lines that are
// valid until the next call. They may come with an error, io.EOF included; one
// that wraps errFrames says that the sender does not keep to its framing.
func (s *stream) next(r io.Reader) ([]byte, error) {
	rest := s.buf[s.from:]
	switch {
	case cap(s.buf) == 0:
		s.buf = make([]byte, 0, leastBuffer)
	case len(rest) == cap(s.buf):
		if err := s.resize(min(2*cap(s.buf), mostBuffer)); err != nil {
			return nil, err
		}
	default:
		s.buf = s.buf[:copy(s.buf, rest)]
	}
	s.from = 0
	n, err := r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	lines, bad := s.split()
	if bad != nil {
		return lines, bad
	}
	return lines, err
}

// waits reports whether the rest of a message has yet to come.
func (s *stream) waits() bool { return s.from < len(s.buf) || s.skip != 0 }

// large reports whether shrink would give memory back, which is worth it when a
// stream is silent.
func (s *stream) large() bool { return cap(s.buf) > max(leastBuffer, 2*(len(s.buf)-s.from)) }

func (s *stream) shrink() {
	s.resize(max(leastBuffer, len(s.buf)-s.from)) // less is always to be had
}

// resize moves what was not handed on to a buffer of another size.
func (s *stream) resize(size int) error {
	beyond := max(size-ownBuffer, 0) - max(cap(s.buf)-ownBuffer, 0)
	switch {
	case s.long == nil:
	case beyond > 0 && !s.long.take(beyond):
		return errLong
	case beyond < 0:
		s.long.give(-beyond)
	}
	s.buf, s.from = append(make([]byte, 0, size), s.buf[s.from:]...), 0
	return nil
}

// close gives all memory back.
func (s *stream) close() {
	if beyond := cap(s.buf) - ownBuffer; s.long != nil && beyond > 0 {
		s.long.give(beyond)
	}
	*s = stream{}
}

// rest returns what no line feed ends, at the end of a stream.
func (s *stream) rest() []byte {
	if s.framing == octetCounting || s.skip != 0 {
		return nil
	}
	return appendFrame(nil, s.buf[s.from:])
}

// split takes whole messages out of the buffer. It writes the lines over what it
// has read already: a line is never longer than its message with the framing.
func (s *stream) split() ([]byte, error) {
	lines := s.buf[:0]
	for {
		b := s.buf[s.from:]
		switch {
		case s.skip > 0:
			n := min(s.skip, len(b))
			s.skip -= n
			s.from += n
			b = b[n:]
		case s.skip < 0:
			n := s.framing.end(b) + 1
			if n == 0 {
				n = len(b)
			} else {
				s.skip = 0
			}
			s.from += n
			b = b[n:]
		}
		if len(b) == 0 {
			return lines, nil
		}
		if b[0] == '\n' || b[0] == 0 && s.framing != lineFeeds { // nothing, or what some put behind a counted message
			s.from++
			continue
		}
		if s.framing == unknownFraming {
			var err error
			if s.framing, err = detect(b); err != nil || s.framing == unknownFraming {
				return lines, err
			}
		}
		size, count, all := 0, 0, 0
		if s.framing == octetCounting {
			var err error
			if count, size, err = octetCount(b); err != nil || size == 0 {
				return lines, err
			}
			all = size + count
		} else if count = s.framing.end(b); count < 0 {
			count, all = len(b), len(b)+1
		} else {
			all = count + 1
		}
		switch {
		case all <= len(b):
			lines = appendFrame(lines, b[size:size+count])
			s.from += all
		case len(b)-size >= maxLine: // too long to be read
			lines = appendFrame(lines, b[size:size+maxLine])
			s.from = len(s.buf)
			if s.skip = all - len(b); s.framing != octetCounting {
				s.skip = -1
			}
			return lines, nil
		default:
			return lines, nil
		}
	}
}

// detect tells the framing by how a stream begins: counted messages do with a
// number, a space and a <. It is unknown while there is too little to tell.
func detect(b []byte) (framing, error) {
	const longest = 32 // digits, of what may be meant for a count
	for i, c := range b {
		switch {
		case c-'0' <= 9 && i < longest:
		case c-'0' <= 9 && b[0] == '0':
			return lineFraming, nil // whatever it is
		case c-'0' <= 9:
			return 0, fmt.Errorf("%w: %.20q is not a frame length", errFrames, b)
		case c != ' ' || i == 0:
			return lineFraming, nil
		case i+1 == len(b):
			return unknownFraming, nil
		case b[i+1] == '<' && b[0] == '0':
			return 0, leadingZero(b)
		case b[i+1] == '<':
			return octetCounting, nil
		default:
			return lineFraming, nil
		}
	}
	return unknownFraming, nil
}
