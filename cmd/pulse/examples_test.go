package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The examples in testdata are right, and pass their own tests.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../testdata/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no examples", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			runFile(t, string(file))
		})
	}
}
