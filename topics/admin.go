package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// An Admin asks a cluster about its topics and groups, and reads topics, all by
// one client: each connection to a secured cluster costs a handshake.
type Admin struct {
	*kadm.Client
	kafka   *kgo.Client
	cluster Cluster
}

// adminTimeout bounds how long a broker that is not there is tried.
const adminTimeout = 10 * time.Second

// Admin returns an Admin of a cluster, for one goroutine. It connects when it is
// first asked something.
func (c Cluster) Admin() (*Admin, error) {
	client, err := kgo.NewClient(append(c.ClientOptions("pulse-topics"),
		kgo.RetryTimeout(adminTimeout), kgo.RequestTimeoutOverhead(adminTimeout/2),
		// kadm answers from the client's cached metadata, and it must not say that
		// a topic is missing that was made a moment ago.
		kgo.MetadataMinAge(50*time.Millisecond),
		// The last record that Read is asked for may be one.
		kgo.KeepControlRecords())...)
	if err != nil {
		return nil, fmt.Errorf("brokers %s: %w", strings.Join(c.Brokers, ","), err)
	}
	return &Admin{kadm.NewClient(client), client, c}, nil
}

// Check says everything that is wrong with the topics: missing ones, and
// partitions, cleanup, retention and replication that do not fit.
func (a *Admin) Check(ctx context.Context, n Names, o Options) error {
	if err := CheckPrefix(n.Prefix); err != nil {
		return err
	}
	return check(ctx, a.Client, a.cluster, n, o, knownWithin)
}

// Generations lists the generations of definitions that have a topic of
// fragments under the prefix of n: those at work, and those that were.
func (a *Admin) Generations(ctx context.Context, n Names) ([]string, error) {
	found, err := a.ListTopics(ctx)
	if err != nil {
		return nil, a.cluster.Unreachable(err)
	}
	var generations []string
	prefix := Names{Prefix: n.Prefix}.Fragments()
	for _, topic := range found.Names() {
		// The client also remembers topics that it asked for in vain.
		if g, ok := strings.CutPrefix(topic, prefix); ok && found[topic].Err == nil {
			generations = append(generations, g)
		}
	}
	return generations, nil
}

// Read calls do with the records of a topic's partitions from the offsets from to
// the offsets to, which are not included. It waits for those that are not there
// yet.
func (a *Admin) Read(ctx context.Context, topic string, from, to map[int32]int64, do func(*kgo.Record)) error {
	left := map[int32]kgo.Offset{}
	for p, begin := range from {
		if begin < to[p] {
			left[p] = kgo.NewOffset().At(begin)
		}
	}
	if len(left) == 0 {
		return nil
	}
	a.kafka.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: maps.Clone(left)})
	defer a.kafka.PurgeTopicsFromConsuming(topic)
	for len(left) > 0 {
		fetches := a.kafka.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading %s, partitions %v: %w", topic, slices.Sorted(maps.Keys(left)), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < to[r.Partition] && !r.Attrs.IsControl() {
				do(r)
			}
			if r.Offset+1 >= to[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return nil
}
