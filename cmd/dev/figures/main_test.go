package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.md")
	if err := os.WriteFile(file, []byte("# Figures\n\n"+marker+"\n\n### an older one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"echo '| a |'; echo not this >&2", "echo '| b |'"} {
		if err := run(t.Context(), file, []string{command, "echo '| c |'"}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, part := range []string{"# Figures\n\n", marker + "\n\n### 2", "CPUs", "`echo '| b |'`:\n\n| b |\n", "`echo '| c |'`:\n\n| c |\n", "\n### 2", "| a |\n", "### an older one\n"} {
		next := strings.Index(string(got)[at:], part)
		if next < 0 {
			t.Fatalf("%q is not there after %q in\n%s", part, got[:at], got)
		}
		at += next + len(part)
	}
	for _, commands := range [][]string{nil, {"false"}} {
		if run(t.Context(), file, commands) == nil {
			t.Errorf("%q did not fail", commands)
		}
	}
	if after, _ := os.ReadFile(file); string(after) != string(got) {
		t.Error("a command that failed changed the file")
	}
}
