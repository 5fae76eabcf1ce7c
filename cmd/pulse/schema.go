package main

import (
	"context"

	"pulse/stats"
)

var schemaCommand = command{
	name: "schema", summary: "print the JSON schema of definitions files", usage: "> pulse.schema.json", about: `
Prints the JSON schema of definitions files, by which editors complete and check them.`,
	settings: func() settings { return schemaSettings{} },
}

type schemaSettings struct{}

func (schemaSettings) add(*flags) {}

func (schemaSettings) check(words []string) error { return noWords(words) }

func (schemaSettings) run(_ context.Context, e *environment) error {
	_, err := e.Stdout.Write(stats.Schema)
	return err
}
