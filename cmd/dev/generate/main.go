// Command generate writes a recording of made-up traffic to stdout:
//
//	go run ./cmd/dev/generate -kind mixed -lines 1000000 -rate 2000 -seed 7 >mixed.log
//
// The same flags give the same bytes.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"pulse/cmd/dev/traffic"
)

func main() {
	o := traffic.Options{}
	flag.StringVar(&o.Kind, "kind", "mixed", "what lines: "+strings.Join(traffic.Kinds(), ", "))
	flag.IntVar(&o.Lines, "lines", 100_000, "how many lines")
	flag.Float64Var(&o.Rate, "rate", 1000, "lines per second, on average")
	flag.Uint64Var(&o.Seed, "seed", 1, "another seed is another recording")
	start := flag.String("start", "2012-11-22T09:00:00Z", "the first line's time, in RFC 3339")
	flag.DurationVar(&o.Disorder, "disorder", 0, "by how much lines are out of order, at most")
	flag.Float64Var(&o.Garbage, "garbage", 0, "the part of the lines that are garbage, 0 to 1")
	flag.Parse()

	if err := run(o, *start, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(o traffic.Options, start string, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: everything is given by flags", args[0])
	}
	var err error
	if o.Start, err = time.Parse(time.RFC3339, start); err != nil {
		return fmt.Errorf("-start: %w", err)
	}
	w := bufio.NewWriterSize(os.Stdout, 1<<20)
	if err := traffic.Write(w, o); err != nil {
		return err
	}
	return w.Flush()
}
