package main

import (
	"context"
	"fmt"

	"pulse/stats/program"
)

// validateCommand is `pulse validate`.
func validateCommand(_ context.Context, e *environment, args []string) error {
	f := newFlags(e, "validate", "FILE", `
Checks a definitions file and lists everything that is wrong with it, each with
its line and column.`)
	files, err := f.parseWords(args)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return usagef("one definitions file is needed")
	}
	definitions, err := e.readDefinitions(files[0])
	if err != nil {
		return err
	}
	if _, err := program.Compile(definitions); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s on %s, generation %s\n",
		files[0], plural(len(definitions.Stats), "stat"), plural(len(definitions.Pages), "page"), definitions.Generation())
	return nil
}

// plural counts things.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
