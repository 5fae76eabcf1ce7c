package web

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/value"
)

// The page's modules that need no browser have tests of their own, which node
// runs, all in one process: `cd statictest && node format.test.js` runs one file.
func TestStatic(t *testing.T) {
	node := testkit.Tool(t, "node")
	files, err := filepath.Glob("statictest/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests of the page's modules: %v", err)
	}
	var script strings.Builder
	for _, f := range files {
		fmt.Fprintf(&script, "import %q;\n", "./"+filepath.Base(f))
	}
	cmd := exec.CommandContext(t.Context(), node, "--input-type=module", "--eval", script.String())
	cmd.Dir = "statictest"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each shape of value has a panel of its own, and the page knows which of its numbers
// are in the unit of the stat.
func TestShapesOfThePage(t *testing.T) {
	shapes, err := json.Marshal(value.Shapes())
	if err != nil {
		t.Fatal(err)
	}
	const script = `
import { UNITS } from "../static/value.js";
import { panelOf } from "../static/panels/registry.js";
const panels = new Map();
for (const shape of %s) {
  if (!UNITS[shape]) console.log("web/static/value.js: UNITS has no line for the shape", shape);
  const panel = panelOf({ shape }), other = panels.get(panel);
  if (other) console.log("web/static/panels: no panel of its own draws the shape", shape + ": it gets that of", other + ": add a file with fits(stat), and a line to registry.js");
  else panels.set(panel, shape);
}`
	cmd := exec.CommandContext(t.Context(), testkit.Tool(t, "node"), "--input-type=module", "--eval", fmt.Sprintf(script, shapes))
	cmd.Dir = "statictest"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		t.Error(strings.TrimSuffix(line, "\n"))
	}
}
