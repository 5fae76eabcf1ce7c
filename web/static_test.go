package web

import (
	"fmt"
	"os"
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

// Each shape of value has a panel that draws it; that of numbers takes the rest.
func TestPanelsOfShapes(t *testing.T) {
	files, err := filepath.Glob("static/panels/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no panels: %v", err)
	}
	var panels strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		panels.Write(data)
	}
	for _, shape := range value.Shapes() {
		if fits := fmt.Sprintf("fits: (stat) => stat.shape === %q", shape); shape != value.ShapeNumber && !strings.Contains(panels.String(), fits) {
			t.Errorf("no panel draws values of the shape %s: add a file to static/panels with %q, and a line to registry.js", shape, fits)
		}
	}
}
