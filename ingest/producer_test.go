package ingest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/topics/topicstest"
)

// connect returns a producer on a cluster whose topics it makes.
func connect(t testing.TB, cluster topics.Cluster, names topics.Names, partitions int32) *Producer {
	t.Helper()
	topicstest.Ensure(t, cluster, names, partitions)
	p, err := NewProducer(t.Context(), cluster, names, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readAll returns what events.raw holds, as an output would have got it.
func readAll(t *testing.T, cluster topics.Cluster, names topics.Names) *fakeOutput {
	t.Helper()
	var err error
	o := &fakeOutput{}
	if o.partitions, err = topics.PartitionCount(t.Context(), cluster, names.Raw()); err != nil {
		t.Fatal(err)
	}
	topicstest.Read(t, cluster, names.Raw(), func(r *kgo.Record) {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.sink(Record{Partition: r.Partition, Header: h, Value: r.Value}); err != nil {
			t.Fatal(err)
		}
	})
	return o
}

// TestCompressions sends a pack in each of the ways, of which the lines are the same.
func TestCompressions(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	lines := strings.Repeat(dated(at(0), "at=info status=200")+"\n", 3000)
	codecs := map[string]uint8{"": 3, "none": 0, "snappy": 2, "lz4": 3, "zstd": 4} // by Kafka's protocol
	for _, name := range append(slices.Clone(topics.Compressions), "") {
		names := topics.Names{Prefix: prefix + name + ".", Version: "g"}
		cluster.Compression = name
		p := connect(t, cluster, names, 1)
		if err := p.Produce(t.Context(), Record{Header: topics.RawHeader{Ingester: "me", Domain: topics.WallDomain}, Value: []byte(lines)}); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := 0
		topicstest.Read(t, cluster, names.Raw(), func(r *kgo.Record) {
			found++
			if got := r.Attrs.CompressionType(); got != codecs[name] || string(r.Value) != lines {
				t.Errorf("%q: codec %d, want %d; the lines are the same: %v", name, got, codecs[name], string(r.Value) == lines)
			}
		})
		if found != 1 {
			t.Errorf("%q: %d records", name, found)
		}
	}
}

// TestThroughKafka sends a recording and reads it back.
func TestThroughKafka(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	p := connect(t, cluster, names, 3)
	if newest, err := p.Newest(t.Context()); err != nil || len(newest) > 0 {
		t.Errorf("the newest records of empty topics are %v, %v", newest, err)
	}

	var lines []string
	for i := range 3000 {
		lines = append(lines, dated(at(float64(i)/300), fmt.Sprint(i, strings.Repeat("x", 190))))
	}
	lines[777] = "\x00 \xff\xfe\r" // bytes pass
	r := record(t, lines...)
	replay := Replay{Recording: r, OriginalTimes: true, Lateness: 2, Ingester: "me"}
	if err := replay.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	// A replay returns when all is on its way; Close waits until it is there.
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	o := readAll(t, cluster, names)
	checkLaws(t, o)
	slices.Sort(lines)
	if got := o.lines(); !slices.Equal(got, lines) {
		t.Errorf("the lines are not all there once: %s", firstDifference(got, lines))
	}
	for partition := range o.partitions {
		records := o.of(partition)
		last := records[len(records)-1].Header
		if last.Tick == nil || !last.Tick.Leaving || last.Second() != day/second+9+1+2 {
			t.Errorf("partition %d ends with %+v, not with a leaving tick that makes second 9 final", partition, last)
		}
	}

	p, err := NewProducer(t.Context(), cluster, names, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	if newest, err := p.Newest(t.Context()); err != nil || len(newest) != 3 || newest[2].Tick == nil || !newest[2].Tick.Leaving {
		t.Errorf("the newest records are %+v, %v, want three leaving ticks", newest, err)
	}
	if err := replay.Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "--prefix") {
		t.Errorf("sent again, it gave %v, want an error that says what to do", err)
	}
	live := Live{Inputs: []Input{Stdin{From: strings.NewReader("a\n")}}}
	if err := live.Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "--prefix") {
		t.Errorf("live lines among a recording gave %v, want an error that says what to do", err)
	}
}

// TestLiveThroughKafka waits for the acknowledgement of what it hands over.
func TestLiveThroughKafka(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	p := connect(t, cluster, names, 2)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
	defer cancel()
	input := inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
		acked := make(chan error, 1)
		if err := take(ctx, Batch{Lines: []byte("a\nb\n"), Acked: func(err error) { acked <- err }}); err != nil {
			return err
		}
		select {
		case err := <-acked:
			if err == nil {
				cancel()
			}
			return err
		case <-ctx.Done():
			return errors.New("it was not acknowledged")
		}
	})
	if err := (Live{Inputs: []Input{input}, Lateness: 2}).Run(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := readAll(t, cluster, names)
	checkLaws(t, o)
	if got := fmt.Sprint(o.lines()); got != "[a b]" {
		t.Errorf("got the lines %s", got)
	}
}

// TestProducerOutlivesTheBroker stops the broker under load and starts it
// again where it was.
func TestProducerOutlivesTheBroker(t *testing.T) {
	testkit.Long(t)
	dir := filepath.Join(t.TempDir(), "kafka")
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	address := b.Addrs()[0]
	cluster := topics.Cluster{Brokers: []string{address}}
	names := topics.Names{Version: "g"}
	p := connect(t, cluster, names, 2)

	var want []string
	second := int64(0)
	packer := NewPacker("i", topics.WallDomain, 2, func(r Record) error { return p.Produce(t.Context(), r) })
	send := func() {
		for range 200 {
			l := fmt.Sprintf("%06d", len(want))
			want = append(want, l)
			second++
			for _, err := range []error{packer.Advance(second * int64(time.Second)), packer.Add([]byte(l))} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range 3 {
		send()
		b.Close()
		send()
		if b, err = broker.Start(address, dir); err != nil {
			t.Fatal(err)
		}
		send()
	}
	defer func() { b.Close() }()
	if err := packer.Leave(second); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	o := readAll(t, cluster, names)
	checkLaws(t, o)
	if got := o.lines(); !slices.Equal(got, want) {
		t.Errorf("the lines are not all there once: %s", firstDifference(got, want))
	}
}

func TestProducerWithoutABroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = NewProducer(ctx, topics.Cluster{Brokers: []string{address}}, topics.Names{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "KAFKA_URL") {
		t.Errorf("got %v, want an error that names the address and what to check", err)
	}
}

// TestProducerWrongSettings: a broker that closes its connections at the start may want TLS
// or a login, which the error says at once.
func TestProducerWrongSettings(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1))
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	_, err = NewProducer(t.Context(), topics.Cluster{Brokers: []string{l.Addr().String()}}, topics.Names{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "is TLS missing?") {
		t.Errorf("got %v, want a hint at TLS", err)
	}
}

func TestProducerWithoutATopic(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	_, err := NewProducer(t.Context(), cluster, topics.Names{Prefix: prefix + "none."}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "pulse topics") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

// TestProducerHoldsLittle takes the broker away: records wait up to a bound,
// then whoever produces does, and what is left at the end is counted.
func TestProducerHoldsLittle(t *testing.T) {
	b := topicstest.Own(t)
	p := connect(t, topics.Cluster{Brokers: b.Addrs()}, topics.Names{Version: "g"}, 1)
	b.Close()

	ctx, cancel := context.WithCancel(t.Context())
	value := bytes.Repeat([]byte("x"), topics.MaxPack)
	taken := 0
	blocked := time.AfterFunc(testkit.Patience(), cancel)
	for {
		if p.room.TryAcquire(topics.MaxPack + recordCost) {
			p.room.Release(topics.MaxPack + recordCost)
		} else {
			blocked.Reset(50 * time.Millisecond) // the next one must wait
		}
		if err := p.Produce(ctx, Record{Value: value, Header: topics.RawHeader{Ingester: "i", Domain: topics.WallDomain}}); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Produce gave %v", err)
			}
			break
		}
		taken++
	}
	if want := maxUnacked / (topics.MaxPack + recordCost); taken != want {
		t.Errorf("%d packs were taken without a broker, want %d", taken, want)
	}
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.Close(expired)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(taken, " records")) {
		t.Errorf("Close gave %v, want how many records were not acknowledged", err)
	}
}

// TestProducerRefused sends what the topic does not take.
func TestProducerRefused(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	p := connect(t, cluster, names, 1)
	admin, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	small := "1000"
	if _, err := kadm.NewClient(admin).AlterTopicConfigs(t.Context(),
		[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &small}}, names.Raw()); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	packer := NewPacker("i", topics.WallDomain, 1, func(r Record) error { return p.Produce(t.Context(), r) })
	if err := packer.Advance(0); err != nil {
		t.Fatal(err)
	}
	end := packer.Track(func(err error) { refused <- err })
	noise := make([]byte, 10_000) // that no compression makes small
	rand.NewChaCha8([32]byte{}).Read(noise)
	if err := packer.Add(hex.AppendEncode(nil, noise)); err != nil {
		t.Fatal(err)
	}
	end(nil)
	if err := packer.Flush(); err != nil {
		t.Fatal(err)
	}
	err = <-refused
	if err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("the batch was told %v, want what to change", err)
	}
	if err := p.Produce(t.Context(), Record{}); err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("the next record gave %v, want what to change", err)
	}
	if err := p.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("Close gave %v, want what to change", err)
	}
}

// BenchmarkProducer is packing and sending to a broker in the same process.
func BenchmarkProducer(b *testing.B) {
	cluster, prefix := topicstest.Cluster(b)
	p := connect(b, cluster, topics.Names{Prefix: prefix, Version: "g"}, 8)
	batch := bytes.Repeat([]byte(strings.Repeat("x", 199)+"\n"), chunkSize/200)
	lines := bytes.Count(batch, []byte{'\n'})
	packer := NewPacker("i", topics.WallDomain, 8, func(r Record) error { return p.Produce(b.Context(), r) })
	if err := packer.Advance(0); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(batch)))
	n := 0
	for b.Loop() {
		if err := packer.Add(batch); err != nil {
			b.Fatal(err)
		}
		n += lines
	}
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
