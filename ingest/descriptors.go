package ingest

import (
	lru "container/list"
	"errors"
	"os"
	"syscall"
)

const (
	// maxDescriptors bounds how many of the followed files are open at a time.
	// leastDescriptors is how many every system grants a process.
	maxDescriptors   = 10_000
	leastDescriptors = 256
)

// errMoved says that a file's name leads to another file by now.
var errMoved = errors.New("the file has been moved")

// descriptors keep those of the followed files open that were used last.
type descriptors struct {
	most int
	used *lru.List // of *tail, the one used last first
}

type slot = lru.Element

// newDescriptors allows so many open files; 0: half of what the process may open.
func newDescriptors(most int) *descriptors {
	if most == 0 {
		most = min(maxDescriptors, mostDescriptors()/2)
	}
	return &descriptors{most: max(2, most), used: lru.New()} // two, to compare a copy with its original
}

// use opens a file if it is not open, and closes others if there are too many.
func (d *descriptors) use(t *tail) error {
	if t.file != nil {
		d.used.MoveToFront(t.slot)
		return nil
	}
	for d.used.Len() >= d.most {
		d.shut(d.used.Back().Value.(*tail))
	}
	file, err := os.Open(t.name)
	for errors.Is(err, syscall.EMFILE) && d.used.Len() > 0 {
		d.shut(d.used.Back().Value.(*tail))
		d.most = max(2, d.used.Len())
		file, err = os.Open(t.name)
	}
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && fileID(t.name, info) != t.id {
		err = errMoved
	}
	if err != nil {
		file.Close()
		return err
	}
	t.file, t.slot = file, d.used.PushFront(t)
	return nil
}

// shut closes a file. It is opened again when it is used.
func (d *descriptors) shut(t *tail) {
	t.endUnpacking()
	if t.file == nil {
		return
	}
	t.file.Close()
	d.used.Remove(t.slot)
	t.file, t.slot = nil, nil
}
