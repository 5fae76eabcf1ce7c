package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"pulse/stats/line"
)

// sampleSize is how much of a recording's beginning and end its id is made of.
const sampleSize = 64 << 10

// A Recording is one or more files of lines, read as one in the order of
// their clocks. A compressed file is read as what it unpacks to.
type Recording struct {
	// Origin is that of its lines; none if it is not set.
	Origin line.Origin
	// Reading says how its lines are dated and joined.
	Reading Reading

	names    []string
	sizes    []int64 // of each when it was opened; later lines are not of it
	size     int64
	modified time.Time
	regular  bool
}

// OpenRecording looks at files that make up a recording.
func OpenRecording(names []string) (*Recording, error) {
	if len(names) == 0 {
		return nil, errors.New("no recording is given: name one or more files")
	}
	if len(names) > maxRecording {
		return nil, fmt.Errorf("a recording can have at most %[2]d files, not %[1]d: join some of them", len(names), maxRecording)
	}
	r := &Recording{names: names, regular: true}
	compressed := false
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
				err = failed.Err // without the system call's name, stat, which here means another thing
			}
			return nil, fmt.Errorf("cannot read the log %s: %w", name, err)
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: name the files in it", name)
		}
		r.regular = r.regular && info.Mode().IsRegular()
		compressed = compressed || info.Mode().IsRegular() && isCompressed(name)
		r.sizes = append(r.sizes, info.Size())
		r.size += info.Size()
		if info.ModTime().After(r.modified) {
			r.modified = info.ModTime()
		}
	}
	if compressed {
		r.size = 0
	}
	return r, nil
}

// Size is that of all its files in bytes; 0 if one is compressed, which is not known
// before it is read.
func (r *Recording) Size() int64 { return r.size }

// Modified is when the newest of its files was written last: the time of a
// recording that shows none.
func (r *Recording) Modified() time.Time { return r.modified }

// Lines is the source of its lines.
func (r *Recording) Lines(yield func(Piece) error) error {
	return r.each(func(string) line.Origin { return r.Origin }, yield)
}

// each is Lines, with the origins of its files.
func (r *Recording) each(originOf func(name string) line.Origin, yield func(Piece) error) error {
	var parts []part
	for i, name := range r.names {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		var from io.Reader = file
		if r.regular {
			from = &wholeReader{io.LimitedReader{R: file, N: r.sizes[i]}, name, r.sizes[i]}
		}
		plain, err := asPlain(name, from)
		if err != nil {
			return err
		}
		defer plain.Close()
		parts = append(parts, part{next: r.Reading.reader(plain, originOf(name)).next, source: name, from: originOf(name)})
	}
	if len(parts) == 1 {
		return eachPiece(&parts[0], yield)
	}
	return merged(parts, r.Reading.Formats, nil, yield)
}

// errShorter is that a file lost what was not read yet.
var errShorter = errors.New("the file became shorter while it was read")

// A wholeReader reads as many bytes as a file had, and fails if they are not there any more:
// some programs that rotate logs copy and then empty them.
type wholeReader struct {
	io.LimitedReader
	name string
	size int64
}

func (r *wholeReader) Read(b []byte) (int, error) {
	n, err := r.LimitedReader.Read(b)
	if errors.Is(err, io.EOF) && r.N > 0 {
		err = fmt.Errorf("%s: %w: of %d bytes the last %d were gone, as when it is rotated; read a copy of it", r.name, errShorter, r.size, r.N)
	}
	return n, err
}

// ID identifies the recording by what it holds: it is made of the sizes, the
// beginnings and the ends of its files, so that a copy has the same and a
// large one need not be read for it.
func (r *Recording) ID() (string, error) {
	hash := sha256.New()
	for i, name := range r.names {
		if err := sample(hash, name, r.sizes[i]); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

func sample(w io.Writer, name string, size int64) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := binary.Write(w, binary.BigEndian, size); err != nil {
		return err
	}
	for _, at := range []int64{0, max(0, size-sampleSize)} {
		if _, err := io.Copy(w, io.NewSectionReader(file, at, min(size, sampleSize))); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends reading a source early.
var errEnough = errors.New("enough")

// firstTime is the time of a recording's clock at its first line, in Unix
// nanoseconds; -1 if there is no line.
func (r *Recording) firstTime() (int64, error) {
	first := int64(-1)
	t := newRecordedTimeline(r.modified).of(r.Reading.Formats)
	found := func(clock int64, _ []byte) error {
		first = clock
		return errEnough
	}
	err := r.Lines(func(p Piece) error { return t.addPiece(p, found) })
	if err == nil {
		err = t.settle(found)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, err
}

// PackRecording packs a recording's lines by their own clock, with original
// times, and ends with a tick that makes all its seconds final by a lateness
// in seconds. It is what a replay does, at once and without Kafka: p's sink must
// be done with a record when it returns. Undated is the time of a recording that
// shows none; formats has those of the definitions file, nil none. It says which of the
// lines have times.
func PackRecording(source Source, formats *line.Schema, p *Packer, undated time.Time, lateness int64) (Datings, error) {
	p.immediate = true
	t := newRecordedTimeline(undated).of(formats)
	emit := func(clock int64, l []byte) error {
		if err := p.From(t.emitted); err != nil {
			return err
		}
		if err := p.Advance(clock); err != nil {
			return err
		}
		return p.addLine(l)
	}
	if err := source(func(p Piece) error { return t.addPiece(p, emit) }); err != nil {
		return nil, err
	}
	if err := t.settle(emit); err != nil {
		return nil, err
	}
	if p.Second() < 0 {
		return t.sources, nil
	}
	return t.sources, p.Leave(p.Second() + 1 + lateness)
}
