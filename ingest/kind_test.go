package ingest

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// TestKinds: each kind can be asked for, and says what it is.
func TestKinds(t *testing.T) {
	testkit.Listed(t, "Kinds", "Kind")
	names, asks, help := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, k := range Kinds {
		if k.Name == "" || names[k.Name] {
			t.Errorf("a Kind has the Name %q: it needs one of its own", k.Name)
		}
		if len(k.Docs) == 0 {
			t.Errorf("the Kind %s lacks Docs: add them, then run make generate", k.Name)
		}
		names[k.Name] = true
		c := k.New()
		if Asked(c) {
			t.Errorf("%s is asked for by its defaults", k.Name)
		}
		settings := c.Settings()
		if own := settings[0]; asks[own.Flag] || asks[own.InFile()] {
			t.Errorf("%s is asked for as another kind is", k.Name)
		} else {
			asks[own.Flag], asks[own.InFile()] = true, true
			if err := own.Value.Set("1"); err != nil || !Asked(c) {
				t.Errorf("%s is not asked for by its own setting (%v)", k.Name, err)
			}
		}
		set := flag.NewFlagSet(k.Name, flag.ContinueOnError)
		set.SetOutput(io.Discard)
		for _, s := range settings {
			set.Var(s.Value, s.Flag, s.Help)
			if before := help[s.Flag]; before != "" && before != s.Help {
				t.Errorf("--%s is said to be %q and %q", s.Flag, before, s.Help)
			}
			help[s.Flag] = s.Help
			if s.Help == "" || s.InFile() == "name" {
				t.Errorf("%s: the setting %s has the help %q, and is called %s in an inputs file", k.Name, s.Flag, s.Help, s.InFile())
			}
		}
		for _, s := range k.New().Settings() { // a value is its own text
			if err := set.Lookup(s.Flag).Value.Set(s.Value.String()); err != nil && s.Value.String() != "" {
				t.Errorf("--%s does not take its default %q: %v", s.Flag, s.Value, err)
			}
		}
	}
}

// TestDocs: docs/inputs.md has the tables that the kinds give.
func TestDocs(t *testing.T) {
	const name = "../docs/inputs.md"
	var b strings.Builder
	b.WriteString("| input | origin: the fields of its lines | when Kafka does not keep up | what is lost when it is killed |\n| --- | --- | --- | --- |\n")
	for _, k := range Kinds {
		for _, row := range k.Docs {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.Title, row.Origin, row.Busy, row.Lost)
		}
	}
	testkit.Generated(t, name, "kinds", b.String())

	type setting struct {
		Setting
		kinds []string
	}
	var all []*setting
	for _, k := range Kinds {
		for _, s := range k.New().Settings() {
			i := slices.IndexFunc(all, func(a *setting) bool { return a.Flag == s.Flag && a.InFile() == s.InFile() })
			if i < 0 {
				i = len(all)
				all = append(all, &setting{Setting: s})
			}
			all[i].kinds = append(all[i].kinds, k.Name)
		}
	}
	b.Reset()
	b.WriteString("| flag | variable | in a file | of | what |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range all {
		variable := s.Variable
		if variable == "" {
			variable = "PULSE_" + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
		}
		value, help := flag.UnquoteUsage(&flag.Flag{Name: s.Flag, Usage: s.Help, Value: s.Value})
		if value != "" {
			value = " " + value
		}
		help = regexp.MustCompile(`(--[a-z-]+|\w+=\w+|aorta://\S+)`).ReplaceAllString(help, "`$1`")
		fmt.Fprintf(&b, "| `--%s%s` | `%s` | `%s` | %s | %s |\n", s.Flag, value, variable, s.InFile(), strings.Join(s.kinds, ", "), help)
	}
	testkit.Generated(t, name, "settings", b.String())
}
