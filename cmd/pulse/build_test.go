package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if got := start(t, nil, nil, args...).succeed().stdout.String(); !strings.HasPrefix(got, "pulse ") || !strings.HasSuffix(got, ", "+runtime.Version()+"\n") {
			t.Errorf("pulse %s prints %q", args[0], got)
		}
	}
}

func TestNotedRevision(t *testing.T) {
	set := func(of ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(of); i += 2 {
			all = append(all, debug.BuildSetting{Key: of[i], Value: of[i+1]})
		}
		return all
	}
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, ""},
		{set("vcs.modified", "true"), ""},
		{set("vcs.revision", "abc", "vcs.modified", "false"), "abc"},
		{set("vcs.modified", "true", "vcs.revision", "abc"), "abc+"},
	} {
		if got := notedRevision(test.settings); got != test.want {
			t.Errorf("of %v it is %q, want %q", test.settings, got, test.want)
		}
	}
}

// The names that the linker is told are those of variables that there are: it says
// nothing of others.
func TestStamp(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "pulse")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-X main.version=v1.2.3 -X main.revision=abc", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "version").Output()
	if want := "pulse v1.2.3, revision abc, " + runtime.Version() + "\n"; string(out) != want || err != nil {
		t.Errorf("it prints %q (%v), want %q", out, err, want)
	}
	for _, name := range []string{"Makefile", "Dockerfile"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"-X main.version=", "-X main.revision="} {
			if !strings.Contains(string(text), flag) {
				t.Errorf("%s does not say %s", name, flag)
			}
		}
	}
}
