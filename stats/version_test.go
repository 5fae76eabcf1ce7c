package stats

import (
	"slices"
	"testing"
)

// TestMeanings: a stat's meaning changes with all that its values depend on, the
// stats that a ratio is of included, and with nothing else.
func TestMeanings(t *testing.T) {
	meanings := func(text string) map[string]string {
		t.Helper()
		d, err := Parse("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return d.StatHashes()
	}
	const before = `
stats:
  - {name: all, rate: second}
  - {name: errors, rate: second, where: status >= 500}
  - {name: part, ratio: [errors, all]}
`
	was := meanings(before)
	for _, c := range []struct {
		name, text string
		changed    []string
	}{
		{"a title", "\nstats:\n  - {name: all, rate: second, title: All}\n  - {name: errors, rate: second, where: status >= 500}\n  - {name: part, ratio: [errors, all]}\n", nil},
		{"a condition", "\nstats:\n  - {name: all, rate: second}\n  - {name: errors, rate: second, where: status >= 400}\n  - {name: part, ratio: [errors, all]}\n", []string{"errors", "part"}},
		{"another stat", before + "  - {name: more, rate: minute}\n", []string{"more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var changed []string
			for name, meaning := range meanings(c.text) {
				if was[name] != meaning {
					changed = append(changed, name)
				}
			}
			slices.Sort(changed)
			if !slices.Equal(changed, c.changed) {
				t.Errorf("%q have changed, want %q", changed, c.changed)
			}
		})
	}
	for name, meaning := range meanings("lateness: 7s" + before) {
		if was[name] == meaning {
			t.Errorf("%s means the same with another lateness", name)
		}
	}
}
