package oracle

import (
	"runtime"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/program"
)

// A Parallel feeds an Evaluator or a Whole, and folds the packs on all CPUs while what
// was folded before is joined. It makes the same bytes on any number of CPUs: packs are
// folded in batches that end where the watermark advances, and joined in the order in
// which they were fed. Its methods are those of an Evaluator, for one goroutine; what it
// feeds must not be used before Stop or Close has returned.
type Parallel struct {
	to      joining
	size    int // batchSize
	folders []*program.Folder
	fed     *batch      // is fed now
	free    chan *batch // are there to be fed
	fold    chan *batch
	join    chan *batch // in the order in which they were fed
	joined  chan struct{}
	stopped bool
}

// joining is what fragments are joined in.
type joining interface {
	compiled() *program.Program
	joinFragment(stat int, fragment []byte)
	Begin(second int64)
	Stale(from, to int64)
	Advance(watermark int64)
	Close(last int64)
	Counts() aggregate.LineCounts
	Notices() stats.Notices
}

const (
	batchSize = 256 << 10 // bytes of lines; a batch goes on to the next advance
	batchMost = 16 << 20  // but not beyond this
	batchRoom = 4096      // steps
)

// A batch is what was fed in a row, and what it was folded to.
type batch struct {
	text  []byte
	steps []step

	fragments []byte
	parts     []part
	folded    chan struct{}
}

// A step is a call of Parallel.
type step struct {
	call     call
	a, b     int64 // its arguments
	from, to int   // its lines, in text
	pack     program.Pack
}

type call int

const (
	callPack call = iota
	callUndecodable
	callBegin
	callStale
	callAdvance
	callClose
)

// A part is the fragment of a stat, to be joined before a step.
type part struct {
	step, stat, size int
}

// NewParallel returns a Parallel that feeds an Evaluator or a Whole.
func NewParallel(to joining) *Parallel {
	return newParallel(to, runtime.GOMAXPROCS(0), batchSize)
}

func newParallel(to joining, workers, size int) *Parallel {
	first := to.compiled().NewFolder()
	if first.Unlisted() != nil {
		workers = 1 // which names of in-log metrics are the first depends on their order
	}
	batches := 2*workers + 2
	p := &Parallel{to: to, size: size, free: make(chan *batch, batches), fold: make(chan *batch, batches), join: make(chan *batch, batches), joined: make(chan struct{})}
	for range batches {
		p.free <- &batch{folded: make(chan struct{}, 1)}
	}
	p.fed = <-p.free
	for i := range workers {
		f := first
		if i > 0 {
			f = to.compiled().NewFolder()
		}
		p.folders = append(p.folders, f)
		go func() {
			for b := range p.fold {
				b.fold(f)
				b.folded <- struct{}{}
			}
		}()
	}
	go func() {
		defer close(p.joined)
		for b := range p.join {
			<-b.folded
			b.joinTo(p.to)
			b.reset()
			p.free <- b
		}
	}()
	return p
}

// Pack folds the lines of a pack. They are copied.
func (p *Parallel) Pack(pack program.Pack) {
	p.feed(step{call: callPack, pack: pack}, pack.Lines)
}

// Undecodable accounts for a record that is not a pack; see program.Folder.Undecodable.
func (p *Parallel) Undecodable(value []byte, second int64) {
	p.feed(step{call: callUndecodable, a: second}, value)
}

// Begin is that of Evaluator.
func (p *Parallel) Begin(second int64) { p.feed(step{call: callBegin, a: second}, nil) }

// Stale is that of Evaluator.
func (p *Parallel) Stale(from, to int64) { p.feed(step{call: callStale, a: from, b: to}, nil) }

// Advance is that of Evaluator.
func (p *Parallel) Advance(watermark int64) { p.feed(step{call: callAdvance, a: watermark}, nil) }

// Close is that of Evaluator, and stops.
func (p *Parallel) Close(last int64) {
	p.feed(step{call: callClose, a: last}, nil)
	p.Stop()
}

// Stop waits until all that was fed is joined. Nothing is fed after it. Without a Close
// the last seconds are not emitted.
func (p *Parallel) Stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	p.send()
	close(p.fold)
	close(p.join)
	<-p.joined
}

// Counts gives the account of all lines, after Stop or Close.
func (p *Parallel) Counts() aggregate.LineCounts {
	counts := p.to.Counts()
	for _, f := range p.folders {
		counts = counts.Add(f.Counts())
	}
	return counts
}

// Notices gives what was noticed of all lines, after Stop or Close.
func (p *Parallel) Notices() stats.Notices {
	n := p.to.Notices()
	for _, f := range p.folders {
		n.Add(f.Notices())
	}
	return n
}

// feed adds a step with its lines to the batch.
func (p *Parallel) feed(s step, lines []byte) {
	b := p.fed
	s.from = len(b.text)
	b.text = append(b.text, lines...)
	s.to = len(b.text)
	s.pack.Lines = nil
	b.steps = append(b.steps, s)
	if full := len(b.text) >= p.size || len(b.steps) >= batchRoom; full && s.call == callAdvance || len(b.text) >= batchMost {
		p.send()
		p.fed = <-p.free
	}
}

// send lets the batch be folded and joined.
func (p *Parallel) send() {
	p.fold <- p.fed
	p.join <- p.fed
}

// fold folds the packs of a batch.
func (b *batch) fold(f *program.Folder) {
	pending := false
	for i, s := range b.steps {
		switch s.call {
		case callPack:
			s.pack.Lines = b.text[s.from:s.to]
			f.Fold(s.pack)
			pending = true
		case callUndecodable:
			f.Undecodable(b.text[s.from:s.to], s.a)
			pending = true
		case callAdvance, callClose:
			if pending {
				b.flush(f, i)
			}
			pending = false
		}
	}
	if pending {
		b.flush(f, len(b.steps))
	}
}

// flush keeps the fragments of what was folded, which are to be joined before a step.
func (b *batch) flush(f *program.Folder, step int) {
	f.Flush(func(stat int, fragment []byte) {
		b.fragments = append(b.fragments, fragment...)
		b.parts = append(b.parts, part{step, stat, len(fragment)})
	})
}

// joinTo joins the fragments of a batch, and makes its calls.
func (b *batch) joinTo(to joining) {
	fragments, parts := b.fragments, b.parts
	before := func(step int) {
		for ; len(parts) > 0 && parts[0].step == step; parts = parts[1:] {
			to.joinFragment(parts[0].stat, fragments[:parts[0].size])
			fragments = fragments[parts[0].size:]
		}
	}
	for i, s := range b.steps {
		before(i)
		switch s.call {
		case callBegin:
			to.Begin(s.a)
		case callStale:
			to.Stale(s.a, s.b)
		case callAdvance:
			to.Advance(s.a)
		case callClose:
			to.Close(s.a)
		}
	}
	before(len(b.steps))
}

func (b *batch) reset() {
	clear(b.steps) // of origins
	b.text, b.steps, b.fragments, b.parts = b.text[:0], b.steps[:0], b.fragments[:0], b.parts[:0]
}
