// Package history fills the past of a definitions version: it works out of the log what its
// new stats would have been before the first second that it published.
//
// Of the members of a group one works, the one that has the first partition of
// stats.history. It goes back chunk by chunk, newest first. The numbers of a chunk are those
// of package oracle, from a savepoint on that lies so far back that all windows are whole; so
// they equal what would have been published, whoever works them out and however often. When
// all that a chunk gives is acknowledged, the record about the version's history in the
// merger's table says so, and who comes next goes on from there.
//
// It works for half of the time at most, on one CPU, and not while the receivers are behind.
package history

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

// Config is of a Filler.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	History     time.Duration // how far back, from the first second that the version published
	Logger      *slog.Logger  // nil: slog.Default
}

// A Filler is one member of the group.
type Filler struct {
	config  Config
	log     *slog.Logger
	notices throttle.Logger
	seconds atomic.Int64
}

// New returns a Filler. Run does the work.
func New(c Config) *Filler {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	log := c.Logger.With("role", "history")
	return &Filler{config: c, log: log, notices: throttle.Logger{Log: log}}
}

// Seconds is how many seconds of the past were worked out by this process.
func (f *Filler) Seconds() int64 { return f.seconds.Load() }

const (
	retryAfter = time.Second
	// lookEvery is how often what is known of the history is read again, while the version
	// has not begun, and once all is worked out.
	lookEvery, lookAgainEvery = 2 * time.Second, time.Minute
	// soonEvery is how often is looked whether the log reaches far enough to begin.
	soonEvery = 10 * time.Second
)

// Run works until ctx ends. Whatever fails is tried again.
func (f *Filler) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := topics.LeaveWithin(ctx, f.log, f.run); ctx.Err() == nil {
			f.notices.Warn("cannot fill the history of new definitions; retrying", "error", err)
			retry.Wait(ctx, retryAfter)
		}
	}
}

// run is a member of the group, and works while the first partition is its own.
func (f *Filler) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	topic := f.config.Names.History()
	var mu sync.Mutex
	var stop func()
	end := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		mu.Lock()
		defer mu.Unlock()
		if stop != nil && hasFirst(lost[topic]) {
			stop()
			stop = nil
		}
	}
	begin := func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
		mu.Lock()
		defer mu.Unlock()
		if stop != nil || !hasFirst(got[topic]) {
			return
		}
		working, done := context.WithCancel(ctx)
		ended := make(chan struct{})
		stop = func() { done(); <-ended }
		go func() {
			defer close(ended)
			if err := f.work(working); working.Err() == nil {
				cancel(err)
			}
		}()
	}
	client, err := kgo.NewClient(append(f.config.Cluster.GroupOptions("pulse-history", f.config.Names.HistoryGroup()),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(begin), kgo.OnPartitionsRevoked(end), kgo.OnPartitionsLost(end))...)
	if err != nil {
		return err
	}
	defer end(ctx, nil, map[string][]int32{topic: {0}})
	defer client.Close()
	client.PauseFetchTopics(topic) // the group is all that it is for
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := fetches.Err(); err != nil {
			return err
		}
	}
}

func hasFirst(partitions []int32) bool {
	for _, p := range partitions {
		if p == 0 {
			return true
		}
	}
	return false
}

// work fills the history, and then sees to it that what is known of it stays known: a
// member that was paused may have written an older record.
func (f *Filler) work(ctx context.Context) error {
	w, err := newWriter(ctx, f.config.Cluster, f.config.Names)
	if err != nil {
		return err
	}
	defer w.client.Close()
	var known *topics.History
	for {
		every := lookEvery
		p, err := f.look(ctx, known)
		if err != nil {
			return err
		}
		if p != nil {
			every, known = lookAgainEvery, &p.history
			if !p.told && (len(p.history.Chunks) > 0 || !p.history.Done()) {
				err = w.tell(ctx, p.history)
			}
			for err == nil && !p.history.Done() {
				err = f.fill(ctx, p, w)
			}
			if errors.Is(err, errSoon) {
				every, err = soonEvery, nil
			}
			if err != nil {
				return err
			}
		}
		if err := retry.Wait(ctx, every); err != nil {
			return err
		}
	}
}

// A plan is what there is to fill.
type plan struct {
	catalogs topics.Catalogs
	history  topics.History
	told     bool // the table says so
	meanings map[string]string
	chunk    int64 // seconds
	longest  int64 // seconds that windows which are filled reach back
}

const (
	minuteSeconds = 60
	chunkSeconds  = 10 * minuteSeconds // at least
	maxChunks     = 256
	// maxPlaces bounds the places of records that a History names: a place takes some 30 bytes.
	maxPlaces = 16 << 10
)

// look finds what there is to fill; nil: the version has published nothing yet. What is
// known already holds against an older record.
func (f *Filler) look(ctx context.Context, known *topics.History) (*plan, error) {
	admin, err := f.config.Cluster.Admin(kgo.ClientID("pulse-history"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	n := f.config.Names
	catalogs, written, err := admin.Catalogs(ctx, n)
	if err != nil {
		return nil, err
	}
	own := catalogs.Find(n.Version)
	if own == nil {
		return nil, nil
	}
	p := &plan{catalogs: catalogs, meanings: f.config.Definitions.StatHashes()}
	goal := floorMinute(max(own.First-int64(f.config.History/time.Second), 0))
	switch {
	case known != nil:
		p.history = *known
		p.told = written != nil && written.From <= known.From
	case written != nil && written.To == own.First:
		p.history, p.told = *written, true
		p.history.Goal = min(goal, written.From) // another one may have been asked for less
	default:
		p.history = topics.History{Version: n.Version, From: own.First, To: own.First, Goal: min(goal, own.First)}
	}
	for _, s := range f.config.Definitions.All() {
		if f.fills(p, s, p.history.Goal, p.history.To) {
			p.longest = max(p.longest, s.Lookback())
		}
	}
	if p.longest == 0 || len(catalogs) == 1 { // all was published, or it began with the log
		p.history.Goal = p.history.From
	}
	partitions, err := topics.PartitionCount(ctx, f.config.Cluster, n.History())
	if err != nil {
		return nil, err
	}
	chunks := max(min(maxChunks, maxPlaces/int64(partitions)), 1)
	p.chunk = ceilMinute(max(chunkSeconds, p.longest, (p.history.To-p.history.Goal)/chunks))
	return p, nil
}

func floorMinute(second int64) int64 { return second - second%minuteSeconds }

func ceilMinute(second int64) int64 { return floorMinute(second + minuteSeconds - 1) }

// fills reports whether some seconds of [from, to) were not published of a stat. Long windows
// need what was before the log, so that they are not filled.
func (f *Filler) fills(p *plan, s *stats.Stat, from, to int64) bool {
	if s.Long() {
		return false
	}
	missing := func(second int64) bool {
		c := p.catalogs.Before(p.history.To, second)
		return c == nil || c.Stats[s.Name] != p.meanings[s.Name]
	}
	if missing(from) {
		return true
	}
	for _, c := range p.catalogs {
		if c.First > from && c.First < min(to, p.history.To) && missing(c.First) {
			return true
		}
	}
	return false
}

// fill works out the next chunk.
func (f *Filler) fill(ctx context.Context, p *plan, w *writer) error {
	admin, err := f.config.Cluster.Admin(kgo.ClientID("pulse-history"))
	if err != nil {
		return err
	}
	defer admin.Close()
	n := f.config.Names
	all, err := admin.RawSection(ctx, n)
	if err != nil {
		return err
	}
	fetcher, err := admin.Fetcher(ctx, n.Raw())
	if err != nil {
		return err
	}
	// A minute is whole, also the one in which the version began.
	c := &chunk{filler: f, plan: p, writer: w, admin: admin, fetcher: fetcher, all: all, to: ceilMinute(p.history.From)}
	begins, recorded, err := c.beginning(ctx)
	if err != nil {
		return err
	}
	c.from = max(c.to-p.chunk, p.history.Goal, floorMinute(begins)-minuteSeconds)
	next := p.history
	var start *topics.Start
	if !recorded && c.from < next.From {
		if start, err = c.start(ctx); err != nil {
			return err
		}
	}
	if start != nil && start.First > c.from {
		c.from = ceilMinute(start.First) // there is no more
		next.Goal = c.from
	}
	if start == nil || c.from >= next.From {
		next.Goal = next.From // the log begins here
	} else {
		began := time.Now()
		w.begin()
		if err := c.play(ctx, start); err != nil {
			return err
		}
		records, err := w.end(ctx, c.rolled)
		if err != nil {
			return err
		}
		next.From = c.from
		next.Chunks = append(next.Chunks[:len(next.Chunks):len(next.Chunks)], topics.Chunk{From: c.from, Records: records})
		if begins >= c.from {
			next.Goal = next.From
		}
		f.seconds.Add(p.history.From - c.from)
		f.log.Debug("worked out some of the past", "from", time.Unix(c.from, 0).UTC(), "seconds", c.to-c.from, "took", time.Since(began))
	}
	if len(next.Chunks) >= topics.MaxChunks {
		next.Goal = next.From
	}
	if err := w.tell(ctx, next); err != nil {
		return err
	}
	p.history = next
	if next.Done() {
		f.log.Info("the history of new definitions is filled", "from", time.Unix(next.From, 0).UTC().Format(time.DateTime), "to", time.Unix(next.To, 0).UTC().Format(time.DateTime))
	}
	return nil
}

// errSoon says that the log does not reach far enough yet.
var errSoon = errors.New("the log does not reach beyond the seconds yet that are to be filled")

// recordedLog reports whether a record is of a recording's log.
func recordedLog(h topics.RawHeader) bool { return strings.HasPrefix(h.Domain, topics.RecordingPrefix) }

// behind is how many seconds the receivers are behind the log when the filler waits.
const behind = 5 + timing.LineAhead
