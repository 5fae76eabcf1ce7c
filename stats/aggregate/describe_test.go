package aggregate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/value"
)

// Each Description says all that is made of it.
func TestDescriptions(t *testing.T) {
	testkit.Listed(t, "Kinds", "Description")
	seen := map[string]bool{}
	for _, d := range Kinds {
		if seen[d.Name] {
			t.Errorf("two kinds are named %s", d.Name)
		}
		seen[d.Name] = true
	}
	for _, d := range Kinds {
		lacks := func(what string) { t.Errorf("%s: the Description of %s lacks %s", fileOf(t, d), d.Name, what) }
		if d.Name == "" {
			t.Fatalf("%s: a Description lacks a Name: the key of a stat in a definitions file", fileOf(t, d))
		}
		if !strings.HasSuffix(d.Doc, ".") {
			lacks("Doc: sentences, with a period at the end; then run make generate")
		}
		if !slices.Contains(value.Shapes(), d.Shape) {
			lacks("a Shape of package value; a new one is a file there and a line in shapes")
		}
		if what := missing(d); what != "" {
			lacks(what)
		}
		if d.Takes != Internal && len(d.Example) == 0 {
			lacks("an Example, such as " + d.Name + ": ms")
		}
		for _, e := range d.Example {
			if !strings.HasPrefix(e, d.Name+": ") {
				t.Errorf("the Example %q of %s does not begin with its name", e, d.Name)
			}
		}
		if (d.Takes == TakesWord) != (len(d.Words) > 0) {
			t.Errorf("%s: Words go with TakesWord", d.Name)
		}
		for _, alias := range d.Aliases {
			if seen[alias] {
				t.Errorf("%s has the alias %s, which is a kind or another's alias", d.Name, alias)
			}
			seen[alias] = true
		}
		if d.Takes == TakesField && d.Option("over") == nil && d.Option("expire") == nil {
			lacks("an option that says how long its window is: over(60), or expire; see options.go")
		}
		if d.Option("top") != nil && d.Option("by") == nil {
			t.Errorf("%s has top without by", d.Name)
		}
		for _, o := range d.Options {
			if o.Name == "" || !strings.HasSuffix(o.Doc, ".") {
				lacks(fmt.Sprintf("the name or the Doc, sentences with a period at the end, of its option %q", o.Name))
			}
			if o.Default != nil && o.Required != "" {
				t.Errorf("%s has an option %s with a default, and it must be given", d.Name, o.Name)
			}
		}
	}
}

// missing says what a Description needs so that its kind can be made, with and
// without keys; empty: nothing.
func missing(d *Description) string {
	if d.New == nil {
		return "New"
	}
	if d.Option("top") == nil || d.OfStats() {
		return ""
	}
	var word Word
	if len(d.Words) > 0 {
		word = d.Words[0]
	}
	var methods []string
	k := d.New(parameters(word))
	if _, ok := k.(keyable); !ok {
		methods = append(methods, "measured of its Kind")
	}
	if _, ok := k.(selfKeyed); !ok {
		w := k.NewWindow()
		if _, ok := w.(interface{ compare(Window) int }); !ok {
			methods = append(methods, "compare of its Window")
		}
		if _, ok := w.(interface{ absorb(Window) }); !ok {
			methods = append(methods, "absorb of its Window")
		}
	}
	if methods == nil {
		return ""
	}
	return "what byKey() in its Options needs: the methods " + strings.Join(methods, ", ") + "; stddev.go has all"
}

// fileOf finds the file of a Description.
func fileOf(t *testing.T, d *Description) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^\s*Name:\s*"` + regexp.QuoteMeta(d.Name) + `"`)
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, "_test.go") && file != "options.go" && name.Match(b) {
			return file
		}
	}
	return "describe.go"
}

// The values of a kind have the shape that it says, are walked over, and are read
// from their JSON again.
func TestShapesOfKinds(t *testing.T) {
	for _, test := range kinds() {
		p := test.kind.NewPartial()
		newFolder(t).fold(p, randomLines(rand.New(rand.NewPCG(1, 5)), 200, 50)...)
		w := test.kind.NewWindow()
		w.Add(p)
		v := w.Value(whole)
		if v == nil {
			t.Errorf("%s of 200 lines is null", test.name)
			continue
		}
		want := value.ShapeKeyed
		if !strings.Contains(test.name, "by key") && !strings.Contains(test.name, "by two") {
			want = Describe(strings.TrimSuffix(strings.FieldsFunc(test.name, func(r rune) bool { return r == ' ' || r == ',' })[0], ",")).Shape
		}
		if v.Shape() != want {
			t.Errorf("%s has values of the shape %s, its Description says %s", test.name, v.Shape(), want)
		}
		n := 0
		for range value.Numbers(v) {
			n++
		}
		if n == 0 {
			t.Errorf("%s has no numbers: does walk of the shape %s give them?", test.name, v.Shape())
		}
		again, err := value.Parse([]byte(jsonOf(v)))
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%s is %s, which is read as %#v, %v", test.name, jsonOf(v), again, err)
		}
	}
}

// No file of this package has a kind without a Description.
func TestKindsAreDescribed(t *testing.T) {
	made := map[string]bool{} // types of kinds
	for _, test := range kinds() {
		name := reflect.TypeOf(test.kind).String()
		made[name[strings.LastIndexByte(name, '.')+1:]] = true
	}
	described := regexp.MustCompile(`(?m)^var \w+ = &?Description\{`)
	newWindow := regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?(\w+)\) NewWindow\(\)`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// What is wrong with a Description TestDescriptions says.
		if strings.HasSuffix(file, "_test.go") || described.Match(b) {
			continue
		}
		for _, m := range newWindow.FindAllSubmatch(b, -1) {
			if typ := string(m[1]); !made[typ] {
				t.Errorf("%s: %s is a kind without a Description: add one to the file, as in stddev.go, and a line to Kinds in describe.go", file, typ)
			}
		}
	}
}
