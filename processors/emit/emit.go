// Package emit sends the final values of stats to other systems. It reads the
// topic of snapshots as a group, and commits what every sender has sent or given
// up, so that a restart sends some points twice and skips none.
package emit

import (
	"context"
	"errors"
	"fmt"
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

const (
	// every is how often points are sent.
	every = 500 * time.Millisecond

	// maxBatch bounds the points that are sent at a time, maxWaiting those that
	// wait for one sender. Beyond it the oldest are dropped.
	maxBatch   = 2000
	maxWaiting = 100_000

	// sendTimeout bounds one try, leastPause and mostPause what is between two.
	sendTimeout = 10 * time.Second
	leastPause  = 250 * time.Millisecond
	mostPause   = 15 * time.Second
)

// A Sender sends points to one place.
type Sender interface {
	// Send sends points. If the error wraps ErrRefused they will never be taken,
	// and else they are sent again.
	Send(ctx context.Context, points []Point) error
	// String names the place, without secrets.
	String() string
}

// A Sampler is a Sender of samples: points of series that are told apart by labels, as
// Prometheus has them, with a point where a series has no value any more.
type Sampler interface {
	Sender
	// Samples does nothing. Send bounds the time of each of its requests by itself.
	Samples()
}

// ErrRefused is in the error of a sender whose points will never be taken.
var ErrRefused = errors.New("refused")

// A PartlyRefused is the error of a sender some of whose points will never be taken. The
// others are.
type PartlyRefused struct {
	Points int // that are not
	Err    error
}

func (e *PartlyRefused) Error() string {
	return fmt.Sprintf("points that were refused: %d: %v", e.Points, e.Err)
}

// Counts count points for one sender: each is in one of these in the end.
type Counts struct {
	Sent    atomic.Int64
	Dropped atomic.Int64 // because too many waited
	Refused atomic.Int64
	Retries atomic.Int64 // of sending, not of points
	Waiting atomic.Int64
}

// Config is what an Emitter needs.
type Config struct {
	Cluster topics.Cluster
	Names   topics.Names
	Senders []Sender
	Logger  *slog.Logger
}

// An Emitter sends what mergers publish.
type Emitter struct {
	config Config
	queues []*queue
	newest map[string]stats.Snapshot // the final one of each stat, without its value
	series map[string][]Point        // the samples of that

	beyond  atomic.Int64
	notices *throttle.Logger
}

// New returns an emitter.
func New(c Config) *Emitter {
	e := &Emitter{config: c, newest: make(map[string]stats.Snapshot), series: make(map[string][]Point), notices: &throttle.Logger{Log: c.Logger}}
	for _, s := range c.Senders {
		e.queues = append(e.queues, &queue{sender: s, log: c.Logger, wake: make(chan struct{}, 1)})
	}
	return e
}

// Each calls f with each sender's counts.
func (e *Emitter) Each(f func(sender string, c *Counts)) {
	for _, q := range e.queues {
		f(q.sender.String(), &q.counts)
	}
}

// Run sends until ctx ends. A definitions version of which nothing was sent yet begins where
// the emitters of the one before are, and the first with what is published from now on.
func (e *Emitter) Run(ctx context.Context) error {
	pause := retry.Backoff{Least: leastPause, Most: mostPause}
	for err := e.begin(ctx); err != nil; err = e.begin(ctx) {
		if ctx.Err() != nil {
			return nil
		}
		e.notices.Warn("cannot find out what was sent already; retrying", "error", err)
		_ = pause.Wait(ctx)
	}
	client, err := kgo.NewClient(append(e.config.Cluster.GroupOptions("pulse-emit", e.config.Names.EmitGroup()),
		kgo.ConsumeTopics(e.config.Names.Merged()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(time.Second),
		kgo.FetchMaxWait(100*time.Millisecond))...)
	if err != nil {
		return err
	}

	// Senders go on for a while after ctx has ended.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	for _, q := range e.queues {
		running.Go(func() { q.run(sending) })
	}
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(topic string, partition int32, err error) {
			if ctx.Err() == nil {
				e.config.Logger.Warn("cannot read a topic; retrying", "topic", topic, "partition", partition, "error", err)
			}
		})
		var points, samples []Point
		records := fetches.Records()
		for _, r := range records {
			if s, ok := e.final(r); ok {
				points = appendAll(points, s)
				samples = e.appendSamples(samples, s)
			}
		}
		// Each sender is done with these after all that came before.
		left := atomic.Int32{}
		left.Store(int32(len(e.queues)))
		for _, q := range e.queues {
			taken := points
			if _, ok := q.sender.(Sampler); ok {
				taken = samples
			}
			q.put(taken, func() {
				if left.Add(-1) == 0 {
					client.MarkCommitRecords(records...)
				}
			})
		}
	}
	for _, q := range e.queues {
		q.end()
	}
	timer := time.AfterFunc(topics.LeaveTimeout, stop)
	defer timer.Stop()
	running.Wait()
	return topics.LeaveWithin(ctx, e.config.Logger, func(ctx context.Context) error {
		defer client.Close()
		if err := client.CommitMarkedOffsets(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("cannot commit what was sent: %w", err)
		}
		return nil
	})
}

// begin has a group that has committed nothing yet go on where those of other definitions
// versions are: else nothing would be sent of the seconds between the end of their emitters
// and the start of this one.
func (e *Emitter) begin(ctx context.Context) error {
	admin, err := e.config.Cluster.Admin(kgo.ClientID("pulse-emit"))
	if err != nil {
		return err
	}
	defer admin.Close()
	group, topic := e.config.Names.EmitGroup(), e.config.Names.Merged()
	if own, err := admin.Commits(ctx, group, topic); err != nil || len(own) > 0 {
		return err
	}
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	from := map[int32]topics.Commit{}
	for _, other := range groups.Groups() {
		if !strings.HasPrefix(other, (topics.Names{Prefix: e.config.Names.Prefix}).EmitGroup()) {
			continue
		}
		commits, err := admin.Commits(ctx, other, topic)
		if err != nil {
			return err
		}
		for partition, c := range commits {
			from[partition] = topics.Commit{Offset: max(c.Offset, from[partition].Offset)}
		}
	}
	if len(from) == 0 {
		return nil
	}
	err = admin.CommitFirst(ctx, group, topic, from)
	switch {
	case errors.Is(err, topics.ErrJoined): // another emitter of this version was first
		return nil
	case err == nil:
		e.config.Logger.Info("going on where the emitters of other definitions are", "group", group)
	}
	return err
}

// final is a record's snapshot, if it is final and was not there before.
func (e *Emitter) final(r *kgo.Record) (stats.Snapshot, bool) {
	s, err := stats.ParseSnapshot(r.Value)
	if err != nil || !s.Final || s.Version != e.config.Names.Version {
		return s, false
	}
	if topics.Ahead(r, s) {
		e.beyond.Add(1)
		e.notices.Warn("left out a point whose time is days ahead of its record's; check which programs write to the topic", "stat", s.Stat, "time", s.Time)
		return s, false
	}
	old, ok := e.newest[s.Stat]
	if ok && (s.Time < timing.Forward(old.Time, s.Time) || s.Time == old.Time && s.Revision <= old.Revision) {
		return s, false
	}
	e.newest[s.Stat] = stats.Snapshot{Time: s.Time, Revision: s.Revision}
	return s, true
}

// appendAll appends what a snapshot says.
func appendAll(points []Point, s stats.Snapshot) []Point {
	if s.Since != 0 { // the two ends of a run of seconds with one value
		first := s
		first.Time = s.Since
		points = AppendPoints(points, first)
	}
	return AppendPoints(points, s)
}

// Beyond is how many points were left out because their seconds were days ahead.
func (e *Emitter) Beyond() int64 { return e.beyond.Load() }

// A queue is the points that wait for a sender.
type queue struct {
	sender Sender
	log    *slog.Logger
	counts Counts
	wake   chan struct{}

	mu      sync.Mutex
	waiting []portion
	ended   bool
}

// A portion is the points of one fetch.
type portion struct {
	points []Point
	done   func()
}

func (q *queue) put(points []Point, done func()) {
	q.mu.Lock()
	var dropped []portion
	q.waiting = append(q.waiting, portion{points, done})
	waiting := q.counts.Waiting.Add(int64(len(points)))
	for waiting > maxWaiting && len(q.waiting) > 1 {
		old := q.waiting[0]
		q.waiting = q.waiting[1:]
		dropped = append(dropped, old)
		waiting = q.counts.Waiting.Add(-int64(len(old.points)))
		q.counts.Dropped.Add(int64(len(old.points)))
	}
	q.mu.Unlock()
	for _, p := range dropped {
		p.done()
	}
}

// end lets run return when nothing waits any more.
func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.wake <- struct{}{}
}

// next takes portions of some maxBatch points together.
func (q *queue) next() (points []Point, done []func(), ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 && (len(points) == 0 || len(points)+len(q.waiting[0].points) <= maxBatch) {
		points = append(points, q.waiting[0].points...)
		done = append(done, q.waiting[0].done)
		q.waiting = q.waiting[1:]
	}
	return points, done, q.ended
}

// run sends until the queue has ended, or ctx has.
func (q *queue) run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		points, done, ended := q.next()
		for len(points) > 0 {
			n := min(len(points), maxBatch)
			if !q.deliver(ctx, points[:n]) {
				return // the next emitter sends them
			}
			points = points[n:]
		}
		for _, f := range done {
			f()
		}
		switch {
		case len(done) > 0:
			if ended {
				continue
			}
		case ended:
			return
		}
		select {
		case <-tick.C:
		case <-q.wake:
		}
	}
}

// try sends points once. A Sampler may need several requests, and bounds each.
func (q *queue) try(ctx context.Context, points []Point) error {
	if _, ok := q.sender.(Sampler); ok {
		return q.sender.Send(ctx, points)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return q.sender.Send(ctx, points)
}

// deliver sends points until they are taken, or refused for good. It fails when ctx
// ends before.
func (q *queue) deliver(ctx context.Context, points []Point) bool {
	n := int64(len(points))
	pause := retry.Backoff{Least: leastPause, Most: mostPause}
	for {
		err := q.try(ctx, points)
		partly := (*PartlyRefused)(nil)
		switch {
		case err == nil:
			q.counts.Sent.Add(n)
			q.counts.Waiting.Add(-n)
			return true
		case errors.As(err, &partly):
			q.counts.Sent.Add(n - int64(partly.Points))
			q.counts.Refused.Add(int64(partly.Points))
			q.log.Warn("the other system rejected some points, and they are dropped", "output", q.sender.String(), "points", partly.Points, "error", partly.Err)
			q.counts.Waiting.Add(-n)
			return true
		case errors.Is(err, ErrRefused):
			q.counts.Refused.Add(n)
			q.log.Error("the other system rejected points, and they are dropped", "output", q.sender.String(), "points", n, "error", err)
			q.counts.Waiting.Add(-n)
			return true
		}
		q.counts.Retries.Add(1)
		q.log.Warn("cannot send points; retrying", "output", q.sender.String(), "waiting", q.counts.Waiting.Load(), "error", err)
		if pause.Wait(ctx) != nil {
			return false
		}
	}
}
