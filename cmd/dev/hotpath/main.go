// Hotpath measures what folding a line costs: `make bench-compare` against the commit
// before, on one machine and by turns; with -figures this tree alone, for docs/figures.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := comparison{root: ".", out: os.Stdout}
	flag.StringVar(&c.base, "base", "", "the `commit` to compare with; by default the one before, or HEAD if something is not committed")
	flag.DurationVar(&c.spend, "for", 16*time.Second, "how `long` to measure; what seems slower is measured twice")
	flag.IntVar(&c.layouts, "layouts", 0, "measure in `so many` layouts of functions, each for as long, and print means; it fails by none")
	flag.BoolVar(&c.force, "force", false, "measure although both are the same program")
	f := figures{root: ".", out: os.Stdout}
	alone := flag.Bool("figures", false, "measure this tree alone, and print Markdown")
	flag.StringVar(&f.pulse, "pulse", "bin/pulse", "with -figures: the `binary` whose eval is timed")
	flag.Int64Var(&f.bytes, "bytes", 1e9, "with -figures: the `size` of the log that it evaluates")
	flag.IntVar(&f.turns, "turns", 101, "with -figures: how `often` each input is folded")
	flag.Parse()
	measure := c.run
	if *alone {
		measure = f.run
	}
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(1)
	}
}
