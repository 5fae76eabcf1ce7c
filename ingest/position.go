package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A filePosition is where a file is read on.
type filePosition struct {
	key    string
	found  bool   // the file is followed again
	Name   string `json:"file"`   // that it had
	Offset int64  `json:"offset"` // behind the last line that was taken
	// Head is a hash of the file's first bytes, as many as Offset but headSize at
	// most. A file with another beginning is another one, whatever its number.
	Head string `json:"head"`
}

// fileKeys begin the keys of files' positions.
const fileKeys = "file "

// readPositions reads those that are files'.
func readPositions(positions Positions) []*filePosition {
	var found []*filePosition
	for _, key := range slices.Sorted(maps.Keys(positions)) {
		p := filePosition{key: key}
		if strings.HasPrefix(key, fileKeys) && json.Unmarshal(positions[key], &p) == nil && p.Offset >= 0 {
			found = append(found, &p)
		}
	}
	return found
}

// fileKey is the key of a file's position.
func fileKey(name string, info fs.FileInfo) string {
	if id := fileID(info); id != "" {
		return fileKeys + id
	}
	return fileKeys + name
}

// position is where a file is read on after what was handed over.
func (t *tail) position() Positions {
	if t.key == "" {
		return nil
	}
	return Positions{t.key: t.positionAt(t.handed())}
}

// forgotten is the position of a file that is let go of.
func (t *tail) forgotten() Positions {
	if t.key == "" {
		return nil
	}
	return Positions{t.key: nil}
}

// handed is the offset behind what was handed over.
func (t *tail) handed() int64 { return t.offset - int64(len(t.chunks.buf)-t.chunks.done) }

func (t *tail) positionAt(offset int64) []byte {
	return position(filePosition{
		Name: t.name, Offset: offset, Head: fingerprint(t.head[:min(int64(len(t.head)), offset)]),
	})
}

func fingerprint(head []byte) string {
	hash := sha256.Sum256(head)
	return hex.EncodeToString(hash[:8])
}

// nextNoted is next, and notes where the lines end that it returns.
func (t *tail) nextNoted() ([]byte, error) {
	lines, err := t.next()
	if t.key == "" || err != nil {
		return lines, err
	}
	end := t.handed()
	at := end - int64(len(lines))
	for rest := lines; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n')
		l := rest
		if n < 0 { // a line that was cut is alone
			rest, at = nil, end
		} else {
			l, rest = rest[:n], rest[n+1:]
			at += int64(n + 1)
		}
		if !isEmpty(l) {
			t.ends = append(t.ends, at)
		}
	}
	return lines, nil
}

// fits tells whether a file is the one whose position p is, and has not been
// truncated since. It returns the file's first bytes.
func (p *filePosition) fits(file *os.File) (head []byte, ok bool) {
	info, err := file.Stat()
	if err != nil || info.Size() < p.Offset {
		return nil, false
	}
	head = make([]byte, min(p.Offset, headSize))
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, p.Offset), head); err != nil {
		return nil, false
	}
	return head, fingerprint(head) == p.Head
}

// resume goes on at p, if it is of what the file holds; else it is a new file,
// which has the number of one that is gone.
func (t *tail) resume(p *filePosition) error {
	head, ok := p.fits(t.file)
	if !ok {
		return nil
	}
	p.found = true
	if _, err := t.file.Seek(p.Offset, io.SeekStart); err != nil {
		return fmt.Errorf("going on in a file: %w", err)
	}
	t.offset, t.head = p.Offset, head
	if p.Offset > 0 {
		// The position may be within a line that is too long to be kept whole.
		var last [1]byte
		if _, err := t.file.ReadAt(last[:], p.Offset-1); err != nil {
			return fmt.Errorf("going on in a file: %w", err)
		}
		t.chunks.skip = last[0] != '\n'
	}
	return nil
}

// findRotated takes up files that were rotated away while nobody followed them:
// under another name in the same folder, or copied to one that begins with theirs.
// The positions of those that are not there any more are forgotten.
func (t *tails) findRotated() error {
	positions := Positions{}
	var left []*filePosition
	for _, p := range t.left {
		if p.found {
			continue
		}
		found, err := t.findOne(p)
		if err != nil {
			// Perhaps it is not mounted yet.
			t.files.Log.Warn("a file cannot be looked for: its position is kept", "file", p.Name, "error", err)
			left = append(left, p)
			continue
		}
		positions[p.key] = nil
		if found != nil {
			// What is older comes first.
			t.open = slices.Insert(t.open, 0, found)
		}
	}
	t.left = left
	if len(positions) == 0 {
		return nil
	}
	for _, tail := range t.open {
		maps.Copy(positions, tail.position())
	}
	return t.send(nil, positions)
}

// findOne looks for the file of a position where it was.
func (t *tails) findOne(p *filePosition) (*tail, error) {
	folder := filepath.Dir(p.Name)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	// The file itself comes before copies of it.
	var names []string
	for _, entry := range entries {
		name := filepath.Join(folder, entry.Name())
		info, err := entry.Info()
		switch {
		case err != nil || !info.Mode().IsRegular():
		case slices.ContainsFunc(t.open, func(o *tail) bool { return os.SameFile(o.info, info) }):
		case fileKey(name, info) == p.key:
			names = slices.Insert(names, 0, name)
		case strings.HasPrefix(entry.Name(), filepath.Base(p.Name)) && p.Offset > 0:
			names = append(names, name)
		}
	}
	for _, name := range names {
		found, err := openRotated(name, p)
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// openRotated opens a file if it is the one whose position p is.
func openRotated(name string, p *filePosition) (*tail, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	found := &tail{name: name, file: file, info: info, chunks: newChunker(), key: fileKey(name, info), moved: time.Now()}
	if err := found.resume(p); err != nil || !p.found {
		file.Close()
		return nil, err
	}
	return found, nil
}
