package line

import (
	"slices"
	"testing"
)

// TestNames: what samples of all formats give is among the names that a line can have.
func TestNames(t *testing.T) {
	for _, f := range Formats {
		for _, sample := range f.Samples {
			names := Names([]byte(sample.Line))
			for name := range sample.Fields {
				given := slices.ContainsFunc(Givens[:], func(g struct{ Name, Doc string }) bool { return g.Name == name })
				if !given && !slices.Contains(names, name) {
					t.Errorf("%s: %s has the field %s, which is not among %q", f.Name, sample.Line, name, names)
				}
			}
		}
	}
}

// TestColoredNames: colors are not part of names.
func TestColoredNames(t *testing.T) {
	const colored, plain = "\x1b[36mtook=\x1b[0m5 \x1b[1mcached\x1b[0m", "took=5 cached"
	if got, want := Names([]byte(colored)), Names([]byte(plain)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
