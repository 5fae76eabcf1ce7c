// Chaos does to Pulse what befalls it in the wild, on a real Kafka, and compares
// every number that is published with the oracle, `pulse eval --raw`.
//
//	go run ./cmd/dev/chaos                     all scenarios
//	go run ./cmd/dev/chaos -short kill zombie  two, in their short forms
//	go run ./cmd/dev/chaos kafka up            a Kafka in the background
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if run, ok := subcommands[args[0]]; ok {
			return run(ctx, args[1:])
		}
	}
	o := options{Log: os.Stderr}
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main says the error, in one line
	usage := func() {
		f.SetOutput(os.Stdout)
		fmt.Fprint(f.Output(), "usage: chaos [flags] [SCENARIO...]\n       chaos kafka up|down [flags]\n\nscenarios (all but \"all\" where none is named):\n")
		for _, s := range scenarios() {
			fmt.Fprintf(f.Output(), "  %-10s %s\n", s.name, s.about)
		}
		fmt.Fprint(f.Output(), "\nflags:\n")
		f.PrintDefaults()
	}
	f.Uint64Var(&o.Seed, "seed", 0, "of the load and the faults; 0: one is chosen and printed")
	f.BoolVar(&o.Short, "short", false, "the short forms")
	f.IntVar(&o.Rate, "rate", 2000, "lines per second")
	f.StringVar(&o.Brokers, "brokers", "", "a Kafka to use, host:port,…, for scenarios that do nothing to it; empty: each starts one")
	f.BoolVar(&o.Embedded, "embedded", false, "use the embedded broker, for scenarios that do nothing to it")
	parallel := f.Int("parallel", 1, "how many scenarios run at a time; gaps are longer then")
	table := f.String("table", "", "append the figures to this `file`, as a table in Markdown")
	o.Kafka.add(f)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return nil
	case err != nil:
		return fmt.Errorf("%w; -help lists them", err)
	}
	if o.Rate < 10 || o.Rate > 1_000_000 {
		return fmt.Errorf("-rate is %d: from 10 to 1000000", o.Rate)
	}
	if *parallel < 1 {
		return fmt.Errorf("-parallel is %d: at least 1", *parallel)
	}
	chosen, err := choose(f.Args())
	if err != nil {
		return err
	}
	if o.Brokers != "" || o.Embedded {
		for _, s := range chosen {
			if s.controls {
				return fmt.Errorf("%s does things to the broker: it needs one of its own, without -brokers and -embedded", s.name)
			}
		}
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano()) % 1_000_000_000
	}
	dir, err := os.MkdirTemp("", "pulse-chaos-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.Tools = &tools{dir: dir}
	reports := runAll(ctx, chosen, o, *parallel)
	failed := slices.DeleteFunc(slices.Clone(reports), report.ok)
	if *table != "" {
		if err := appendTable(*table, args, reports); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		// Said once more, at the end: the others' output is long.
		text := fmt.Sprintf("%d of %d scenarios failed", len(failed), len(reports))
		for _, r := range failed {
			text += "\n" + r.String()
		}
		return errors.New(text)
	}
	return nil
}

// runAll runs scenarios, so many at a time, and returns the reports of those
// that were run, in order.
func runAll(ctx context.Context, chosen []scenario, o options, parallel int) []report {
	o.Log = &lockedWriter{w: o.Log}
	reports := make([]report, len(chosen))
	var all errgroup.Group
	all.SetLimit(parallel)
	for i, s := range chosen {
		all.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			fmt.Fprintf(o.Log, "%s: %s\n", s.name, s.about)
			r, err := runScenario(ctx, s, o)
			if err != nil {
				r.Failures = append(r.Failures, err.Error())
			}
			reports[i] = r
			fmt.Println(r)
			return nil
		})
	}
	all.Wait() // reports have the errors
	return slices.DeleteFunc(reports, func(r report) bool { return r.Scenario == "" })
}

// A lockedWriter takes whole lines of several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// subcommands are what chaos does beside scenarios.
var subcommands = map[string]func(context.Context, []string) error{
	"kafka":  kafkaCommand,
	"ingest": ingesterCommand,
}

// choose finds scenarios by name.
func choose(names []string) ([]scenario, error) {
	all := scenarios()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(s scenario) bool { return s.name == "all" }), nil
	}
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q; -help lists them", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// appendTable writes the figures as docs/chaos.md has them.
func appendTable(file string, args []string, reports []report) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(f, "\n%s, `go run ./cmd/dev/chaos", time.Now().Format(time.DateOnly))
	for _, a := range args {
		io.WriteString(f, " "+a)
	}
	fmt.Fprintf(f, "`:\n\n%s\n", tableHead)
	for _, r := range reports {
		fmt.Fprintln(f, r.row())
	}
	return f.Close()
}
