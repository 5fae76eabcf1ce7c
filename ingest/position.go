package ingest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
)

const (
	// headSize is how much of a file's beginning is hashed.
	headSize = 256

	// windowSize is how much of what was read last is hashed, at least.
	windowSize = 4 << 10
)

// A filePosition is where a file is read on, with hashes of the bytes before that. A file
// with other bytes there is another one, whatever its name and its number; one with the
// same bytes is the same file, or a copy of it.
type filePosition struct {
	key    string
	Name   string `json:"file"`           // that it had last
	Stem   string `json:"stem,omitempty"` // the name under which it came up, if another
	Offset int64  `json:"offset"`         // behind the last line that was taken
	// Head is a hash of the file's first bytes: Offset of them, headSize at most.
	Head string `json:"head"`
	// Sum is the CRC-32C of the bytes [From, To), which were read last. Lines behind
	// Offset were read but not taken. Positions that older versions wrote have no Sum,
	// and a To of 0.
	From int64  `json:"from,omitempty"`
	To   int64  `json:"to,omitempty"`
	Sum  uint32 `json:"sum,omitempty"`
	// Open are parts of lines that were taken, and their last parts not yet.
	Open openLines `json:"open,omitempty"`
	// Columns are those of the lines behind Offset, by a line #Fields before it.
	Columns string `json:"columns,omitempty"`
	// Events are lines that were taken, and that more lines may belong to.
	Events openEvents `json:"events,omitempty"`
	// Packed is the size of a compressed file that was read to its end. The other
	// numbers are of what it unpacks to.
	Packed int64 `json:"packed,omitempty"`
}

// fileKeys begin the keys of files' positions.
const fileKeys = "file "

// readPositions reads those that are files'.
func readPositions(positions Positions) map[string]*filePosition {
	found := map[string]*filePosition{}
	for key, value := range positions {
		p := filePosition{key: key}
		if strings.HasPrefix(key, fileKeys) && json.Unmarshal(value, &p) == nil && p.Offset >= 0 && p.From >= 0 && p.From <= p.To {
			p.Stem = cmp.Or(p.Stem, p.Name)
			found[key] = &p
		}
	}
	return found
}

// fileKey is the key of a file's position.
func fileKey(name string, info fs.FileInfo) string {
	if id := fileID(name, info).text(); id != "" {
		return fileKeys + id
	}
	return fileKeys + name
}

func fingerprint(head []byte) string {
	hash := sha256.Sum256(head)
	return hex.EncodeToString(hash[:8])
}

// A window is a checksum of the bytes [from, to) of a file, which were read last: windowSize
// of them at least, as far as there are so many.
type window struct {
	from, to int64
	sum      uint32

	// The window to come, which takes over when it has grown enough.
	next    int64
	nextSum uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// add moves the window on over bytes that were read.
func (w *window) add(b []byte) {
	w.to += int64(len(b))
	if len(b) >= windowSize {
		w.from, w.next, w.nextSum = w.to-windowSize, w.to, 0
		w.sum = crc32.Checksum(b[len(b)-windowSize:], castagnoli)
		return
	}
	w.sum, w.nextSum = crc32.Update(w.sum, castagnoli, b), crc32.Update(w.nextSum, castagnoli, b)
	if w.to-w.next >= windowSize {
		w.from, w.sum = w.next, w.nextSum
		w.next, w.nextSum = w.to, 0
	}
}

// windowAt is a window that begins at an offset.
func windowAt(offset int64) window { return window{from: offset, to: offset, next: offset} }

// in reports whether a file has what the window is of.
func (w window) in(file io.ReaderAt) (bool, error) {
	sum, err := sumOf(file, w.from, w.to)
	return err == nil && sum == w.sum, unlessEnd(err)
}

// sumOf is the CRC-32C of the bytes [from, to) of a file. It fails with io.EOF if they are
// not all there.
func sumOf(r io.ReaderAt, from, to int64) (sum uint32, err error) {
	b := make([]byte, min(to-from, 4*windowSize))
	for from < to {
		n, err := r.ReadAt(b[:min(int64(len(b)), to-from)], from)
		sum = crc32.Update(sum, castagnoli, b[:n])
		if from += int64(n); err != nil && from < to {
			return 0, err
		}
	}
	return sum, nil
}

// unlessEnd is an error of reading that does not just say where a file ends.
func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// fits reports whether a plain file has the bytes that p has hashes of.
func (p *filePosition) fits(file io.ReaderAt) bool {
	head := make([]byte, min(p.Offset, headSize))
	if n, _ := file.ReadAt(head, 0); n < len(head) || fingerprint(head) != p.Head {
		return false
	}
	from, to := p.From, p.To
	if to == 0 {
		from, to = max(p.Offset-1, 0), p.Offset // it must have grown so far
	}
	sum, err := sumOf(file, from, to)
	return err == nil && (p.To == 0 || sum == p.Sum)
}

// readTo reads the first bytes of r, and calls each with them and their offset.
func readTo(r io.Reader, to int64, each func(at int64, b []byte)) error {
	b := make([]byte, windowSize)
	for at := int64(0); at < to; {
		n, err := r.Read(b[:min(windowSize, to-at)])
		each(at, b[:n])
		if at += int64(n); err != nil && at < to {
			return err
		}
	}
	return nil
}
