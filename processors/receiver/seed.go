package receiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/retry"
)

// A definitions version that comes to topics where another one is at work does not begin
// with the log, which may be a day long, but behind a savepoint of the other one:
// a tick, and the ingesters' clocks as they were after it. The clocks follow from
// the ticks alone, whatever the definitions are, so that a receiver goes on from
// there exactly as one would that has read the log from its beginning.
//
// Lines before the savepoint are not read. They count within timing.Unsettled
// seconds of its watermark; the first second of the definitions version is one whose windows
// all begin after that.

// savepoints is the partition of the fragments topic that they are in too, for mergers,
// who tell by them whose clocks they go by.
const savepoints = 0

// seed commits where a new definitions version begins, unless something is committed or
// no other definitions version can tell. It waits for Kafka until ctx ends.
func (r *Receiver) seed(ctx context.Context) error {
	for {
		err := r.trySeed(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		r.config.Logger.Warn("cannot find the start offset in Kafka; retrying", "error", err)
		if retry.Wait(ctx, time.Second) != nil {
			return nil
		}
	}
}

func (r *Receiver) trySeed(ctx context.Context) error {
	c := r.config
	admin, err := c.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	versions, err := admin.Versions(ctx, c.Names)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(versions, func(g string) bool { return g == c.Names.Version })
	if len(others) == 0 {
		return nil
	}
	own, err := commits(ctx, admin, c.Names)
	if err != nil || len(own) > 0 {
		return err
	}
	layout, err := admin.Layout(ctx, c.Names)
	if err != nil {
		return err
	}
	raw := layout.Used
	other, clock, err := r.newest(ctx, admin, others, raw)
	if err != nil || other.Version == "" {
		return err
	}
	back := int64(c.History/time.Second) + int64(topics.Window(c.Definitions)/time.Second) + timing.Unsettled
	// The clocks are the same whatever the definitions: where the newest of the others has
	// begun itself a moment ago, an older one has the savepoints.
	others = slices.DeleteFunc(others, func(g string) bool { return g == other.Version })
	for _, version := range append([]string{other.Version}, others...) {
		found, err := admin.FindSavepoints(ctx, topics.Names{Prefix: c.Names.Prefix, Version: version}, clock-back, raw)
		if err != nil {
			return err
		}
		if found != nil {
			return r.beginAt(ctx, admin, found, version)
		}
	}
	c.Logger.Info("no savepoint is old enough: reading from the start of the log", "other", other.Version)
	return nil
}

// commits reads what the receivers of a definitions version have committed.
func commits(ctx context.Context, admin *topics.Admin, n topics.Names) (map[int32]topics.Commit, error) {
	return admin.Commits(ctx, n.ReceiverGroup(), n.Raw())
}

// newest finds of some definitions versions the one that is furthest, and the second to
// which it has rolled up every partition. Recordings are read from their
// beginning.
func (r *Receiver) newest(ctx context.Context, admin *topics.Admin, versions []string, raw int32) (found topics.Names, clock int64, err error) {
	for _, version := range versions {
		other := topics.Names{Prefix: r.config.Names.Prefix, Version: version}
		committed, err := commits(ctx, admin, other)
		if err != nil {
			return found, 0, err
		}
		if len(committed) != int(raw) {
			continue
		}
		least := int64(-1)
		for _, c := range committed {
			state, err := topics.DecodeReceiverState(c.Metadata)
			if err != nil || state.Domain != topics.WallDomain {
				least = -1
				break // another version's, or a recording
			}
			if second := state.Clock.Second(); least < 0 || second < least {
				least = second
			}
		}
		if least > clock {
			found, clock = other, least
		}
	}
	return found, clock, nil
}

// beginAt commits savepoints, all at once, for a group that has no member yet.
func (r *Receiver) beginAt(ctx context.Context, admin *topics.Admin, found []topics.Beginning, other string) error {
	first := topics.CompleteFrom(found) + int64(topics.Window(r.config.Definitions)/time.Second) - 1
	begin := map[int32]topics.Commit{}
	for i, w := range found {
		c, err := CommitAt(w.Savepoint, first)
		if err != nil {
			return err
		}
		begin[int32(i)] = c
	}
	err := admin.CommitFirst(ctx, r.config.Names.ReceiverGroup(), r.config.Names.Raw(), begin, r.config.Names.Fragments())
	if errors.Is(err, topics.ErrJoined) {
		return nil // a receiver that was quicker, and has committed before
	}
	if err != nil {
		return fmt.Errorf("cannot commit the start offsets: %w", err)
	}
	r.config.Logger.Info("starting new definitions beside older ones", "older", other, "first second", time.Unix(first, 0).UTC().Format(time.DateTime))
	return nil
}

// CommitAt is the commit by which a definitions version begins behind a savepoint of another
// one, with first as the first second that it publishes.
func CommitAt(w topics.Savepoint, first int64) (topics.Commit, error) {
	state, err := topics.DecodeReceiverState(w.State)
	if err != nil {
		return topics.Commit{}, err
	}
	state.First = first
	return topics.Commit{Offset: w.Offset + 1, Metadata: state.Append(nil)}, nil
}
