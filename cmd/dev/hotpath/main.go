// Hotpath measures what folding a line costs: `make bench-compare` against the commit
// before, on one machine and by turns.
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
	flag.BoolVar(&c.force, "force", false, "measure although both are the same program")
	flag.Parse()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(1)
	}
}
