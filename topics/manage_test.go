package topics_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/topicstest"
)

func TestEnsure(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "3f9a2c"}
	options := topics.Options{Partitions: 4, Replication: 1, Window: 2 * time.Hour, Alerts: true}

	err := topics.Check(t.Context(), cluster, names, options)
	if !errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), "pulse topics --create") {
		t.Errorf("Check where no topic is says %v", err)
	}
	for range 2 { // the second time they are there
		if err := topics.Ensure(t.Context(), cluster, names, options); err != nil {
			t.Fatal(err)
		}
	}
	for _, any := range []topics.Options{{}, {Partitions: 4}, {Window: time.Hour}} {
		if err := topics.Check(t.Context(), cluster, names, any); err != nil {
			t.Errorf("Check(%+v): %v", any, err)
		}
	}
	if n, err := topics.PartitionCount(t.Context(), cluster, names.Raw()); n != 4 || err != nil {
		t.Errorf("%s has %d partitions (%v), want 4", names.Raw(), n, err)
	}
	admin := topicstest.Admin(t, cluster)
	for _, c := range []struct{ topic, key, value, good, want string }{
		{names.Positions(), "max.message.bytes", "1000", "1048588", " has max.message.bytes=1000; set it to at least 1000000"},
		{names.Table(), "cleanup.policy", "compact,delete", "compact", " has cleanup.policy=compact,delete, and would forget"},
		{names.Alerts(), "retention.ms", "1", "-1", " has retention.ms=1; set it to at least"},
		{names.Marks(), "min.insync.replicas", "2", "1", " has min.insync.replicas=2 and 1 replicas, and so takes no record; set it to at most 1"},
		{names.Raw(), "retention.ms", "1", "-1", " has retention.ms=1; set it to at least"},
	} {
		for _, value := range []string{c.value, c.good} {
			change := kadm.AlterConfig{Name: c.key, Value: &value}
			if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{change}, c.topic); err != nil {
				t.Fatal(err)
			}
			err := admin.Check(t.Context(), names, options)
			if value == c.value && (!errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), c.topic+c.want)) || value == c.good && err != nil {
				t.Errorf("Check of %s with %s=%s says %v", c.topic, c.key, value, err)
			}
		}
	}
	for what, o := range map[string]topics.Options{
		"4 partitions, not 8":   {Partitions: 8},
		"1 replicas, not 3":     {Replication: 3},
		"retention.ms=10800000": {Window: 5 * time.Hour},
	} {
		err := topics.Ensure(t.Context(), cluster, names, o)
		if !errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), what) {
			t.Errorf("Ensure(%+v) says %v, want something about %q", o, err, what)
		}
	}
}

func TestCheckCleanup(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "3f9a2c"}
	client, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// A table that would forget, and a log that would be compacted.
	for name, policy := range map[string]string{names.Table(): "delete", names.Raw(): "compact"} {
		if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 8, 1, map[string]*string{"cleanup.policy": &policy}, name); err != nil {
			t.Fatal(err)
		}
	}
	err = topics.Ensure(t.Context(), cluster, names, topics.Options{})
	for _, want := range []string{
		names.Table() + " has cleanup.policy=delete; set it to compact",
		names.Raw() + " has cleanup.policy=compact; set it to delete",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Ensure says %v, want %q", err, want)
		}
	}
}

func TestNoBroker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := topics.Check(ctx, topics.Cluster{Brokers: []string{"127.0.0.1:1"}}, topics.Names{}, topics.Options{})
	if err == nil || errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Check without a broker says %v", err)
	}
}

// A broker that takes connections and says nothing does not hold up who is told to stop.
func TestSilentBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1)) // it has been greeted
		cancel()
		<-t.Context().Done()
	}()
	began := time.Now()
	err = topics.Check(ctx, topics.Cluster{Brokers: []string{l.Addr().String()}}, topics.Names{}, topics.Options{})
	if took := time.Since(began); err == nil || took > 4*time.Second { // a client by itself waits 5
		t.Errorf("Check by a context that ended took %v and says %v: it has waited for the broker", took, err)
	}
}
