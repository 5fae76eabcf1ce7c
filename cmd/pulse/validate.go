package main

import (
	"context"
	"fmt"
	"os"

	"pulse/stats"
)

// validateCommand is `pulse validate`.
func validateCommand(_ context.Context, e *environment, args []string) error {
	f := newFlags(e, "validate", "FILE", `
Checks a definitions file and lists everything that is wrong with it, each with
its line and column.`)
	if err := f.parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return usagef("one definitions file is needed")
	}
	data, err := os.ReadFile(f.Arg(0))
	if err != nil {
		return err
	}
	definitions, err := stats.Parse(f.Arg(0), data)
	if err != nil {
		return err
	}
	if _, err := stats.Compile(definitions); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %d stats on %d pages, generation %s\n",
		f.Arg(0), len(definitions.Stats), len(definitions.Pages), definitions.Generation())
	return nil
}
