package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/topics/topicstest"
)

// Each command can be called.
func TestCommandsHasAll(t *testing.T) {
	t.Parallel()
	testkit.Listed(t, "commands", "command")
}

// What the Procfile, the systemd units and .env.sample say are commands, flags and
// variables that there are.
func TestDeploymentFiles(t *testing.T) {
	t.Parallel()
	help := map[string]string{}
	variables := map[string]bool{"PORT": true}
	for _, c := range commands() {
		text := start(t, nil, nil, c.name, "--help").succeed().stdout.String()
		help[c.name] = text
		for _, m := range regexp.MustCompile(`\[\$([A-Z0-9_]+)\]`).FindAllStringSubmatch(text, -1) {
			variables[m[1]] = true
		}
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	units, err := filepath.Glob("../../docs/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("there are no units (%v)", err)
	}
	files := []string{"Procfile"}
	for _, unit := range units {
		files = append(files, filepath.Join("docs/systemd", filepath.Base(unit)))
	}
	called := map[string]bool{}
	for _, file := range files {
		calls := regexp.MustCompile(`bin/pulse ([a-z]+)([^;\n]*)`).FindAllStringSubmatch(read(file), -1)
		if len(calls) == 0 {
			t.Errorf("%s runs nothing", file)
		}
		for _, call := range calls {
			called[call[1]] = true
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(call[2], -1) {
				if !strings.Contains(help[call[1]], "\n  "+flag) {
					t.Errorf("%s: pulse %s has no %s", file, call[1], flag)
				}
			}
		}
	}
	for _, role := range []string{"ingest", "receive", "merge", "web", "emit", "alert"} {
		if !called[role] {
			t.Errorf("no file runs pulse %s", role)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z0-9_]+)=`).FindAllStringSubmatch(read(".env.sample"), -1) {
		if !variables[m[1]] {
			t.Errorf(".env.sample has %s, which sets no flag", m[1])
		}
	}
}

// Secrets stay out of the repository and of images, and compose opens ports to this
// machine alone, until somebody says otherwise.
func TestDeploymentIsPrivate(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, name := range []string{".gitignore", ".dockerignore"} {
		if !slices.Contains(strings.Split(read(name), "\n"), ".env") {
			t.Errorf("%s leaves .env in", name)
		}
	}
	ports := regexp.MustCompile(`(?m)^ +- "(.*:\d+:\d+)"$`).FindAllStringSubmatch(read("docker-compose.yml"), -1)
	for _, port := range ports {
		if !strings.HasPrefix(port[1], "127.0.0.1:") && !strings.HasPrefix(port[1], "${PULSE_BIND:-127.0.0.1}:") {
			t.Errorf("compose opens %s to all", port[1])
		}
	}
	if len(ports) < 3 {
		t.Errorf("compose opens the ports %q", ports)
	}
}

// TestUnitsAreConfined: systemd itself says how much a weakness of a role exposes, from
// 0 to 10.
func TestUnitsAreConfined(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	analyze := testkit.Tool(t, "systemd-analyze")
	units, err := filepath.Glob("../../docs/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("there are no units (%v)", err)
	}
	for _, unit := range units {
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", "--threshold=20", unit).CombinedOutput()
		if err != nil {
			t.Errorf("%s is exposed by more than 2.0: %v\n%s", unit, err, out)
		}
	}
}

// The Procfile's web, receiver and merger, run by foreman.
func TestProcfile(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	foreman := testkit.Tool(t, "foreman")
	cluster, prefix := topicstest.Cluster(t)
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "bin", "pulse"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	procfile, err := filepath.Abs("../../Procfile")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	env := fmt.Sprintf("KAFKA_URL=%s\nKAFKA_PREFIX=%s\n", strings.Join(cluster.Brokers, ","), prefix)
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &transcript{}
	foremanCommand := func(command string, args ...string) *exec.Cmd {
		c := exec.Command(foreman, append([]string{command, "--procfile", procfile, "--root", folder, "--env", filepath.Join(folder, ".env")}, args...)...)
		c.Dir = folder
		c.Stdout, c.Stderr = out, out
		return c
	}
	if err := foremanCommand("run", "release").Run(); err != nil {
		t.Fatalf("release: %v\n%s", err, out)
	}
	c := foremanCommand("start", "--port", strconv.Itoa(port), "--formation", "web=1,receiver=1,merger=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		defer c.Process.Kill()
		testkit.Done(t, "foreman ends", ended, func() error { return errors.New(out.String()) })
		if t.Failed() {
			t.Logf("%s", out)
		}
	}()
	ready(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
	for _, role := range []string{"receiver.1", "merger.1"} {
		if !strings.Contains(out.String(), role) {
			t.Errorf("foreman has not started %s", role)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
