package topics

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Cluster is a Kafka to connect to, and the one place where clients get their
// settings.
type Cluster struct {
	Brokers []string // host:port; any that are up lead to the others

	// Session is how long a consumer group waits for a member that says nothing
	// before others get its partitions; 0: DefaultSession.
	Session time.Duration

	// Compression is that of packs, one of Compressions; "": the first.
	Compression string

	tls                       *tls.Config // nil: without TLS
	user, password, mechanism string      // of SASL; no user: without it
}

// ParseCluster reads a comma list of host:port, each also as a URL
// (kafka://host:port, and with TLS kafka+ssl://host:port). A port left out is 9092.
func ParseCluster(list string) (Cluster, error) {
	var c Cluster
	plain := false
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		address, secure := item, false
		if scheme, _, found := strings.Cut(item, "://"); found {
			u, err := url.Parse(item)
			switch {
			case strings.Contains(item, "@"):
				return Cluster{}, errors.New("a broker address contains a user: remove it, and set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
			case err != nil || scheme != "kafka" && scheme != "kafka+ssl":
				return Cluster{}, fmt.Errorf("%q is not a broker address: write host:port, kafka://host:port or, with TLS, kafka+ssl://host:port", item)
			}
			address, secure = u.Host, scheme == "kafka+ssl"
		}
		if secure {
			c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		} else {
			plain = true
		}
		if !strings.Contains(strings.TrimPrefix(address, "["), ":") {
			address += ":9092"
		}
		host, port, err := net.SplitHostPort(address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
			return Cluster{}, fmt.Errorf("%q is not a broker address: write host:port, for example localhost:9092", item)
		}
		c.Brokers = append(c.Brokers, address)
	}
	if len(c.Brokers) == 0 {
		return Cluster{}, fmt.Errorf("no broker is given: set --kafka (KAFKA_URL) to host:port, for example localhost:9092")
	}
	if plain && c.tls != nil {
		return Cluster{}, errors.New("some brokers are given with kafka+ssl:// and some without: use TLS for all or none")
	}
	return c, nil
}

// Compressions are the ways in which packs may be compressed, by Kafka's names.
var Compressions = []string{"lz4", "none", "snappy", "zstd"}

// Times that all clients share.
const (
	dialTimeout = 5 * time.Second
	readTimeout = 15 * time.Second
)

// maxUnpacked bounds what a batch of records decompresses to; Pulse's own are of 1 MiB. At one
// that would take more a reader stands still, in the memory that it has, and says so.
const maxUnpacked = 64 << 20

// Sarama has one bound for all clients of a process, which goka makes, and so it is with what it
// measures.
func init() {
	sarama.MaxDecompressedBatchSize = maxUnpacked
	metrics.UseNilMetrics = true // sarama's own take a megabyte for each few connections, and nobody reads them
}

// ClientOptions are the settings of every franz-go client. A producer of keyed
// records gets Pulse's Partitioner by them; topics are never created by use.
// What a transaction did not commit is never read.
func (c Cluster) ClientOptions(clientID string) []kgo.Opt {
	return append(c.securityOptions(),
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(clientID),
		kgo.DialTimeout(dialTimeout),
		kgo.RecordPartitioner(Partitioner()),
		kgo.MaxDecompressBatchBytes(maxUnpacked),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
}

// ProducerOptions are ClientOptions for a producer that outlives its brokers.
func (c Cluster) ProducerOptions(clientID string) []kgo.Opt {
	return append(c.ClientOptions(clientID),
		// The topics were there at the start: brokers forget them while they start.
		kgo.UnknownTopicRetries(-1),
		// The settings were right at the start: a broker that closes a new connection is
		// stopping or starting, and not one that wants TLS or a login.
		kgo.AlwaysRetryEOF())
}

// saramaConfig is what goka's clients share. Each call makes a new one: goka's
// builders change the configuration that they are given.
func (c Cluster) saramaConfig(clientID string) *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = clientID
	config.Version = sarama.V2_8_0_0
	c.secure(config)
	config.Net.DialTimeout = dialTimeout
	config.Net.ReadTimeout = readTimeout
	config.Net.WriteTimeout = readTimeout
	config.Metadata.AllowAutoTopicCreation = false
	// A broker's restart takes seconds, and must end nobody.
	config.Metadata.Retry.Max = 60
	config.Metadata.Retry.Backoff = 500 * time.Millisecond
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	// How long sarama waits for one slow partition before it lets go of the
	// broker's connection for all.
	config.Consumer.MaxProcessingTime = time.Second
	return config
}

// WithoutSession is for consumers that are not members of groups: with a session, closing one
// asks a broker that does not answer for ten seconds to end it.
var WithoutSession = kgo.DisableFetchSessions()

// LeaveTimeout bounds how long a process that is told to stop still hands over what it
// has, and leaves its group.
const LeaveTimeout = 5 * time.Second

// LeaveWithin runs what ends soon after ctx where brokers answer. Where none does, goka and
// sarama try for minutes, and so does franz-go to leave a group: LeaveTimeout after ctx it
// returns without them. What they would have handed over is not committed, so that whoever
// gets the partitions does it again.
func LeaveWithin(ctx context.Context, log *slog.Logger, run func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(LeaveTimeout):
		log.Warn("Kafka does not answer: ended without it. Nothing is lost: what is not committed is done again", "waited", LeaveTimeout)
		return nil
	}
}

// DefaultSession is the Session of a Cluster that names none: the least that
// brokers allow by default.
const DefaultSession = 6 * time.Second

// session is Session, or its default.
func (c Cluster) session() time.Duration { return cmp.Or(c.Session, DefaultSession) }

// heartbeat is how often a member of a group says that it is there. The answer
// tells it of a rebalance, so that it is not longer where sessions are.
const heartbeat = time.Second

// GroupOptions are ClientOptions for a member of a consumer group.
func (c Cluster) GroupOptions(clientID, group string) []kgo.Opt {
	return append(c.ClientOptions(clientID),
		kgo.ConsumerGroup(group),
		kgo.SessionTimeout(c.session()),
		// A JoinGroup waits for the dead; see GroupConfig.
		kgo.RebalanceTimeout(c.session()*2/3),
		kgo.HeartbeatInterval(heartbeat))
}

// GroupConfig configures a member of a consumer group. A member with an instance
// id is static: it can restart within the session's time without a rebalance.
func (c Cluster) GroupConfig(clientID, instanceID string) *sarama.Config {
	config := c.saramaConfig(clientID)
	config.Consumer.Offsets.AutoCommit.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.Strategy = goka.CopartitioningStrategy
	config.Consumer.Group.Session.Timeout = c.session()
	config.Consumer.Group.Heartbeat.Interval = heartbeat
	// A JoinGroup is answered when the dead have been waited for. That must be
	// over before the session of one who waits in it ends, since the embedded
	// broker then forgets him without an answer, and before the read timeout, at
	// which his connection is given up.
	config.Consumer.Group.Rebalance.Timeout = c.session() * 2 / 3
	config.Net.ReadTimeout = c.session() + 4*time.Second
	config.Consumer.Group.Rebalance.Retry.Max = 60
	config.Consumer.Group.Rebalance.Retry.Backoff = 500 * time.Millisecond
	config.Consumer.Group.InstanceId = instanceID
	// Compressed, and of each partition at a time: a pack or two. By sarama's 1 MiB
	// a receiver that catches up holds twice as much; much less means more
	// requests.
	config.Consumer.Fetch.Default = 256 << 10
	return config
}

// topicManager builds goka's topic manager, which here only reads: topics are
// made by Ensure, and one that does not fit is an error.
func (c Cluster) topicManager(clientID string) goka.TopicManagerBuilder {
	return func(brokers []string) (goka.TopicManager, error) {
		config := goka.NewTopicManagerConfig()
		config.NoCreate = true
		config.MismatchBehavior = goka.TMConfigMismatchBehaviorFail
		return goka.NewTopicManager(brokers, c.saramaConfig(clientID), config)
	}
}

// ProcessorOptions are the settings of a goka processor but for its producer and its group,
// which its builder configures by GroupConfig. Its state is in memory.
func (c Cluster) ProcessorOptions(clientID string, log *slog.Logger) []goka.ProcessorOption {
	return []goka.ProcessorOption{
		goka.WithClientID(clientID),
		goka.WithLogger(gokaLogger{log}),
		goka.WithHasher(Hasher),
		goka.WithStorageBuilder(storage.MemoryBuilder()),
		goka.WithTopicManagerBuilder(c.topicManager(clientID)),
		goka.WithConsumerSaramaBuilder(func(brokers []string, clientID string) (sarama.Consumer, error) {
			return sarama.NewConsumer(brokers, c.saramaConfig(clientID))
		}),
	}
}

// ViewOptions are the settings of a goka view that reconnects by itself and
// keeps what it reads in memory.
func (c Cluster) ViewOptions(clientID string, log *slog.Logger) []goka.ViewOption {
	return []goka.ViewOption{
		goka.WithViewClientID(clientID),
		goka.WithViewLogger(gokaLogger{log}),
		goka.WithViewHasher(Hasher),
		goka.WithViewStorageBuilder(storage.MemoryBuilder()),
		goka.WithViewTopicManagerBuilder(c.topicManager(clientID)),
		goka.WithViewConsumerSaramaBuilder(func(brokers []string, clientID string) (sarama.Consumer, error) {
			return sarama.NewConsumer(brokers, c.saramaConfig(clientID))
		}),
		goka.WithViewAutoReconnect(),
		goka.WithViewBackoffBuilder(func() (goka.Backoff, error) {
			return goka.NewSimpleBackoff(200*time.Millisecond, 2*time.Second), nil
		}),
	}
}

// gokaLogger gives what goka prints to the debug level: what matters of it comes
// back as errors, and is logged there.
type gokaLogger struct{ log *slog.Logger }

func (l gokaLogger) Print(args ...any) {
	l.log.Debug(strings.TrimSpace(fmt.Sprint(args...)), "by", "goka")
}
func (l gokaLogger) Println(args ...any) { l.Print(args...) }
func (l gokaLogger) Printf(format string, args ...any) {
	l.log.Debug(strings.TrimSpace(fmt.Sprintf(format, args...)), "by", "goka")
}
