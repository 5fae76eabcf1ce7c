package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// What the linker is told with -X: see the Makefile and the Dockerfile. Without it
// the Go tool's own notes serve, where it has made any.
var (
	version  string
	revision string
)

// A build is what a binary was built from.
type build struct {
	version  string // "devel" if nobody said
	revision string // of the repository; "unknown" if nobody said
	release  string // of Go
}

func (b build) String() string {
	return "pulse " + b.version + ", revision " + b.revision + ", " + b.release
}

// thisBuild is that of this binary.
func thisBuild() build {
	b := build{version, revision, runtime.Version()}
	if noted, ok := debug.ReadBuildInfo(); ok {
		b.version = cmp.Or(b.version, noted.Main.Version)
		b.revision = cmp.Or(b.revision, notedRevision(noted.Settings))
	}
	if b.version == "" || b.version == "(devel)" {
		b.version = "devel"
	}
	b.revision = cmp.Or(b.revision, "unknown")
	return b
}

// notedRevision is the commit, with a plus if files were changed since; "" where
// the Go tool saw no repository.
func notedRevision(settings []debug.BuildSetting) string {
	noted := map[string]string{}
	for _, s := range settings {
		noted[s.Key] = s.Value
	}
	if noted["vcs.revision"] != "" && noted["vcs.modified"] == "true" {
		return noted["vcs.revision"] + "+"
	}
	return noted["vcs.revision"]
}
