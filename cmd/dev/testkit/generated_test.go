package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGenerated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const text = "a\n<!-- x: generated -->\nold\n<!-- end of x -->\nb\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(GenerateVariable, "")
	Generated(t, file, "x", "old\n")
	stale := &recorder{TB: t}
	Generated(stale, file, "x", "new\n")
	if !strings.Contains(stale.failure, "stale: run make generate") {
		t.Errorf("of a stale file it says %q", stale.failure)
	}
	if failure := failureOf(t, func(t testing.TB) { Generated(t, file, "y", "") }); !strings.Contains(failure, "<!-- y: generated -->") {
		t.Errorf("of a file without the lines it says %q", failure)
	}
	t.Setenv(GenerateVariable, "1")
	Generated(t, file, "x", "new\n")
	got, err := os.ReadFile(file)
	if want := strings.Replace(text, "old", "new", 1); err != nil || string(got) != want {
		t.Errorf("the file is %q (%v), want %q", got, err, want)
	}
	GeneratedFile(t, file, []byte("whole"))
	if got, err := os.ReadFile(file); err != nil || string(got) != "whole" {
		t.Errorf("the file is %q (%v)", got, err)
	}
	t.Setenv(GenerateVariable, "")
	GeneratedFile(t, file, []byte("whole"))
	if failure := failureOf(t, func(t testing.TB) { GeneratedFile(t, file, nil) }); !strings.Contains(failure, "stale: run make generate") {
		t.Errorf("of a stale file it says %q", failure)
	}
}
