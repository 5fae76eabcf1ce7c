package line

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
)

// TestSamples: each sample has its time and fields and no others, whether its
// format is recognized or named, and the scanner says which format it has.
func TestSamples(t *testing.T) {
	testkit.Listed(t, "Formats", "Format")
	names := map[string]bool{}
	for _, f := range Givens {
		names[f.Name] = true
	}
	for _, f := range Formats {
		for _, sample := range f.Samples {
			for name := range sample.Fields {
				names[name] = true
			}
		}
	}
	delete(names, "line")
	s := newSchema(t, slices.Sorted(maps.Keys(names))...)
	sc, ev := s.NewScanner(), new(Event)
	for _, f := range Formats {
		given := map[string]bool{}
		for _, sample := range f.Samples {
			want := maps.Clone(sample.Fields)
			if want["msg"] == "" {
				want["msg"] = "'" + sample.Line
			}
			for name := range want {
				given[name] = true
			}
			for _, from := range []Origin{"", Origin(FormatField + "=" + f.Name)} {
				if from == "" && f.named {
					continue
				}
				sc.From(from)
				sc.Parse(ev, buffer(sample.Line), 0, len(sample.Line))
				if got := describe(s, ev); !maps.Equal(got, want) {
					t.Errorf("%s, from %q: %s\n got %v\nwant %v", f.Name, from, sample.Line, got, want)
				}
				got := ""
				if second, nanos, ok := ev.Time(); ok {
					got = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
				}
				if got != sample.Time {
					t.Errorf("%s, from %q: %s: time %q, want %q", f.Name, from, sample.Line, got, sample.Time)
				}
			}
		}
		if len(f.Samples) == 0 && !f.named {
			t.Errorf("the Format %s lacks Samples", f.Name)
		}
		if len(f.Doc) == 0 && !f.named {
			t.Errorf("the Format %s lacks Doc: add it, then run make generate", f.Name)
		}
		for _, field := range f.Fields {
			if name := Givens[field].Name; !given[name] {
				t.Errorf("%s has no sample with the field %s", f.Name, name)
			}
		}
	}
}

// TestDocs: docs/formats.md has the tables that the formats give.
func TestDocs(t *testing.T) {
	const name = "../../docs/formats.md"
	var b strings.Builder
	b.WriteString("| format | looks like | fields |\n| --- | --- | --- |\n")
	for _, f := range Formats {
		for _, row := range f.Doc {
			looks := strings.ReplaceAll(row.Looks, "|", `\|`) // a bar ends a cell, in code too
			fmt.Fprintf(&b, "| %s | %s | %s |\n", row.Title, looks, row.Gives)
		}
	}
	testkit.Generated(t, name, "formats", b.String())
	b.Reset()
	b.WriteString("| field | what | given by |\n| --- | --- | --- |\n")
	for i, field := range Givens {
		var by []string
		for _, f := range Formats {
			if slices.Contains(f.Fields, given(i)) {
				by = append(by, f.Name)
			}
		}
		if by == nil {
			by = []string{"all"}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", field.Name, field.Doc, strings.Join(by, ", "))
	}
	testkit.Generated(t, name, "fields", b.String())
}
