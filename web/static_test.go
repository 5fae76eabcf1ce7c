package web

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
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
