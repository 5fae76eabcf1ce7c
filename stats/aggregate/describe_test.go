package aggregate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pulse/stats/value"
)

// Each Description says all that is made of it.
func TestDescriptions(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Kinds {
		if seen[d.Name] {
			t.Errorf("two kinds are named %s", d.Name)
		}
		seen[d.Name] = true
	}
	for _, d := range Kinds {
		lacks := func(what string) { t.Errorf("the Description of %s lacks %s", d.Name, what) }
		if !strings.HasSuffix(d.Doc, ".") {
			lacks("Doc: sentences, with a point at the end")
		}
		if !slices.Contains(value.Shapes(), d.Shape) {
			lacks("a Shape of package value; a new one is a file there and a line in shapes")
		}
		if d.New == nil {
			lacks("New")
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
		if d.Option("top") != nil && d.Option("by") == nil {
			t.Errorf("%s has top without by", d.Name)
		}
		for _, o := range d.Options {
			if o.Name == "" || !strings.HasSuffix(o.Doc, ".") {
				t.Errorf("%s has an option %q without a name or a Doc, which is sentences with a point at the end", d.Name, o.Name)
			}
			if o.Default != nil && o.Required != "" {
				t.Errorf("%s has an option %s with a default, and it must be given", d.Name, o.Name)
			}
		}
	}
}

// The values of a kind have the shape that it says, are walked over, and are read
// from their JSON again.
func TestShapesOfKinds(t *testing.T) {
	for _, test := range kinds {
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

// No file of this package has a kind, or a Description, that Kinds does not have.
func TestKindsHasAll(t *testing.T) {
	made := map[string]bool{} // types of kinds
	for _, test := range kinds {
		name := reflect.TypeOf(test.kind).String()
		made[name[strings.LastIndexByte(name, '.')+1:]] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	described := map[string]string{}  // variables, to their file
	hasWindows := map[string]string{} // types, to their file
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, v := range n.Values {
					literal, ok := v.(*ast.CompositeLit)
					if !ok {
						continue
					}
					if kind, ok := literal.Type.(*ast.Ident); ok && kind.Name == "Description" {
						described[n.Names[i].Name] = name
					}
					if n.Names[i].Name == "Kinds" {
						for _, e := range literal.Elts {
							listed = append(listed, e.(*ast.UnaryExpr).X.(*ast.Ident).Name)
						}
					}
				}
			case *ast.FuncDecl:
				if n.Recv != nil && n.Name.Name == "NewWindow" {
					of := n.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of = star.X
					}
					hasWindows[of.(*ast.Ident).Name] = name
				}
			}
			return true
		})
	}
	for v, file := range described {
		if !slices.Contains(listed, v) {
			t.Errorf("%s: add &%s to Kinds in describe.go", file, v)
		}
	}
	for typ, file := range hasWindows {
		if !made[typ] {
			t.Errorf("%s: the type %s is a kind that no Description makes: add a variable of type Description to the file, as in mean.go, and a line to Kinds in describe.go", file, typ)
		}
	}
}
