// Bench measures the whole way of a line, from an ingester to a closed second, on
// an Apache Kafka of its own on this machine, and prints tables.
//
//	go run ./cmd/dev/bench                    all phases
//	go run ./cmd/dev/bench -lines 4000000 sustained receivers
//	go run ./cmd/dev/bench -base OLD sustained    another binary by turns
//	go run ./cmd/dev/bench streams            beside Kafka Streams, for which a JDK is needed
//	go run ./cmd/dev/bench -partitions 64 -receivers 16 sustained
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pulse/cmd/dev/chaos/kafka"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
)

// A phase is one kind of measurement.
type phase struct {
	name, about string
	run         func(context.Context, *bench) error
}

var phases = []phase{
	{"sustained", "a recording at full speed with all roles running", sustained},
	{"receivers", "one, two and four receivers after a stop, and catching up", receivers},
	{"latency", "from a line's acceptance to the publication of its second", latency},
	{"backlog", "catching up after a stop, with one process of each role", backlog},
	{"mergers", "a merger's CPU for each second of a stream with 16 source partitions", mergers},
	{"streams", "what sustained does beside Kafka Streams that counts four numbers by hand, for which a JDK is needed", streams},
	{"recovery", "a merger of 1,000 stats over 300 s and 16 source partitions is killed", recovery},
}

// variables are those of heroku.yaml that fit the recording: two clouds.
var variables = map[string]string{"CLOUDS": "example.com,eu.example.com", "DEPLOY": "production"}

// A bench is what all phases share.
type bench struct {
	file  string        // definitions
	lines int           // of a recording
	rates []int         // lines per second of latency
	each  time.Duration // how long latency is measured at each rate
	stop  time.Duration // that is caught up with

	dir, pulse string
	libs       string   // the folder of Kafka's jars
	base       []string // other binaries, that sustained runs by turns
	rounds     int      // of sustained
	partitions int      // of topics, but where a phase says another number
	receivers  int      // of sustained
	addrs      string
	brokers    []*kafka.Node
	number     int // of the phases' prefixes
}

// A recording is a file of lines that all phases read.
type recording struct {
	file  string
	lines int
	first int64 // the second of the first line
	last  int64 // the second before that of the last line
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	b := &bench{rates: []int{5_000, 50_000}}
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), "usage: bench [flags] [PHASE...]\n\nphases (all where none is named):\n")
		for _, p := range phases {
			fmt.Fprintf(f.Output(), "  %-10s %s\n", p.name, p.about)
		}
		fmt.Fprint(f.Output(), "\nflags:\n")
		f.PrintDefaults()
	}
	f.StringVar(&b.file, "stats", filepath.Join("testdata", "heroku.yaml"), "the definitions `file`")
	f.IntVar(&b.lines, "lines", 2_000_000, "of a recording")
	f.DurationVar(&b.each, "for", 15*time.Second, "how long latency is measured at each rate")
	f.DurationVar(&b.stop, "backlog", time.Hour, "how long the stop was that is caught up with, at 20,000 lines a second")
	f.StringVar(&b.pulse, "pulse", "", "the binary to measure; empty: one that is built")
	f.IntVar(&b.partitions, "partitions", 8, "of the topics")
	f.IntVar(&b.receivers, "receivers", 1, "processes of sustained: what a line costs each where they share the partitions, however few cores they share")
	f.Func("base", "another `binary`, that sustained runs by turns with the one to measure; can be repeated. A script that sets the environment and executes one does too", func(file string) error {
		absolute, err := filepath.Abs(file)
		b.base = append(b.base, absolute)
		return err
	})
	f.IntVar(&b.rounds, "rounds", 4, "how often sustained sends its recording, to topics of its own each time: a broker that has just started has not compiled its own code yet")
	dir := f.String("kafka-dir", filepath.Join("bin", "kafka"), "the `folder` of Apache Kafka's jars")
	f.Parse(args) // ends the process at an error
	if b.lines < 1000 || b.each < 5*time.Second || b.stop < time.Minute || b.receivers < 1 {
		return errors.New("at least 1000 lines, 5 s, a stop of a minute, and a receiver")
	}
	chosen := phases
	if f.NArg() > 0 {
		chosen = nil
		for _, name := range f.Args() {
			i := slices.IndexFunc(phases, func(p phase) bool { return p.name == name })
			if i < 0 {
				return fmt.Errorf("there is no phase %q; -help lists them", name)
			}
			chosen = append(chosen, phases[i])
		}
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.libs = filepath.Join(*dir, "libs")
	cluster, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer cluster.Close()
	for _, p := range chosen {
		fmt.Printf("\n%s: %s\n\n", p.name, p.about)
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// prepare builds pulse and reads the definitions.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.file, err = filepath.Abs(b.file); err != nil {
		return err
	}
	text, err := os.ReadFile(b.file)
	if err != nil {
		return err
	}
	for name, value := range variables {
		if os.Getenv(name) == "" {
			os.Setenv(name, value) // for the processes too
		}
	}
	d, err := stats.ParseEnv(b.file, text, os.LookupEnv)
	if err != nil {
		return err
	}
	fmt.Printf("%d stats\n", len(d.All()))
	if b.dir, err = os.MkdirTemp("", "pulse-bench-"); err != nil {
		return err
	}
	if b.pulse != "" {
		b.pulse, err = filepath.Abs(b.pulse)
		return err
	}
	b.pulse = filepath.Join(b.dir, "pulse")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.pulse, "./cmd/pulse").CombinedOutput(); err != nil {
		return fmt.Errorf("building pulse: %w\n%s", err, out)
	}
	return nil
}

// record makes a recording of so many lines in each of its seconds, or finds the
// one that is there.
func (b *bench) record(lines, rate int) (recording, error) {
	r := recording{file: filepath.Join(b.dir, fmt.Sprintf("recording-%d-%d.log", rate, lines)), lines: lines}
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	if _, err := os.Stat(r.file); err != nil {
		out, err := os.Create(r.file)
		if err != nil {
			return r, err
		}
		err = traffic.Write(out, traffic.Options{Kind: "pulse", Lines: lines, Rate: float64(rate), Seed: 1, Start: start})
		if err = errors.Join(err, out.Close()); err != nil {
			return r, err
		}
	}
	f, err := os.Open(r.file)
	if err != nil {
		return r, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	tail := make([]byte, min(info.Size(), 64<<10))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return r, err
	}
	tail = bytes.TrimSuffix(tail, []byte("\n"))
	text, _, _ := strings.Cut(string(tail[bytes.LastIndexByte(tail, '\n')+1:]), " ")
	last, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return r, fmt.Errorf("the recording's last line: %w", err)
	}
	r.first, r.last = start.Unix(), last.Unix()-1
	fmt.Printf("%d lines, %d bytes each on average, of %d s: %d a second\n\n", lines, info.Size()/int64(lines), r.last+2-start.Unix(), lines/int(r.last+2-start.Unix()))
	return r, nil
}

func (b *bench) start(ctx context.Context) (*kafka.Cluster, error) {
	if err := kafka.Install(ctx, b.libs); err != nil {
		return nil, err
	}
	cluster, err := kafka.New(ctx, kafka.Config{Dir: filepath.Join(b.dir, "kafka"), Libs: b.libs})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := cluster.Start(ctx); err != nil {
		cluster.Close()
		return nil, err
	}
	b.brokers = cluster.Nodes
	b.addrs = strings.Join(cluster.Addrs(), ",")
	return cluster, nil
}
