package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// versionCommand is `pulse version`: what the Go tool noted of the build.
func versionCommand(_ context.Context, e *environment, args []string) error {
	if err := newFlags(e, "version", "", "Prints the version, the commit and the Go release that this binary was built from.").parse(args); err != nil {
		return err
	}
	version, commit, release := "(devel)", "", "unknown Go"
	if build, ok := debug.ReadBuildInfo(); ok {
		version, release = build.Main.Version, build.GoVersion
		for _, s := range build.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = " commit " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				commit += " with changes"
			}
		}
	}
	fmt.Fprintf(e.Stdout, "pulse %s%s, %s\n", version, commit, release)
	return nil
}
