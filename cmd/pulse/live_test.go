package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// A tail is the writing end of a pipe, as that of `tail -F`.
type tail struct {
	t     *testing.T
	to    *io.PipeWriter
	lines []string // written so far
}

func newTail(t *testing.T) (*tail, io.Reader) {
	from, to := io.Pipe()
	t.Cleanup(func() { to.Close() })
	return &tail{t: t, to: to}, from
}

// write writes router lines of now. When it returns the lines of the calls
// before have been taken: nothing is read before that.
func (w *tail) write(n int) {
	w.t.Helper()
	var b bytes.Buffer
	for range n {
		l := fmt.Sprintf("%s heroku[router]: at=info method=GET path=\"/p/%d\" host=h%d.example.com connect=1ms service=%d.%dms status=200 bytes=512",
			time.Now().UTC().Format("2006-01-02T15:04:05.000000+00:00"), len(w.lines), len(w.lines)%7, len(w.lines)%90, len(w.lines)%10)
		w.lines = append(w.lines, l)
		b.WriteString(l + "\n")
	}
	if _, err := w.to.Write(b.Bytes()); err != nil {
		w.t.Fatal(err)
	}
}

// sameLines compares lines whatever their order: that of several partitions is
// not one.
func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("events.raw holds %d lines, %d were sent, and they are not the same", len(got), len(want))
	}
}

// `tail -F access.log | pulse run` with no file written, and once more with the
// data of the first time.
func TestRunPipe(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	dir := t.TempDir()
	log, stdin := newTail(t)
	run := startRun(t, "", dir, stdin)
	log.write(500)
	first := follow(t, run.cluster, run.names)
	saw := func(m *merged, after int64) func() error {
		return func() error {
			for key, s := range m.points {
				if key.second > after && key.stat == "requests-per-second" && string(s.Value) != "0" && string(s.Value) != "null" {
					return nil
				}
			}
			log.write(10)
			return fmt.Errorf("none after %d among %d points", after, len(m.points))
		}
	}
	first.until("a second with requests", saw(first, 0))
	log.write(1) // so that what came before is taken
	taken := len(log.lines) - 1
	ended := time.Now().Unix()
	run.terminate()

	before := log.lines
	log, stdin = newTail(t)
	run = startRun(t, "", dir, stdin)
	log.lines = before[:max(taken, min(len(before), len(rawLines(t, run.cluster, run.names))))]
	second := follow(t, run.cluster, run.names)
	second.until("a second with requests after the restart", saw(second, ended))
	log.to.Close()
	second.accountedFor(uint64(len(log.lines)))
	sameLines(t, rawLines(t, run.cluster, run.names), log.lines)
	want := evaluate(t, run.env(""), "--raw")
	second.equals(want, 0)
	if sum := accountOf(t, second.points); sum != want.account || sum.Counted+sum.Late != uint64(len(log.lines)) {
		t.Errorf("pulse.lines adds up to %+v, eval --raw accounts for %+v, %d lines were sent", sum, want.account, len(log.lines))
	}
	run.terminate()
}

// finals are the points that are final.
func finals(m *merged) map[point]stats.Snapshot {
	final := map[point]stats.Snapshot{}
	for key, s := range m.points {
		if s.Final {
			final[key] = s
		}
	}
	return final
}

// A file on standard input ends, and so do its seconds; the page stays.
func TestRunFile(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "5s"))
	recording := roughRecording(t, 3000)
	want := evaluate(t, nil, "--stats", file, recording)
	stdin, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	// Whose clock is off is told by the input, and a log that is evaluated has none.
	for key, s := range want.points {
		if key.stat == stats.OffClockStat {
			s.Value = bytes.ReplaceAll(s.Value, []byte(`"behind,,,`), []byte(`"behind,,stdin,`))
			want.points[key] = s
		}
	}
	run := startRun(t, file, "", stdin)
	follow(t, run.cluster, run.names).equals(want, 0)
	run.terminate()
}

// `pulse ingest --stdin` loses nothing that it took when it is told to end.
func TestIngestTerminated(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "1s"))
	d := deploy(t, file, 3, 1)
	log, stdin := newTail(t)
	ingest := start(t, d.env, stdin, "ingest", "--stdin")
	for range 50 {
		log.write(20)
	}
	log.write(1)
	taken := log.lines[:len(log.lines)-1]
	ingest.terminate()
	lines := rawLines(t, d.cluster, d.names)
	if len(lines) == len(log.lines) { // it had taken the last one too
		taken = log.lines
	}
	sameLines(t, lines, taken)

	// Those that come after it make its last seconds final.
	next, stdin := newTail(t)
	start(t, d.env, stdin, "ingest", "--stdin")
	next.write(1)
	got := follow(t, d.cluster, d.names)
	got.accountedFor(uint64(len(lines)))
}

// TestHangup: a hangup leaves an ingester at work, and SIGTERM ends it with what it has
// taken handed over.
func TestHangup(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	d := deploy(t, writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "1s")), 3, 0)
	c := d.process("ingest", "--stdin")
	out := &transcript{}
	c.Stdout, c.Stderr = out, out
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	sent := 0
	testkit.Eventually(t, "the ingester takes lines", func() error {
		fmt.Fprintf(stdin, "n=%d\n", sent)
		sent++
		if strings.Contains(fmt.Sprint(rawLines(t, d.cluster, d.names)), "n=0") {
			return nil
		}
		return fmt.Errorf("none of %d lines is there: %s", sent, out)
	})
	c.Process.Signal(syscall.SIGHUP)
	after := sent
	testkit.Eventually(t, "the ingester takes lines after a hangup", func() error {
		fmt.Fprintf(stdin, "n=%d\n", sent)
		sent++
		if strings.Contains(fmt.Sprint(rawLines(t, d.cluster, d.names)), fmt.Sprintf("n=%d", after)) {
			return nil
		}
		return fmt.Errorf("n=%d is not there: %s", after, out)
	})
	c.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	testkit.Done(t, "the ingester ends", ended, func() error { return errors.New(out.String()) })
	if code := c.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("it ended with %v: %s", c.ProcessState, out)
	}
}

// While Pulse runs kcat prints one JSON object a line.
func TestKcat(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	kcat := testkit.Tool(t, "kcat")
	recording := roughRecording(t, 3000)
	stdin, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	run := startRun(t, "", "", stdin)
	got := follow(t, run.cluster, run.names)
	got.until("some points are final", func() error {
		if n := len(finals(got)); n <= 100 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})

	kafka := func(topic string) []string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), kcat, "-C", "-e", "-q", "-b", run.cluster.Brokers[0], "-t", topic)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("kcat: %v\n%s", err, stderr.Bytes())
		}
		return strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	}
	snapshots := kafka(run.names.Merged())
	if len(snapshots) < 100 {
		t.Errorf("kcat printed %d lines", len(snapshots))
	}
	for _, l := range snapshots {
		var s stats.Snapshot
		if err := json.Unmarshal([]byte(l), &s); err != nil {
			t.Fatalf("kcat printed %q: %v", l, err)
		}
	}
	// Lines come out of the topic of raw records as they went in.
	if want := "heroku[router]: at=info"; !slices.ContainsFunc(kafka(run.names.Raw()), func(l string) bool { return strings.Contains(l, want) }) {
		t.Errorf("kcat prints no line with %q", want)
	}
	run.terminate()
}
