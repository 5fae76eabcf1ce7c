package broker

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
)

// TestCleanAfterRestart: what has outlived its retention goes, and what can be
// compacted is, after a restart as before.
func TestCleanAfterRestart(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	connect := func(b *Broker) *kgo.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	b, err := Options{cleanEvery: time.Hour}.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	client := connect(b)
	setting := func(text string) *string { return &text }
	for topic, config := range map[string]map[string]*string{
		"deleted":   {"cleanup.policy": setting("delete"), "retention.ms": setting("1000"), "segment.bytes": setting("1000")},
		"compacted": {"cleanup.policy": setting("compact"), "segment.bytes": setting("1000")},
	} {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, config, topic); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			r := &kgo.Record{Topic: topic, Key: fmt.Append(nil, i%3), Value: make([]byte, 100), Timestamp: time.Now().Add(-time.Hour)}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	client.Close()
	b.Close()

	b, err = Options{cleanEvery: time.Millisecond}.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client = connect(b)
	defer client.Close()
	testkit.Eventually(t, "old records are deleted", func() error {
		starts, err := kadm.NewClient(client).ListStartOffsets(ctx, "deleted")
		if err != nil {
			return err
		}
		if first, _ := starts.Lookup("deleted", 0); first.Offset < 50 {
			return fmt.Errorf("the first is at offset %d", first.Offset)
		}
		return nil
	})
	testkit.Eventually(t, "most of the records of three keys are gone", func() error {
		info := b.cluster.PartitionInfo("compacted", 0)
		size := info.NumBytes
		if size > 4000 {
			return fmt.Errorf("%d bytes", size)
		}
		return nil
	})
}

// A cleaned is a broker that is cleaned when the test says so, and a client of it.
type cleaned struct {
	*Broker
	testing.TB
	client *kgo.Client
	admin  *kadm.Client
}

func startCleaned(t testing.TB, o Options, dir string) *cleaned {
	t.Helper()
	o.cleanEvery = time.Hour
	b, err := o.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	t.Cleanup(client.Close)
	return &cleaned{b, t, client, kadm.NewClient(client)}
}

func (c *cleaned) create(topic string, config map[string]string) {
	c.Helper()
	configs := map[string]*string{}
	for k, v := range config {
		configs[k] = &v
	}
	if _, err := c.admin.CreateTopic(c.Context(), 1, 1, configs, topic); err != nil {
		c.Fatal(err)
	}
}

func (c *cleaned) write(topic, key string, size int, at time.Time) {
	c.Helper()
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: make([]byte, size), Timestamp: at}
	if err := c.client.ProduceSync(c.Context(), r).FirstErr(); err != nil {
		c.Fatal(err)
	}
}

func (c *cleaned) clean() {
	c.Helper()
	if err := c.cleaner.once(c.Context()); err != nil {
		c.Fatal(err)
	}
}

// span is the first offset of a topic, and the one behind the last.
func (c *cleaned) span(topic string) (from, to int64) {
	info := c.cluster.PartitionInfo(topic, 0)
	return info.LogStartOffset, info.HighWatermark
}

func copied(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "kafka")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestEmptyPartition: one of which retention, or somebody, has deleted all goes on
// with its offsets, after a kill and after an end.
func TestEmptyPartition(t *testing.T) {
	t.Parallel()
	for _, byHand := range []bool{false, true} {
		dir := t.TempDir()
		b := startCleaned(t, Options{}, dir)
		b.create("t", map[string]string{"cleanup.policy": "delete", "retention.ms": "1000"})
		for range 10 {
			b.write("t", "k", 10, time.Now().Add(-time.Hour))
		}
		if byHand {
			all := kadm.Offsets{}
			all.Add(kadm.Offset{Topic: "t", At: 10})
			if _, err := b.admin.DeleteRecords(t.Context(), all); err != nil {
				t.Fatal(err)
			}
		} else {
			b.clean()
		}
		if from, to := b.span("t"); from != 10 || to != 10 {
			t.Fatalf("deleted by hand %v: it has %d to %d", byHand, from, to)
		}
		killed := copied(t, dir)
		b.Close()
		for how, dir := range map[string]string{"killed": killed, "closed": dir} {
			b := startCleaned(t, Options{}, dir)
			if from, to := b.span("t"); from != 10 || to != 10 {
				t.Errorf("%s, deleted by hand %v: it has the offsets %d to %d, want 10 to 10", how, byHand, from, to)
			}
			b.write("t", "k", 10, time.Now())
			b = startCleaned(t, Options{}, copied(t, dir))
			if from, to := b.span("t"); from != 10 || to != 11 {
				t.Errorf("%s, deleted by hand %v, then killed: it has the offsets %d to %d, want 10 to 11", how, byHand, from, to)
			}
		}
	}
}

// TestBound: beyond its bound the oldest records go, of the topic that has most, and
// the log says so.
func TestBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	b := startCleaned(t, Options{Max: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))}, dir)
	b.create("large", map[string]string{"cleanup.policy": "delete", "segment.bytes": "50000"})
	b.create("small", map[string]string{"cleanup.policy": "delete"})
	b.create("compacted", map[string]string{"cleanup.policy": "compact"})
	for i := range 10 {
		b.write("small", "k", 100, time.Now())
		b.write("compacted", fmt.Sprint(i), 100, time.Now())
	}
	for range 30 {
		b.write("large", "k", 100_000, time.Now())
	}
	b.clean()
	for topic, want := range map[string][2]int64{"small": {0, 0}, "compacted": {0, 0}, "large": {15, 24}} {
		if from, _ := b.span(topic); from < want[0] || from > want[1] {
			t.Errorf("%s begins at %d, want %d to %d", topic, from, want[0], want[1])
		}
	}
	if size := b.cluster.PartitionInfo("large", 0).NumBytes; size > 1<<20 {
		t.Errorf("it has %d bytes", size)
	}
	if text := log.String(); !strings.Contains(text, "--data-max") || !strings.Contains(text, "large") || !strings.Contains(text, "1 MiB") {
		t.Errorf("the log says %s", text)
	}
}

// TestCompactionSparesOpen: a record stays for as long as a newer one may be aborted.
func TestCompactionSparesOpen(t *testing.T) {
	t.Parallel()
	b := startCleaned(t, Options{}, t.TempDir())
	b.create("t", map[string]string{"cleanup.policy": "compact"})
	b.write("t", "k", 10, time.Now())
	other, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.TransactionalID("id"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Key: []byte("k")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.write("t", "l", 10, time.Now())
	b.clean()
	if from, _ := b.span("t"); from != 0 {
		t.Errorf("it begins at %d: a record is gone whose successor is not committed", from)
	}
	if err := other.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	b.clean()
	if from, _ := b.span("t"); from == 0 {
		t.Error("nothing is compacted when all is committed")
	}
}

// TestKilledInCompaction: a kill while a partition is compacted, at each step of that,
// loses nothing.
func TestKilledInCompaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startCleaned(t, Options{}, dir)
	b.create("t", map[string]string{"cleanup.policy": "compact", "segment.bytes": "500"})
	for i := range 20 {
		b.write("t", fmt.Sprint(i%15), 100, time.Now())
	}
	b.cleaner.backup("t", 0)
	before := copied(t, dir)
	b.cluster.Compact()
	after := copied(t, dir)
	_, end := b.span("t")

	p := partitionIn(after, "t", 0)
	bases, err := p.bases()
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []int{0, 1, len(bases) - 1, len(bases)} { // segments that were written
		for _, cut := range []int64{0, 20} {
			if left == 0 && cut > 0 {
				continue
			}
			dir := copied(t, after)
			p.dir = partitionIn(dir, "t", 0).dir
			for _, base := range bases[left:] {
				os.Remove(p.path(base, ".dat"))
				os.Remove(p.path(base, ".idx"))
			}
			if cut > 0 {
				name := p.path(bases[left-1], ".dat")
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(name, info.Size()-cut); err != nil {
					t.Fatal(err)
				}
			}
			b := startCleaned(t, Options{}, dir)
			if got := keys(b, "t"); got != 15 {
				t.Errorf("killed with %d of %d segments written, and %d bytes of the last not: %d keys, want 15", left, len(bases), cut, got)
			}
			if _, got := b.span("t"); got != end {
				t.Errorf("it ends at %d, want %d", got, end)
			}
		}
	}
	if got := keys(startCleaned(t, Options{}, before), "t"); got != 15 {
		t.Errorf("killed before the first step: %d keys", got)
	}
}

// keys counts the keys of a topic.
func keys(c *cleaned, topic string) int {
	c.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.ConsumeTopics(topic))
	if err != nil {
		c.Fatal(err)
	}
	defer reader.Close()
	_, end := c.span(topic)
	found := map[string]bool{}
	for next := int64(0); next < end; {
		for r := range reader.PollFetches(c.Context()).RecordsAll() {
			next = r.Offset + 1
			found[string(r.Key)] = true
		}
	}
	return len(found)
}

// TestFlat: what comes and goes leaves nothing behind, in the folder or in memory, with
// kills in between.
func TestFlat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	used := func(dir string) (size int64) {
		err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			size += info.Size()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	var first, last int64
	for round := range 6 {
		b := startCleaned(t, Options{}, dir)
		if round == 0 {
			b.create("deleted", map[string]string{"cleanup.policy": "delete", "retention.ms": "1000", "segment.bytes": "5000"})
			b.create("compacted", map[string]string{"cleanup.policy": "compact"})
		}
		for i := range 50 {
			b.write("deleted", "k", 200, time.Now().Add(-time.Hour))
			b.write("compacted", fmt.Sprint(i%3), 200, time.Now())
		}
		b.clean()
		dir = copied(t, dir)
		last = used(dir)
		if round == 1 {
			first = last
		}
		if _, end := b.span("deleted"); end != int64(50*(round+1)) {
			t.Errorf("round %d: it ends at %d", round, end)
		}
	}
	if last > first+first/10 {
		t.Errorf("the folder has %d bytes, and had %d", last, first)
	}
}
