// Chaos kills Pulse's processes while they work and compares every number that
// they publish with the oracle, `pulse eval --raw`.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{Logs: os.Stderr}
	flag.DurationVar(&o.Time, "time", 2*time.Minute, "how long lines flow and processes are killed")
	flag.Uint64Var(&o.Seed, "seed", 0, "of the load and the kills; 0: one is chosen and printed")
	flag.IntVar(&o.Rate, "rate", 5000, "lines per second")
	flag.DurationVar(&o.Every, "every", 4*time.Second, "the mean time between kills")
	flag.IntVar(&o.Each, "each", 2, "processes of each role")
	flag.StringVar(&o.Brokers, "brokers", "", "a Kafka to use, host:port,…; empty: an embedded broker")
	flag.StringVar(&o.Pulse, "pulse", "", "the pulse binary; empty: it is built")
	flag.Parse()
	report, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	fmt.Println(report)
	if !report.ok() {
		os.Exit(1)
	}
}

// options say what chaos does.
type options struct {
	Time    time.Duration
	Seed    uint64
	Rate    int
	Every   time.Duration
	Each    int
	Brokers string
	Pulse   string
	Logs    io.Writer
}

// A report is what came of it.
type report struct {
	verdict
	seed      uint64
	sent      int
	counts    counts
	kills     map[string]int
	exits     int
	snapshots int
	settled   time.Duration // from the last line to the last final point
}

func (r report) ok() bool {
	c := r.counts
	return r.verdict.ok() && c.Counted+c.Late+c.Unreadable == c.Lines && c.Lines == int64(r.sent)
}

func (r report) String() string {
	kills := 0
	for _, n := range r.kills {
		kills += n
	}
	return fmt.Sprintf("seed %d: %d lines sent, %d in events.raw = %d counted + %d late + %d unreadable; "+
		"%d kills %v, %d exits by themselves; %d points, %d snapshots; wrong %d, missing %d, conflicting %d; all final %.1f s after the last line",
		r.seed, r.sent, r.counts.Lines, r.counts.Counted, r.counts.Late, r.counts.Unreadable,
		kills, r.kills, r.exits, r.Points, r.snapshots, r.Wrong, r.Missing, r.Conflicting, r.settled.Seconds())
}

// run starts the broker and the processes, feeds and kills them, and compares.
func run(ctx context.Context, o options) (report, error) {
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	r := report{seed: o.Seed, kills: map[string]int{}}
	logs := &lockedWriter{w: o.Logs}
	dir, err := os.MkdirTemp("", "pulse-chaos-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	if o.Pulse == "" {
		o.Pulse = filepath.Join(dir, "pulse")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.Pulse, "pulse/cmd/pulse").CombinedOutput(); err != nil {
			return r, fmt.Errorf("building pulse: %w\n%s", err, out)
		}
	}
	brokers := strings.Split(o.Brokers, ",")
	if o.Brokers == "" {
		b, err := broker.Start("127.0.0.1:0", filepath.Join(dir, "kafka"))
		if err != nil {
			return r, err
		}
		defer b.Close()
		brokers = b.Addrs()
	}
	file := filepath.Join(dir, "stats.yaml")
	if err := os.WriteFile(file, []byte(definitions), 0o600); err != nil {
		return r, err
	}
	parsed, err := stats.Parse(file, []byte(definitions))
	if err != nil {
		return r, err
	}
	names := topics.Names{Prefix: fmt.Sprintf("chaos-%d.", o.Seed), Generation: parsed.Generation()}

	procsCtx, stopProcs := context.WithCancel(ctx)
	s := &supervisor{ctx: procsCtx, binary: o.Pulse, logs: logs, env: []string{
		"KAFKA_URL=" + strings.Join(brokers, ","), "KAFKA_PREFIX=" + names.Prefix, "PULSE_STATS=" + file, "PULSE_LOG_LEVEL=warn"}}
	defer s.wg.Wait()
	defer stopProcs()
	if err := s.command("topics", "topics", "--create").Run(); err != nil {
		return r, fmt.Errorf("pulse topics: %w", err)
	}
	for i := range o.Each {
		s.keep(fmt.Sprintf("receiver-%d", i), "receive")
		s.keep(fmt.Sprintf("merger-%d", i), "merge")
	}

	ingest := s.command("ingest", "ingest", "--stdin")
	pipe, err := ingest.StdinPipe()
	if err != nil {
		return r, err
	}
	if err := ingest.Start(); err != nil {
		return r, err
	}
	killing, stopKilling := context.WithTimeout(ctx, o.Time)
	defer stopKilling()
	var killer sync.WaitGroup
	killer.Go(func() {
		chance := rand.New(rand.NewPCG(o.Seed, 1))
		for {
			wait := time.Duration((0.5 + chance.Float64()) * float64(o.Every))
			select {
			case <-killing.Done():
				return
			case <-time.After(wait):
			}
			if name := s.kill(chance); name != "" {
				r.kills[strings.Split(name, "-")[0]]++
				fmt.Fprintf(logs, "chaos: SIGKILL %s\n", name)
			}
		}
	})
	r.sent, err = load(killing, pipe, o)
	pipe.Close()
	killer.Wait()
	if err != nil {
		return r, fmt.Errorf("sending lines: %w", err)
	}
	if err := ingest.Wait(); err != nil {
		return r, fmt.Errorf("pulse ingest: %w", err)
	}
	ended := time.Now()

	expected, err := ask(s)
	if err != nil {
		return r, err
	}
	r.counts = expected.counts
	m := &merged{generation: names.Generation, points: map[point]*published{},
		complaints: func(format string, args ...any) { fmt.Fprintf(logs, "chaos: "+format+"\n", args...) }}
	patience, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("not all points were final within a minute"))
	defer cancel()
	if err := m.follow(patience, brokers, names.Merged(), func() bool { return complete(expected, m) }); err != nil {
		fmt.Fprintln(logs, "chaos:", err)
	}
	r.settled = time.Since(ended)
	r.verdict, r.snapshots, r.exits = compare(expected, m), m.snapshots, s.exits()
	return r, nil
}

// ask runs the oracle over what events.raw holds.
func ask(s *supervisor) (*oracle, error) {
	var stdout, stderr bytes.Buffer
	cmd := s.command("eval", "eval", "--raw")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("pulse eval: %w\n%s", err, stderr.Bytes())
	}
	return readOracle(&stdout, stderr.Bytes())
}

// lockedWriter lets several processes write to one log.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
