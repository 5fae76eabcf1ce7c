package stats

import (
	"bytes"
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
		return d.Meanings()
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

// TestAppendSecond: a second that was taken from one series and joined to another
// is the same there, and only within what is asked for.
func TestAppendSecond(t *testing.T) {
	d, err := Parse("test.yaml", []byte("stats:\n  - {name: bytes, sum: bytes, over: 10s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	folder := program.NewFolder()
	folder.Fold(Pack{Lines: []byte("time=1970-01-01T00:01:40Z bytes=1.5\ntime=1970-01-01T00:01:41Z bytes=2\ntime=1970-01-01T00:01:41Z bytes=3"), Second: 101, Floor: 101})
	from := program.NewSeries(0)
	folder.Flush(func(stat int, fragment []byte) {
		if d.All()[stat].Name != "bytes" {
			return
		}
		if err := from.Join(fragment, nil); err != nil {
			t.Fatal(err)
		}
	})
	if got := from.AppendSecond(nil, 99); got != nil {
		t.Errorf("of a second without lines there are %d bytes", len(got))
	}
	to := program.NewSeries(0)
	for second := int64(100); second <= 101; second++ {
		if err := to.JoinWithin(from.AppendSecond(nil, second), 101, 102, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(to.Value(101)); got != "5" {
		t.Errorf("the second 101 alone is %s, want 5", got)
	}
	if !bytes.Equal(to.AppendSecond(nil, 101), from.AppendSecond(nil, 101)) {
		t.Error("a second came back with other bytes")
	}
}
