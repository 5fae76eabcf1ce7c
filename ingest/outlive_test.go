package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/topics/topicstest"
)

// TestTransactionalHeals: an ingester that has begun goes on after what may pass, as a
// broker's being away does, and ends for what cannot.
func TestTransactionalHeals(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 1)
	away := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for i, test := range []struct {
		name   string
		errors []error // of the rounds
		rounds int     // that are begun
	}{
		{"no address of the broker answers", []error{away, away, away}, 4},
		{"an answer takes too long", []error{fmt.Errorf("reading the newest records: %w", context.DeadlineExceeded)}, 2},
		{"no leader", []error{fmt.Errorf("offsets: %w", kerr.NotLeaderForPartition)}, 2},
		{"a broker that starts", []error{fmt.Errorf("offsets: %w", kerr.UnknownServerError), kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress}, 4},
		{"a connection cut in an answer", []error{io.ErrUnexpectedEOF}, 2},
		{"a connection that was closed", []error{net.ErrClosed, fmt.Errorf("at once: %w", io.EOF)}, 3},
		{"a transaction that was not committed", []error{errTransaction}, 2},
		{"an input that cannot begin", []error{errors.New("the pattern is wrong")}, 1},
		{"an input that could begin", []error{away, errors.New("the topic is gone")}, 3},
		{"a record that is too large", []error{away, fmt.Errorf("topic: %w", kerr.MessageTooLarge)}, 2},
		{"no right to write", []error{fmt.Errorf("topic: %w", kerr.TopicAuthorizationFailed)}, 1},
		{"another one with its id", []error{errTaken}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rounds := 0
			x := &Transactional{Cluster: cluster, Names: names, ID: fmt.Sprint("heals", i), Log: slog.New(slog.DiscardHandler)}
			x.Live = func(Positions) Live {
				round := rounds
				rounds++
				return Live{Backlog: true, Lateness: 2, Inputs: []Input{inputFunc(func(context.Context, func(context.Context, Batch) error) error {
					if round < len(test.errors) {
						return test.errors[round]
					}
					return nil
				})}}
			}
			err := x.Run(t.Context())
			if healed := test.rounds > len(test.errors); healed != (err == nil) || rounds != test.rounds {
				t.Errorf("after %d rounds it ended with %v, want %d", rounds, err, test.rounds)
			}
		})
	}
}

// TestFollowOutlivesBroker takes the broker away for longer than anything waits for it,
// at whatever moment, and gives it back with its data.
func TestFollowOutlivesBroker(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	data := t.TempDir()
	start := func(address string) *broker.Broker {
		b, err := broker.Start(address, data)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := start("127.0.0.1:0")
	address := b.Addrs()[0]
	defer func() { b.Close() }()
	cluster, err := topics.ParseCluster(address)
	if err != nil {
		t.Fatal(err)
	}
	names := topics.Names{Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)

	f := folder{t, t.TempDir()}
	f.add("a.log", "n=0\n")
	x := exactFiles(cluster, "", f.name("*.log"))
	live, rounds, closed := x.Live, 0, make(chan bool)
	x.Live = func(p Positions) Live {
		switch rounds++; rounds {
		case 1:
			return Live{Backlog: true, Lateness: 2, Inputs: []Input{inputFunc(func(context.Context, func(context.Context, Batch) error) error {
				return errTransaction
			})}}
		case 2: // where an ingester that begins again needs the broker
			b.Close()
			close(closed)
		}
		return live(p)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	lines := 1
	<-closed
	if err := waitOr(ended, connectTimeout+2*time.Second); err != nil {
		t.Fatalf("without its broker it ended: %v", err)
	}
	b = start(address)
	for _, away := range []time.Duration{time.Second, transactionTimeout + connectTimeout + 5*time.Second, 12 * time.Second} {
		checkOnce(t, cluster, names, lines)
		f.add("a.log", fmt.Sprintf("n=%d\n", lines))
		lines++
		b.Close()
		f.add("a.log", fmt.Sprintf("n=%d\n", lines))
		lines++
		if err := waitOr(ended, away); err != nil {
			t.Fatalf("without its broker it ended: %v", err)
		}
		b = start(address)
	}
	checkOnce(t, cluster, names, lines)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Logf("it began %d times", rounds)
}

// waitOr waits, or returns the error that comes meanwhile.
func waitOr(ended <-chan error, d time.Duration) error {
	select {
	case err := <-ended:
		return fmt.Errorf("ended: %w", err)
	case <-time.After(d):
		return nil
	}
}
