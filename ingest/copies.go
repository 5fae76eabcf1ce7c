package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Rotation makes copies: a plain one before it truncates a file, a compressed one before it
// removes it. A file that comes up may be a copy of a file that is followed, or of one that
// is gone. It is then read on where that one was read to, so that no line counts twice
// and none is missing.

const (
	// keepPast is how long positions in files that are gone or were truncated are
	// kept, and maxPast how many: rotation may compress a file a day later.
	keepPast = 48 * time.Hour
	maxPast  = 10_000

	// keepPart is how long a file that may be an unfinished copy has to grow.
	keepPart = 10 * time.Second

	// archiveQuiet is how long a compressed file that is not whole is left alone.
	archiveQuiet = time.Second
)

// A pastPosition is where a file was read to that is gone.
type pastPosition struct {
	*filePosition
	since time.Time
}

// remember keeps where a file that is gone was read to.
func (t *tails) remember(p *filePosition) {
	if p.Offset == 0 {
		return
	}
	now := time.Now()
	t.past = slices.DeleteFunc(t.past, func(p pastPosition) bool { return now.Sub(p.since) > keepPast })
	t.past = append(t.past[max(0, len(t.past)-maxPast+1):], pastPosition{p, now})
}

// forget drops a position that was taken up.
func (t *tails) forget(p *filePosition) {
	if t.left[p.key] == p {
		delete(t.left, p.key)
	}
	t.past = slices.DeleteFunc(t.past, func(past pastPosition) bool { return past.filePosition == p })
}

// identify finds out how a file is compressed, if it is. It is false if that cannot be told
// yet, or if the file is left out.
func (t *tails) identify(tail *tail) bool {
	if tail.info.Size() == 0 || tail.leftOut || !t.ready(tail) {
		return false
	}
	if tail.identified {
		return true
	}
	begin := make([]byte, magicSize)
	n, _ := tail.file.ReadAt(begin, 0)
	begin = begin[:n]
	tail.archive = compressionOf(begin)
	if n == 0 || tail.archive == nil && mayBeCompressed(begin) {
		return false
	}
	if tail.archive != nil && tail.archive.open == nil {
		_, err := tail.archive.unpack(tail.file)
		t.warn(tail.name, "a file is not read", "because", err)
		tail.leftOut = true
		t.descriptors.shut(tail)
		return false
	}
	tail.identified = true
	return true
}

// decide finds out where to begin in files that came up. A copy of a file that is gone is
// read on where that one was read to, and one of a file that is followed waits for what
// becomes of that. All others are read from their beginning.
func (t *tails) decide(positions Positions) {
	var known names
	for _, tail := range slices.Clone(t.open) {
		if !tail.undecided || tail.lost || time.Now().Before(tail.again) || !tail.news() || !t.identify(tail) {
			continue
		}
		if known == nil {
			known = t.names()
		}
		of, past, err := t.original(tail, known)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF): // it is still being compressed
			tail.again, tail.partial = time.Now().Add(archiveQuiet), true
		case of != nil && (past == nil || past.replaces == nil) && !tail.isPart(of):
			tail.of, tail.ofRestarts = of, of.restarts
		case past != nil:
			tail.take(past)
			t.forget(past.filePosition)
			if past.replaces != nil {
				past.replaces.gone = true
				t.drop(past.replaces)
			}
			positions[past.key] = nil
			tail.note(positions)
		default:
			tail.restart()
		}
		tail.changed = !tail.undecided
	}
}

// commit sends positions that changed although no line was taken. Where one is to be
// forgotten, another file may have its key by now.
func (t *tails) commit(positions Positions) error {
	if delete(positions, ""); len(positions) == 0 {
		return nil
	}
	for _, tail := range t.open {
		if value, ok := positions[tail.key]; ok && value == nil {
			tail.note(positions)
		}
	}
	return t.send("", nil, positions)
}

// unseen reports whether a file could not be opened yet. It may have been moved just now.
func (t *tail) unseen() bool { return t.undecided && !t.identified && t.info.Size() > 0 && !t.leftOut }

// news reports whether something has changed since decide looked at the file.
func (t *tail) news() bool {
	return t.changed || t.of != nil && (t.of.gone || t.of.restarts != t.ofRestarts || t.isPart(t.of))
}

// isPart reports whether a file that is the same as the beginning of another one is not an
// unfinished copy, but a file that has little yet.
func (t *tail) isPart(of *tail) bool {
	return t.archive == nil && t.info.Size() < min(of.info.Size(), windowSize) && time.Since(t.touched) > keepPart
}

// names are the files and positions that others may be copies of, by stem.
type names map[string][]any // of *tail and *filePosition

func (t *tails) names() names {
	n := names{}
	for _, tail := range t.open {
		if tail.archive == nil && tail.info.Size() > 0 {
			n[tail.stem] = append(n[tail.stem], tail)
		}
	}
	for _, p := range t.left {
		n[p.Stem] = append(n[p.Stem], p)
	}
	for _, p := range t.past {
		n[p.Stem] = append(n[p.Stem], p.filePosition)
	}
	return n
}

// each calls do with those whose stem a name begins with.
func (n names) each(name string, do func(any)) {
	for end := len(name); end > len(name)-len(filepath.Base(name)); end-- {
		for _, known := range n[name[:end]] {
			do(known)
		}
	}
}

// all calls do with all of them.
func (n names) all(do func(any)) {
	for _, known := range n {
		for _, k := range known {
			do(k)
		}
	}
}

// original looks for what a file is a copy of: a file that is followed, or a position in
// one that is gone or that it replaces. The name of a plain copy begins with its
// original's; a compressed one may have any name. It fails with io.ErrUnexpectedEOF if that
// cannot be told yet.
func (t *tails) original(copied *tail, known names) (of *tail, past *resumption, err error) {
	head, err := copied.begin()
	if err != nil {
		return nil, nil, err
	}
	consider := func(k any) {
		switch k := k.(type) {
		case *tail:
			if !k.named && k.name == copied.name && k != copied && past == nil {
				if past, _ = copied.resumption(k.mark()); past != nil {
					past.replaces = k
				}
			}
			if of == nil && (k.offset > 0 || strings.HasPrefix(copied.name, k.stem)) && k != copied && !k.undecided && mayCopy(copied, k.name, k.stem) && bytes.HasPrefix(head, k.head) {
				is, failed := t.isCopy(copied, head, k)
				if err = cmp.Or(err, failed); is {
					of = k
				}
			}
		case *filePosition:
			if (past == nil || past.replaces == nil && k.Offset > past.Offset) && mayCopy(copied, k.Name, k.Stem) {
				r, failed := copied.resumption(k)
				past, err = cmp.Or(r, past), cmp.Or(err, unlessOther(failed))
			}
		}
	}
	known.each(copied.name, consider)
	if of == nil && copied.archive != nil {
		known.all(consider)
	}
	return of, past, err
}

// mayCopy reports whether a file's name may be that of a copy of a file with this name and
// stem. Rotation gives no copy the stem itself as its name: a file of that name is a log
// that was begun anew, and may begin as the one before did.
func mayCopy(copied *tail, name, stem string) bool {
	return copied.archive != nil || strings.HasPrefix(copied.name, stem) && (copied.name != stem || copied.name == name)
}

// isCopy reports whether a file is a copy of another one, or of its beginning.
func (t *tails) isCopy(copied *tail, head []byte, of *tail) (bool, error) {
	if !t.ready(of) { // it is gone
		_, err := copied.resumption(of.mark())
		return err == nil, unlessOther(err)
	}
	if intact, err := of.intact(); !intact || err != nil || !t.ready(copied) {
		return false, nil
	}
	first := make([]byte, len(head))
	n, _ := of.file.ReadAt(first, 0)
	if !bytes.HasPrefix(head, first[:n]) {
		return false, nil
	}
	size := of.info.Size()
	if copied.archive == nil {
		from, to := max(0, copied.info.Size()-windowSize), copied.info.Size()
		return to <= size && same(copied.file, of.file, from, to), nil
	}
	w := windowAt(0)
	err := copied.unpackTo(size, func(_ int64, b []byte) { w.add(b) })
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return w.in(of.file)
}

// begin returns how a file begins. It fails with io.ErrUnexpectedEOF if that is not there
// yet.
func (t *tail) begin() (head []byte, err error) {
	if t.archive == nil {
		head = make([]byte, headSize)
		n, _ := t.file.ReadAt(head, 0)
		return head[:n], nil
	}
	err = t.unpackTo(headSize, func(_ int64, b []byte) { head = append(head, b...) })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it has less, or is broken, which is noticed when it is read
	}
	return head, err
}

// unlessOther is an error other than errOther.
func unlessOther(err error) error {
	if errors.Is(err, errOther) {
		return nil
	}
	return err
}

// same reports whether two files have the same bytes [from, to).
func same(a, b io.ReaderAt, from, to int64) bool {
	sumA, errA := sumOf(a, from, to)
	sumB, errB := sumOf(b, from, to)
	return errA == nil && errB == nil && sumA == sumB
}

// copyOf takes up a copy of the file that was read up to p: one that waits or, inFolder, one
// in the same folder that does not match.
func (t *tails) copyOf(p *filePosition, inFolder bool) *tail {
	if p.Offset == 0 {
		return nil
	}
	for _, tail := range t.open {
		if tail.undecided && t.identify(tail) && mayCopy(tail, p.Name, p.Stem) && tail.resume(p) {
			return tail
		}
	}
	if !inFolder {
		return nil
	}
	found, _ := t.findOne(p) // nothing if the folder cannot be read
	return found
}

// findRotated takes up files that were rotated away while nobody followed them: under
// another name in the same folder, copied, or compressed. The positions of files that
// are gone are forgotten.
func (t *tails) findRotated(positions Positions) {
	for _, key := range slices.Sorted(maps.Keys(t.left)) {
		p := t.left[key]
		if slices.ContainsFunc(t.open, func(tail *tail) bool { return tail.key == key && tail.unseen() }) {
			continue
		}
		if !t.follows(p.Name) {
			t.files.Log.Warn("forgot a position of a folder that is not followed; nothing in it is read", "file", p.Name)
			positions[key] = nil
			delete(t.left, key)
			continue
		}
		found, err := t.findOne(p)
		if err != nil {
			// Perhaps it is not mounted yet.
			t.warn(p.Name, "cannot look for a file; its position is kept", "error", err)
			continue
		}
		positions[key] = nil
		if found == nil {
			t.remember(p)
		} else {
			found.note(positions)
		}
		delete(t.left, key)
	}
}

// follows reports whether a name is in a folder of a pattern, or of what a link that matches
// leads to. Positions come from a topic: whoever may write to it must not choose what is read.
func (t *tails) follows(name string) bool {
	folder := filepath.Dir(name)
	for _, glob := range t.files.Globs {
		if matches, err := filepath.Match(filepath.Dir(glob), folder); matches && err == nil {
			return true
		}
	}
	names, _ := t.files.names() // the patterns were read before
	return slices.ContainsFunc(names, func(name string) bool {
		target, err := filepath.EvalSymlinks(name)
		return err == nil && filepath.Dir(target) == folder
	})
}

// findOne looks for the file of a position, or a copy, in its folder, and takes it up before
// all others, since it is older.
func (t *tails) findOne(p *filePosition) (*tail, error) {
	names, err := around(p.Name)
	if err != nil {
		return nil, err
	}
	// The file itself comes before copies, and plain copies before compressed ones.
	var itself, copies, archives []string
	for _, name := range names {
		info, err := os.Lstat(name)
		switch {
		case err != nil || !info.Mode().IsRegular() || t.known[fileID(name, info)] != nil:
		case fileKey(name, info) == p.key:
			itself = append(itself, name)
		case slices.ContainsFunc(compressions, func(c *compression) bool { return c.open != nil && strings.HasSuffix(name, c.ext) }):
			archives = append(archives, name)
		case strings.HasPrefix(name, p.Stem):
			copies = append(copies, name)
		}
	}
	for _, name := range slices.Concat(itself, copies, archives) {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		found := t.add(name, info)
		if p.Offset == 0 && fileKey(name, info) == p.key && strings.HasPrefix(name, p.Stem) || t.identify(found) && found.resume(p) {
			t.open = slices.Insert(t.open[:len(t.open)-1], 0, found)
			return found, nil
		}
		t.drop(found)
	}
	return nil, nil
}
