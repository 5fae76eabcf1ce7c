package broker_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/broker"
)

// TestRestart: records, keys' partitions and committed offsets survive.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	ctx := t.Context()
	names := topics.Names{Version: "3f9a2c"}

	address := "127.0.0.1:0"
	for round := range 3 {
		b, err := broker.Start(address, dir)
		if err != nil {
			t.Fatal(err)
		}
		address = b.Addrs()[0] // clients find it again where it was
		cluster := topics.Cluster{Brokers: b.Addrs()}
		if err := topics.Ensure(ctx, cluster, names, topics.Options{}); err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.ConsumeTopics(names.Table()))...)
		if err != nil {
			t.Fatal(err)
		}
		for read := 0; read < round; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err0(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if want := topics.Partition("key", topics.DefaultPartitions); string(r.Key) != "key" || r.Partition != want {
					t.Errorf("round %d: %q in partition %d, want it in %d", round, r.Key, r.Partition, want)
				}
				read++
			})
		}
		admin := kadm.NewClient(client)
		if round > 0 {
			offsets, err := admin.FetchOffsets(ctx, "group")
			if o, _ := offsets.Lookup(names.Raw(), 3); err != nil || o.At != int64(round) || o.Metadata != "m" {
				t.Errorf("round %d: the committed offset is %+v (%v)", round, o, err)
			}
		}
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: names.Table(), Key: []byte("key")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: names.Raw(), Partition: 3, At: int64(round + 1), Metadata: "m"})
		if err := admin.CommitAllOffsets(ctx, "group", offsets); err != nil {
			t.Fatal(err)
		}
		client.Close()
		b.Close()
	}
}

func TestStartRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String(): "the port is in use",
		"9092":                "not host:port",
		"localhost:x":         "no port",
		"0.0.0.0:0":           "has no host",
		":0":                  "has no host",
	} {
		b, err := broker.Start(address, "")
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), address) {
			t.Errorf("Start(%q) says %v, want %q", address, err, want)
		}
	}
}

// TestOneBrokerAFolder: two brokers never write to the same files.
func TestOneBrokerAFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := broker.Start("127.0.0.1:0", dir)
	if err == nil {
		second.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "another broker uses the folder "+dir) {
		t.Errorf("a second broker in the folder of one that runs: %v", err)
	}
	first.Close()
	if second, err = broker.Start("127.0.0.1:0", dir); err != nil {
		t.Fatalf("the folder is not free after its broker's end: %v", err)
	}
	second.Close()
}

// TestHost: clients are sent to the host that was asked for.
func TestHost(t *testing.T) {
	b, err := broker.Start("localhost:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ListBrokers(t.Context())
	if err != nil || len(brokers) != 1 || brokers[0].Host != "localhost" {
		t.Errorf("the brokers are %+v (%v), want one on localhost", brokers, err)
	}
}

// TestErr: a broker that cannot write says why, which its clients are not told.
func TestErr(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx := t.Context()
	names := topics.Names{Version: "3f9a2c"}
	cluster := topics.Cluster{Brokers: b.Addrs()}
	if err := topics.Ensure(ctx, cluster, names, topics.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Err(); err != nil {
		t.Errorf("before anything went wrong: %v", err)
	}
	// No folder can be made where a file is.
	if err := os.WriteFile(filepath.Join(dir, "partitions"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: names.Table(), Key: []byte("key")}).FirstErr(); err == nil {
		t.Error("a record is acknowledged that was not written")
	}
	if err := b.Err(); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("the broker says %v, want that something is not a folder", err)
	}
}
