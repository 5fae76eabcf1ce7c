package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/program"
)

func TestStatedSlower(t *testing.T) {
	for message, want := range map[string]int{
		"Sum lists\n\nSlower: 7 %, since lists are summed": 7,
		"Sum lists\n\nSlower: 12%":                         12,
		"Slower: 3 % at first":                             3,
		"It is slower: 7 %":                                0,
		"Slower: much":                                     0,
		"":                                                 0,
	} {
		if got := statedSlower(message); got != want {
			t.Errorf("%q states %d %%, want %d", message, got, want)
		}
	}
}

// What a busy machine adds to single turns does not count.
func TestLost(t *testing.T) {
	for _, test := range []struct {
		old, new []time.Duration
		want     float64
	}{
		{[]time.Duration{100, 180, 101}, []time.Duration{300, 100, 100}, 0},
		{[]time.Duration{90, 500}, []time.Duration{160, 120}, 25},
		{[]time.Duration{100}, []time.Duration{80}, -25},
	} {
		if got := (times{test.old, test.new}).lost(); got != test.want {
			t.Errorf("%v, %v: lost %v %%, want %v", test.old, test.new, got, test.want)
		}
	}
}

// A clone without the commit before, and what is not a clone, pass and say why.
func TestNoCommitBefore(t *testing.T) {
	git := testkit.Tool(t, "git")
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	compare := func() {
		t.Helper()
		var out bytes.Buffer
		if err := (&comparison{root: dir, out: &out}).run(t.Context()); err != nil || !strings.Contains(out.String(), "nothing is compared: there is no commit") {
			t.Errorf("%v, %s", err, &out)
		}
	}
	compare()
	for _, args := range [][]string{
		{"init", "-q"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "first"},
	} {
		c := exec.Command(git, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	compare()
}

// The lines of each input are of the format that it is named after, and meet stats.
func TestInputs(t *testing.T) {
	for _, in := range inputs {
		dir := t.TempDir()
		if err := in.write("../../..", dir); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, in.name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := stats.ParseEnv(file, text, func(name string) (string, bool) {
			key, value, _ := strings.Cut(clouds, "=")
			if name != key {
				return "", false
			}
			return value, true
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := program.Compile(d)
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(dir, in.name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		f := p.NewFolder()
		f.Fold(program.Pack{Lines: log, Second: 1353574800, Floor: 1353574800})
		if c := f.Counts(); c.Unparsed > c.Lines/50 || c.Counted < c.Lines*9/10 {
			t.Errorf("%s: %+v", in.name, c)
		}
	}
}
