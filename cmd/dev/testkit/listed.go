package testkit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Listed checks that each package-level variable or constant of a type, in the
// package of the test, stands in a list: a variable, or a function that returns one.
// A type and a pointer to it are the same here.
func Listed(t testing.TB, list, typ string) {
	t.Helper()
	in := ""                      // the file with the list
	inList := map[string]bool{}   // names in it
	places := map[string]string{} // of each variable and constant, its file
	note := func(file string, n ast.Node) {
		in = file
		ast.Inspect(n, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				inList[name.Name] = true
			}
			return true
		})
	}
	for name, file := range parsed(t) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == list {
					note(name, d.Body)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					s, ok := spec.(*ast.ValueSpec)
					if !ok {
						continue
					}
					for i, n := range s.Names {
						switch {
						case n.Name == list:
							note(name, s)
						case named(s.Type, typ), i < len(s.Values) && made(s.Values[i], typ):
							places[n.Name] = name
						}
					}
				}
			}
		}
	}
	if in == "" || len(places) == 0 {
		t.Fatalf("there is no list %s, or nothing of type %s", list, typ)
	}
	for _, v := range slices.Sorted(maps.Keys(places)) {
		if !inList[v] {
			t.Errorf("%s: %s is not in use: add it to %s in %s", places[v], v, list, in)
		}
	}
}

// parsed gives the files of the test's package that are not tests.
func parsed(t testing.TB) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	return files
}

// named reports whether an expression is the type, or a pointer to it.
func named(e ast.Expr, typ string) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	name, ok := e.(*ast.Ident)
	return ok && name.Name == typ
}

// made reports whether an expression is a literal of the type, or its address.
func made(e ast.Expr, typ string) bool {
	if address, ok := e.(*ast.UnaryExpr); ok {
		e = address.X
	}
	literal, ok := e.(*ast.CompositeLit)
	return ok && named(literal.Type, typ)
}
