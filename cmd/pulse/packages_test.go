package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// packageRoot is a machine in a folder: what is on it, and what systemd is asked to do. No
// process of the real machine is touched.
type packageRoot struct {
	t      *testing.T
	folder string
	calls  string // of systemctl, one a line
	env    []string
}

func newPackageRoot(t *testing.T) *packageRoot {
	t.Helper()
	temp := t.TempDir()
	r := &packageRoot{t: t, folder: filepath.Join(temp, "root"), calls: filepath.Join(temp, "calls")}
	r.write("run/systemd/system/.running", "", 0o644)
	r.write("bin/kill", "", 0o755)
	r.write("etc/pulse/client.conf", "PulseAudio's", 0o644)
	systemctl := filepath.Join(temp, "bin", "systemctl")
	if err := os.Mkdir(filepath.Dir(systemctl), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(systemctl, []byte("#!/bin/sh\necho \"$@\" >>"+r.calls+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "PATH="+filepath.Dir(systemctl)+":/usr/sbin:/sbin:"+os.Getenv("PATH"))
	return r
}

func (r *packageRoot) write(name, text string, mode fs.FileMode) {
	r.t.Helper()
	file := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// do runs a program that shall succeed and returns what it says.
func (r *packageRoot) do(name string, args ...string) string {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), name, args...)
	c.Env = r.env
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// asked returns what systemd was asked to do since the last time.
func (r *packageRoot) asked() string {
	r.t.Helper()
	data, err := os.ReadFile(r.calls)
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	os.Remove(r.calls)
	return string(data)
}

// files are all that is on the machine, but for what a packager notes.
func (r *packageRoot) files() []string {
	r.t.Helper()
	var all []string
	err := filepath.WalkDir(r.folder, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, r.folder)
		if name == "/var/lib/dpkg" || name == "/var/lib/rpm" || name == "/tmp" {
			return fs.SkipDir
		}
		if err == nil && !d.IsDir() || strings.HasPrefix(name, "/etc") || strings.Contains(name, "pulse") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *packageRoot) has(name, want string) {
	r.t.Helper()
	if data, err := os.ReadFile(filepath.Join(r.folder, name)); err != nil || !strings.Contains(string(data), want) {
		r.t.Errorf("%s is %q (%v), want %q", name, data, err, want)
	}
}

// asks compares what systemd was asked to do with words that are to be in it and words that are not.
func (r *packageRoot) asks(when string, want, not []string) {
	r.t.Helper()
	asked := r.asked()
	for _, w := range want {
		if !strings.Contains(asked, w) {
			r.t.Errorf("%s does not ask systemd to %s:\n%s", when, w, asked)
		}
	}
	for _, n := range not {
		for line := range strings.Lines(asked) {
			if slices.Contains(strings.Fields(line), n) {
				r.t.Errorf("%s asks systemd to %s", when, line)
			}
		}
	}
}

var starting = []string{"start", "restart", "enable", "stop", "disable", "--now"}

// A deb is installed, upgraded, removed and purged, an rpm installed and erased; what the
// units run is there, nothing starts by itself, and nothing is left.
func TestPackages(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("packagers name this architecture otherwise")
	}
	nfpm := testkit.Tool(t, "nfpm")
	folder := t.TempDir()
	binary := filepath.Join(folder, "pulse")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Of the next version a script will do, which packs sooner.
	next := filepath.Join(folder, "next")
	if err := os.WriteFile(next, []byte("#!/bin/sh\necho pulse v1.2.4\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pack := func(kind, version, binary string) string {
		t.Helper()
		target := filepath.Join(folder, version+"."+kind)
		c := exec.CommandContext(t.Context(), nfpm, "package", "--config", "deploy/packages/nfpm.yaml", "--packager", kind, "--target", target)
		c.Dir = "../.."
		c.Env = append(os.Environ(), "PACKAGE_VERSION="+version, "GOARCH="+runtime.GOARCH, "PULSE_BINARY="+binary, "MAINTAINER=Pulse <pulse@localhost>")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("nfpm %s: %v\n%s", kind, err, out)
		}
		return target
	}

	t.Run("deb", func(t *testing.T) {
		t.Parallel()
		testkit.Tool(t, "dpkg")
		r := newPackageRoot(t)
		for _, name := range []string{"status", "available", "updates/.keep", "info/.keep"} {
			r.write("var/lib/dpkg/"+name, "", 0o644)
		}
		os.Remove(filepath.Join(r.folder, "var/lib/dpkg/updates/.keep"))
		before := r.files()
		dpkg := func(args ...string) {
			t.Helper()
			r.do("dpkg", append([]string{"--root=" + r.folder, "--log=/dev/null", "--force-script-chrootless", "--force-not-root"}, args...)...)
		}
		dpkg("--install", pack("deb", "1.2.3", binary))
		if said := r.do(filepath.Join(r.folder, "usr/bin/pulse"), "version"); !strings.Contains(said, "v1.2.3") {
			t.Errorf("it says %q", said)
		}
		r.asks("an installation", []string{"daemon-reload"}, starting)
		if info, err := os.Stat(filepath.Join(r.folder, "etc/pulse/env")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read the passwords: %v, %v", info, err)
		}
		units, err := filepath.Glob("../../deploy/systemd/*.service")
		if err != nil || len(units) < 9 {
			t.Fatalf("units are %q (%v)", units, err)
		}
		verify := []string{"verify", "--root=" + r.folder, "--recursive-errors=no", "--man=no"}
		for i := range units {
			units[i] = strings.Replace(filepath.Base(units[i]), "@.", "@1.", 1)
		}
		if said := r.do(testkit.Tool(t, "systemd-analyze"), append(verify, units...)...); said != "" {
			t.Errorf("systemd-analyze verify: %s", said)
		}

		// What ran goes on with the new binary, and the configuration stays.
		r.write("etc/pulse/env", "KAFKA_URL=mine:9092\n", 0o600)
		r.write("etc/pulse/stats.yaml", "stats: []\n", 0o644)
		r.write("var/lib/private/pulse-run/segment", "records", 0o600)
		if err := os.Symlink("private/pulse-run", filepath.Join(r.folder, "var/lib/pulse-run")); err != nil {
			t.Fatal(err)
		}
		upgrade := pack("deb", "1.2.4", next)
		dpkg("--install", upgrade)
		r.has("etc/pulse/env", "mine:9092")
		r.has("usr/bin/pulse", "v1.2.4")
		r.asks("an upgrade", []string{"daemon-reload", "try-restart pulse-run.service", "pulse-receive@*.service"}, starting)

		dpkg("--remove", "pulse")
		r.has("etc/pulse/env", "mine:9092")
		r.has("var/lib/pulse-run/segment", "records")
		r.asks("a removal", []string{"stop pulse-run.service", "disable pulse-run.service", "pulse-merge@.service", "daemon-reload"}, []string{"start", "restart", "enable"})
		dpkg("--install", upgrade)
		r.has("etc/pulse/env", "mine:9092")

		os.Remove(filepath.Join(r.folder, "etc/pulse/stats.yaml")) // the user's own
		dpkg("--purge", "pulse")
		if after := r.files(); !slices.Equal(after, before) {
			t.Errorf("a purge leaves %q, and before there was %q", after, before)
		}
	})

	t.Run("rpm", func(t *testing.T) {
		t.Parallel()
		rpm := testkit.Tool(t, "rpm")
		r := newPackageRoot(t)
		before := r.files()
		file := pack("rpm", "1.2.3", binary)
		if got, want := r.do(rpm, "-qp", "--configfiles", file), "/etc/pulse/env\n/etc/pulse/inputs.yaml\n"; got != want {
			t.Errorf("its configuration is %q, want %q", got, want)
		}
		for _, name := range []string{"postinstall", "preremove", "postremove"} {
			data, err := os.ReadFile("../../deploy/packages/" + name + ".sh")
			if err != nil {
				t.Fatal(err)
			}
			if said := r.do(rpm, "-qp", "--scripts", file); !strings.Contains(said, strings.TrimSpace(string(data))) {
				t.Errorf("its %s is not ours:\n%s", name, said)
			}
		}
		// Its scripts need a shell within the root: they are run by themselves, as rpm calls them.
		r.env = append(r.env, "DPKG_ROOT="+r.folder)
		script := func(name, arg string) { t.Helper(); r.do("sh", "../../deploy/packages/"+name+".sh", arg) }
		run := func(args ...string) {
			t.Helper()
			r.do(rpm, append([]string{"--root", r.folder, "--dbpath", "/var/lib/rpm", "--noscripts", "--nodeps"}, args...)...)
		}
		run("--install", file)
		script("postinstall", "1")
		r.asks("an installation", []string{"daemon-reload"}, starting)
		if said := r.do(filepath.Join(r.folder, "usr/bin/pulse"), "version"); !strings.Contains(said, "v1.2.3") {
			t.Errorf("it says %q", said)
		}
		r.write("etc/pulse/env", "KAFKA_URL=mine:9092\n", 0o600)
		run("--upgrade", pack("rpm", "1.2.4", next))
		r.has("etc/pulse/env", "mine:9092")
		script("postinstall", "2")
		script("preremove", "1")
		script("postremove", "1")
		r.asks("an upgrade", []string{"try-restart pulse-run.service"}, starting)

		run("--erase", "pulse")
		script("preremove", "0")
		script("postremove", "0")
		r.asks("a removal", []string{"stop pulse-run.service", "disable pulse-run.service"}, []string{"start", "restart", "enable"})
		r.has("etc/pulse/env.rpmsave", "mine:9092")
		os.Remove(filepath.Join(r.folder, "etc/pulse/env.rpmsave"))
		if after := r.files(); !slices.Equal(after, before) {
			t.Errorf("it leaves %q, and before there was %q", after, before)
		}
	})
}
