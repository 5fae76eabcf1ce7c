package main

import (
	"bytes"
	"errors"
	"io"
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

// It fails where an input is too slow twice, and one measurement that was disturbed is not
// enough.
func TestJudge(t *testing.T) {
	of := []input{{name: "a"}, {name: "b"}}
	lost := func(percent time.Duration) times { return times{{100 - percent}, {100}} }
	for _, test := range []struct {
		a, b   [2]time.Duration // percent lost, measured once and once more
		stated int
		fails  string
	}{
		{a: [2]time.Duration{4, 4}, b: [2]time.Duration{-50, -50}},
		{a: [2]time.Duration{6, 4}},
		{a: [2]time.Duration{6, 6}, fails: "a: slower than base by more than 5 %"},
		{b: [2]time.Duration{6, 6}, fails: "b: slower than base by more than 5 %"},
		{a: [2]time.Duration{6, 4}, b: [2]time.Duration{4, 6}},
		{a: [2]time.Duration{4, 4}, stated: 3},
		{a: [2]time.Duration{11, 11}, stated: 12},
		{a: [2]time.Duration{13, 13}, b: [2]time.Duration{13, 13}, stated: 12, fails: "a, b: slower than base by more than 12 %"},
	} {
		measured := 0
		err := judge(of, "base", test.stated, func(of []input) (map[string]times, error) {
			measured++
			found := map[string]times{}
			for _, in := range of {
				found[in.name] = lost(map[string][2]time.Duration{"a": test.a, "b": test.b}[in.name][measured-1])
			}
			return found, nil
		})
		if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.HasPrefix(err.Error(), test.fails)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	broken := errors.New("broken")
	if err := judge(of, "base", 0, func([]input) (map[string]times, error) { return nil, broken }); err != broken {
		t.Errorf("a measurement that fails: %v", err)
	}
}

// A clone without the commit before, and what is not a clone, pass and say why; where a commit
// is asked for they fail. So it is with one that cannot run the measurement.
func TestNoBase(t *testing.T) {
	git := testkit.Tool(t, "git")
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	compare := func(why string) {
		t.Helper()
		var out bytes.Buffer
		if err := (&comparison{root: dir, out: &out}).run(t.Context()); err != nil || !strings.Contains(out.String(), "nothing is compared: "+why) {
			t.Errorf("%v, %s", err, &out)
		}
		for _, c := range []*comparison{{base: "HEAD^"}, {base: "HEAD^", layouts: 1}, {base: "misspelled"}} {
			c.root, c.out = dir, io.Discard
			if err := c.run(t.Context()); !errors.Is(err, errNoBase) {
				t.Errorf("compared with %s: %v", c.base, err)
			}
		}
	}
	commit := func(files map[string]string) {
		t.Helper()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{
			{"init", "-q"}, {"add", "."},
			{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a commit"},
		} {
			c := exec.Command(git, args...)
			c.Dir = dir
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("git %q: %v\n%s", args, err, out)
			}
		}
	}
	compare("there is no commit")
	commit(map[string]string{"go.mod": "module pulse\n"})
	compare("there is no commit")
	commit(map[string]string{"fold/fold.go": "package fold\n", "cmd/dev/hotpath/turns/main.go": "package main\n\nimport _ \"pulse/fold\"\n\nfunc main() {}\n"})
	compare("the other commit cannot run this measurement")
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
