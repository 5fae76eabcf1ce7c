package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pulse/stats/line"
)

const (
	// maxFollowed bounds the files that are followed at a time.
	maxFollowed = 50_000

	// pollEvery is how often files that are followed are looked at. Polling
	// sees what every kind of file system and every way of rotation does;
	// notifications do not. Looking at very many files takes long: pauses then
	// grow, up to maxLookPause, so that it takes one lookShare-th of the time.
	pollEvery    = 200 * time.Millisecond
	lookShare    = 5
	maxLookPause = time.Second

	// keepGone is how long a file is still read after it lost its name and
	// stopped growing: a program may go on writing to a file that has been
	// rotated away until it is told of it.
	keepGone = 10 * time.Second

	// turn is how much is read of one file before others have their turn.
	turn = 64 * chunkSize

	// mergeMemory bounds the buffers of files that are read together by their
	// clocks, except for what long lines need.
	mergeMemory = 64 << 20
)

// follow looks at the files again and again.
func (f Files) follow(ctx context.Context, send sender) error {
	t := newTails(f, send)
	defer t.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		began := time.Now()
		if err := t.look(); err != nil {
			return err
		}
		took := time.Since(began)
		more, err := t.read(first)
		if err != nil {
			return err
		}
		if more {
			timer.Reset(0)
		} else {
			timer.Reset(max(pollEvery, min((lookShare-1)*took, maxLookPause)))
		}
	}
}

// A sender hands lines over with their origin and the positions behind them.
type sender func(from line.Origin, lines []byte, positions Positions) error

// tails are the files that are followed.
type tails struct {
	files       Files
	send        sender
	open        []*tail // in the order in which they came up
	known       map[fileNumber]*tail
	descriptors *descriptors

	left map[string]*filePosition // positions of before the start whose files are not found yet, by key
	past []pastPosition           // positions in files that are gone or were truncated, oldest first

	said   map[string]bool // names that a warning was given of, which still holds
	silent bool            // no warning is given of further names
	none   bool            // a warning was given that no file matches
}

func newTails(f Files, send sender) *tails {
	return &tails{
		files: f, send: send, known: make(map[fileNumber]*tail), left: readPositions(f.Positions),
		said: make(map[string]bool), descriptors: newDescriptors(f.descriptors),
	}
}

func (t *tails) close() {
	for _, tail := range t.open {
		t.descriptors.shut(tail)
	}
}

// look finds the files that match, and what has become of those that are followed.
func (t *tails) look() error {
	fresh, err := t.find()
	if err != nil {
		return err
	}
	for _, tail := range slices.Clone(t.open) {
		if err := t.check(tail); err != nil {
			return err
		}
	}
	// A new file gets a position at once, since it may lose its name before anything
	// is read of it. A position's own file comes before copies of that file.
	positions := Positions{}
	for _, tail := range fresh {
		if t.left[tail.key] == nil {
			tail.note(positions)
		}
	}
	for _, tail := range t.open {
		p := t.left[tail.key]
		if tail.undecided && p != nil && (p.Offset == 0 || t.identify(tail) && tail.resume(p)) {
			t.forget(p)
		}
	}
	t.decide(positions)
	t.findRotated(positions)
	return t.commit(positions)
}

// find looks at all names that match, and returns the files that are new.
func (t *tails) find() (fresh []*tail, err error) {
	names, err := t.files.names()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 && len(t.open) == 0 && !t.none {
		t.none = true
		t.files.Log.Warn("no file matches yet; waiting for one", "patterns", t.files.Globs)
	}
	for _, tail := range t.open {
		tail.named = false
	}
	var unread, leftOut, over int64
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // since a moment ago
		case err != nil:
			unread++
			t.warn(name, "cannot read a file; retrying", "error", err)
			continue
		case !info.Mode().IsRegular():
			t.warnIrregular(name, info.Mode())
			continue
		}
		tail := t.known[fileID(name, info)]
		if tail == nil && len(t.open) >= maxFollowed {
			over++
			continue
		}
		if tail == nil {
			tail = t.add(name, info)
			fresh = append(fresh, tail)
		} else if !tail.named {
			tail.rename(name)
		}
		tail.named, tail.kept = true, time.Now()
		tail.see(info)
	}
	if over > 0 {
		t.warn("", fmt.Sprintf("more than %d files match, and the rest are not read: match fewer, or run an ingester for each part", maxFollowed), "left out", over)
	} else {
		delete(t.said, "")
	}
	for _, tail := range t.open {
		if !tail.named {
			t.seeUnnamed(tail)
		}
		switch {
		case tail.failed:
			unread++
		case tail.leftOut:
			leftOut++
		case tail.partial && tail.done:
			tail.partial = false
			delete(t.said, tail.name)
		case tail.partial && time.Since(tail.touched) > keepPart:
			leftOut++
			t.warn(tail.name, "a compressed file has no end, and does not grow: it was cut off, or is damaged; it is read on if it changes")
		}
	}
	t.files.Counts.Followed.Store(int64(len(t.open)))
	t.files.Counts.Unread.Store(unread + over)
	t.files.Counts.LeftOut.Store(leftOut)
	return fresh, nil
}

// maxSaid bounds the names that are remembered as warned of: whoever may make files could
// fill memory, and the log.
const maxSaid = 1000

// warn logs a warning about a name, once as long as it holds.
func (t *tails) warn(name, message string, args ...any) {
	switch {
	case t.said[name]:
		return
	case name != "" && len(t.said) >= maxSaid:
		if !t.silent {
			t.silent = true
			t.files.Log.Warn("what is wrong with further files is counted, and not said: too many have something wrong", "file", name, "files", maxSaid)
		}
		return
	}
	t.said[name] = true
	if name != "" {
		args = append([]any{"file", name}, args...)
	}
	t.files.Log.Warn(message, args...)
}

func (t *tails) warnIrregular(name string, mode fs.FileMode) {
	switch {
	case mode.IsDir():
		t.warn(name, "a directory matches and is not read: add /* to its name to follow the files in it")
	case mode&fs.ModeNamedPipe != 0:
		t.warn(name, "a named pipe matches and is not followed: read it by --stdin")
	default:
		t.warn(name, "what matches is not a file, and is not read", "mode", mode)
	}
}

// add follows a file. decide finds out later where to begin.
func (t *tails) add(name string, info fs.FileInfo) *tail {
	now := time.Now()
	from := t.files.originOf(name)
	added := &tail{
		name: name, stem: name, originOf: t.files.originOf, from: from, newJoiner: t.files.Reading.joiner, events: t.files.Reading.joiner(from),
		id: fileID(name, info), info: info, chunks: newChunker(), undecided: true, changed: true, touched: now, kept: now,
	}
	if t.files.Positions != nil {
		added.key = fileKey(name, info)
	}
	t.open = append(t.open, added)
	t.known[added.id] = added
	return added
}

// drop follows a file no longer.
func (t *tails) drop(tail *tail) {
	t.descriptors.shut(tail)
	delete(t.known, tail.id)
	delete(t.said, tail.name)
	i := slices.Index(t.open, tail)
	t.open = slices.Delete(t.open, i, i+1)
}

// seeUnnamed looks at a file that no longer has a name that matches: through its
// descriptor, or in its folder, where it may have been renamed.
func (t *tails) seeUnnamed(tail *tail) {
	if tail.file != nil {
		if info, err := tail.file.Stat(); err == nil {
			tail.see(info)
		}
		return
	}
	if tail.lost {
		return
	}
	names, _ := around(tail.name) // none if the folder is gone
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || fileID(name, info) != tail.id {
			continue
		}
		tail.rename(name)
		if t.descriptors.use(tail) == nil {
			if same, err := tail.intact(); same && err == nil { // not another one that has its number now
				tail.see(info)
				return
			}
		}
		t.descriptors.shut(tail)
	}
	tail.lost = true
}

// around returns the names in the folder of a file and, if its name is a link, in the folder
// of what that leads to, where rotation gives files other names.
func around(name string) ([]string, error) {
	folders := []string{filepath.Dir(name)}
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(name); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
	}
	var names []string
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			names = append(names, filepath.Join(folder, entry.Name()))
		}
	}
	return names, nil
}

// ready opens a tail's file if it is not open, or says why that fails.
func (t *tails) ready(tail *tail) bool {
	err := t.descriptors.use(tail)
	switch {
	case err == nil:
	case errors.Is(err, errMoved), errors.Is(err, fs.ErrNotExist):
		// The next look finds out where it is.
	default:
		t.fail(tail, err)
	}
	return err == nil
}

// fail takes note of a file that cannot be read now. It is opened again at the next look:
// handles of files on the network go stale.
func (t *tails) fail(tail *tail, err error) {
	tail.failed = true
	t.warn(tail.name, "cannot read a file; retrying", "error", err)
	t.descriptors.shut(tail)
}

// check notices that a file no longer has the bytes that were read of it: it was
// truncated, or rewritten. Then it begins anew, as a file that just came up.
func (t *tails) check(tail *tail) error {
	if !tail.changed || tail.undecided || !t.ready(tail) {
		return nil
	}
	if !tail.stale {
		intact, err := tail.intact()
		if err != nil {
			t.fail(tail, err)
		}
		if intact || err != nil {
			return nil
		}
	}
	p, from, rest := tail.mark(), tail.heading.origin(tail.from), tail.rest()
	tail.restart()
	tail.undecided, tail.identified, tail.archive = true, false, nil
	positions := Positions{}
	tail.note(positions)
	// Whoever truncates has mostly made a copy before. It has what was not read.
	return t.end(p, t.copyOf(p, true), from, rest, positions)
}

// end ends the reading of a file at p. A copy that was taken up has the rest of the last
// line, which had no line feed; without one the rest is a line.
func (t *tails) end(p *filePosition, taken *tail, from line.Origin, rest []byte, positions Positions) error {
	if taken != nil {
		rest = nil
		taken.note(positions)
	} else {
		t.remember(p)
	}
	return t.send(from, rest, positions)
}

// read reads the files on: at first in the order of their own clocks, for
// they may hold much of the past, later as lines come. Then it lets go of
// those that are gone. It tells whether there is more.
func (t *tails) read(byClock bool) (more bool, err error) {
	now := time.Now()
	var grown []*tail
	for _, tail := range t.open {
		if tail.changed && !tail.undecided && !tail.done && !now.Before(tail.again) {
			grown = append(grown, tail)
		}
	}
	if byClock && len(grown) > 1 {
		err = t.merge(grown)
	} else {
		for _, tail := range grown {
			var left bool
			if left, err = t.drain(tail); err != nil {
				break
			}
			more = more || left
		}
	}
	if err == nil {
		err = t.endEvents()
	}
	if err == nil {
		err = t.letGo()
	}
	return more, err
}

// endEvents sends the events of files that nothing came to for a while.
func (t *tails) endEvents() error {
	for _, tail := range t.open {
		if len(tail.events.open) == 0 || tail.changed && !tail.done {
			continue
		}
		ended := tail.events.expired()
		if tail.done {
			ended = append(ended, tail.events.rest(nil)...)
		}
		if len(ended) == 0 {
			continue
		}
		if err := t.sendOf(tail, ended); err != nil {
			return err
		}
	}
	return nil
}

// letGo lets go of files that are gone: what becomes of them from now on is not
// followed.
func (t *tails) letGo() error {
	now := time.Now()
	for _, tail := range slices.Clone(t.open) {
		if tail.named || !tail.lost && now.Sub(tail.kept) < keepGone {
			continue
		}
		if tail.archive != nil && !tail.done && !tail.undecided {
			t.files.Log.Warn("a compressed file was deleted before it was complete", "file", tail.name)
		}
		p, rest := tail.mark(), tail.rest()
		if left := t.left[tail.key]; left != nil { // it could never be opened
			p = left
			t.forget(left)
		}
		tail.gone = true
		t.drop(tail)
		positions := Positions{}
		if tail.key != "" {
			positions[tail.key] = nil
		}
		if err := t.end(p, t.copyOf(p, tail.lost), tail.heading.origin(tail.from), rest, positions); err != nil {
			return err
		}
	}
	return nil
}

// merge sends all that there is by the files' clocks.
func (t *tails) merge(grown []*tail) error {
	soft := max(leastBuffer, min(chunkSize, mergeMemory/len(grown)))
	var parts []part
	for _, tail := range grown {
		tail.chunks.soft = soft
		parts = append(parts, part{next: func() ([]byte, error) { return t.nextNoted(tail) }, from: tail.from, heading: tail.heading})
	}
	positions := Positions{}
	given := func(i, lines int) {
		tail := grown[i]
		if tail.key == "" {
			return
		}
		end := tail.ends[lines-1]
		tail.ends = tail.ends[lines:]
		positions[tail.key] = position(tail.markAt(end))
	}
	err := merged(parts, t.files.Reading.Formats, given, func(p Piece) error {
		err := t.send(p.From, p.Lines, positions)
		positions = Positions{}
		return err
	})
	if err != nil {
		return err
	}
	for _, tail := range grown {
		tail.chunks.soft = chunkSize
		tail.chunks.idle()
		tail.changed, tail.ends = tail.stale || tail.missed, nil
		if tail.done {
			tail.note(positions)
		}
	}
	return t.commit(positions)
}

// nextNoted is next, and notes where the lines end that it returns.
func (t *tails) nextNoted(tail *tail) ([]byte, error) {
	lines, err := t.next(tail)
	if err != nil {
		return nil, err
	}
	if tail.key == "" {
		return tail.join(lines), nil
	}
	joins := tail.parts.concerns(lines) || tail.events.active()
	var joined []byte
	end := tail.handed()
	at := end - int64(len(lines))
	for rest := lines; len(rest) > 0; {
		l, after, whole := bytes.Cut(rest, []byte{'\n'})
		before := at
		if at += int64(len(rest) - len(after)); !whole { // a line that was cut is a chunk of its own
			at = end
		}
		rest = after
		if joins {
			joined = tail.addNoted(joined, l, before, at)
			continue
		}
		tail.heading.read(l)
		if !isEmpty(l) {
			tail.ends = append(tail.ends, tail.endAt(at, nil))
		}
	}
	if joins {
		return joined, nil
	}
	return lines, nil
}

// drain sends what there is, but no more than a turn's; it tells whether more
// is left.
func (t *tails) drain(tail *tail) (more bool, err error) {
	for end := tail.offset + turn; tail.offset < end; {
		lines, err := t.next(tail)
		if errors.Is(err, io.EOF) {
			tail.chunks.idle()
			tail.changed = tail.stale || tail.missed
			positions := Positions{}
			if tail.done {
				tail.note(positions)
			}
			return tail.stale, t.commit(positions)
		}
		if err != nil {
			return false, err
		}
		if err := t.sendOf(tail, tail.join(lines)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sendOf sends lines of a file, and where to go on after them.
func (t *tails) sendOf(tail *tail, lines []byte) error {
	lines, rest := tail.heading.take(lines)
	for ; len(rest) > 0; lines, rest = tail.heading.take(rest) {
		if err := t.send(tail.heading.origin(tail.from), lines, nil); err != nil {
			return err
		}
	}
	positions := Positions{}
	tail.note(positions)
	return t.send(tail.heading.origin(tail.from), lines, positions)
}

// next returns the next chunk of whole lines of a file; io.EOF where there is no more
// for now.
func (t *tails) next(tail *tail) ([]byte, error) {
	if tail.missed = !t.ready(tail); tail.missed {
		return nil, io.EOF
	}
	lines, err := tail.next()
	switch {
	case err == nil || errors.Is(err, io.EOF):
		if tail.failed {
			tail.failed = false
			delete(t.said, tail.name)
		}
	case tail.archive != nil:
		t.warn(tail.name, "a compressed file is damaged; it was read up to there", "error", err)
		tail.done, tail.leftOut, err = true, true, io.EOF
	default:
		t.fail(tail, err)
		tail.missed, err = true, io.EOF
	}
	return lines, err
}
