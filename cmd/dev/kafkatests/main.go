// Kafkatests runs the tests that ask topicstest for a Kafka, and no others: those
// that a real broker can fail. `make test-kafka` runs it beside one.
//
// It reads the tests' code: a test asks for a Kafka if it, or a function that it
// names, calls topicstest.Cluster or topicstest.Real.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	timeout := flag.Duration("timeout", 0, "how `long` the tests of a package may take; 0: go test's own limit")
	flag.Parse()
	packages, err := folders(flag.Args())
	if err == nil {
		err = run(packages, "-timeout", timeout.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafkatests:", err)
		os.Exit(1)
	}
}

// folders are those of Go packages, by patterns as go test takes them.
func folders(patterns []string) ([]string, error) {
	out, err := exec.Command("go", append([]string{"list", "-f", "{{.Dir}}"}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// run runs the tests of all packages that ask for a Kafka, a package at a time,
// and then says which failed.
func run(packages []string, options ...string) error {
	var failed []string
	for _, folder := range packages {
		tests, err := asking(folder)
		if err != nil {
			return err
		}
		if len(tests) == 0 {
			continue
		}
		// Compiled as make test compiles, which has done it by then.
		args := append([]string{"test", "-trimpath", "-ldflags", "-s -w", "-vet=off", "-count=1", "-run", "^(" + strings.Join(tests, "|") + ")$"}, options...)
		c := exec.Command("go", append(args, folder)...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if c.Run() != nil {
			failed = append(failed, folder)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("tests failed in %s", strings.Join(failed, ", "))
	}
	return nil
}

// asking are the tests in a folder that ask for a Kafka.
func asking(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	names := map[string][]string{} // function -> the names in it
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				names[f.Name.Name] = append(names[f.Name.Name], namesIn(f.Body)...)
			}
		}
	}
	asks := map[string]bool{"topicstest.Cluster": true, "topicstest.Real": true}
	for grown := true; grown; {
		grown = false
		for f, in := range names {
			if !asks[f] && slices.ContainsFunc(in, func(name string) bool { return asks[name] }) {
				asks[f], grown = true, true
			}
		}
	}
	var tests []string
	for f := range asks {
		if strings.HasPrefix(f, "Test") && f != "TestMain" {
			tests = append(tests, f)
		}
	}
	slices.Sort(tests)
	return tests, nil
}

// namesIn are the identifiers in code, and those behind a dot also with what is
// before it.
func namesIn(code ast.Node) (names []string) {
	ast.Inspect(code, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			names = append(names, n.Name)
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok {
				names = append(names, of.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return names
}
