package processors

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Sessions returns how many sessions of the group this process has taken part
// in: one more with each rebalance.
func (p *Processor) Sessions() int64 { return p.sessions.Load() }

// A Claim is a partition that the group has assigned to this process.
type Claim struct {
	Partition int32
	Lag       int64 // records that the broker had at the last fetch and that have not been processed; -1 before the first record
}

// Claims returns what the group has assigned to this process now, by partition.
func (p *Processor) Claims() []Claim {
	s := p.session.Load()
	if s == nil || !p.ready.Load() {
		return nil
	}
	var claims []Claim
	for partition, c := range s.claims {
		c.tracker.mu.Lock()
		next := c.tracker.next
		c.tracker.mu.Unlock()
		lag := int64(-1)
		if source := c.source.Load(); source != nil && next > 0 {
			lag = max((*source).HighWaterMarkOffset()-next, 0)
		}
		claims = append(claims, Claim{partition, lag})
	}
	slices.SortFunc(claims, func(a, b Claim) int { return int(a.Partition - b.Partition) })
	return claims
}

// Commits reads what a group has committed of a topic, by partition, without
// being a member of it. Partitions without a commit are not there.
func Commits(ctx context.Context, admin *kadm.Client, group, topic string) (map[int32]Commit, error) {
	responses, err := admin.FetchOffsetsForTopics(ctx, group, topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil // nobody has been a member yet
	}
	if err != nil {
		return nil, err
	}
	commits := map[int32]Commit{}
	for partition, response := range responses[topic] {
		if response.Err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition, response.Err)
		}
		if response.At < 0 {
			continue
		}
		metadata, err := decodeMetadata(response.Metadata)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition, err)
		}
		commits[partition] = Commit{Offset: response.At, Metadata: metadata}
	}
	return commits, nil
}

// ErrJoined says that a group has members, who alone may commit.
var ErrJoined = errors.New("the group has members")

// CommitFirst commits, for a group without members, where these shall begin: all
// partitions or none.
func CommitFirst(ctx context.Context, admin *kadm.Client, group, topic string, begin map[int32]Commit) error {
	offsets := kadm.Offsets{}
	for partition, c := range begin {
		metadata, err := encodeMetadata(c.Metadata)
		if err != nil {
			return fmt.Errorf("partition %d: %w", partition, err)
		}
		offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: c.Offset, LeaderEpoch: -1, Metadata: metadata})
	}
	answer, err := admin.CommitOffsets(ctx, group, offsets)
	if err == nil {
		err = answer.Error()
	}
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return ErrJoined
	}
	return err
}
