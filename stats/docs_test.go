package stats_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/line"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// TestDocs: the tables of kinds and options are made of their descriptions.
func TestDocs(t *testing.T) {
	const definitions, readme = "../docs/definitions.md", "../README.md"
	page, err := os.ReadFile(definitions)
	if err != nil {
		t.Fatal(err)
	}
	var lines []byte // the block that is not YAML
	for _, block := range regexp.MustCompile("(?ms)^```(yaml)?\n(.*?)^```$").FindAllSubmatch(page, -1) {
		if len(block[1]) == 0 {
			lines = bytes.TrimSpace(block[2])
		}
	}
	kinds, err := kindsTable(lines)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Generated(t, definitions, "kinds", kinds)
	testkit.Generated(t, definitions, "options", optionsTable())
	testkit.Generated(t, readme, "kinds", summaryTable())
}

// byKeyExample is the row of values by key, which is no kind.
const byKeyExample = "rate: minute, over: 60s, by: user, top: 2"

// written are the kinds that a file can have.
func written() (all []*aggregate.Description) {
	for _, name := range stats.Kinds {
		all = append(all, aggregate.Describe(name))
	}
	return all
}

// kindsTable has each kind with the value that its example has of some lines.
func kindsTable(lines []byte) (string, error) {
	var b strings.Builder
	b.WriteString("| kind | what | of nothing | window | value |\n| --- | --- | --- | --- | --- |\n")
	row := func(example, what, nothing, window string) error {
		value, err := evaluate(example, lines)
		if err == nil {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", code(example), what, nothing, window, value)
		}
		return err
	}
	for _, d := range written() {
		for i, example := range d.Example {
			what := decapitalize(strings.TrimSuffix(d.Doc, "."))
			if i > 0 {
				what = "the same"
			}
			if err := row(example, what, nothing(d), window(d, i)); err != nil {
				return "", fmt.Errorf("the example %q of %s: %w", example, d.Name, err)
			}
		}
	}
	if err := row(byKeyExample, "for each key: see below", "`"+`{"top":[],"other":0,"distinct":0}`+"`", "that of `rate`"); err != nil {
		return "", err
	}
	return b.String(), nil
}

// summaryTable has each kind with one sentence.
func summaryTable() string {
	var b strings.Builder
	b.WriteString("| kind | value, over the trailing window |\n| --- | --- |\n")
	var keyed []string
	for _, d := range written() {
		var examples []string
		for _, e := range d.Example {
			examples = append(examples, code(e))
		}
		summary, _, _ := strings.Cut(strings.TrimSuffix(d.Doc, "."), ". ")
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(examples, ", "), decapitalize(summary))
		if d.Option("top") != nil {
			keyed = append(keyed, "`"+d.Name+"`")
		}
	}
	last := len(keyed) - 1
	fmt.Fprintf(&b, "| %s or %s with `by: user`, `top: 10` | the same for each key, greatest first; all others together, and how many keys there are |\n",
		strings.Join(keyed[:last], ", "), keyed[last])
	return b.String()
}

// optionsTable has each option with its bounds and defaults.
func optionsTable() string {
	var b strings.Builder
	b.WriteString("| option | of | what | bounds |\n| --- | --- | --- | --- |\n")
	for _, o := range stats.Options {
		var kinds []string
		for _, d := range written() {
			if d.Option(o.Name) != nil {
				kinds = append(kinds, "`"+d.Name+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Name, strings.Join(kinds, ", "),
			decapitalize(strings.TrimSuffix(o.Doc+stats.DefaultsOf(o.Name), ".")), bounds(o))
	}
	return b.String()
}

func bounds(o aggregate.Option) string {
	switch o.Type {
	case aggregate.Seconds:
		if o.Name == "over" {
			return fmt.Sprintf("%g s to 24 h; of %s without `by` to %g d", o.Least, stats.List(stats.LongKinds), o.Most/86400)
		}
		return fmt.Sprintf("%g s to %g h", o.Least, o.Most/3600)
	case aggregate.Whole:
		return fmt.Sprintf("%g to %g", o.Least, o.Most)
	case aggregate.Amount:
		return fmt.Sprintf("%s to %s", stats.Plain(o.Least), stats.Plain(o.Most))
	case aggregate.Ranking:
		return "`value`, `count`; of `quantiles` `count` or 0.000001 to 1"
	case aggregate.Fields:
		return fmt.Sprintf("1 to %d fields", o.Elements)
	}
	text := fmt.Sprintf("1 to %d %ss from %s to %s", o.Elements, o.Element, stats.Plain(o.Least), stats.Plain(o.Most))
	if o.Decimals > 0 {
		text += fmt.Sprintf(", of at most %d decimals", o.Decimals)
	}
	return text
}

// nothing is what a kind's value of nothing is.
func nothing(d *aggregate.Description) string {
	if d.Null {
		return "null"
	}
	return "0"
}

// window is how long a kind's window is if nothing is said.
func window(d *aggregate.Description, example int) string {
	if d.Takes == aggregate.TakesObjective {
		return "its `over`, 30 d"
	}
	switch over, expire := d.Option("over"), d.Option("expire"); {
	case len(d.Words) > example && d.Words[example].Over > 0:
		return fmt.Sprintf("%d s", d.Words[example].Over)
	case over != nil:
		return fmt.Sprintf("%g s", over.Default[0])
	case expire != nil:
		return fmt.Sprintf("`expire`, %g s", expire.Default[0])
	}
	return "theirs"
}

// code writes the options of an example as code.
func code(example string) string {
	if strings.Contains(example, "{") {
		return "`" + example + "`"
	}
	return "`" + regexp.MustCompile(`, ([a-z-]+: )`).ReplaceAllString(example, "`, `$1") + "`"
}

func decapitalize(s string) string { return strings.ToLower(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// evaluate gives the value of an example at the last second of some lines.
func evaluate(example string, lines []byte) (string, error) {
	d, err := stats.Parse("example", []byte("stats:\n"+
		"- {name: example, "+example+"}\n"+
		"- {name: errors, rate: minute, where: status >= 500}\n"+
		"- {name: good, rate: minute, where: status < 500}\n"+
		"- {name: requests, rate: minute}\n"))
	if err != nil {
		return "", err
	}
	var last string
	e, err := oracle.New(d, func(s stats.Snapshot) {
		if s.Stat == "example" {
			last = string(s.Value)
		}
	})
	if err != nil {
		return "", err
	}
	nanos, ok := new(line.Times).Near(lines, -1)
	if !ok {
		return "", fmt.Errorf("docs/definitions.md has no lines with times")
	}
	second := nanos / 1e9
	e.Pack(program.Pack{Lines: lines, Second: second, Floor: second})
	e.Close(-1)
	return last, nil
}
