package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/topics/topicstest"
)

// TestFilesResume stops the following of files between any two batches, changes
// the files meanwhile, and goes on at the positions that were handed over.
func TestFilesResume(t *testing.T) {
	add := func(name, text string) func(folder) { return func(f folder) { f.add(name, text) } }
	long := strings.Repeat("x", 2*chunkSize)
	for _, test := range []struct {
		name  string
		steps []func(folder) // between each two the following stops
		want  string
	}{
		{"lines come", []func(folder){add("a.log", "1\n2\n"), add("a.log", "3\n")}, "1 2 3"},
		{"a line without its end", []func(folder){add("a.log", "1\n2"), add("a.log", "2\n3\n")}, "1 22 3"},
		{"nothing comes", []func(folder){add("a.log", "1\n"), func(folder) {}, add("a.log", "2\n")}, "1 2"},
		{"renamed", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.add("a.log", "2\n")
			f.do(os.Rename(f.name("a.log"), f.name("a.log.1")))
			f.add("a.log", "3\n")
		}, add("a.log", "4\n")}, "1 2 3 4"},
		{"renamed, and written to no more", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.add("a.log", "2\n")
			f.do(os.Rename(f.name("a.log"), f.name("old")))
		}, add("a.log", "3\n")}, "1 2 3"},
		{"copied and truncated", []func(folder){add("a.log", "1\n2\n"), func(f folder) {
			f.add("a.log.1", "1\n2\n3\n")
			f.do(os.Truncate(f.name("a.log"), 0))
			f.add("a.log", "4\n")
		}, add("a.log", "5\n"), func(folder) {}}, "1 2 3 4 5"},
		{"copied and truncated, and grown beyond", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.add("a.log.1", "1\n2\n")
			f.do(os.Truncate(f.name("a.log"), 0))
			f.add("a.log", "3\n4\n")
		}}, "1 2 3 4"},
		{"rewritten longer behind the same banner", []func(folder){add("a.log", banner+"1\n2\n"), func(f folder) {
			f.write("a.log", []byte(banner+"3\n4\n5\n"))
		}}, "= 1 2 = 3 4 5"},
		{"rewritten so that where it was read to is within a line", []func(folder){add("a.log", banner+"1\n2\n"), func(f folder) {
			f.write("a.log", []byte(banner+"34567\n8\n"))
		}}, "= 1 2 = 34567 8"},
		{"copied and truncated, and rewritten behind the same banner", []func(folder){add("a.log", banner+"1\n2\n"), func(f folder) {
			f.add("a.log", "3\n")
			f.copy("a.log", "a.log.1")
			f.write("a.log", []byte(banner+"4\n5\n6\n7\n"))
		}}, "= 1 2 3 = 4 5 6 7"},
		{"renamed and compressed", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.add("a.log", "2\n")
			f.move("a.log", "a.log.1")
			f.pack("a.log.1", ".gz")
			f.add("a.log", "3\n")
		}, add("a.log", "4\n")}, "1 2 3 4"},
		{"copied, compressed and truncated", []func(folder){add("a.log", "1\n2\n"), func(f folder) {
			f.add("a.log", "3\n")
			f.packed("a.log", "2026-11-27.zst", ".zst")
			f.write("a.log", []byte("4\n"))
		}, add("a.log", "5\n")}, "1 2 3 4 5"},
		{"compressed, with others beside it", []func(folder){func(f folder) {
			f.write("a.log.2.gz", compressed(f.t, ".gz", []byte("0\n1\n2\n")))
			f.add("a.log", "1\n2\n")
		}, func(f folder) {
			f.add("a.log", "3\n")
			f.pack("a.log", ".lz4")
		}}, "1 2 3"},
		{"behind a link, rotated and compressed", []func(folder){func(f folder) {
			f.do(os.Mkdir(f.name("pod"), 0o700))
			f.add("pod/0.log", "1\n")
			f.do(os.Symlink("pod/0.log", f.name("a.log")))
		}, func(f folder) {
			f.add("pod/0.log", "2\n")
			f.move("pod/0.log", "pod/0.log.1")
			f.add("pod/0.log", "3\n")
		}, func(f folder) {
			f.add("pod/0.log", "4\n")
			f.move("pod/0.log", "pod/0.log.2")
			f.pack("pod/0.log.2", ".gz")
			f.add("pod/0.log", "5\n")
		}}, "1 2 3 4 5"},
		{"lines in parts", []func(folder){
			add("a.log", cri+"stdout P 1\n"+cri+"stderr F a\n"+cri+"stdout P 2\n"+cri+"stderr P b\n"),
			add("a.log", cri+"stderr F c\n"+cri+"stdout P 3\n"+cri+"stderr F d\n"),
			func(f folder) { f.pack("a.log", ".gz") },
			add("a.log", cri+"stdout F 5\n"),
		}, "a bc d 5"},
		{"lines in parts of two files", []func(folder){func(f folder) {
			f.add("a.log", cri+"stdout F 1\n"+cri+"stdout P 2\n"+cri+"stderr F a\n")
			f.add("b.log", cri+"stdout P 3\n"+cri+"stdout F 4\n"+cri+"stderr P b\n")
		}, func(f folder) {
			f.add("a.log", cri+"stdout F 5\n")
			f.add("b.log", cri+"stderr F c\n")
		}}, "1 a 34 25 bc"},
		{"on another device", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.add("a.log", "2\n")
			f.copy("a.log", "b") // what another mount of the same files looks like
			f.move("b", "a.log")
		}}, "1 2"},
		{"the number of a file that is gone", []func(folder){add("a.log", banner+"1\n2\n"), func(f folder) {
			f.write("a.log", []byte(banner+"3\n4\n5\n6\n")) // in place: it has the same number
			f.move("a.log", "b.log")
		}}, "= 1 2 = 3 4 5 6"},
		{"removed, and made anew", []func(folder){add("a.log", "1\n"), func(f folder) {
			f.do(os.Remove(f.name("a.log")))
			f.add("a.log", "2\n3\n")
		}}, "1 2 3"},
		{"within a line that is too long", []func(folder){add("a.log", long), add("a.log", long+"\n1\n")}, "x 1"},
		{"two files by their clocks", []func(folder){func(f folder) {
			f.add("a.log", dated(at(1), "1")+"\n\n"+dated(at(3), "3")+"\n")
			f.add("b.log", dated(at(2), "2")+"\n"+dated(at(4), "4")+"\n")
		}, func(f folder) {
			f.add("a.log", dated(at(6), "6")+"\n")
			f.add("b.log", dated(at(5), "5")+"\n")
		}}, "1 2 3 4 5 6"},
	} {
		// Each batch of a run may be the last that was committed.
		for batches := 1; batches <= 3; batches++ {
			t.Run(fmt.Sprint(test.name, ", ", batches), func(t *testing.T) {
				f := folder{t, t.TempDir()}
				synctest.Test(t, func(t *testing.T) {
					positions := Positions{}
					var got []string
					for _, step := range test.steps {
						step(f)
						// Until all is read: what was found out at the start may be a batch too.
						for i := range 8 {
							got = append(got, followOnce(t, f, positions, batches+i%2)...)
						}
					}
					if strings.Join(got, " ") != test.want {
						t.Errorf("got %q, want %q; the positions are %s", got, test.want, positions)
					}
				})
			})
		}
	}
}

// TestFilesOldPosition reads on at a position that has no checksum.
func TestFilesOldPosition(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("a.log", "1\n2\n")
	info, err := os.Stat(f.name("a.log"))
	f.do(err)
	synctest.Test(t, func(t *testing.T) {
		positions := Positions{fileKey(f.name("a.log"), info): fmt.Appendf(nil, `{"file":%q,"offset":2,"head":%q}`, f.name("a.log"), fingerprint([]byte("1\n")))}
		if got := followOnce(t, f, positions, 9); strings.Join(got, " ") != "2" {
			t.Errorf("got %q, want the second line", got)
		}
	})
}

// followOnce follows *.log until so many batches were taken, or nothing more comes,
// and returns their lines.
func followOnce(t *testing.T, f folder, positions Positions, batches int) (lines []string) {
	t.Helper()
	each(t, f, Reading{}, positions, batches, func(l []byte) {
		text := string(l)
		text = text[strings.LastIndexByte(text, ' ')+1:]
		lines = append(lines, text[:min(len(text), 1+strings.IndexByte(text+"x", 'x'))])
	})
	return lines
}

// each follows the files for a moment, as a reading says, and calls f with each line.
func each(t *testing.T, f folder, r Reading, positions Positions, batches int, take func(l []byte)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pollEvery/2)
	defer cancel()
	full := errors.New("the ingester was killed")
	err := Files{Globs: []string{f.name("*.log")}, Reading: r, Follow: true, Positions: maps.Clone(positions), Log: slog.New(slog.DiscardHandler)}.Run(ctx,
		func(_ context.Context, b Batch) error {
			if batches == 0 {
				return full
			}
			batches--
			for key, value := range b.Positions {
				if positions[key] = value; value == nil {
					delete(positions, key)
				}
			}
			return eachLine(b.Lines, func(l []byte) error {
				if !isEmpty(l) {
					take(l)
				}
				return nil
			})
		})
	if err != nil && !errors.Is(err, full) {
		t.Fatal(err)
	}
}

// The test binary is an ingester too, so that it can be killed.
const (
	childFiles   = "PULSE_TEST_CHILD_FILES" // the pattern
	childTopic   = "PULSE_TEST_CHILD_TOPIC" // or the topic
	childDrain   = "PULSE_TEST_CHILD_DRAIN" // or where to listen
	childJoin    = "PULSE_TEST_CHILD_JOIN"  // the rule by which lines are joined
	childBrokers = "PULSE_TEST_CHILD_BROKERS"
	childPrefix  = "PULSE_TEST_CHILD_PREFIX"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFiles)+os.Getenv(childTopic)+os.Getenv(childDrain) == "" {
		os.Exit(m.Run())
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runChild() error {
	cluster, err := topics.ParseCluster(os.Getenv(childBrokers))
	if err != nil {
		return err
	}
	prefix := os.Getenv(childPrefix)
	x := exactFiles(cluster, prefix, os.Getenv(childFiles))
	if topic := os.Getenv(childTopic); topic != "" {
		x = exactKafka(cluster, prefix, topic)
	} else if address := os.Getenv(childDrain); address != "" {
		if x, err = exactDrain(cluster, prefix, address); err != nil {
			return err
		}
	}
	return x.Run(context.Background())
}

func exactFiles(cluster topics.Cluster, prefix, glob string) *Transactional {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return &Transactional{
		Cluster: cluster, Names: topics.Names{Prefix: prefix, Version: "g"}, ID: "me", Log: log,
		Live: func(positions Positions) Live {
			return Live{Inputs: []Input{Files{Globs: []string{glob}, Reading: Reading{Join: os.Getenv(childJoin)}, Follow: true, Positions: positions, Log: log}}, Backlog: true, Lateness: 2}
		},
	}
}

// TestFilesKilled kills an ingester again and again, while files grow and are rotated
// in each way: no line may be there twice, and none may be missing.
func TestFilesKilled(t *testing.T) { testFilesKilled(t, "", " ") }

// TestFilesKilledJoined is TestFilesKilled with events of two lines: none may be split.
func TestFilesKilledJoined(t *testing.T) { testFilesKilled(t, "indent", "\n  ") }

func testFilesKilled(t *testing.T, join, between string) {
	testkit.Long(t)
	t.Parallel()
	joining := childJoin + "=" + join
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	f := folder{t, t.TempDir()}

	stop, written := make(chan struct{}), make(chan int)
	go func() {
		// a.log is renamed, and b.log is one of many that come and stay. The pattern
		// matches them all, since a file may come and be renamed while nobody looks.
		// What a truncation takes is lost to whoever follows: TestFilesResume has it.
		n := 0
		for round := 0; ; round++ {
			select {
			case <-stop:
				written <- n
				return
			case <-time.After(3 * time.Millisecond):
			}
			for _, name := range []string{"a.log", fmt.Sprintf("b%d.log", round/200)} {
				var b strings.Builder
				for range 20 {
					b.WriteString(fmt.Sprintf("%s%sn=%d\n", time.Now().UTC().Format(time.RFC3339Nano), between, n))
					n++
				}
				f.add(name, b.String())
			}
			if round%150 == 149 {
				f.do(os.Rename(f.name("a.log"), f.name(fmt.Sprintf("a.log.%d", round))))
			}
		}
	}()

	const kills = 8
	random := rand.New(rand.NewPCG(7, 7))
	for range kills {
		killAfter(t, cluster, names, random.Int64N(60), startChild(t, cluster, prefix, childFiles+"="+f.name("*.log*"), joining))
	}
	close(stop)
	want := <-written
	startChild(t, cluster, prefix, childFiles+"="+f.name("*.log*"), joining)
	checkOnce(t, cluster, names, want)
}

// checkOnce waits until events.raw holds so many lines, which must be numbered from 0.
func checkOnce(t *testing.T, cluster topics.Cluster, names topics.Names, want int) {
	t.Helper()
	var got []int
	testkit.Eventually(t, "events.raw holds all lines", func() error {
		got = committedLines(t, cluster, names)
		return atLeast(int64(len(got)), int64(want))
	})
	slices.Sort(got)
	missing := 0
	for n := range want {
		if _, found := slices.BinarySearch(got, n); !found {
			missing++
		}
	}
	twice := len(got) - len(slices.Compact(slices.Clone(got)))
	t.Logf("%d lines were written, %d are there", want, len(got))
	if missing > 0 || twice > 0 {
		t.Errorf("of %d lines %d are missing and %d are there twice", want, missing, twice)
	}
}

// killAfter kills an ingester once it has written so many records more to events.raw,
// which may be none: at any moment, within a transaction or between two.
func killAfter(t *testing.T, cluster topics.Cluster, names topics.Names, records int64, child *exec.Cmd) {
	t.Helper()
	client, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	written := func() (n int64) {
		ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), names.Raw())
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(end kadm.ListedOffset) { n += end.Offset })
		return n
	}
	until := written() + records
	testkit.Eventually(t, "the ingester writes", func() error { return atLeast(written(), until) })
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
}

// startChild starts an ingester in a process of its own.
func startChild(t *testing.T, cluster topics.Cluster, prefix string, input ...string) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(append(os.Environ(), input...), childBrokers+"="+strings.Join(cluster.Brokers, ","), childPrefix+"="+prefix)
	if testing.Verbose() {
		child.Stderr = os.Stderr
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })
	return child
}

// committedLines are the numbers n=… of the lines that a reader of events.raw gets.
func committedLines(t *testing.T, cluster topics.Cluster, names topics.Names) (numbers []int) {
	t.Helper()
	topicstest.Read(t, cluster, names.Raw(), func(r *kgo.Record) {
		for l := range strings.Lines(string(r.Value)) {
			n, err := strconv.Atoi(strings.TrimSpace(l[strings.LastIndexByte(l, '=')+1:]))
			if err != nil {
				t.Fatalf("the line %q was torn", l)
			}
			numbers = append(numbers, n)
		}
	})
	return numbers
}

// Of two ingesters with one id the first one ends, and the second one goes on where
// it was.
func TestExactFencing(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	f := folder{t, t.TempDir()}
	f.add("a.log", "n=0\n")
	holds := func(want ...int) {
		t.Helper()
		testkit.Eventually(t, "events.raw holds the lines", func() error {
			got := committedLines(t, cluster, names)
			if slices.Sort(got); !slices.Equal(got, want) {
				return fmt.Errorf("it holds %v, want %v", got, want)
			}
			return nil
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- exactFiles(cluster, prefix, f.name("*.log")).Run(ctx) }()
	holds(0)
	go func() { second <- exactFiles(cluster, prefix, f.name("*.log")).Run(ctx) }()
	if err := <-first; !errors.Is(err, errTaken) {
		t.Fatalf("the first of two ends with %v", err)
	}
	f.add("a.log", "n=1\n")
	holds(0, 1)
	cancel()
	if err := <-second; err != nil {
		t.Errorf("the second of two ends with %v", err)
	}

	// What it left is for the id alone, and a file that is gone is forgotten.
	f.do(os.Rename(f.name("a.log"), filepath.Join(t.TempDir(), "a.log")))
	f.add("c.log", "n=2\n")
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	go func() { second <- exactFiles(cluster, prefix, f.name("*.log")).Run(ctx) }()
	holds(0, 1, 2)
	cancel()
	<-second
	values := map[string]string{}
	topicstest.Read(t, cluster, names.Positions(), func(r *kgo.Record) { values[string(r.Key)] = string(r.Value) })
	files := 0
	for key, value := range values {
		if strings.Contains(key, fileKeys) && value != "" {
			files++
		}
	}
	if files != 1 {
		t.Errorf("the positions are %q, want that of one file", values)
	}
}

// TestExactBrokerAway: an ingester outlives its broker, and what it wrote just before
// is there once, whatever became of the transaction.
func TestExactBrokerAway(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	if topicstest.Real() {
		t.Skip("it restarts its own broker")
	}
	dir := t.TempDir()
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	address := b.Addrs()[0]
	cluster, names := topics.Cluster{Brokers: b.Addrs()}, topics.Names{Prefix: "away.", Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	f := folder{t, t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	x := exactFiles(cluster, names.Prefix, f.name("*.log"))
	go func() { ended <- x.Run(ctx) }()

	lines := 0
	write := func() {
		f.add("a.log", fmt.Sprintf("%s n=%d\n", time.Now().UTC().Format(time.RFC3339Nano), lines))
		lines++
	}
	for range 3 {
		before := x.Metrics().Lines
		testkit.Eventually(t, "the ingester writes", func() error { write(); return atLeast(x.Metrics().Lines, before+1) })
		b.Close()
		testkit.Eventually(t, "the ingester notices that the broker is away", func() error {
			write()
			if stalled := x.Metrics().Stalled; stalled < tickless {
				return fmt.Errorf("stalled for %v", stalled)
			}
			return nil
		})
		if b, err = broker.Start(address, dir); err != nil {
			t.Fatal(err)
		}
	}
	write()
	checkOnce(t, cluster, names, lines)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if m := x.Metrics(); m.Waiting != 0 || m.WaitingBytes != 0 {
		t.Errorf("at the end the metrics are %+v", m)
	}
}

// TestExactGoesOn: when Kafka has given up its transaction an ingester goes on by
// itself from the last one that came about.
func TestExactGoesOn(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	f := folder{t, t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	x := exactFiles(cluster, prefix, f.name("*.log"))
	go func() { ended <- x.Run(ctx) }()
	lines := 0
	const rounds = 2
	for round := range rounds {
		for range 100 {
			f.add("a.log", fmt.Sprintf("n=%d\n", lines))
			lines++
		}
		checkOnce(t, cluster, names, lines)
		if round == rounds-1 {
			break
		}
		// As a coordinator does that aborts what took too long: a new epoch.
		client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.TransactionalID(prefix+"ingest.me"))...)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.ProducerID(ctx); err != nil {
			t.Error(err)
		}
		client.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if m := x.Metrics(); m.Lines != int64(lines) || m.Refused == 0 {
		t.Errorf("%d lines were acknowledged and %d records refused, want %d and some", m.Lines, m.Refused, lines)
	}
}

// TestPositionsAreWhereTheyWere: an ingester whose positions' topic got partitions reads on
// where it was, and does not read its files again.
func TestPositionsAreWhereTheyWere(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 1)
	f := folder{t, t.TempDir()}
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	lines := 0
	for _, partitions := range []int{1, 5, 8} {
		// The ingester's id goes elsewhere in each.
		if now, err := topics.PartitionCount(t.Context(), cluster, names.Positions()); err != nil {
			t.Fatal(err)
		} else if partitions > int(now) {
			if answers, err := admin.UpdatePartitions(t.Context(), partitions, names.Positions()); err != nil || answers.Error() != nil {
				t.Fatal(err, answers.Error())
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- exactFiles(cluster, prefix, f.name("*.log")).Run(ctx) }()
		for range 100 {
			f.add("a.log", fmt.Sprintf("n=%d\n", lines))
			lines++
		}
		checkOnce(t, cluster, names, lines)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
}
