package topics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics/retry"
)

// DefaultPartitions is how many partitions new topics get if nothing else is said.
const DefaultPartitions = 8

// How long topics keep their records.
const (
	rawRetention       = 24 * time.Hour
	fragmentsRetention = time.Hour      // and the longest window that is not long
	longRetention      = 24 * time.Hour // and the longest window
	mergedRetention    = 14 * 24 * time.Hour
	alertsRetention    = 90 * 24 * time.Hour
	minutesRetention   = 35 * 24 * time.Hour // a chart of a week, beside a week of a month ago
	marksRetention     = minutesRetention    // what stands on these charts
)

// Options say how topics are to be.
type Options struct {
	Partitions  int32         // of a topic that is made; existing ones may not have more, and the raw topic not fewer. 0: as many as the raw topic has, and existing ones may have any number
	First       int32         // partitions of the raw topic, if it is made and Partitions is 0; 0: DefaultPartitions
	Replication int16         // the same of replicas; 0: the broker's default, and any
	Window      time.Duration // the longest window of the definitions that is not long: for so long a merger must be able to read back
	LongWindow  time.Duration // the longest that is; 0: there is none
	Alerts      bool          // whether there are alerts
}

// OptionsOf returns what definitions ask of topics.
func OptionsOf(d *stats.Definitions) Options {
	var longest, long int64
	for _, s := range d.All() {
		if s.Long() {
			long = max(long, s.Window)
		} else {
			longest = max(longest, s.Lookback())
		}
	}
	return Options{Window: time.Duration(longest) * time.Second, LongWindow: time.Duration(long) * time.Second, Alerts: len(d.Alerts) > 0}
}

// Window returns how far back the longest window of definitions reaches that is not long.
func Window(d *stats.Definitions) time.Duration { return OptionsOf(d).Window }

// A topicPlan is how one topic is to be.
type topicPlan struct {
	name      string
	compacted bool
	retention time.Duration     // at least; 0: of topics that are compacted alone
	config    map[string]string // set when the topic is made
}

func plan(n Names, o Options) []topicPlan {
	// Segments are small against the retention, since only whole ones go; those
	// of compacted topics, since a reader reads what is not compacted yet.
	deleted := func(name string, retention time.Duration) topicPlan {
		return topicPlan{name: name, retention: retention, config: map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   strconv.FormatInt(retention.Milliseconds(), 10),
			"segment.ms":     strconv.FormatInt((retention / 8).Milliseconds(), 10),
		}}
	}
	compacted := func(name string) topicPlan {
		return topicPlan{name: name, compacted: true, config: map[string]string{
			"cleanup.policy": "compact",
			"segment.ms":     strconv.FormatInt((10 * time.Minute).Milliseconds(), 10),
			"segment.bytes":  strconv.Itoa(16 << 20),
		}}
	}
	plans := []topicPlan{
		deleted(n.Raw(), rawRetention),
		deleted(n.Savepoints(), rawRetention),
		deleted(n.Fragments(), fragmentsRetention+o.Window),
		deleted(n.Seconds(), fragmentsRetention+o.Window),
		deleted(n.Merged(), mergedRetention),
		deleted(n.History(), mergedRetention),
		deleted(n.Minutes(), minutesRetention),
		deleted(n.Marks(), marksRetention),
		compacted(n.Table()),
		compacted(n.Positions()),
	}
	if o.LongWindow > 0 {
		plans = append(plans, deleted(n.LongMinutes(), longRetention+o.LongWindow))
	}
	if o.Alerts {
		// Each transition has a key of its own.
		alerts := compacted(n.Alerts())
		alerts.config["cleanup.policy"], alerts.retention = "compact,delete", alertsRetention
		alerts.config["retention.ms"] = strconv.FormatInt(alertsRetention.Milliseconds(), 10)
		plans = append(plans, alerts, compacted(n.AlertState()), compacted(n.Silences()))
	}
	for _, p := range plans {
		// The broker's own times: what is said to be of another time would stay beyond retention,
		// or stand in the way of who looks for what was written since.
		p.config["message.timestamp.type"] = "LogAppendTime"
	}
	return plans
}

// maxMessage is the least max.message.bytes that topics may have: about the brokers' default.
const maxMessage = 1_000_000

// ErrTopics is in every error that says that topics are missing or have the
// wrong settings, and in none about a broker that cannot be reached.
var ErrTopics = errors.New("the topics are missing or have the wrong settings")

// Ensure makes the topics that are missing and then checks them all, as Check
// does.
func Ensure(ctx context.Context, c Cluster, n Names, o Options) error {
	if err := CheckPrefix(n.Prefix); err != nil {
		return err
	}
	admin, err := c.Admin(kgo.WithContext(ctx))
	if err != nil {
		return err
	}
	defer admin.Close()
	existing, err := list(ctx, admin.Client, c, n, o)
	if err != nil {
		return err
	}
	partitions, replication := o.Partitions, o.Replication
	if partitions == 0 {
		partitions = cmp.Or(int32(len(existing[n.Raw()].Partitions)), o.First, DefaultPartitions)
	}
	if replication == 0 {
		replication = -1
	}
	for _, p := range plan(n, o) {
		if existing.Has(p.name) {
			continue
		}
		config := map[string]*string{}
		for k, v := range p.config {
			config[k] = kadm.StringPtr(v)
		}
		count := partitions
		if there := existing[n.Fragments()]; (p.name == n.Seconds() || p.name == n.LongMinutes()) && len(there.Partitions) > 0 {
			count = int32(len(there.Partitions)) // a merger has the same one of all
		}
		_, err := admin.CreateTopic(ctx, count, replication, config, p.name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("cannot create the topic %s with %d partitions: %w", p.name, count, err)
		}
	}
	return check(ctx, admin.Client, c, n, o, createdWithin)
}

// Check says everything that is wrong with the topics: missing ones, and
// partitions, cleanup, retention and replication that do not fit.
func Check(ctx context.Context, c Cluster, n Names, o Options) error {
	admin, err := c.Admin(kgo.WithContext(ctx))
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.Check(ctx, n, o)
}

// PartitionCount returns how many partitions a topic has.
func PartitionCount(ctx context.Context, c Cluster, topic string) (int32, error) {
	admin, err := c.Admin(kgo.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	details, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, c.Unreachable(err)
	}
	if d := details[topic]; d.Err != nil {
		return 0, fmt.Errorf("topic %s: %w; create it with `pulse topics --create`", topic, d.Err)
	}
	return int32(len(details[topic].Partitions)), nil
}

// A topic that was made a moment ago may not be on every broker yet: how long to
// wait for one that is missing, after it was made here, and else.
const (
	createdWithin = 45 * time.Second
	knownWithin   = 3 * time.Second
)

func check(ctx context.Context, admin *kadm.Client, c Cluster, n Names, o Options, within time.Duration) error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	existing, configs, err := settled(ctx, admin, c, n, o, within)
	if err != nil {
		return err
	}
	if len(existing) == 0 {
		return fmt.Errorf("%w: none of them exists (%s and others); create them with `pulse topics --create`", ErrTopics, n.Raw())
	}
	for _, p := range plan(n, o) {
		detail, ok := existing[p.name]
		if !ok {
			complain("topic %s is missing; create it with `pulse topics --create`", p.name)
			continue
		}
		count := int32(len(detail.Partitions))
		switch {
		case count > MaxPartitions:
			complain("topic %s has %d partitions, more than Pulse can use (%d); choose another --prefix and create new topics with `pulse topics --create`", p.name, count, MaxPartitions)
		case o.Partitions != 0 && p.name == n.Raw() && count < o.Partitions:
			complain("topic %s has %d partitions, not %d: run `pulse topics --grow %[3]d`", p.name, count, o.Partitions)
		case o.Partitions != 0 && count > o.Partitions:
			complain("topic %s has %d partitions, not %d, and Kafka cannot take any away: use --partitions %[2]d, or choose another --prefix", p.name, count, o.Partitions)
		}
		if r := detail.Partitions.NumReplicas(); o.Replication != 0 && r != int(o.Replication) {
			complain("topic %s has %d replicas, not %d; change that with Kafka's kafka-reassign-partitions", p.name, r, o.Replication)
		}
		config := configs[p.name]
		if least, err := strconv.Atoi(config["min.insync.replicas"]); err == nil && least > detail.Partitions.NumReplicas() {
			complain("topic %s has min.insync.replicas=%d and %d replicas, and so takes no record; set it to at most %[3]d, or give it more replicas with Kafka's kafka-reassign-partitions", p.name, least, detail.Partitions.NumReplicas())
		}
		if compacted := strings.Contains(config["cleanup.policy"], "compact"); compacted != p.compacted {
			want := "delete"
			if p.compacted {
				want = "compact"
			}
			complain("topic %s has cleanup.policy=%s; set it to %s", p.name, config["cleanup.policy"], want)
		} else if p.config["cleanup.policy"] == "compact" && strings.Contains(config["cleanup.policy"], "delete") {
			complain("topic %s has cleanup.policy=%s, and would forget what is old; set it to compact", p.name, config["cleanup.policy"])
		}
		if bytes, err := strconv.Atoi(config["max.message.bytes"]); err == nil && bytes < maxMessage {
			complain("topic %s has max.message.bytes=%d; set it to at least %d", p.name, bytes, maxMessage)
		}
		ms, err := strconv.ParseInt(config["retention.ms"], 10, 64)
		if err == nil && ms >= 0 && ms < p.retention.Milliseconds() {
			complain("topic %s has retention.ms=%d; set it to at least %d (%v)", p.name, ms, p.retention.Milliseconds(), p.retention)
		}
	}
	for _, name := range []string{n.Seconds(), n.LongMinutes()} {
		fragments, count := len(existing[n.Fragments()].Partitions), len(existing[name].Partitions)
		if fragments > 0 && count > 0 && count != fragments {
			complain("topic %s has %d partitions and %s has %d, and they must have as many: %s", name, count, n.Fragments(), fragments, newVersion)
		}
	}
	if limit := metadataLimit(ctx, admin); limit < CommitMetadata {
		complain("the brokers have offset.metadata.max.bytes=%d; set it to at least the default of %d", limit, CommitMetadata)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w:\n%w", ErrTopics, errors.Join(wrong...))
	}
	return nil
}

// settled returns those of the topics that there are, with their
// configurations. It asks again for a while if one is missing, or unknown to the
// broker that is asked for its configuration.
func settled(ctx context.Context, admin *kadm.Client, c Cluster, n Names, o Options, within time.Duration) (kadm.TopicDetails, map[string]map[string]string, error) {
	for start := time.Now(); ; {
		existing, err := list(ctx, admin, c, n, o)
		if err != nil {
			return nil, nil, err
		}
		var configs map[string]map[string]string
		if len(existing) > 0 {
			configs, err = describe(ctx, admin, existing.Names())
		}
		over := time.Since(start) >= within
		switch unknown := errors.Is(err, kerr.UnknownTopicOrPartition); {
		case err != nil && (!unknown || over):
			return nil, nil, c.Unreachable(err)
		case err == nil && (over || len(existing) == len(plan(n, o))):
			return existing, configs, nil
		}
		if err := retry.Wait(ctx, 100*time.Millisecond); err != nil {
			return nil, nil, err
		}
	}
}

// metadataLimit returns how many a broker takes, or the default if it does not
// tell. A commit with more is refused for its partition alone, and late.
func metadataLimit(ctx context.Context, admin *kadm.Client) int {
	brokers, err := admin.ListBrokers(ctx)
	if err != nil || len(brokers) == 0 {
		return CommitMetadata
	}
	resources, err := admin.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err != nil {
		return CommitMetadata // not everybody may ask
	}
	for _, r := range resources {
		for _, entry := range r.Configs {
			if n, err := strconv.Atoi(entry.MaybeValue()); err == nil && entry.Key == "offset.metadata.max.bytes" {
				return n
			}
		}
	}
	return CommitMetadata
}

// list returns those of the topics that there are.
func list(ctx context.Context, admin *kadm.Client, c Cluster, n Names, o Options) (kadm.TopicDetails, error) {
	var names []string
	for _, p := range plan(n, o) {
		names = append(names, p.name)
	}
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, c.Unreachable(err)
	}
	for name, d := range details {
		switch {
		case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			delete(details, name)
		case d.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, d.Err)
		}
	}
	return details, nil
}

// describe returns the configurations of topics.
func describe(ctx context.Context, admin *kadm.Client, names []string) (map[string]map[string]string, error) {
	resources, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, err
	}
	configs := map[string]map[string]string{}
	for _, r := range resources {
		if r.Err != nil {
			return nil, fmt.Errorf("topic %s: %w", r.Name, r.Err)
		}
		configs[r.Name] = map[string]string{}
		for _, entry := range r.Configs {
			configs[r.Name][entry.Key] = entry.MaybeValue()
		}
	}
	return configs, nil
}

// Leave takes a static member out of a consumer group, whose other members then
// share its partitions at once rather than after its session's time.
func Leave(ctx context.Context, cluster Cluster, group, instance string) error {
	client, err := cluster.Admin()
	if err != nil {
		return err
	}
	defer client.Close()
	left, err := client.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs(instance).Reason("stopped for good"))
	if err == nil {
		err = left.Error()
	}
	if err != nil && !errors.Is(err, kerr.UnknownMemberID) { // its session is over
		return fmt.Errorf("cannot leave the group %s: %w", group, err)
	}
	return nil
}

// Unreachable is the error of a cluster that does not answer.
func (c Cluster) Unreachable(err error) error {
	return fmt.Errorf("no Kafka broker answers at %s: is it running, and is its address right (KAFKA_URL)? %w", strings.Join(c.Brokers, ", "), err)
}
