package topics

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Tail calls do with all records of some topics, those of each partition in order, and goes
// on as they come until ctx ends, which is not an error. It calls loaded when it has had
// those that there were.
func Tail(ctx context.Context, cluster Cluster, clientID string, names []string, do func(*kgo.Record), loaded func()) error {
	admin, err := cluster.Admin(kgo.ClientID(clientID))
	if err != nil {
		return err
	}
	defer admin.Close()
	next := map[string]map[int32]kgo.Offset{}
	for _, name := range names {
		readable, err := admin.Readable(ctx, name)
		if err != nil {
			return err
		}
		if err := admin.Read(ctx, name, readable, func(r *kgo.Record) bool { do(r); return true }); err != nil {
			return err
		}
		next[name] = map[int32]kgo.Offset{}
		for partition, span := range readable {
			next[name][partition] = kgo.NewOffset().At(span.To)
		}
	}
	if loaded != nil {
		loaded()
	}
	client, err := kgo.NewClient(append(cluster.ClientOptions(clientID), kgo.ConsumePartitions(next), WithoutSession)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("cannot read %v: %w", names, err)
		}
		fetches.EachRecord(do)
	}
	return nil
}
