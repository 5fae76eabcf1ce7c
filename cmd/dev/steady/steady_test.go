package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's binary be a busy loop, as the program's is.
func TestMain(m *testing.M) {
	if os.Getenv(busyVariable) != "" {
		busy(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// One run in three fails; its output is kept and the others' is not.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	failures := filepath.Join(dir, "failures")
	counter := filepath.Join(dir, "counter")
	script := `echo x >>"` + counter + `"; n=$(grep -c x "` + counter + `"); echo "this is run $n"; test $n != 2`
	var out strings.Builder
	green, err := options{runs: 3, loops: 1, failures: failures, command: []string{"sh", "-c", script}}.run(t.Context(), &out)
	if green || err != nil {
		t.Errorf("green is %v, %v", green, err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"1 green", "2 red", "3 green", "2 of 3 green beside 1 busy loops; ", failures} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d is not one with %q:\n%s", i+1, want, &out)
		}
	}
	kept, err := os.ReadFile(failures)
	if err != nil || !strings.Contains(string(kept), "this is run 2") || strings.Contains(string(kept), "this is run 1") {
		t.Errorf("kept is %q (%v)", kept, err)
	}
	green, err = options{runs: 1, failures: failures, command: []string{"true"}}.run(t.Context(), &out)
	if !green || err != nil {
		t.Errorf("of true: green is %v, %v", green, err)
	}
}

func TestSummary(t *testing.T) {
	got := summary(3, 4, []time.Duration{80 * time.Second, 96 * time.Second, 71 * time.Second})
	if want := "3 of 3 green beside 4 busy loops; 71 to 96 s, median 80 s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
