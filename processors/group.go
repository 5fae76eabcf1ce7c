package processors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"

	"pulse/topics"
	"pulse/topics/retry"
)

// ErrFenced ends a processor whose instance id another process has taken over.
var ErrFenced = errors.New("another process with the same --instance has taken over: give each its own name")

// group is the sarama.ConsumerGroup that goka gets. It puts its own handler
// between sarama's sessions and goka's, so that commits are the partitions' own;
// and it starts the next session at once, where goka would sleep for five
// seconds after a rebalance and end after an error.
type group struct {
	sarama.ConsumerGroup
	p    *Processor
	errs chan error // what goka sees of Errors: nothing
}

func newGroup(inner sarama.ConsumerGroup, p *Processor) *group {
	g := &group{ConsumerGroup: inner, p: p, errs: make(chan error)}
	go func() {
		for err := range inner.Errors() {
			if errors.Is(err, sarama.ErrFencedInstancedId) {
				p.end(ErrFenced) // one for each partition
				continue
			}
			p.failed("consumer group", err)
		}
	}()
	return g
}

// Errors returns a channel without errors: they are counted and logged here.
func (g *group) Errors() <-chan error { return g.errs }

// Waits between sessions: after one that ended well, as at a rebalance, and
// after errors, twice as long each time.
const (
	restartWait  = 50 * time.Millisecond
	leastRetry   = 200 * time.Millisecond
	longestRetry = 5 * time.Second
)

// Consume runs sessions until ctx ends or the processor cannot go on.
func (g *group) Consume(ctx context.Context, inputs []string, gokas sarama.ConsumerGroupHandler) error {
	failing := retry.Backoff{Least: leastRetry, Most: longestRetry}
	for {
		h := &handler{goka: gokas, p: g.p}
		started := time.Now()
		g.p.leads.Store(false)
		err := g.ConsumerGroup.Consume(ctx, inputs, h)
		g.p.ready.Store(false)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, sarama.ErrClosedConsumerGroup):
			return err
		case errors.Is(err, sarama.ErrFencedInstancedId):
			g.p.end(ErrFenced)
			return ErrFenced
		}
		if errors.Is(err, errOver) {
			err = nil
		}
		if time.Since(started) > longestRetry {
			failing.Reset() // what failed before did not fail again
		}
		if failure := errors.Join(err, h.met()); failure != nil {
			g.p.failed("session", failure)
			err = failing.Wait(ctx)
		} else {
			err = retry.Wait(ctx, restartWait)
		}
		if err != nil {
			return nil
		}
	}
}

// handler is of one session.
type handler struct {
	goka    sarama.ConsumerGroupHandler
	p       *Processor
	session *session // nil until goka has set it up

	mu  sync.Mutex
	err error // what claims and Cleanup met
}

func (h *handler) met() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// failed keeps an error for Consume. Sarama would send it to Errors as well.
func (h *handler) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = errors.Join(h.err, err)
}

// errOver says that a session ended while it was set up: another rebalance.
var errOver = errors.New("the session ended at once")

func (h *handler) Setup(inner sarama.ConsumerGroupSession) error {
	claims := inner.Claims()[h.p.config.Input]
	committed, err := h.p.committed(inner.Context(), claims)
	var ids string
	var found map[string]topics.Identity
	if err == nil {
		// Before the partitions are begun: those that come later begin another session.
		found, err = topics.Identities(inner.Context(), h.p.client, h.p.bound()...)
	}
	if err == nil {
		ids, err = topics.JoinIDs(found, h.p.bound()...)
	}
	if err == nil && h.p.config.Session != nil {
		err = h.p.config.Session(inner.Context())
	}
	if inner.Context().Err() != nil {
		return errOver
	}
	if err != nil {
		return fmt.Errorf("cannot read what has been committed, and how the topics are: %w", err)
	}
	for _, c := range committed {
		if err := c.CheckIDs(ids, h.p.bound()...); err != nil {
			h.p.end(err)
			return err
		}
	}
	s := &session{ConsumerGroupSession: inner, p: h.p, ids: ids, partitions: found[h.p.config.Input].Partitions, claims: map[int32]*claim{}}
	s.ctx, s.over = context.WithCancel(inner.Context())
	for _, partition := range claims {
		s.claims[partition] = &claim{committed: committed[partition], marked: committed[partition].Offset}
	}
	if err := s.passOver(inner.Context()); err != nil {
		s.over()
		return err
	}
	h.p.session.Store(s)
	if err := h.goka.Setup(s); err != nil {
		s.over()
		return err
	}
	h.session = s
	h.p.ready.Store(true)
	h.p.sessions.Add(1)
	h.p.config.Log.Info("session started", "group", h.p.config.Group, "group_generation", inner.GenerationID(), "partitions", claims)
	return nil
}

func (h *handler) Cleanup(sarama.ConsumerGroupSession) error {
	// Sarama also calls it when Setup failed, and then goka knows of no session
	// that could be cleaned up.
	if h.session == nil {
		return nil
	}
	h.p.config.Log.Info("session ends", "group", h.p.config.Group, "group_generation", h.session.GenerationID())
	h.failed(h.goka.Cleanup(h.session))
	h.session.over()
	return nil
}

func (h *handler) ConsumeClaim(_ sarama.ConsumerGroupSession, inner sarama.ConsumerGroupClaim) error {
	c := h.session.claims[inner.Partition()]
	c.source.Store(&inner)
	start, err := startOf(inner.Partition(), c.committed, c.marked, inner.InitialOffset())
	if err == nil {
		c.partition, err = h.p.config.Start(start)
	}
	if errors.Is(err, topics.ErrReplaced) {
		h.p.end(err)
		return nil
	}
	if err != nil {
		h.failed(fmt.Errorf("partition %d: %w", inner.Partition(), err))
		return nil // which ends the session
	}
	return h.goka.ConsumeClaim(h.session, inner)
}

// startOf compares what this package read of the committed offset with where
// sarama begins: sarama asked first, and a commit in between would make state
// and offset disagree.
// Held is the offset that sarama was told to begin at, or the committed one.
func startOf(partition int32, committed topics.Commit, held, initial int64) (Start, error) {
	start := Start{Partition: partition, Committed: committed}
	switch {
	case initial == held, initial == sarama.OffsetOldest && committed.Offset < 0:
		return start, nil
	case initial == sarama.OffsetOldest:
		// Sarama's Consumer.Group.ResetInvalidOffsets: retention was faster.
		start.Lost = true
		return start, nil
	}
	return Start{}, fmt.Errorf("the session starts at offset %d, but the committed offset is %d; retrying", initial, committed.Offset)
}

// session is the sarama session that goka gets: marking an offset there does not
// commit it but says that its record is done.
type session struct {
	sarama.ConsumerGroupSession
	p          *Processor
	ids        string           // of the topics that commits are of
	partitions int              // of the input, when it began
	claims     map[int32]*claim // not changed after Setup

	ctx  context.Context
	over context.CancelFunc // ends the session, so that the group shares out its partitions
}

// Context is what goka's callbacks and claims end with.
func (s *session) Context() context.Context { return s.ctx }

type claim struct {
	committed topics.Commit
	partition Partition // set before the first record
	tracker   tracker
	records   records
	marked    int64 // the offset that sarama holds; guarded by tracker's lock

	source atomic.Pointer[sarama.ConsumerGroupClaim] // set when records begin to come
}

// more reports whether another record has been fetched. Those that goka has taken
// already do not count: a partition then holds nothing back that it could have.
func (c *claim) more() bool {
	source := c.source.Load()
	return source != nil && len((*source).Messages()) > 0
}

// MarkOffset is called by goka, with the offset after the record's, when a
// callback has returned and all that it emitted is acknowledged.
func (s *session) MarkOffset(topic string, partition int32, offset int64, _ string) {
	c := s.claims[partition]
	c.tracker.finish(offset-1, func(commit *topics.Commit) {
		metadata, err := topics.EncodeMetadata(commit.Metadata, s.ids)
		if err != nil {
			s.p.end(fmt.Errorf("partition %d: %w", partition, err))
			return
		}
		if commit.Offset > c.marked {
			s.ConsumerGroupSession.MarkOffset(topic, partition, commit.Offset, metadata)
		} else {
			// The same offset with new metadata: sarama's MarkOffset would ignore it.
			s.ConsumerGroupSession.ResetOffset(topic, partition, commit.Offset, metadata)
		}
		c.marked = commit.Offset
	})
}

// committed reads the group's offsets with their metadata, which sarama drops.
func (p *Processor) committed(ctx context.Context, partitions []int32) (map[int32]topics.Commit, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	responses, err := p.admin.FetchOffsetsForTopics(kadm.RequireStable(ctx), p.config.Group, p.config.Input)
	if err != nil {
		return nil, err
	}
	commits := map[int32]topics.Commit{}
	for _, partition := range partitions {
		response, ok := responses.Lookup(p.config.Input, partition)
		if !ok {
			return nil, fmt.Errorf("the answer of Kafka lacks partition %d", partition)
		}
		if response.Err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition, response.Err)
		}
		commits[partition] = topics.Commit{Offset: -1}
		if response.At >= 0 {
			commits[partition] = topics.CommitOf(response.Offset)
		}
	}
	return commits, nil
}

// passOver has the partitions begin with the log in which another program has committed for the
// group: what it says is not where anybody has been.
func (s *session) passOver(ctx context.Context) error {
	input := s.p.config.Input
	var starts, ends kadm.ListedOffsets
	starts, err := s.p.admin.ListStartOffsets(ctx, input)
	if err == nil {
		ends, err = s.p.admin.ListEndOffsets(ctx, input)
	}
	if err == nil {
		err = errors.Join(starts.Error(), ends.Error())
	}
	if ctx.Err() != nil {
		return errOver
	}
	if err != nil {
		return fmt.Errorf("cannot read the offsets of %s: %w", input, err)
	}
	for partition, c := range s.claims {
		if c.committed.Offset < 0 {
			continue
		}
		foreign, end := c.committed.Foreign, int64(0)
		if e, ok := ends.Lookup(input, partition); ok {
			end = e.Offset
		}
		switch {
		case foreign != nil:
		case c.committed.Topics == "" && s.p.config.Check != nil:
			foreign = s.p.config.Check(c.committed.Metadata)
		case c.committed.Topics == s.ids && c.committed.Offset > end:
			foreign = fmt.Errorf("the partition ends at offset %d", end)
		}
		if foreign == nil {
			continue
		}
		start, _ := starts.Lookup(input, partition)
		s.p.config.Log.Error("another program has committed for the group; reading the partition from its beginning. Check who may commit for it",
			"group", s.p.config.Group, "partition", partition, "offset", c.committed.Offset, "error", foreign)
		c.marked = min(start.Offset, c.committed.Offset)
		s.ConsumerGroupSession.ResetOffset(input, partition, c.marked, "")
		c.committed = topics.Commit{Offset: -1}
	}
	return nil
}

// bound are the topics that commits are of.
func (p *Processor) bound() []string { return append([]string{p.config.Input}, p.config.Bound...) }
