//go:build !race

// Package words keeps words out of what a user of Pulse reads: the strings of the
// product's code, its page, its definitions and its docs. Nothing here runs beside
// anything else, and under the race detector regular expressions take 16 times as long.
package words

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// words that do not belong in what a user reads, and what to write instead.
var words = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\bgenerations?\b`), "definitions version (a generation is a consumer group's)"},
	{regexp.MustCompile(`(?i)\bwaypoints?\b|\bmidway\b`), "savepoint"},
	{regexp.MustCompile(`(?i)\bstretch(es)?\b`), "interval"},
	{regexp.MustCompile(`(?i)\bown stats?\b`), "internal stats"},
	{regexp.MustCompile(`(?i)\bvouch(e[sd]|ing)?\b`), "cover"},
	{regexp.MustCompile(`(?i)\breckon\w*`), "estimate, compute"},
	{regexp.MustCompile(`(?i)\bmend(ed|s|ing)?\b`), "fix"},
	{regexp.MustCompile(`(?i)\b(came|come|comes) about\b`), "happened, was committed"},
	{regexp.MustCompile(`(?i)\b(is|are|were|was) none\b`), "what it is instead, or: is not a …"},
	{regexp.MustCompile(`(?i)\bas (they|it) (have|has) to be\b`), "are correct, or what is expected"},
	{regexp.MustCompile(`(?i)\b(is|are) no [a-z]+`), "is not a …"},
	{regexp.MustCompile(`(?i)\btrying again\b`), "retrying"},
	{regexp.MustCompile(`(?i)\bforevery\b|\ba (interval|extent|ingester|offset|input|hour)\b`), "for every; an …"},
	{regexp.MustCompile(`(?i)\ball is said\b`), "what says it"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "forever"},
	{regexp.MustCompile(`(?i)\bto and with\b|\bup to and with\b`), "through"},
	{regexp.MustCompile(`(?i)\b(shall|whilst|hitherto|thereof|therein|whereof)\b`), "plain words"},
	{regexp.MustCompile(`(?i)\b\w*(colour|behaviour|neighbour|favour|honour)\w*`), "American spelling: color, behavior, neighbor"},
	{regexp.MustCompile(`(?i)\b(licen[c]e|centre|grey|metre|programme|cancelled|labelled|recognis\w*|normalis\w*|organis\w*|initialis\w*|serialis\w*|summaris\w*)\b`), "American spelling"},
	{regexp.MustCompile(`\b[LT](1[0-3]|[1-9])\b`), "the law's or scenario's name"},
}

// fine is what words has and is right all the same: that there is none of a thing, or
// no more of it.
var fine = regexp.MustCompile(`(?i)\bthere (is|are|was|were) (no|none)\b|\b(is|are) no (longer|more|less)\b|\bError L10\b`)

// root is the repository's.
const root = "../../.."

func TestWords(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "artifacts", "pulse-data", "cmd/dev/words"}, name) || d.Name() == "golden" || d.Name() == "fuzz" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		switch ext := filepath.Ext(name); {
		case ext == ".go" && !strings.HasSuffix(name, "_test.go"):
			goText(t, name)
		case ext == ".js" && strings.HasPrefix(name, "web/static/"), ext == ".html", ext == ".service":
			text(t, name, true)
		case ext == ".md" && !strings.HasPrefix(name, "docs/decisions/"), ext == ".yaml", ext == ".sample", name == "Makefile", name == "stats/schema.json", name == "app.json":
			text(t, name, false)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// docs calls do with the lines of each Markdown file, and its name.
func docs(t *testing.T, do func(name string, lines []string)) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			do(filepath.ToSlash(name[len(root)+1:]), strings.Split(string(b), "\n"))
		}
	}
}

// Docs wrap at 100 columns, but for tables, code and what has a link.
func TestColumns(t *testing.T) {
	const columns = 100
	docs(t, func(name string, lines []string) {
		code := false
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			}
			free := code || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "    ") || strings.Contains(line, "](") || strings.Contains(line, "://")
			if n := utf8.RuneCountInString(line); n > columns && !free {
				t.Errorf("%s:%d: %d columns: wrap at %d", name, i+1, n, columns)
			}
		}
	})
}

// Each row of a table has as many cells as its head: a bar ends one in code too.
func TestTables(t *testing.T) {
	bar := regexp.MustCompile(`(?:^|[^\\])\|`)
	docs(t, func(name string, lines []string) {
		head := 0
		for i, line := range lines {
			if !strings.HasPrefix(line, "|") {
				head = 0
				continue
			}
			bars := len(bar.FindAllString(line, -1))
			if head == 0 {
				head = bars
			}
			if bars != head {
				t.Errorf(`%s:%d: %d cells, and the head has %d: write \| for a bar`, name, i+1, bars-1, head-1)
			}
		}
	})
}

// check reports words in what stands at a line of a file.
func check(t *testing.T, file string, line int, s string) {
	t.Helper()
	s = fine.ReplaceAllString(s, "")
	for _, w := range words {
		if found := w.pattern.FindString(s); found != "" {
			t.Errorf("%s:%d: %q: write %s", file, line, found, w.instead)
		}
	}
}

// goText checks the string literals of a Go file, but for imports and tags, and the
// comments of the product's.
func goText(t *testing.T, name string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Comments {
		if !strings.HasPrefix(name, "cmd/dev/") {
			check(t, name, files.Position(c.Pos()).Line, strings.Join(strings.Fields(c.Text()), " "))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				return false
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				check(t, name, files.Position(n.Pos()).Line, s)
			}
		}
		return true
	})
}

// literal is a quoted text, of JavaScript's templates over several lines too.
var literal = regexp.MustCompile("\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`|>[^<\n]+<")

// text checks a file, or what is quoted in it.
func text(t *testing.T, name string, quoted bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if quoted {
		for _, part := range literal.FindAllIndex(b, -1) {
			check(t, name, 1+bytes.Count(b[:part[0]], []byte("\n")), strings.Join(strings.Fields(string(b[part[0]:part[1]])), " "))
		}
		return
	}
	for i, line := range strings.Split(string(b), "\n") {
		check(t, name, i+1, line)
	}
}

// TestBounds: every bound that docs/operate.md states has the tests that it names.
func TestBounds(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "## What a process holds, at most")
	section, _, _ = strings.Cut(section, "\n## ")
	named := map[string]bool{} // whether it is there
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| role ") || strings.HasPrefix(line, "| ---") {
			continue
		}
		names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("no test fills %s", line)
		}
		for _, name := range names {
			named[name[1]] = false
		}
	}
	if len(named) == 0 {
		t.Fatal("docs/operate.md has no table of bounds")
	}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(code, -1) {
			if _, ok := named[string(found[1])]; ok {
				named[string(found[1])] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, there := range named {
		if !there {
			t.Errorf("docs/operate.md says that %s fills a bound; there is no such test", name)
		}
	}
}
