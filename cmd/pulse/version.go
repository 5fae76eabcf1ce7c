package main

import (
	"context"
	"fmt"
)

var versionCommand = command{
	name: "version", summary: "show what this binary was built from", about: `
Prints the version, the commit and the Go release that this binary was built from.`,
	settings: func() settings { return versionSettings{} },
}

type versionSettings struct{}

func (versionSettings) add(*flags) {}

func (versionSettings) check(words []string) error { return noWords(words) }

func (versionSettings) run(_ context.Context, e *environment) error {
	_, err := fmt.Fprintln(e.Stdout, thisBuild())
	return err
}
