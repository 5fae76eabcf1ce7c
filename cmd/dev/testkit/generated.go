package testkit

import (
	"bytes"
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
	current := slices.Concat(before, begin, []byte(text), end, after)
	switch {
	case bytes.Equal(current, doc):
	case os.Getenv(GenerateVariable) == "":
		t.Errorf("%s: the part %s is stale: run make generate", file, name)
	default:
		if err := os.WriteFile(file, current, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
