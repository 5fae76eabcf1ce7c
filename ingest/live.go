package ingest

import (
	"context"
	"errors"
	"maps"
	"math"
	"time"

	"pulse/stats/line"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/throttle"
)

const (
	// maxPause is how late an ingester may tick and still cover the
	// seconds it was late for.
	maxPause = int64(time.Second)

	// backlogQuiet is how long a backlog without a dated line lasts.
	backlogQuiet = time.Second

	// maxSetBack is how far the wall clock may be behind what it was until an operator is
	// told.
	maxSetBack = 10 * time.Second

	// maxSwitch is the greatest number of seconds that a backlog's clock may
	// jump to the wall clock's and still cover.
	maxSwitch = 60

	// noSecond is since when an ingester covers that covers nothing any more.
	noSecond = math.MaxInt64
)

// Live is an ingester of live inputs: its clock is the wall clock.
type Live struct {
	// Inputs are packed together.
	Inputs []Input
	// Ingester is its id; a random one if empty.
	Ingester string
	// Backlog says that the inputs may begin with lines of the past, as a
	// file and a pipe do. The clock is then a recording's until it is within
	// the lateness of the wall clock, or no dated line has come for a second.
	Backlog bool
	// Lateness is that of the definitions, in seconds.
	Lateness int64
	// Formats has the definitions' formats, by which lines may be dated; nil: none.
	Formats *line.Schema
	// Now is the wall clock; time.Now if nil.
	Now func() time.Time
}

// Run ingests until ctx ends, or all inputs have ended and the seconds of
// their lines are final, or one of them or out fails; it returns what failed.
// It ends with a tick that says that the ingester leaves. From the second on in which
// its inputs ended it covers nothing.
//
// When ctx ends it leaves at once: its last seconds become final with the
// ticks of the other ingesters, or of the next one.
func (l Live) Run(ctx context.Context, out Output) error {
	var err error
	if l.Ingester, err = identify(l.Ingester); err != nil {
		return err
	}
	if l.Now == nil {
		l.Now = time.Now
	}
	newest, err := out.Newest(ctx)
	if err == nil {
		err = checkWall(newest)
	}
	if err != nil {
		return err
	}
	g := &live{Live: l, handoffs: make(chan handoff), lastLine: -1}
	// What was taken is still handed on for a while after ctx ended.
	grace, release := graceful(ctx)
	defer release()
	g.committer, _ = out.(Committer)
	g.grace = grace
	stalled := &stall{now: l.Now}
	g.packer = NewPacker(g.Ingester, topics.WallDomain, out.Partitions(-1), func(r Record) error {
		if g.committer != nil || g.backlog != nil {
			return out.Produce(grace, r) // its ticks wait with its packs; its clock is its own
		}
		if tick := r.Header.Tick; tick != nil && !tick.Leaving && stalled.leavesOut() {
			r.Done(nil)
			return nil
		}
		return out.Produce(grace, stalled.watched(r))
	})
	g.packer.count = out.Partitions
	err = g.run(ctx)
	g.tellAll(err)
	g.packer.Close(err)
	return err
}

// live is a Live that runs. All of it belongs to the goroutine of run; only
// take is called by others.
type live struct {
	Live
	packer   *Packer
	handoffs chan handoff

	now      int64         // the wall clock as read last, in Unix nanoseconds; never steps back
	start    int64         // the wall clock at the start
	backlog  *timeline     // nil when the clock is the wall clock
	quiet    int64         // when the backlog is over if no dated line comes
	lastLine int64         // the clock's second at the last line; -1 before it
	untold   []func(error) // ends the tracking of batches whose lines the backlog may hold

	lingering lingering

	said throttle.Logger

	committer Committer // nil if the output is not one
	grace     context.Context
	positions Positions // of the lines taken since the last commit
}

// A handoff is a batch on its way from an input to the loop, which answers
// each that it receives.
type handoff struct {
	batch  Batch
	answer chan<- error
}

func (g *live) take(ctx context.Context, b Batch) error {
	answer := make(chan error, 1)
	select {
	case g.handoffs <- handoff{b, answer}:
		return <-answer
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *live) run(ctx context.Context) error {
	inputs, stop := context.WithCancel(ctx)
	ended := make(chan error, len(g.Inputs))
	for _, input := range g.Inputs {
		go func() { ended <- input.Run(inputs, g.take) }()
	}
	running := len(g.Inputs)
	defer func() {
		stop()
		for ; running > 0; running-- {
			<-ended
		}
	}()

	if err := g.begin(); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return g.leave(false)
		case err := <-ended:
			running--
			if ctx.Err() != nil { // that is why it ended: it has seen all seconds until now
				return g.leave(false)
			}
			if err != nil {
				return errors.Join(err, g.leave(false))
			}
		case h := <-g.handoffs:
			err := g.add(h.batch)
			h.answer <- err
			if err != nil {
				return err
			}
		case <-timer.C:
		}
		if err := g.catchUp(); err != nil {
			return err
		}
		if running == 0 {
			if err := g.settle(); err != nil {
				return err
			}
			if g.settled() {
				return g.leave(true)
			}
			g.packer.Cover(noSecond) // nobody sees what comes now
		}
		timer.Reset(min(time.Second, time.Duration(g.next()-g.Now().UnixNano())))
	}
}

func (g *live) begin() error {
	g.now = g.Now().UnixNano()
	g.start = g.now
	if g.Backlog {
		g.backlog = newTimeline(g.start).of(g.Formats)
		g.quiet = g.now + int64(backlogQuiet)
		return nil
	}
	return g.goLive()
}

// goLive makes the clock the wall clock's.
func (g *live) goLive() error {
	g.backlog = nil
	last, now := g.packer.Second(), g.now/second
	switch {
	case last < 0: // there was no backlog
		g.packer.Cover((g.start + second - 1) / second)
	case now-last > maxSwitch:
		g.packer.Cover(now)
	}
	return g.packer.Advance(g.now)
}

// read reads the wall clock, and reports whether it is far behind what it was.
func (g *live) read() (setBack bool) {
	now := g.Now().UnixNano()
	back := time.Duration(g.now - now)
	g.now = max(g.now, now)
	if back <= maxSetBack {
		return false
	}
	g.said.Warn("this machine's clock has been set back: lines count at the second that it had, and no other one begins until it gets there. If it was wrong before, start all roles with a new --prefix",
		"by", back.Round(time.Second), "had", time.Unix(0, g.now).UTC().Format(time.RFC3339))
	return true
}

// catchUp does what the wall clock asks for.
func (g *live) catchUp() error {
	setBack := g.read()
	var err error
	switch {
	case g.backlog == nil:
		err = g.tick()
	case g.now >= g.quiet:
		err = g.endBacklog()
	}
	if err == nil && setBack {
		err = g.packer.Flush() // the clock does not say when to
	} else if err == nil {
		err = g.lingering.flush(g.packer, g.now)
	}
	if err == nil {
		err = g.commit()
	}
	return err
}

// commit commits what was produced, if there is something and all lines that were
// taken are in it: at each tick, and when the last pack has been closed.
func (g *live) commit() error {
	if g.committer == nil || g.backlog != nil && g.backlog.waits() {
		return nil
	}
	size := g.committer.Uncommitted()
	if size >= maxTransaction {
		if err := g.packer.Flush(); err != nil {
			return err
		}
	}
	if size == 0 || g.packer.size > 0 {
		return nil
	}
	err := g.committer.Commit(g.grace, g.positions)
	clear(g.positions)
	return err
}

// tick sends the ticks of the seconds that have ended. An ingester that was
// away does not know what it missed: it covers anew.
func (g *live) tick() error {
	last, now := g.packer.Second(), g.now/second
	if g.now-(last+1)*second > maxPause {
		if g.committer != nil && g.Backlog {
			// What its inputs hold by now is of the seconds that it was away for.
			g.backlog = newTimeline(g.now).of(g.Formats)
			g.backlog.clock = (last + 1) * second
			g.quiet = g.now + int64(backlogQuiet)
			return nil
		}
		g.packer.Cover(now + 1)
		last = now
	}
	for s := last + 1; s < now; s++ {
		if err := g.packer.Advance(s * second); err != nil {
			return err
		}
	}
	return g.packer.Advance(g.now)
}

// next is when catchUp has something to do.
func (g *live) next() int64 {
	next := (g.now/second + 1) * second
	if g.backlog != nil {
		next = g.quiet
	}
	return g.lingering.deadline(next)
}

// add packs a batch.
func (g *live) add(b Batch) error {
	if err := g.catchUp(); err != nil {
		return err
	}
	defer g.note(b.Positions)
	if b.Acked != nil {
		g.untold = append(g.untold, g.packer.Track(b.Acked))
	}
	var err error
	if t := g.backlog; t == nil {
		if err := g.packer.From(b.Origin); err != nil {
			return err
		}
		err = g.packer.Add(b.Lines)
		g.lastLine = g.packer.Second()
	} else {
		dated := t.dating.dated
		err = eachLine(b.Lines, func(l []byte) error { return g.addLine(l, b.Origin) })
		// Time spent on waiting for Kafka does not make a backlog quiet.
		now := max(g.now, g.Now().UnixNano())
		g.quiet += now - g.now
		if t.dating.dated > dated {
			g.quiet = now + int64(backlogQuiet)
		}
	}
	if err != nil || g.backlog == nil || !g.backlog.waits() {
		g.tellAll(err)
	}
	return err
}

// note keeps the positions of a batch that was added for the next commit.
func (g *live) note(positions Positions) {
	if g.committer == nil || len(positions) == 0 {
		return
	}
	if g.positions == nil {
		g.positions = make(Positions)
	}
	maps.Copy(g.positions, positions)
}

// tellAll ends the tracking of all batches: none of their lines is held, or
// these are lost because of err.
func (g *live) tellAll(err error) {
	for _, end := range g.untold {
		end(err)
	}
	g.untold = g.untold[:0]
}

// addLine adds a line to the backlog, which may end with it.
func (g *live) addLine(l []byte, from line.Origin) error {
	t := g.backlog
	if t == nil {
		return g.packer.addLine(l)
	}
	if isEmpty(l) {
		return nil
	}
	emit := g.emit(t)
	if err := t.from(from).add(l, emit); err != nil {
		return err
	}
	if g.backlog == nil {
		return t.settle(emit)
	}
	return nil
}

// emit returns what packs lines of a backlog, and those that it held when it ended.
func (g *live) emit(t *timeline) func(clock int64, l []byte) error {
	return func(clock int64, l []byte) error { return g.pack(t.emitted, clock, l) }
}

func (g *live) pack(from line.Origin, clock int64, l []byte) error {
	if g.backlog != nil && clock >= g.now-g.Lateness*second {
		if err := g.goLive(); err != nil {
			return err
		}
	}
	if g.backlog != nil {
		if g.packer.Second() < 0 {
			g.packer.Cover(clock / second)
		}
		if err := g.packer.Advance(clock); err != nil {
			return err
		}
	}
	if err := g.packer.From(from); err != nil {
		return err
	}
	g.lastLine = g.packer.Second()
	return g.packer.addLine(l)
}

// endBacklog goes live because no dated line came. For what is held the wall
// clock stands in for the next dated line.
func (g *live) endBacklog() error {
	t := g.backlog
	emit := g.emit(t)
	if err := t.decide(g.now, emit); err != nil {
		return err
	}
	if g.backlog != nil {
		if err := g.goLive(); err != nil {
			return err
		}
	}
	if err := t.settle(emit); err != nil {
		return err
	}
	g.tellAll(nil)
	return nil
}

// settle packs what the backlog holds: no next dated line will come. The backlog
// may end with it.
func (g *live) settle() error {
	if g.backlog == nil {
		return nil
	}
	return g.backlog.settle(g.emit(g.backlog))
}

// settled tells whether, the inputs having ended, the ingester can leave with
// all its lines' seconds final: a backlog can at once, but ticks ahead of the
// wall clock would make lines late that an ingester takes up after this one.
func (g *live) settled() bool {
	return g.backlog != nil || g.lastLine < 0 ||
		g.now/second >= g.lastLine+timing.LineAhead+1+g.Lateness
}

// leave ends with a tick that says so. If all input has ended, the second of
// a backlog's last line is final with it.
func (g *live) leave(ended bool) error {
	if err := g.settle(); err != nil {
		return err
	}
	g.tellAll(nil)
	s := g.packer.Second()
	if s < 0 {
		return nil // nobody knows of it
	}
	if g.backlog != nil && ended {
		// No line is ahead of a recording's clock, and nobody covers what is after its last
		// line.
		if err := g.packer.Advance((s + 1) * second); err != nil {
			return err
		}
		g.packer.Cover(noSecond)
		s += 1 + g.Lateness
	}
	if err := g.packer.Leave(s); err != nil {
		return err
	}
	return g.commit()
}
