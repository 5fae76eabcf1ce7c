package ingest

import (
	"time"

	"pulse/stats/line"
)

const (
	// second is the unit of clocks' ticks, in nanoseconds.
	second = int64(time.Second)

	// maxJump is how far a line may move a recording's clock on its own;
	// a greater jump is believed only if the next dated line bears it out.
	maxJump = int64(time.Hour)

	// farthestZone is how far zones are ahead of UTC.
	farthestZone = 14 * time.Hour

	// maxHeld bounds, in bytes, the lines that wait for the decision on a
	// jump, or for the first time that a recording shows.
	maxHeld = 1 << 20
)

// A timeline is the clock of a recording: the running maximum of its lines'
// own times, in Unix nanoseconds. A jump of more than an hour is believed
// only if the next dated line is not earlier than it by more than an hour,
// or if none comes and it is not later than the recording was written; until
// then the jump and what follows it are held. The first dated line is such a
// jump too, but is believed if there is no other. Lines before it have its time.
//
// What a timeline says is a function of the lines, their order and when they were
// written alone.
type timeline struct {
	// clock is -1 until a time is known.
	clock int64
	// undated is the clock of a recording whose first maxHeld bytes show
	// no time.
	undated int64
	// latest is the greatest time that its last dated line can have.
	latest int64
	// held are lines, each with a line feed, that wait for the decision on
	// the only dated one among them.
	held     []byte
	heldFrom []originRun
	// jump is the time of that one; -1 if there is none. leapt is its beginning.
	jump   int64
	leapt  []byte
	dating *dating // of the source that lines are of now
	times  line.Times
	origin line.Origin

	emitted line.Origin // of the line that is emitted
	sources Datings
}

// An originRun is lines next to each other that come from one place.
type originRun struct {
	from  line.Origin
	lines int
}

// addRun adds a line to runs.
func addRun(runs []originRun, from line.Origin) []originRun {
	if last := len(runs) - 1; last >= 0 && runs[last].from == from {
		runs[last].lines++
		return runs
	}
	return append(runs, originRun{from, 1})
}

// newTimeline returns the clock of lines that were written before a time.
func newTimeline(written int64) *timeline {
	return &timeline{clock: -1, undated: written, latest: written + maxJump, jump: -1, dating: new(dating)}
}

// newRecordedTimeline is newTimeline for lines of which one without a zone may be
// dated as much later as zones are ahead.
func newRecordedTimeline(written time.Time) *timeline {
	t := newTimeline(written.UnixNano())
	t.latest = written.Add(farthestZone).UnixNano()
	return t
}

// of says which formats lines may have beside those of Pulse.
func (t *timeline) of(formats *line.Schema) *timeline {
	t.times.Of(formats)
	return t
}

// from says where the lines that come next are from.
func (t *timeline) from(o line.Origin) *timeline {
	if t.origin != o {
		t.origin = o
		t.times.From(o)
	}
	return t
}

// addPiece adds the lines of a piece.
func (t *timeline) addPiece(p Piece, emit func(clock int64, l []byte) error) error {
	t.begin(p)
	return eachLine(p.Lines, func(l []byte) error { return t.add(l, emit) })
}

// begin says of which source the lines are that come next.
func (t *timeline) begin(p Piece) {
	t.from(p.From)
	if t.sources == nil {
		t.sources = Datings{}
	}
	if t.sources[p.Source] == nil {
		t.sources[p.Source] = new(dating)
	}
	t.dating = t.sources[p.Source]
}

// add takes the next line and emits it with the clock that it has: at once,
// or later if it has to wait. What is emitted is valid during the call. An
// empty line does not count.
func (t *timeline) add(l []byte, emit func(clock int64, l []byte) error) error {
	if isEmpty(l) {
		return nil
	}
	near := t.clock // of a time without a year
	if near < 0 {
		near = t.undated
	}
	at, dated := t.times.Near(l, near/1e9)
	t.dating.add(l, dated)
	if dated && t.jump >= 0 {
		if err := t.decide(at, emit); err != nil {
			return err
		}
	}
	if t.clock >= 0 && t.jump < 0 && (!dated || at <= t.clock+maxJump) {
		if dated && at > t.clock {
			t.clock = at
		}
		t.emitted = t.origin
		return emit(t.clock, l)
	}
	if len(t.held) >= maxHeld {
		if err := t.giveUp(emit); err != nil {
			return err
		}
		return t.add(l, emit)
	}
	t.held = append(append(t.held, l[:min(len(l), maxLine)]...), '\n')
	t.heldFrom = addRun(t.heldFrom, t.origin)
	if dated {
		t.jump = at
		t.leapt = append(t.leapt[:0], l[:min(len(l), longestExample)]...)
	}
	return nil
}

// decide decides on the jump, if one is held, by the next time there is.
func (t *timeline) decide(next int64, emit func(clock int64, l []byte) error) error {
	if t.jump < 0 {
		return nil
	}
	if next >= t.jump-maxJump {
		if t.clock >= 0 {
			t.dating.leap(t.jump-t.clock, t.leapt)
		}
		t.clock = t.jump
	}
	t.jump = -1
	return t.release(emit)
}

// settle decides when no next time will come.
func (t *timeline) settle(emit func(clock int64, l []byte) error) error {
	if t.jump >= 0 && t.jump <= t.latest {
		t.clock = t.jump
	}
	return t.giveUp(emit)
}

// giveUp decides without a next time, because too much is held, or it was the last.
func (t *timeline) giveUp(emit func(clock int64, l []byte) error) error {
	if t.clock < 0 && len(t.held) > 0 {
		t.clock = t.undated
		if t.jump >= 0 {
			t.clock = t.jump
		}
	}
	t.jump = -1
	return t.release(emit)
}

// release emits what is held, if there is a clock to emit it with.
func (t *timeline) release(emit func(clock int64, l []byte) error) error {
	if t.clock < 0 || len(t.held) == 0 {
		return nil
	}
	held, runs := t.held, t.heldFrom
	t.held, t.heldFrom = nil, nil // seldom used: not worth keeping
	return eachLine(held, func(l []byte) error {
		t.emitted = runs[0].from
		if runs[0].lines--; runs[0].lines == 0 {
			runs = runs[1:]
		}
		return emit(t.clock, l)
	})
}

// waits tells whether lines are held.
func (t *timeline) waits() bool { return len(t.held) > 0 }
