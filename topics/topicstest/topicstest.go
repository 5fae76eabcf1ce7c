// Package topicstest gives tests a Kafka: the embedded broker, or, where
// PULSE_TEST_BROKERS lists host:port, a real one.
package topicstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/broker"
)

// BrokersVariable is the environment variable that moves tests to a real broker.
const BrokersVariable = "PULSE_TEST_BROKERS"

// Real reports whether tests run on a real broker.
func Real() bool { return os.Getenv(BrokersVariable) != "" }

// embedded is the one broker of the test binary. It ends with the process.
var embedded = sync.OnceValues(func() (*broker.Broker, error) { return broker.Start("127.0.0.1:0", "") })

// clusters counts the calls of Cluster, for prefixes.
var clusters atomic.Int64

// session is how long groups of tests wait for a member that says nothing: on a
// busy machine a live one may be silent for longer than the default.
const session = 30 * time.Second

// Cluster returns a Kafka that all tests of the binary share, and a prefix for
// the names of topics and groups that no other test has. The topics with the
// prefix are deleted when the test ends. A test that stops its broker, or fills
// it, starts one of its own by Own.
func Cluster(t testing.TB) (topics.Cluster, string) {
	t.Helper()
	n := clusters.Add(1)
	if !Real() {
		b, err := embedded()
		if err != nil {
			t.Fatal(err)
		}
		c, prefix := topics.Cluster{Brokers: b.Addrs(), Session: session}, fmt.Sprintf("test-%d.", n)
		t.Cleanup(func() { remove(t, c, prefix) })
		return c, prefix
	}
	c, err := topics.ParseCluster(os.Getenv(BrokersVariable))
	if err != nil {
		t.Fatalf("%s: %v", BrokersVariable, err)
	}
	c.Session = session
	prefix := fmt.Sprintf("test-%d-%d-%d.", os.Getpid(), time.Now().UnixNano(), n)
	t.Cleanup(func() { remove(t, c, prefix) })
	return c, prefix
}

// Own starts an embedded broker for one test alone, with its data in memory. It
// ends with the test, unless the test closes it before.
func Own(t testing.TB) *broker.Broker {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Ensure makes the topics with so many partitions each, for windows of a day and of 30. Points,
// minutes and savepoints have the times that a test gives them, as brokers do not have it.
func Ensure(t testing.TB, c topics.Cluster, n topics.Names, partitions int32) {
	t.Helper()
	if err := topics.Ensure(t.Context(), c, n, topics.Options{Partitions: partitions, Replication: 1, Window: 24 * time.Hour, LongWindow: 30 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	keepTimes := kadm.AlterConfig{Name: "message.timestamp.type", Value: kadm.StringPtr("CreateTime")}
	if _, err := Admin(t, c).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{keepTimes}, n.Merged(), n.Minutes(), n.Savepoints()); err != nil {
		t.Fatal(err)
	}
}

// Replace deletes and makes anew a topic of so many partitions, again and again, until
// something comes by ended: whoever uses the topic is to notice, once it has looked at it.
func Replace(t testing.TB, c topics.Cluster, n topics.Names, topic string, partitions int32, ended <-chan error) (err error) {
	t.Helper()
	admin := Admin(t, c)
	testkit.Eventually(t, "the users of "+topic+" end", func() error {
		select {
		case err = <-ended:
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
			return err
		}
		if err := topics.Ensure(t.Context(), c, n, topics.Options{Partitions: partitions, Replication: 1, Window: 24 * time.Hour}); err != nil {
			return err
		}
		return errors.New("they go on")
	})
	return err
}

// Client returns a client of a cluster that is closed with the test.
func Client(t testing.TB, c topics.Cluster, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(c.ClientOptions("test"), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Admin returns an Admin of a cluster that is closed with the test.
func Admin(t testing.TB, c topics.Cluster) *topics.Admin {
	t.Helper()
	admin, err := c.Admin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return admin
}

// Produce writes records, and fails the test unless all are acknowledged.
func Produce(t testing.TB, client *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// Read calls do with what can be read of a topic now.
func Read(t testing.TB, c topics.Cluster, topic string, do func(*kgo.Record)) {
	t.Helper()
	admin, err := c.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	all, err := admin.Readable(t.Context(), topic)
	if err == nil {
		err = admin.Read(t.Context(), topic, all, func(r *kgo.Record) bool { do(r); return true })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// remove deletes the topics with a prefix.
func remove(t testing.TB, c topics.Cluster, prefix string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := kgo.NewClient(c.ClientOptions("pulse-test")...)
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	all, err := admin.ListTopics(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	for _, name := range all.Names() {
		if strings.HasPrefix(name, prefix) {
			if _, err := admin.DeleteTopic(ctx, name); err != nil {
				t.Errorf("deleting %s: %v", name, err)
			}
		}
	}
}
