package testkit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
)

// GenerateVariable is the environment variable with which Generated writes, as
// `make generate` has it.
const GenerateVariable = "PULSE_GENERATE"

// Generated checks that a file has a text between two lines:
//
//	<!-- NAME: generated -->
//	<!-- end of NAME -->
//
// A test that calls it is named TestDocs, by which make generate finds it.
func Generated(t testing.TB, file, name, text string) {
	t.Helper()
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := []byte("<!-- "+name+": generated -->\n"), []byte("<!-- end of "+name+" -->\n")
	before, rest, ok := bytes.Cut(doc, begin)
	_, after, ok2 := bytes.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", file, begin, end)
	}
	keep(t, file, "the part "+name, doc, slices.Concat(before, begin, []byte(text), end, after))
}

// GeneratedFile is Generated of a whole file.
func GeneratedFile(t testing.TB, file string, text []byte) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	keep(t, file, "it", old, text)
}

// keep writes what is stale of a file, or fails.
func keep(t testing.TB, file, what string, old, current []byte) {
	t.Helper()
	switch {
	case bytes.Equal(current, old):
	case os.Getenv(GenerateVariable) == "":
		t.Errorf("%s: %s is stale: run make generate", file, what)
	default:
		if err := os.WriteFile(file, current, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
