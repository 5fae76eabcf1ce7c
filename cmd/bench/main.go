// Bench measures the whole way of a line, from an ingester to a closed second, on
// an Apache Kafka of its own on this machine, and prints tables.
//
//	go run ./cmd/bench                    all phases
//	go run ./cmd/bench -lines 4000000 sustained receivers
package main

import (
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

	"pulse/cmd/chaos/kafka"
	"pulse/stats"
	"pulse/testdata/traffic"
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
	{"recovery", "a merger of 1,000 stats over 300 s and 16 source partitions is killed", recovery},
}

// variables are those of heroku.yaml that fit the recording: two clouds.
var variables = map[string]string{"CLOUDS": "example.com,eu.example.com", "DEPLOY": "production"}

// A bench is what all phases share.
type bench struct {
	file  string        // definitions
	lines int           // of the recording
	rates []int         // lines per second of latency
	each  time.Duration // how long latency is measured at each rate

	dir, pulse string
	recording  string
	seconds    float64 // that the recording lasts
	addrs      string
	number     int // of the phases' prefixes
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
	f.IntVar(&b.lines, "lines", 2_000_000, "of the recording, at 20,000 a second")
	f.DurationVar(&b.each, "for", 15*time.Second, "how long latency is measured at each rate")
	dir := f.String("kafka-dir", filepath.Join("bin", "kafka"), "the `folder` of Apache Kafka's jars")
	f.Parse(args) // ends the process at an error
	if b.lines < 1000 || b.each < 5*time.Second {
		return errors.New("at least 1000 lines, and 5 s")
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
	cluster, err := b.start(ctx, filepath.Join(*dir, "libs"))
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

// prepare builds pulse and makes the recording.
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
	if b.dir, err = os.MkdirTemp("", "pulse-bench-"); err != nil {
		return err
	}
	b.pulse = filepath.Join(b.dir, "pulse")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.pulse, "./cmd/pulse").CombinedOutput(); err != nil {
		return fmt.Errorf("building pulse: %w\n%s", err, out)
	}
	const rate = 20_000
	b.recording = filepath.Join(b.dir, "recording.log")
	out, err := os.Create(b.recording)
	if err != nil {
		return err
	}
	err = traffic.Write(out, traffic.Options{Kind: "pulse", Lines: b.lines, Rate: rate, Seed: 1, Start: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)})
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	b.seconds = float64(b.lines) / rate
	info, err := os.Stat(b.recording)
	if err != nil {
		return err
	}
	fmt.Printf("%d stats; a recording of %d lines, %d bytes each on average, %.0f s\n", len(d.All()), b.lines, info.Size()/int64(b.lines), b.seconds)
	return nil
}

func (b *bench) start(ctx context.Context, libs string) (*kafka.Cluster, error) {
	if err := kafka.Install(ctx, libs); err != nil {
		return nil, err
	}
	cluster, err := kafka.New(ctx, kafka.Config{Dir: filepath.Join(b.dir, "kafka"), Libs: libs})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := cluster.Start(ctx); err != nil {
		cluster.Close()
		return nil, err
	}
	b.addrs = strings.Join(cluster.Addrs(), ",")
	return cluster, nil
}
