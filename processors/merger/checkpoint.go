package merger

import "slices"

// maxCheckpoints is about how many are held. They reach back by some seconds; where
// records were lost, as far as the longest window, and where that is long they
// are some seconds apart.
const maxCheckpoints = 1024

// A checkpoint is a state from which another merger makes the same of the log:
// that just before the record at offset, less what reading from read brings back.
type checkpoint struct {
	offset  int64
	read    int64 // at most offset: segments that were not complete begin here
	second  int64 // the least watermark
	stream  int64 // the stream's first second
	sources []source
}

// least returns the least watermark; -1 while a source partition has none.
func (p *partition) least() int64 {
	if len(p.sources) == 0 {
		return -1
	}
	least := p.sources[0].second
	for _, s := range p.sources {
		least = min(least, s.second)
	}
	return least
}

// check keeps the state before the record at offset as a checkpoint, unless there
// is one that is hardly older.
func (p *partition) check(offset int64) {
	second := p.least()
	if n := len(p.checks); n > 0 && second-p.checks[n-1].second < (p.maxOver+p.lateness)/maxCheckpoints {
		return
	}
	c := checkpoint{offset: offset, read: offset, second: second, stream: p.coverage.first, sources: slices.Clone(p.sources)}
	for _, w := range p.waiting {
		for _, segment := range w.segments {
			c.read = min(c.read, segment.first)
		}
	}
	p.checks = append(p.checks, c)
}
