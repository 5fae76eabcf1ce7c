package ingest

import (
	"bytes"
	"slices"
	"sync"

	"pulse/stats/line"
	"pulse/topics"
)

// A Record is what a Packer makes: a pack of lines or a tick.
type Record struct {
	// Partition of events.raw that the record is for.
	Partition int32
	// Header says whose record it is and at which time of whose clock.
	Header topics.RawHeader
	// Value is a pack's lines with a line feed between each two; a tick
	// has none. It is valid until Done.
	Value []byte
	// Lines is how many there are in it.
	Lines int64

	pooled bool
	acks   []*ack
	done   func() // nil: nobody asks
}

// Done tells those whose lines are in the record that Kafka has acknowledged
// it, or that it never will. It is called once for each record, from any
// goroutine; the record's value is used again afterwards.
func (r Record) Done(err error) {
	for _, a := range r.acks {
		a.done(err)
	}
	if r.done != nil {
		r.done()
	}
	if r.pooled {
		buffers.Put((*[topics.MaxPack]byte)(r.Value[:topics.MaxPack]))
	}
}

// buffers are those of packs that have become large.
var buffers = sync.Pool{New: func() any { return new([topics.MaxPack]byte) }}

// An ack waits for all the records that some lines went into.
type ack struct {
	tell func(error)
	pack int // the number of the last pack joined; the packer's alone

	mu   sync.Mutex
	left int // what it still waits for
	err  error
}

func (a *ack) join() {
	a.mu.Lock()
	a.left++
	a.mu.Unlock()
}

func (a *ack) done(err error) {
	a.mu.Lock()
	a.left--
	if a.err == nil {
		a.err = err
	}
	last, err := a.left == 0, a.err
	a.mu.Unlock()
	if last {
		a.tell(err)
	}
}

// A Packer makes packs and ticks of lines and a clock's times. It holds what
// readers of the log rely on and nothing else: it knows no Kafka and reads no
// clock, and is driven by one goroutine.
//
// A pack holds whole lines of one second of the clock, in the order in which
// they came; packs go round robin over the partitions. When the clock enters
// a second the pack is closed and every partition gets a tick.
type Packer struct {
	ingester   string
	domain     string
	partitions int32                    // that records are for
	count      func(second int64) int32 // how many there are from a second on; nil: always as many
	mapping    line.Mapping
	sink       func(Record) error
	immediate  bool // sink is done with a record when it returns

	clock  int64 // Unix nanoseconds; -1 before the first
	second int64 // the whole second of it
	since  int64

	buf    *[topics.MaxPack]byte
	size   int   // bytes of buf in use
	opened int64 // the clock at the pack's first line
	packs  int   // packs closed so far
	lines  int64 // lines taken so far
	packed int64 // those of them in closed packs
	acks   []*ack
	open   []*ack // those that every line now joins

	origin  line.Origin // of the lines that come
	from    int64       // lines when that began, or the pack did
	origins topics.Origins
}

// NewPacker returns a packer for an ingester's records in a clock's domain,
// over that number of partitions. A record belongs to sink, which must call
// its Done once it is acknowledged; if sink fails, the record was not taken,
// and the packer's method that made it fails with its error.
func NewPacker(ingester, domain string, partitions int32, sink func(Record) error) *Packer {
	return &Packer{
		ingester: ingester, domain: domain, partitions: partitions, sink: sink,
		clock: -1, second: -1,
		buf: buffers.Get().(*[topics.MaxPack]byte),
	}
}

// Second is the whole second that the clock is in; -1 before it is set.
func (p *Packer) Second() int64 { return p.second }

// Lines is the number of lines taken.
func (p *Packer) Lines() int64 { return p.lines }

// Cover makes the ingester cover the seconds from since on, and no longer
// for those before.
func (p *Packer) Cover(since int64) { p.since = since }

// Map closes the pack; the lines that follow have their times mapped by m.
func (p *Packer) Map(m line.Mapping) error {
	err := p.Flush()
	p.mapping = m
	return err
}

// Advance sets the clock, in Unix nanoseconds; it never steps back. When it
// enters a second, and at the first call, the pack is closed and every
// partition gets a tick of that second: one, however far the clock moved.
func (p *Packer) Advance(clock int64) error {
	if clock <= p.clock {
		return nil
	}
	s := clock / second
	if s > p.second {
		if err := p.Flush(); err != nil {
			return err
		}
	}
	p.clock = clock
	if s == p.second {
		return nil
	}
	p.second = s
	return p.tick(false)
}

// Leave closes the pack and ends with a tick that says that the ingester
// leaves, at a second not before that of its clock.
func (p *Packer) Leave(s int64) error {
	if err := p.Flush(); err != nil {
		return err
	}
	p.second = max(p.second, s)
	return p.tick(true)
}

// tick sends a tick to every partition. Those that there are more of than before get none of
// the ingester's lines before it.
func (p *Packer) tick(leaving bool) error {
	if p.count != nil {
		p.partitions = p.count(p.second)
	}
	for partition := range p.partitions {
		r := Record{Partition: partition, Header: p.header(p.second * 1000)}
		r.Header.Tick = &topics.RawTick{
			Since:      min(p.since, p.second),
			Partitions: p.partitions,
			Leaving:    leaving,
		}
		if err := p.sink(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *Packer) header(clock int64) topics.RawHeader {
	return topics.RawHeader{Ingester: p.ingester, Clock: clock, Domain: p.domain, Map: p.mapping}
}

// Track makes every line that is added from now on, until the function that
// it returns is called, one that tell waits for: tell is called once when all
// records that hold these lines are done and that function was called, with
// the first error of a record or of that call.
func (p *Packer) Track(tell func(error)) (end func(error)) {
	a := &ack{left: 1, tell: tell, pack: -1}
	p.open = append(p.open, a)
	return func(err error) {
		p.open = slices.DeleteFunc(p.open, func(o *ack) bool { return o == a })
		a.done(err)
	}
}

// From says where the lines that follow come from.
func (p *Packer) From(origin line.Origin) error {
	if origin == p.origin {
		return nil
	}
	p.noteOrigin()
	p.origin = origin
	if p.origins.Full() {
		return p.Flush()
	}
	return nil
}

// noteOrigin notes where the pack's lines came from of which that is not noted.
func (p *Packer) noteOrigin() {
	if n := p.lines - p.from; n > 0 {
		p.origins.Add(n, p.origin)
	}
	p.from = p.lines
}

// Add takes a chunk of whole lines with a line feed between them, at the time
// that the clock shows. It copies them. Empty lines are not lines; of one that
// is too long to be read as much is kept as shows it.
func (p *Packer) Add(lines []byte) error {
	// Lines that are taken as they are, nearly all, are copied together.
	run := 0
	for run < len(lines) {
		n := bytes.IndexByte(lines[run:], '\n')
		usual := n > 1 && n <= maxLine
		if usual && p.size+run+n+1 <= topics.MaxPack {
			run += n + 1
			p.lines++
			continue
		}
		p.put(lines[:run])
		lines, run = lines[run:], 0
		l := lines
		if n >= 0 {
			l, lines = lines[:n], lines[n+1:]
		} else {
			lines = nil
		}
		if err := p.addLine(l); err != nil {
			return err
		}
	}
	p.put(lines[:run])
	return nil
}

// addLine takes one line, without its line feed.
func (p *Packer) addLine(l []byte) error {
	if isEmpty(l) {
		return nil
	}
	l = l[:min(len(l), maxLine)]
	if p.size+len(l)+1 > topics.MaxPack {
		if err := p.Flush(); err != nil {
			return err
		}
	}
	p.put(l)
	p.buf[p.size] = '\n'
	p.size++
	p.lines++
	return nil
}

// put appends to the pack, which has room for it.
func (p *Packer) put(b []byte) {
	if len(b) == 0 {
		return
	}
	if p.size == 0 {
		p.opened = p.clock
		p.acks = nil
	}
	p.size += copy(p.buf[p.size:], b)
	for _, a := range p.open {
		if a.pack != p.packs {
			a.pack = p.packs
			a.join()
			p.acks = append(p.acks, a)
		}
	}
}

// Close gives up the pack that is open, if any, because of err.
func (p *Packer) Close(err error) {
	Record{acks: p.acks}.Done(err)
	p.size, p.acks = 0, nil
}

// Flush closes the pack, if one is open.
func (p *Packer) Flush() error {
	if p.size == 0 {
		return nil
	}
	p.noteOrigin()
	r := Record{
		Partition: int32(p.packs % int(p.partitions)),
		Header:    p.header(p.opened / (second / 1000)),
		Lines:     p.lines - p.packed,
		acks:      p.acks,
	}
	p.packed = p.lines
	r.Header.Origins = p.origins.Take()
	value := p.buf[:p.size-1]
	p.size, p.acks = 0, nil
	p.packs++
	switch {
	case p.immediate:
		r.Value = value
	case len(value) >= topics.MaxPack/2:
		r.Value, r.pooled = value, true
		p.buf = buffers.Get().(*[topics.MaxPack]byte)
	default:
		// A small pack may wait for long when Kafka is away: it must not
		// hold a large buffer.
		r.Value = bytes.Clone(value)
	}
	err := p.sink(r)
	if err != nil {
		r.Done(err)
	}
	return err
}

// lingering is how a loop closes packs that have been open for long by the
// wall clock.
type lingering struct {
	longer int64 // by how much longer than linger
	pack   int   // the number of the pack seen last
	since  int64
	open   bool
}

// flush closes p's pack if it was seen linger, and longer, ago.
func (l *lingering) flush(p *Packer, now int64) error {
	switch open := p.size > 0; {
	case !open:
		l.open = false
	case !l.open || p.packs != l.pack:
		l.pack, l.since, l.open = p.packs, now, true
	case now >= l.since+int64(linger)+l.longer:
		l.open = false
		return p.Flush()
	}
	return nil
}

// deadline is when flush has something to do, but not after next.
func (l *lingering) deadline(next int64) int64 {
	if l.open {
		next = min(next, l.since+int64(linger)+l.longer)
	}
	return next
}
