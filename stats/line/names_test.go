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
