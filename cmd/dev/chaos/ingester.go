package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"pulse/ingest"
	"pulse/topics"
)

// ingesterCommand is `chaos ingest`, a process that chaos runs several of: an
// ingester as `pulse ingest` is one, but its lines are made here, its clock can
// be wrong, and it says on standard output which lines Kafka has acknowledged.
// It ends, with all of its lines' seconds final, when its standard input does.
func ingesterCommand(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("chaos ingest", flag.ExitOnError)
	brokers := f.String("brokers", "", "Kafka's")
	prefix := f.String("prefix", "", "of the topics")
	tag := f.String("tag", "", "of the lines' numbers")
	rate := f.Int("rate", 1000, "lines per second")
	seed := f.Uint64("seed", 1, "of the lines")
	lateness := f.Int64("lateness", 2, "the definitions'")
	skew := f.Duration("skew", 0, "how far this host's clock is ahead")
	if err := f.Parse(args); err != nil {
		return err
	}
	cluster, err := topics.ParseCluster(*brokers)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	producer, err := ingest.NewProducer(ctx, cluster, topics.Names{Prefix: *prefix}, log)
	// One that is killed just before the broker is away comes back without one. It
	// would end, and be started again and again; here an end that nobody asked for
	// is a failure.
	for began := time.Now(); err != nil && time.Since(began) < time.Minute && sleep(ctx, time.Second); {
		producer, err = ingest.NewProducer(ctx, cluster, topics.Names{Prefix: *prefix}, log)
	}
	if err != nil {
		return err
	}
	end := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(end)
	}()
	var out sync.Mutex
	now := func() time.Time { return time.Now().Add(*skew) }
	live := ingest.Live{
		Inputs: []ingest.Input{&load{tag: *tag, rate: *rate, seed: *seed, now: now, end: end, acked: func(first, last int, err error) {
			if err == nil {
				out.Lock()
				fmt.Printf("acked %s %d %d\n", *tag, first, last)
				out.Unlock()
			}
		}}},
		Lateness: *lateness,
		Now:      now,
	}
	if err := live.Run(ctx, producer); err != nil && ctx.Err() == nil {
		producer.Close(ctx)
		return err
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return producer.Close(flush)
}

// A ledger holds which lines were acknowledged.
type ledger struct {
	mu     sync.Mutex
	ranges map[string][][2]int // tag -> first and last
}

// read takes what an ingester says, until it ends.
func (l *ledger) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		// A process that is killed may leave half a line.
		words := strings.Fields(scanner.Text())
		if len(words) != 4 || words[0] != "acked" {
			continue
		}
		first, err1 := strconv.Atoi(words[2])
		last, err2 := strconv.Atoi(words[3])
		if err1 != nil || err2 != nil || last < first {
			continue
		}
		l.mu.Lock()
		l.ranges[words[1]] = append(l.ranges[words[1]], [2]int{first, last})
		l.mu.Unlock()
	}
}

// lines is how many were acknowledged.
func (l *ledger) lines() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ranges := range l.ranges {
		for _, r := range ranges {
			n += r[1] - r[0] + 1
		}
	}
	return n
}

// missing counts the acknowledged lines that found does not know.
func (l *ledger) missing(found func(tag string, n int) bool) (missing int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tag, ranges := range l.ranges {
		for _, r := range ranges {
			for n := r[0]; n <= r[1]; n++ {
				if !found(tag, n) {
					missing++
				}
			}
		}
	}
	return missing
}
