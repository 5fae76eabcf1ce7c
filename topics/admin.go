package topics

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// An Admin asks a cluster about its topics and groups, and reads parts of topics,
// all by one client: each connection to a secured cluster costs a handshake. What
// a topic holds now is a Section, by Readable, Whole or Written, and Read reads it.
type Admin struct {
	*kadm.Client
	kafka   *kgo.Client
	cluster Cluster
}

// adminTimeout bounds how long a broker that is not there is tried.
const adminTimeout = 10 * time.Second

// fetchBytes bounds what an Admin holds of what it reads.
const fetchBytes = 8 << 20

// Admin returns an Admin of a cluster, for one goroutine. It connects when it is
// first asked something. A context of a request does not end the greeting of a broker
// that says nothing; kgo.WithContext does.
func (c Cluster) Admin(options ...kgo.Opt) (*Admin, error) {
	client, err := kgo.NewClient(append(append(c.ClientOptions("pulse-topics"),
		kgo.RetryTimeout(adminTimeout), kgo.RequestTimeoutOverhead(adminTimeout/2),
		// kadm answers from the client's cached metadata, and it must not say that
		// a topic is missing that was made a moment ago.
		kgo.MetadataMinAge(50*time.Millisecond),
		// The last record that Read is asked for may be one.
		kgo.KeepControlRecords(),
		WithoutSession,
		kgo.FetchMaxBytes(fetchBytes)), options...)...)
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

// Versions lists the definitions versions that have a topic of
// fragments under the prefix of n: those at work, and those that were.
func (a *Admin) Versions(ctx context.Context, n Names) ([]string, error) {
	found, err := a.ListTopics(ctx)
	if err != nil {
		return nil, a.cluster.Unreachable(err)
	}
	var versions []string
	prefix := Names{Prefix: n.Prefix}.Fragments()
	for _, topic := range found.Names() {
		// The client also remembers topics that it asked for in vain.
		if g, ok := strings.CutPrefix(topic, prefix); ok && found[topic].Err == nil {
			versions = append(versions, g)
		}
	}
	return versions, nil
}
