package broker_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
	"pulse/topics/broker"
)

// killed copies the folder of a running broker: what is there after a kill -9.
func killed(t testing.TB, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "kafka")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func open(t testing.TB, o broker.Options, dir string) *broker.Broker {
	t.Helper()
	b, err := o.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func connect(t testing.TB, b *broker.Broker, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func create(t testing.TB, b *broker.Broker, topic, policy string) {
	t.Helper()
	configs := map[string]*string{"cleanup.policy": &policy}
	if _, err := kadm.NewClient(connect(t, b)).CreateTopic(t.Context(), 2, 1, configs, topic); err != nil {
		t.Fatal(err)
	}
}

// write writes a value to each of two partitions.
func write(t testing.TB, c *kgo.Client, topic, value string) {
	t.Helper()
	for p := range int32(2) {
		r := &kgo.Record{Topic: topic, Partition: p, Key: []byte(value), Value: []byte(value)}
		if err := c.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// transact writes a value to each of two partitions, in a transaction that stays open
// unless it is to commit.
func transact(t testing.TB, b *broker.Broker, topic, value string, commit bool) *kgo.Client {
	t.Helper()
	c := connect(t, b, kgo.TransactionalID("id"))
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	write(t, c, topic, value)
	if commit {
		if err := c.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// committed reads the values of a partition to its end: "a b c".
func committed(t testing.TB, b *broker.Broker, topic string, partition int32) string {
	t.Helper()
	c := connect(t, b, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	defer c.Close() // it takes long when its broker is gone
	admin := kadm.NewClient(c)
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	stable, err := admin.ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	from, _ := starts.Lookup(topic, partition)
	to, _ := stable.Lookup(topic, partition)
	if end, _ := ends.Lookup(topic, partition); end.Offset != to.Offset {
		t.Fatalf("%s %d: a reader waits: it ends at %d, and can be read to %d", topic, partition, end.Offset, to.Offset)
	}
	var values []string
	next := from.Offset
	c.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(next)}})
	for next < to.Offset {
		fetches := c.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		}
	}
	return strings.Join(values, " ")
}

func wantBoth(t testing.TB, b *broker.Broker, topic, want string) {
	t.Helper()
	for p := range int32(2) {
		if got := committed(t, b, topic, p); got != want {
			t.Errorf("%s %d has %q, want %q", topic, p, got, want)
		}
	}
}

// startsAgain starts a broker in a folder that one was started in before.
func startsAgain(t testing.TB, where, dir string) {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Errorf("%s: started once, and not again: %v", where, err)
		return
	}
	b.Close()
}

// TestKilledInTransaction: what a transaction wrote that a kill ended is nowhere, at
// no later start; what others write behind it is there; and whoever goes on with it
// is refused.
func TestKilledInTransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	transact(t, b, "t", "a", true)
	lives := transact(t, b, "t", "ORPHAN", false)
	dir = killed(t, dir)
	b = open(t, broker.Options{}, dir)
	wantBoth(t, b, "t", "a")
	if err := endAgain(t, b, lives); !errors.Is(err, kerr.InvalidTxnState) {
		t.Errorf("who asks for its commit is told %v", err)
	}
	write(t, connect(t, b), "t", "w")
	transact(t, b, "t", "b", true)
	transact(t, b, "t", "c", true)
	wantBoth(t, b, "t", "a w b c")
	for range 2 {
		dir = killed(t, dir)
		b = open(t, broker.Options{}, dir)
		wantBoth(t, b, "t", "a w b c")
	}
	b.Close()
	b = open(t, broker.Options{}, dir)
	wantBoth(t, b, "t", "a w b c")
}

// TestClosedInTransaction: a transaction that is open when the broker is closed ends
// with it.
func TestClosedInTransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	transact(t, b, "t", "a", true)
	transact(t, b, "t", "ORPHAN", false)
	b.Close()
	b = open(t, broker.Options{}, dir)
	wantBoth(t, b, "t", "a")
	transact(t, b, "t", "b", true)
	wantBoth(t, b, "t", "a b")
}

// endAgain asks for the commit of a client's transaction, as one does that got no
// answer.
func endAgain(t testing.TB, b *broker.Broker, client *kgo.Client) error {
	t.Helper()
	id, epoch, err := client.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := kmsg.NewEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = "id", id, epoch, true
	response, err := end.RequestWith(t.Context(), connect(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if response.ErrorCode == 0 && response.ProducerEpoch != epoch+1 {
		t.Errorf("it goes on with epoch %d after %d", response.ProducerEpoch, epoch)
	}
	return kerr.ErrorForCode(response.ErrorCode)
}

// cut shortens a file by some bytes.
func cut(t testing.TB, name string, by int64) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, info.Size()-by); err != nil {
		t.Fatal(err)
	}
}

// sizes are those of all files of a folder.
func sizes(t testing.TB, dir string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		name, _ := filepath.Rel(dir, path)
		sizes[name] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

// TestKilledInCommit: a kill between the commits of two partitions, and a kill before
// the producer's log has them. The transaction is there in both, and the next, of
// which nothing is committed, in none.
func TestKilledInCommit(t *testing.T) {
	t.Parallel()
	for _, lacks := range [][]string{{"t-0"}, {"t-1"}, {}} {
		dir := t.TempDir()
		b := open(t, broker.Options{}, dir)
		create(t, b, "t", "delete")
		transact(t, b, "t", "a", true)
		client := transact(t, b, "t", "b", false)
		before := sizes(t, dir)
		if err := endAgain(t, b, client); err != nil { // of which it hears nothing
			t.Fatal(err)
		}
		after := sizes(t, dir)
		dir = killed(t, dir)
		undo := func(name string) { cut(t, filepath.Join(dir, name), after[name]-before[name]) }
		undo("pids.log")
		for _, p := range lacks {
			undo("partitions/" + p + "/0.dat")
			undo("partitions/" + p + "/0.idx")
		}
		b = open(t, broker.Options{}, dir)
		wantBoth(t, b, "t", "a b")
		if err := endAgain(t, b, client); err != nil {
			t.Errorf("without %v: who asks for its commit is told %v", lacks, err)
		}
		transact(t, b, "t", "ORPHAN", false)
		b = open(t, broker.Options{}, killed(t, dir))
		wantBoth(t, b, "t", "a b")
	}
}

// TestKilledBefore: a folder in which a broker gave up a transaction and went on
// without saying so.
func TestKilledBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	transact(t, b, "t", "a", true)
	client := transact(t, b, "t", "ORPHAN", false)
	before := sizes(t, dir)
	if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	between := sizes(t, dir)
	transact(t, b, "t", "b", true)
	dir = killed(t, dir)
	for _, p := range []string{"t-0", "t-1"} {
		name := filepath.Join(dir, "partitions", p, "0.dat")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		abort := "partitions/" + p + "/0.dat"
		text = slices.Delete(text, int(before[abort]), int(between[abort]))
		for i := before[abort]; i < int64(len(text)); { // the offsets are one lower
			text[i+7]--
			i += 12 + int64(text[i+11])
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		cut(t, filepath.Join(dir, "partitions", p, "0.idx"), 15)
	}
	for range 2 {
		b = open(t, broker.Options{}, dir)
		wantBoth(t, b, "t", "a b")
		transact(t, b, "t", "ORPHAN", false)
		dir = killed(t, dir)
	}
}

// TestEachCut: whichever file ends at whichever byte, the broker starts with all that
// was acknowledged, or says what is lost, and starts without it when it is told to.
func TestEachCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	create(t, b, "c", "compact")
	want := map[string]string{}
	for _, topic := range []string{"t", "c"} {
		transact(t, b, topic, "a", true)
		write(t, connect(t, b), topic, "b")
		want[topic] = "a b"
	}
	b.Close() // for there to be all kinds of files
	b = open(t, broker.Options{}, dir)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "t", At: 1})
	if err := kadm.NewClient(connect(t, b)).CommitAllOffsets(t.Context(), "group", offsets); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"t", "c"} {
		transact(t, b, topic, "c", true)
		write(t, connect(t, b), topic, "d")
		transact(t, b, topic, "ORPHAN", false)
		want[topic] += " c d"
	}
	copied, err := os.ReadFile(filepath.Join(dir, "topics.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir = killed(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "topics.json.copy"), copied, 0o600); err != nil {
		t.Fatal(err) // of a broker that has run for a minute
	}
	step := int64(testkit.Size(613, 13))
	for name, size := range sizes(t, dir) {
		for length := size % step; length < size; length += step {
			where := fmt.Sprintf("%s, cut from %d bytes to %d", name, size, length)
			dir := killed(t, dir)
			if err := os.Truncate(filepath.Join(dir, name), length); err != nil {
				t.Fatal(err)
			}
			b, err := broker.Start("127.0.0.1:0", dir)
			lost := (*broker.DamageError)(nil)
			switch {
			case errors.As(err, &lost):
				if !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), filepath.Dir(name)) {
					t.Errorf("%s: the error does not name it: %v", where, err)
				}
				b, err = broker.Options{DropDamaged: true}.Start("127.0.0.1:0", dir)
				fallthrough
			case err != nil:
				if err != nil {
					t.Errorf("%s: %v", where, err)
					continue
				}
			}
			for topic, want := range want {
				for p := range int32(2) {
					switch got := committed(t, b, topic, p); {
					case lost == nil && got != want:
						t.Errorf("%s: %s %d has %q, want %q", where, topic, p, got, want)
					case strings.Contains(got, "ORPHAN"):
						t.Errorf("%s: %s %d has %q", where, topic, p, got)
					case !strings.HasPrefix(filepath.Base(filepath.Dir(name)), fmt.Sprint(topic, "-", p)) && got != want:
						t.Errorf("%s: %s %d has %q, want %q", where, topic, p, got, want)
					}
				}
			}
			b.Close()
			startsAgain(t, where, dir)
		}
	}
}

// TestTopicsLost: a damaged list of topics is restored from its copy; without one it
// is said what is lost and what is to be done, and their records are moved aside.
func TestTopicsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	write(t, connect(t, b), "t", "a")
	b.Close()
	open(t, broker.Options{}, dir).Close() // which copies it
	damage := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage("topics.json", "")
	damage("meta.json", "{")
	b = open(t, broker.Options{}, dir)
	wantBoth(t, b, "t", "a")
	b.Close()

	damage("topics.json", "")
	damage("topics.json.copy", "")
	_, err := broker.Start("127.0.0.1:0", dir)
	if lost := (*broker.DamageError)(nil); !errors.As(err, &lost) || !strings.Contains(err.Error(), "topics.json, and there is no copy of it: lost are all topics") {
		t.Fatalf("the error is %v", err)
	}
	b = open(t, broker.Options{DropDamaged: true}, dir)
	create(t, b, "t", "delete")
	write(t, connect(t, b), "t", "b")
	wantBoth(t, b, "t", "b")
	if kept, err := filepath.Glob(filepath.Join(dir, "lost", "t-*", "*.dat")); err != nil || len(kept) != 2 {
		t.Errorf("moved aside are %v (%v)", kept, err)
	}
}

// TestEachFlip: wherever bytes of a partition are flipped the start says so, in which
// file and which records are lost, and changes nothing; told to go on it has all
// others.
func TestEachFlip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	var want []string
	for i := range 6 {
		value := fmt.Sprint("v", i)
		want = append(want, value)
		if i%2 == 0 {
			transact(t, b, "t", value, true).Close()
		} else {
			write(t, connect(t, b), "t", value)
		}
	}
	b.Close()
	const file = "partitions/t-0/0.dat"
	whole, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, flips := range []int{1, 16} {
		step := testkit.Size(193, 5)
		for at := step / 2; at+flips <= len(whole); at += step {
			where := fmt.Sprintf("%d bytes from %d", flips, at)
			dir := killed(t, dir)
			flipped := slices.Clone(whole)
			for i := range flips {
				flipped[at+i] ^= 0x5a
			}
			if err := os.WriteFile(filepath.Join(dir, file), flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			before := sizes(t, dir)
			_, err := broker.Start("127.0.0.1:0", dir)
			if lost := (*broker.DamageError)(nil); !errors.As(err, &lost) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "topic t, partition 0") {
				t.Errorf("%s: the error is %v", where, err)
				continue
			}
			if after := sizes(t, dir); !maps.Equal(before, after) {
				t.Errorf("%s: files have changed: %v, before %v", where, after, before)
			}
			b, err := broker.Options{DropDamaged: true}.Start("127.0.0.1:0", dir)
			if err != nil {
				t.Errorf("%s: %v", where, err)
				continue
			}
			if got := committed(t, b, "t", 1); got != strings.Join(want, " ") {
				t.Errorf("%s: the other partition has %q", where, got)
			}
			got := strings.Fields(committed(t, b, "t", 0))
			if len(got) < len(want)-2 || !slices.IsSorted(got) { // two batches where it is at a border
				t.Errorf("%s: it has %v, of %v", where, got, want)
			}
			b.Close()
			startsAgain(t, where, dir)
		}
	}
}

// TestKilledInRepair: a kill while a start brings the folder in order, at each step of
// that, changes nothing of what the next start makes of it.
func TestKilledInRepair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, broker.Options{}, dir)
	create(t, b, "t", "delete")
	transact(t, b, "t", "a", true)
	write(t, connect(t, b), "t", "b")
	transact(t, b, "t", "ORPHAN", false)
	dir = killed(t, dir)
	cut(t, filepath.Join(dir, "partitions/t-0/0.idx"), 15)
	cut(t, filepath.Join(dir, "pids.log"), 3)
	repaired := killed(t, dir)
	before := sizes(t, dir)
	b = open(t, broker.Options{}, repaired)
	wantBoth(t, b, "t", "a b")
	var changed []string
	for name := range sizes(t, repaired) {
		old, err := os.ReadFile(filepath.Join(dir, name))
		text, err2 := os.ReadFile(filepath.Join(repaired, name))
		if err2 != nil {
			t.Fatal(err2)
		}
		if err != nil || !bytes.Equal(old, text) {
			changed = append(changed, name)
		}
	}
	if len(changed) < 6 {
		t.Fatalf("changed are %v of %v", changed, before)
	}
	slices.SortFunc(changed, func(a, b string) int { // the order in which they are written
		return cmp.Or(strings.Count(a, "/")-strings.Count(b, "/"), cmp.Compare(a, b))
	})
	for n := range changed {
		partly := killed(t, dir)
		for _, name := range changed[:n] {
			text, err := os.ReadFile(filepath.Join(repaired, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(partly, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b, err := broker.Start("127.0.0.1:0", partly)
		if err != nil {
			t.Fatalf("with %v: %v", changed[:n], err)
		}
		wantBoth(t, b, "t", "a b")
		transact(t, b, "t", "c", true)
		wantBoth(t, b, "t", "a b c")
	}
}
