package web

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestBundleRuns(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	scripts, err := bundle(fstest.MapFS{
		"main.js":      {Data: []byte("import { double, Box } from \"./in/double.js\";\nimport {\n  TWO as two,\n} from \"./two.js\";\nconst hidden = 5;\nconsole.log(double(hidden), new Box(two).n, [...two.upTo?.(2) ?? [1]].length);\nconst url = new URL(\"./later.js\", import.meta.url).href;\nvoid import(url).then(({ LATER, is }) => console.log(LATER, is(new Box(1))));\n")},
		"later.js":     {Data: []byte("import { Box, double as twice } from \"./in/double.js\";\nimport { THREE } from \"./three.js\";\nexport const LATER = twice(THREE);\nexport const is = (box) => box instanceof Box;\n")},
		"three.js":     {Data: []byte("import { TWO } from \"./two.js\";\nexport const THREE = TWO + 1;\n")},
		"in/double.js": {Data: []byte("import { TWO } from \"../two.js\";\nconst hidden = TWO;\nexport function double(n) { return hidden * n; }\nexport class Box { constructor(n) { this.n = n; } }\nexport async function later() {}\nexport function* all() {}\n")},
		"two.js":       {Data: []byte("export const TWO = 2;\n")},
	}, "main.js")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, s := range append(scripts, script{"package.json", []byte(`{"type": "module"}`)}) {
		if err := os.WriteFile(filepath.Join(dir, s.name), s.text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(node, filepath.Join(dir, "main.js")).CombinedOutput()
	if err != nil || string(out) != "10 2 1\n6 true\n" || len(scripts) != 2 {
		t.Errorf("%d scripts: %q, %v", len(scripts), out, err)
	}
	if bytes.Contains(scripts[1].text, []byte("constructor")) {
		t.Errorf("the second script has what the first one has: %s", scripts[1].text)
	}
}

func TestBundleRefuses(t *testing.T) {
	for _, test := range []struct {
		name, a, b, want string
	}{
		{"a cycle", "import { b } from \"./b.js\";\nexport const a = 1;\n", "import { a } from \"./a.js\";\nexport const b = 1;\n", "imports what imports it"},
		{"a file that is not there", "import { c } from \"./c.js\";\n", "", "c.js"},
		{"all of a module", "import * as b from \"./b.js\";\n", "export const b = 1;\n", "more than the bundler takes"},
		{"what can change", "import { b } from \"./b.js\";\n", "export let b = 1;\n", "more than the bundler takes"},
		{"what is not exported by itself", "import { c } from \"./b.js\";\n", "export const b = 1, c = 2;\n", "does not export by itself"},
		{"two more scripts", "new URL(\"./b.js\", import.meta.url);\nnew URL(\"./c.js\", import.meta.url);\n", "", "one script is all"},
		{"no JavaScript", "const = ;\n", "", "the scripts of a.js"},
	} {
		_, err := bundle(fstest.MapFS{"a.js": {Data: []byte(test.a)}, "b.js": {Data: []byte(test.b)}}, "a.js")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestPageIsFewFiles: a page on a slow line waits for each request and each kilobyte.
func TestPageIsFewFiles(t *testing.T) {
	all, first := 0, 0
	for _, f := range files() {
		all += len(f.gzip.data)
		if f.route == "/app.js" || f.route == "/style.css" || f.route == pageRoute {
			first += len(f.gzip.data)
		}
	}
	if n := len(files()); n > 8 || all > 85<<10 || first > 55<<10 {
		t.Errorf("the page is %d files of %d bytes compressed, %d of them before the first number", n, all, first)
	}
}
