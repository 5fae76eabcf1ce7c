package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"strings"
	"time"

	"pulse/stats/line"
)

// A tail is a file that is followed. It is known by its number and by what was read of it,
// not by its name, which rotation changes.
type tail struct {
	name string
	stem string // the name under which it came up, which those of its copies begin with
	id   fileNumber
	key  string      // of its position; empty if positions are not kept
	info fs.FileInfo // as seen last
	file *os.File    // nil while it is closed

	archive  *compression  // nil if it is not compressed
	unpacked io.ReadCloser // what it unpacks to, from offset on; nil before it is read
	done     bool          // it is compressed, and was read to its end

	originOf  func(stem string) line.Origin
	from      line.Origin
	newJoiner func(from line.Origin) lineJoiner

	chunks  *chunker
	parts   joiner
	events  lineJoiner
	heading heading
	offset  int64     // how much was read, of what it unpacks to
	head    []byte    // its first bytes, headSize at most
	window  window    // of what was read last
	stale   bool      // it was rewritten while it was read
	ends    []lineEnd // of lines that were read and not sent, in a merge

	named   bool      // a name that matches led to it at the last look
	changed bool      // there may be something new in it
	touched time.Time // when a change was noticed last
	kept    time.Time // when it had a name last, or grew
	again   time.Time // when to look at it again
	lost    bool      // it is closed, and not in its folder
	gone    bool      // it is not followed any more
	failed  bool      // it could not be opened or read when last tried
	missed  bool      // it could not be opened when it was to be read
	leftOut bool      // it is compressed in a way that is not read, or broken
	partial bool      // it is compressed, and ended too early when last read
	slot    *slot

	undecided  bool  // where to begin is not known yet
	identified bool  // archive is known
	of         *tail // it waits, as a copy of this file
	restarts   int   // how often it was begun
	ofRestarts int   // of the original, when decide looked at it
}

// see notes what a file looks like now.
func (t *tail) see(info fs.FileInfo) {
	if info.Size() != t.info.Size() || !info.ModTime().Equal(t.info.ModTime()) {
		t.changed, t.touched = true, time.Now()
		t.done = false // compressed files may grow too
	}
	t.info = info
}

// rename notes that another name leads to the file.
func (t *tail) rename(name string) {
	if t.name = name; !strings.HasPrefix(name, t.stem) {
		t.stem = name
	}
}

// handed is the offset behind what was handed on.
func (t *tail) handed() int64 { return t.offset - int64(len(t.chunks.buf)-t.chunks.done) }

// mark is the position behind what was handed on.
func (t *tail) mark() *filePosition {
	return t.markAt(t.endAt(t.handed(), t.parts.lines()))
}

// A lineEnd is where a line ends in its file, and what holds there for the lines after it.
type lineEnd struct {
	offset  int64
	open    openLines
	columns string
	events  openEvents
}

func (t *tail) endAt(offset int64, open openLines) lineEnd {
	return lineEnd{offset, open, t.heading.columns, t.events.events()}
}

// join joins what belongs together in a chunk of whole lines.
func (t *tail) join(lines []byte) []byte { return t.events.join(t.parts.join(lines)) }

// rest is what is left of the file where it ends.
func (t *tail) rest() []byte { return t.events.rest(t.parts.end(t.chunks.rest())) }

// addNoted takes the line between two offsets, appends the events that end by it, and
// notes for each where to go on after it: after the last of them behind the line, after
// another before it, without the events that ended.
func (t *tail) addNoted(joined, l []byte, before, behind int64) []byte {
	open, noted := t.parts.lines(), len(t.ends)
	l, whole := t.parts.add(l)
	if !whole || isEmpty(l) && !t.events.active() {
		return joined
	}
	t.events.ended = func(event []byte) {
		t.heading.read(event)
		t.ends = append(t.ends, t.endAt(before, open))
	}
	joined = t.events.add(joined, l, "")
	t.events.ended = nil
	if last := len(t.ends); last > noted {
		t.ends[last-1] = t.endAt(behind, t.parts.lines())
	}
	return joined
}

func (t *tail) markAt(end lineEnd) *filePosition {
	offset := end.offset
	p := &filePosition{
		key: t.key, Name: t.name, Stem: t.stem, Offset: offset, Head: fingerprint(t.head[:min(int64(len(t.head)), offset)]),
		From: t.window.from, To: t.window.to, Sum: t.window.sum, Open: end.open, Columns: end.columns, Events: end.events,
	}
	if t.done && offset == t.offset {
		p.Packed = t.info.Size()
	}
	return p
}

// note adds the file's position to others, if positions are kept.
func (t *tail) note(positions Positions) {
	if t.key != "" {
		positions[t.key] = position(t.mark())
	}
}

// restart begins to read the file anew.
func (t *tail) restart() {
	t.endUnpacking()
	t.chunks, t.parts, t.events, t.heading = newChunker(), joiner{}, t.newJoiner(t.from), heading{}
	t.offset, t.head, t.window, t.stale, t.done = 0, nil, windowAt(0), false, false
	t.changed, t.undecided, t.of = true, false, nil
	t.restarts++
}

// A resumption is where a file is read on, and what it has before that.
type resumption struct {
	*filePosition
	head     []byte
	window   window
	within   bool  // it goes on within a line that is too long
	replaces *tail // a file that had the name before
}

// errOther says that a position is of another file.
var errOther = errors.New("it has other bytes")

// resume reads the file on at p. It is false if p is of another file.
func (t *tail) resume(p *filePosition) bool {
	r, err := t.resumption(p)
	if err == nil {
		t.take(r)
	}
	return err == nil
}

func (t *tail) take(r *resumption) {
	t.restart()
	t.offset, t.head, t.window = r.Offset, r.head, r.window
	t.chunks.skip, t.parts = r.within, joiner{envelope: envelopeOf(r.head), open: maps.Clone(r.Open)}
	t.stem, t.from, t.heading = r.Stem, t.originOf(r.Stem), heading{columns: r.Columns}
	t.events = t.newJoiner(t.from)
	t.events.resume(r.Events)
	t.done = r.Packed > 0
}

// resumption tells how the file is read on at p. It fails with errOther if p is of another
// file, and with io.ErrUnexpectedEOF if the file is compressed and not complete.
func (t *tail) resumption(p *filePosition) (*resumption, error) {
	if p.Offset == 0 || p.Packed > 0 && (t.archive == nil || p.Packed != t.info.Size()) {
		return nil, errOther
	}
	r := &resumption{filePosition: p, window: windowAt(0)}
	var last byte
	each := func(at int64, b []byte) {
		if room := min(p.Offset, headSize) - at; room > 0 {
			r.head = append(r.head, b[:min(int64(len(b)), room)]...)
		}
		if b = b[:max(0, min(int64(len(b)), p.Offset-at))]; len(b) > 0 {
			r.window.add(b)
			last = b[len(b)-1]
		}
	}
	if t.archive == nil {
		if !p.fits(t.file) {
			return nil, errOther
		}
		r.head = make([]byte, min(p.Offset, headSize))
		before := make([]byte, min(p.Offset, windowSize))
		from := p.Offset - int64(len(before))
		n, _ := t.file.ReadAt(r.head, 0)
		m, _ := t.file.ReadAt(before, from)
		if n < len(r.head) || m < len(before) {
			return nil, errOther
		}
		r.window = windowAt(from)
		r.window.add(before)
		last = before[len(before)-1]
	} else {
		if err := t.unpackTo(min(p.Offset, headSize), each); err != nil || fingerprint(r.head) != p.Head {
			return nil, unlessWhole(err)
		}
		if p.Packed > 0 {
			return r, nil // all of it was read
		}
		sum := uint32(0)
		r.head, r.window = nil, windowAt(0)
		err := t.unpackTo(max(p.Offset, p.To), func(at int64, b []byte) {
			each(at, b)
			if at < p.To && at+int64(len(b)) > p.From {
				sum = crc32.Update(sum, castagnoli, b[max(0, p.From-at):min(int64(len(b)), p.To-at)])
			}
		})
		if err != nil || p.To > 0 && sum != p.Sum {
			return nil, unlessWhole(err)
		}
	}
	r.within = last != '\n' && last != 0 // zeros before a line are skipped
	return r, nil
}

// unlessWhole is err if a compressed file that is not complete may yet match a position.
func unlessWhole(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errOther
}

// intact reports whether the file still has what was read of it. Its size does not
// matter: some file systems say for a while that it is smaller than it is. Of a compressed
// file, which nobody rewrites in place, the beginning is enough.
func (t *tail) intact() (bool, error) {
	if t.archive != nil {
		begin := make([]byte, magicSize)
		n, err := t.file.ReadAt(begin, 0)
		if compressionOf(begin[:n]) != t.archive {
			return false, unlessEnd(err)
		}
		var head []byte
		err = t.unpackTo(int64(len(t.head)), func(_ int64, b []byte) { head = append(head, b...) })
		return err == nil && bytes.Equal(head, t.head), nil
	}
	head := make([]byte, len(t.head))
	if n, err := t.file.ReadAt(head, 0); n < len(head) || !bytes.Equal(head, t.head) {
		return false, unlessEnd(err)
	}
	return t.window.in(t.file)
}

// next returns the next chunk of whole lines; io.EOF where there is no more for now.
func (t *tail) next() ([]byte, error) {
	for {
		lines, err := t.chunks.read((*tailReader)(t))
		if len(lines) > 0 {
			return lines, nil // an error comes again
		}
		if errors.Is(err, io.EOF) && t.done {
			if last := t.chunks.rest(); len(last) > 0 {
				return last, nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// A tailReader reads a tail's file on and notes what it read.
type tailReader tail

func (t *tailReader) Read(b []byte) (n int, err error) {
	if t.archive != nil {
		n, err = t.readUnpacked(b)
	} else {
		n, err = t.readFile(b)
	}
	if n == 0 {
		return 0, err
	}
	t.head = append(t.head, b[:min(n, headSize-len(t.head))]...)
	t.window.add(b[:n])
	t.offset += int64(n)
	t.kept = time.Now()
	if t.atLineStart() {
		n = copy(b, bytes.TrimLeft(b[:n], "\x00"))
	}
	return n, err
}

// atLineStart reports whether what is read next begins a line.
func (t *tailReader) atLineStart() bool { return len(t.chunks.buf) == 0 && !t.chunks.skip }

// readFile reads the file itself. What it returns is of what the file was before, even if
// that has been truncated and rewritten meanwhile.
func (t *tailReader) readFile(b []byte) (int, error) {
	if t.stale {
		return 0, io.EOF
	}
	if t.atLineStart() {
		t.skipHole()
	}
	n, err := t.file.ReadAt(b, t.offset)
	if text := len(bytes.TrimRight(b[:n], "\x00")); text < n && !moreThanZeros(t.file, t.offset+int64(n)) {
		n, err = text, io.EOF // a program that allocates its file first writes there later
	}
	if n == 0 {
		return 0, err
	}
	intact, failed := (*tail)(t).intact()
	if intact || failed != nil {
		return n, cmp.Or(failed, err)
	}
	t.stale = true
	now := make([]byte, n)
	if m, _ := t.file.ReadAt(now, t.offset); bytes.Equal(now[:m], b[:n]) {
		return 0, io.EOF // it was rewritten before it was read
	}
	return n, nil
}

// skipHole skips a hole in a sparse file before a line: a program that goes on writing
// where it was, after another one has truncated its file, makes one.
func (t *tailReader) skipHole() {
	data, ok := nextData(t.file, t.offset)
	if !ok || data <= t.offset {
		return
	}
	t.head = append(t.head, make([]byte, max(0, min(data, headSize)-int64(len(t.head))))...)
	t.offset, t.window = data, windowAt(data)
}

// moreThanZeros reports whether a file has any byte from offset on that is not zero.
func moreThanZeros(file *os.File, offset int64) bool {
	b := make([]byte, 64<<10)
	for {
		data, ok := nextData(file, offset)
		if !ok {
			return false
		}
		n, err := file.ReadAt(b, data)
		if len(bytes.TrimLeft(b[:n], "\x00")) > 0 {
			return true
		}
		if err != nil {
			return false
		}
		offset = data + int64(n)
	}
}

// readUnpacked reads what a compressed file unpacks to. An incomplete one has no more for
// now.
func (t *tailReader) readUnpacked(b []byte) (int, error) {
	if t.done {
		return 0, io.EOF
	}
	if t.unpacked == nil {
		unpacked, err := (*tail)(t).unpack()
		if err == nil {
			err = readTo(unpacked, t.offset, func(int64, []byte) {})
		}
		if t.unpacked = unpacked; err != nil {
			return 0, t.ended(err)
		}
	}
	n, err := t.unpacked.Read(b)
	return n, t.ended(err)
}

// ended takes note of why the reading of a compressed file ended.
func (t *tailReader) ended(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		t.again, t.partial = time.Now().Add(archiveQuiet), true
		err = io.EOF
	case errors.Is(err, io.EOF):
		t.done = true
	}
	(*tail)(t).endUnpacking()
	return err
}

// unpack reads what the file unpacks to, from its beginning.
func (t *tail) unpack() (io.ReadCloser, error) {
	return t.archive.unpack(io.NewSectionReader(t.file, 0, math.MaxInt64))
}

// unpackTo reads the first bytes of what the file unpacks to. It fails with io.EOF if there
// are fewer.
func (t *tail) unpackTo(to int64, each func(at int64, b []byte)) error {
	unpacked, err := t.unpack()
	if err != nil {
		return err
	}
	defer unpacked.Close()
	return readTo(unpacked, to, each)
}

func (t *tail) endUnpacking() {
	if t.unpacked != nil {
		t.unpacked.Close()
		t.unpacked = nil
	}
}
