package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"pulse/stats/line"
	"pulse/topics"
)

// MaxSpeed is the speed of a replay that never waits.
const MaxSpeed = 0

// pace is the least time that a paced replay waits for a line: lines nearer
// to each other are sent together.
const pace = 20 * time.Millisecond

// replayLinger is how long a pack of a replay stays open at most. Nobody is told when its lines
// arrive, and they count when their second is over, which ends a pack as well; fewer packs are
// less work for all, and an embedded broker keeps 72 bytes in memory for each.
const replayLinger = 300 * time.Millisecond

var replayKind = &Kind{
	Name: "replay", Past: true,
	Docs: []KindDoc{{"`--replay`", "what its settings say", "reads no further", "what was not sent yet: a replay cannot be continued"}},
	New:  func() Config { return NewReplayConfig() },
}

// A ReplayConfig says how a recording is replayed.
type ReplayConfig struct {
	Files         list
	Speed         Speed
	OriginalTimes toggle
	Loop          toggle
	Reading       Reading
}

// NewReplayConfig is that of a recording at its own pace, mapped to now, once.
func NewReplayConfig() *ReplayConfig { return &ReplayConfig{Speed: ownPace} }

// Settings implements Config.
func (c *ReplayConfig) Settings() []Setting {
	return append([]Setting{
		{Flag: "replay", Help: "replay this recording, a `file`; several are read as one, in the order of their times", Value: &c.Files},
		{Flag: "speed", Help: "the `factor` by which to speed up the recording, from 0.001 to 1000000, or max", Value: &c.Speed},
		{Flag: "original-times", Help: "keep the lines' times instead of mapping them to now; the topics must hold nothing else", Value: &c.OriginalTimes},
		{Flag: "loop", Help: "start over at the end of the recording", Value: &c.Loop},
	}, c.Reading.Settings()...)
}

// Open implements Config.
func (c *ReplayConfig) Open(o Opening) (*Opened, error) {
	if bool(c.Loop) && (bool(c.OriginalTimes) || c.Speed == MaxSpeed) {
		return nil, asked("--loop cannot be used with --speed max or --original-times")
	}
	recording, err := OpenRecording(c.Files)
	if err != nil {
		return nil, err
	}
	if recording.Origin, err = c.Reading.Origin(); err != nil {
		return nil, err
	}
	c.Reading.Formats = o.Formats
	recording.Reading = c.Reading
	return &Opened{Endless: bool(c.Loop), Play: Replay{
		Recording: recording, Speed: uint32(c.Speed), OriginalTimes: bool(c.OriginalTimes), Loop: bool(c.Loop),
		Lateness: o.Lateness, Reading: c.Reading, Progress: o.Progress, Log: o.Log,
	}.Run}, nil
}

// Speed is the setting of a replay's speed, in thousandths of the recording's own
// pace, or MaxSpeed.
type Speed uint32

// ownPace is the speed of a recording that is sent as it was written.
const ownPace Speed = 1000

func (s *Speed) String() string {
	if *s == MaxSpeed {
		return "max"
	}
	return strconv.FormatFloat(float64(*s)/1000, 'f', -1, 64)
}

// Set implements flag.Value.
func (s *Speed) Set(v string) error {
	if v == "max" {
		*s = MaxSpeed
		return nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 0.001 || n > 1e6 || math.IsNaN(n) {
		return errors.New("write a number from 0.001 to 1000000, or max")
	}
	*s = Speed(math.Round(n * 1000))
	return nil
}

// Replay is an ingester that sends a recording. The clock is the recording's
// own.
type Replay struct {
	Recording *Recording
	// Speed is how many times as fast as recorded lines are sent, in
	// thousandths, or MaxSpeed.
	Speed uint32
	// OriginalTimes leaves the lines' times as they are. The topics then
	// hold this recording alone. Otherwise times are mapped to the time of
	// sending, or at MaxSpeed so that the last is now: by whole seconds at
	// MaxSpeed and at the recorded pace, so that each second holds the lines
	// that it held.
	OriginalTimes bool
	// Loop begins anew at the recording's end, as if it went on.
	Loop bool
	// Lateness is that of the definitions, in seconds.
	Lateness int64
	// Reading says what becomes of lines without a time; how lines are read is that
	// of the recording.
	Reading Reading
	// Ingester is its id; a random one if empty.
	Ingester string
	// Now is the wall clock; time.Now if nil.
	Now func() time.Time
	// Progress, if not nil, is called now and then with the bytes and lines
	// read so far and the number of bytes there are to read. MaxSpeed with
	// mapped times reads all twice.
	Progress func(done, total, lines int64)
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// Run sends the recording, and ends with a tick that makes all its seconds
// final. If ctx ends before, it leaves at once and returns ctx's error: such
// a replay cannot be continued.
func (r Replay) Run(ctx context.Context, out Output) error {
	if r.Loop && (r.OriginalTimes || r.Speed == MaxSpeed) {
		return errors.New("a replay in a loop needs a speed and mapped times")
	}
	if !r.Recording.regular && (r.Loop || r.OriginalTimes || r.Speed == MaxSpeed) {
		return fmt.Errorf("%s can be read only once, and this replay reads it again: copy it to a file first",
			strings.Join(r.Recording.names, ", "))
	}
	var err error
	if r.Ingester, err = identify(r.Ingester); err != nil {
		return err
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Log == nil {
		r.Log = slog.Default()
	}
	grace, release := graceful(ctx)
	defer release()

	p := &player{Replay: r, ctx: ctx, total: r.Recording.size}
	domain, err := p.open(ctx, out)
	if err != nil {
		return err
	}
	p.packer = NewPacker(r.Ingester, domain, out.Partitions(-1), func(r Record) error {
		return out.Produce(grace, r)
	})
	p.packer.count = out.Partitions
	p.lingering.longer = int64(replayLinger - linger)
	err = p.play()
	if ctx.Err() != nil && p.packer.Second() >= 0 {
		err = errors.Join(ctx.Err(), p.packer.Leave(p.packer.Second()))
	}
	p.packer.Close(err)
	return err
}

// player is a Replay that runs, in one goroutine.
type player struct {
	Replay
	ctx    context.Context
	packer *Packer

	// pace maps the recording's times to the wall clock's times of sending,
	// and unless OriginalTimes to those that count.
	pace  line.Mapping
	first int64 // the clock at the first line; -1 before it
	last  int64 // the clock at the last line so far

	now       int64 // the wall clock as read last
	lingering lingering
	clock     *timeline // of this round
	judged    bool      // the times of all lines have been looked at once

	done, total, lines int64 // of Progress
}

// open finds out what must be known beforehand, and returns the clock domain.
func (p *player) open(ctx context.Context, out Output) (domain string, err error) {
	p.first = -1
	newest, err := out.Newest(ctx)
	if err != nil {
		return "", err
	}
	if p.OriginalTimes {
		id, err := p.Recording.ID()
		if err != nil {
			return "", err
		}
		first, err := p.Recording.firstTime()
		if err != nil {
			return "", err
		}
		domain := topics.RecordingPrefix + id
		return domain, p.checkAlone(newest, domain, first)
	}
	if err := checkWall(newest); err != nil {
		return "", err
	}
	if p.Speed != MaxSpeed {
		return topics.WallDomain, nil
	}
	p.total *= 2
	first, last, err := p.span()
	if err != nil {
		return "", err
	}
	shift := floor(p.Now().UnixNano()-last, second)
	p.pace = line.Mapping{From: first, To: first + shift}
	for _, h := range newest {
		if h.Clock*int64(time.Millisecond) > first+shift+p.Lateness*second {
			p.Log.Warn("the topics already hold later times than the recording's first line, mapped to now: "+
				"earlier lines will be late. To avoid this, choose another --prefix",
				"first", time.Unix(0, first+shift), "ingester", h.Ingester, "clock", time.UnixMilli(h.Clock))
			break
		}
	}
	return topics.WallDomain, nil
}

// checkAlone refuses topics that hold anything but what this recording's own
// beginning can follow.
func (p *player) checkAlone(newest []topics.RawHeader, domain string, first int64) error {
	for _, h := range newest {
		if h.Domain != domain {
			return fmt.Errorf("these topics hold another recording or a live stream (%s), with which this recording's original times cannot be mixed: choose another --prefix, or omit --original-times", h.Domain)
		}
		if h.Ingester != p.Ingester || h.Clock*int64(time.Millisecond) > first {
			return fmt.Errorf("this recording was already sent to these topics, or is being sent now (by ingester %s, which has reached %s): choose another --prefix",
				h.Ingester, time.UnixMilli(h.Clock).UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// span reads the recording for the first and the last time of its clock.
func (p *player) span() (first, last int64, err error) {
	first, last = -1, -1
	err = p.read(func(clock int64, _ []byte) error {
		if first < 0 {
			first = clock
		}
		last = clock
		return nil
	})
	p.lines = 0
	return first, last, err
}

// read emits the recording's lines with their clock.
func (p *player) read(emit func(clock int64, l []byte) error) error {
	t := newRecordedTimeline(p.Recording.modified).of(p.Recording.Reading.Formats)
	p.clock = t
	err := p.Recording.Lines(func(piece Piece) error {
		t.begin(piece)
		each := func(l []byte) error {
			p.lines++
			err := t.add(l, emit)
			if err == nil && !p.judged && t.dating.lines == sampled {
				err = t.dating.check(p.Reading, piece.Source, p.Log, false)
			}
			return err
		}
		if err := eachLine(piece.Lines, each); err != nil {
			return err
		}
		p.done += int64(len(piece.Lines))
		if p.Progress != nil {
			p.Progress(p.done, p.total, p.lines)
		}
		return p.ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := t.settle(emit); err != nil || p.judged {
		return err
	}
	p.judged = true
	return t.sources.Check(p.Reading, p.Log)
}

// play sends the recording, once or forever.
func (p *player) play() error {
	for {
		if err := p.read(p.emit); err != nil {
			return err
		}
		if p.first < 0 {
			return nil // there is no line, so nothing to tick for
		}
		if !p.Loop {
			break
		}
		if err := p.again(); err != nil {
			return err
		}
	}
	final := p.packer.Second() + 1 + p.Lateness
	if p.Speed != MaxSpeed && !p.OriginalTimes {
		// A tick ahead of the wall clock would make lines late that an
		// ingester takes up after this one.
		if err := p.wait(final*second, final*second); err != nil {
			return err
		}
	}
	return p.packer.Leave(final)
}

// again makes the recording's first second follow its last one.
func (p *player) again() error {
	length := (p.last/second - p.first/second + 1) * second
	p.pace.To = p.pace.Apply(p.pace.From + length)
	p.done = 0
	return p.packer.Map(p.pace)
}

// emit sends a line when its time has come.
func (p *player) emit(clock int64, l []byte) error {
	if p.first < 0 {
		if err := p.begin(clock); err != nil {
			return err
		}
	}
	p.last = clock
	counts := clock
	if !p.OriginalTimes {
		counts = max(0, p.pace.Apply(clock))
	}
	if p.Speed != MaxSpeed {
		if err := p.wait(p.pace.Apply(clock), counts); err != nil {
			return err
		}
	}
	if err := p.packer.Advance(counts); err != nil {
		return err
	}
	if err := p.packer.From(p.clock.emitted); err != nil {
		return err
	}
	return p.packer.addLine(l)
}

// begin decides, at the first line, on how times are mapped.
func (p *player) begin(clock int64) error {
	p.first = clock
	p.now = p.Now().UnixNano()
	if p.Speed != MaxSpeed {
		p.pace = line.Mapping{From: clock, To: p.now, Milli: p.Speed}
		if p.Speed == 1000 && !p.OriginalTimes {
			p.pace.To = clock - floor(clock-p.now, second)
		}
	}
	if p.OriginalTimes {
		return nil // nothing was before, so it covers all of that
	}
	p.packer.Cover(max(0, p.pace.Apply(clock)) / second)
	return p.packer.Map(p.pace)
}

// wait waits for a time of the wall clock at which the clock will show until.
// Meanwhile that goes on second by second, for no line can come in between.
func (p *player) wait(wall, until int64) error {
	for wall > p.now {
		p.now = max(p.now, p.Now().UnixNano())
		next := max(wall, p.now+int64(pace))
		if p.packer.Second() >= 0 {
			s := (p.packer.Second() + 1) * second
			for ; s <= until && p.wall(s) <= p.now; s += second {
				if err := p.packer.Advance(s); err != nil {
					return err
				}
			}
			if s <= until {
				next = min(next, p.wall(s))
			}
		}
		if err := p.lingering.flush(p.packer, p.now); err != nil {
			return err
		}
		if wall <= p.now {
			break
		}
		timer := time.NewTimer(time.Duration(p.lingering.deadline(next) - p.now))
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			timer.Stop()
			return p.ctx.Err()
		}
	}
	return nil
}

// wall is when the clock shows a time, by the wall clock.
func (p *player) wall(clock int64) int64 {
	if p.OriginalTimes {
		return p.pace.Apply(clock)
	}
	return clock
}

// floor is a rounded down to a multiple of b.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q * b
}
