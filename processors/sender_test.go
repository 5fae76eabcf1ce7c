package processors

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// What is emitted to a topic that is not there waits until it is, and that is said.
func TestSenderWaitsForATopic(t *testing.T) {
	t.Parallel()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	cluster := topics.Cluster{Brokers: fake.ListenAddrs()}
	admin := topicstest.Admin(t, cluster)
	create := func(name string) {
		t.Helper()
		if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, name); err != nil {
			t.Fatal(err)
		}
	}
	create("there")
	s, err := newSender(cluster, "test")
	if err != nil {
		t.Fatal(err)
	}
	said := new(testkit.Transcript)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.watch(slog.New(slog.NewTextHandler(said, nil)), 100*time.Millisecond, "there", "gone")
	}()
	done := make(chan struct{})
	var failed error
	all := &sending{client: s.client, done: func(err error) { failed = err; close(done) }}
	all.left.Store(1)
	all.emit(&kgo.Record{Topic: "gone", Value: []byte("1")})
	all.release()
	testkit.Eventually(t, "it says that the topic is not there", func() error {
		if text := said.String(); strings.Count(text, "topic=gone") < 2 || !strings.Contains(text, "pulse topics --create") {
			return fmt.Errorf("it says %q", text)
		}
		return nil
	})
	time.Sleep(3 * time.Second) // a client by itself gives up after some four looks
	select {
	case <-done:
		t.Fatalf("it has not waited for the topic: %v", failed)
	default:
	}
	create("gone")
	testkit.Done(t, "the record is written", done, func() error { return fmt.Errorf("it says %q", said) })
	if failed != nil {
		t.Error(failed)
	}
	if text := said.String(); strings.Contains(text, "topic=there") {
		t.Errorf("it says %q", text)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	testkit.Done(t, "watching ends", ended, func() error { return nil })
}
