// Package topicstest gives tests a Kafka: the embedded broker, or, where
// PULSE_TEST_BROKERS lists host:port, a real one.
package topicstest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/broker"
)

// BrokersVariable is the environment variable that moves tests to a real broker.
const BrokersVariable = "PULSE_TEST_BROKERS"

// Real reports whether tests run on a real broker.
func Real() bool { return os.Getenv(BrokersVariable) != "" }

// Cluster returns a Kafka and a prefix for the names of topics and groups that
// no other test has. The embedded broker ends with the test; on a real one the
// topics with the prefix are deleted.
func Cluster(t testing.TB) (topics.Cluster, string) {
	t.Helper()
	if !Real() {
		b, err := broker.Start("127.0.0.1:0", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return topics.Cluster{Brokers: b.Addrs()}, "test."
	}
	c, err := topics.ParseCluster(os.Getenv(BrokersVariable))
	if err != nil {
		t.Fatalf("%s: %v", BrokersVariable, err)
	}
	prefix := fmt.Sprintf("test-%d-%d.", os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() { remove(t, c, prefix) })
	return c, prefix
}

// Ensure makes the topics with so many partitions each, for windows of a day.
func Ensure(t testing.TB, c topics.Cluster, n topics.Names, partitions int32) {
	t.Helper()
	if err := topics.Ensure(t.Context(), c, n, topics.Options{Partitions: partitions, Replication: 1, Window: 24 * time.Hour}); err != nil {
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
