package main

import (
	"context"
	"fmt"

	"pulse/stats/program"
)

var validateCommand = command{
	name: "validate", summary: "check a definitions file", usage: "FILE", about: `
Checks a definitions file and lists everything that is wrong with it, each with
its line and column.`,
	settings: func() settings { return &validateSettings{} },
}

type validateSettings struct{ file string }

func (s *validateSettings) add(*flags) {}

func (s *validateSettings) check(words []string) (err error) {
	s.file, err = oneWord(words, "definitions file")
	return err
}

func (s *validateSettings) run(_ context.Context, e *environment) error {
	definitions, err := e.readDefinitions(s.file)
	if err != nil {
		return err
	}
	if _, err := program.Compile(definitions); err != nil {
		return err
	}
	if err := definitions.CheckSamples(s.file); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s on %s, definitions version %s\n",
		s.file, plural(len(definitions.Stats), "stat"), plural(len(definitions.Pages), "page"), definitions.Version())
	return nil
}

// plural counts things.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
