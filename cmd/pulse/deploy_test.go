package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
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

	"go.yaml.in/yaml/v3"

	"pulse/cmd/dev/testkit"
	"pulse/topics/topicstest"
)

// Each command can be called.
func TestCommandsHasAll(t *testing.T) {
	t.Parallel()
	testkit.Listed(t, "commands", "command")
}

// helps is the help of each command, and the variables that set flags of any.
func helps(t *testing.T) (help map[string]string, variables map[string]bool) {
	t.Helper()
	help, variables = map[string]string{}, map[string]bool{}
	for _, c := range commands() {
		help[c.name] = start(t, nil, nil, c.name, "--help").succeed().stdout.String()
		for _, m := range regexp.MustCompile(`\[\$([A-Z0-9_]+)\]`).FindAllStringSubmatch(help[c.name], -1) {
			variables[m[1]] = true
		}
	}
	return help, variables
}

// What the Procfile, the systemd units and .env.sample say are commands, flags and
// variables that there are.
func TestDeploymentFiles(t *testing.T) {
	t.Parallel()
	help, variables := helps(t)
	variables["PORT"] = true
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	units, err := filepath.Glob("../../deploy/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("there are no units (%v)", err)
	}
	files := []string{"Procfile"}
	for _, unit := range units {
		files = append(files, filepath.Join("deploy/systemd", filepath.Base(unit)))
	}
	for _, unit := range units {
		text, name := read(filepath.Join("deploy/systemd", filepath.Base(unit))), filepath.Base(unit)
		for _, has := range []string{"EnvironmentFile=/etc/pulse/env\n", "\nExecStart=pulse ", "\nExecReload=", "\nDynamicUser=yes\n"} {
			if !strings.Contains(text, has) {
				t.Errorf("%s has no %q", name, has)
			}
		}
		if alone := name == "pulse-topics.service" || name == "pulse-run.service"; strings.Contains(text, "After=network-online.target pulse-topics.service\n") == alone {
			t.Errorf("%s is not in its place after the topics are made", name)
		}
		for _, script := range []string{"postinstall.sh", "preremove.sh"} {
			if !strings.Contains(read("deploy/packages/"+script), strings.Replace(name, "@", "@*", 1)) && (script == "preremove.sh" || name != "pulse-topics.service") {
				t.Errorf("%s of the packages leaves %s out", script, name)
			}
		}
	}
	called := map[string]bool{}
	for _, file := range files {
		calls := regexp.MustCompile(`(?:bin/|Exec(?:Start|Reload)=)pulse ([a-z]+)([^;\n]*)`).FindAllStringSubmatch(read(file), -1)
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

// Compose mounts the folder of one's own definitions into each role, and the demo's without.
func TestCompose(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	compose := testkit.Tool(t, "docker-compose")
	mine := t.TempDir()
	for want, env := range map[string][]string{
		"testdata:/etc/pulse:ro /etc/pulse/demo.yaml": nil,
		mine + ":/etc/pulse:ro /etc/pulse/stats.yaml": {"PULSE_DEFINITIONS=" + mine, "PULSE_DEFINITIONS_FILE=stats.yaml"},
	} {
		c := exec.CommandContext(t.Context(), compose, "--file", "../../docker-compose.yml", "config")
		c.Env = append(os.Environ(), env...)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("docker-compose config: %v", err)
		}
		var all struct {
			Services map[string]struct {
				Image       string
				Environment map[string]string
				Volumes     []string
			}
		}
		if err := yaml.Unmarshal(out, &all); err != nil {
			t.Fatal(err)
		}
		for _, role := range []string{"topics", "receiver", "merger", "web", "ingest"} {
			s := all.Services[role]
			if got := strings.Join(s.Volumes, " ") + " " + s.Environment["PULSE_STATS"]; !strings.HasSuffix(got, want) {
				t.Errorf("%s reads %q, want %q", role, got, want)
			}
		}
		for _, name := range []string{"redpanda", "console"} {
			if image := all.Services[name].Image; !regexp.MustCompile(`:v\d+\.\d+\.\d+$|@sha256:`).MatchString(image) {
				t.Errorf("%s is any %s", name, image)
			}
		}
	}
	if _, err := os.Stat("../../testdata/demo.yaml"); err != nil {
		t.Error(err)
	}
}

// What the manifests for Kubernetes say is there: commands, flags, variables, ports, the
// labels that selectors ask for, and what they refer to.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	const folder = "../../deploy/kubernetes/"
	type labels = map[string]string
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	type reference struct{ Name string }
	type manifest struct {
		Kind     string
		Metadata struct {
			Name   string
			Labels labels
		}
		Spec struct {
			Selector    any
			PodSelector struct {
				MatchLabels labels `yaml:"matchLabels"`
			} `yaml:"podSelector"`
			ServiceName    string    `yaml:"serviceName"`
			ScaleTargetRef reference `yaml:"scaleTargetRef"`
			Ports          []struct {
				TargetPort string `yaml:"targetPort"`
			}
			Template struct {
				Metadata struct{ Labels, Annotations labels }
				Spec     struct {
					Containers []struct {
						Image   string
						Args    []string
						Env     []struct{ Name string }
						EnvFrom []struct {
							ConfigMapRef reference `yaml:"configMapRef"`
						} `yaml:"envFrom"`
						Ports []struct {
							Name          string
							ContainerPort int `yaml:"containerPort"`
						}
						StartupProbe    probe `yaml:"startupProbe"`
						LivenessProbe   probe `yaml:"livenessProbe"`
						ReadinessProbe  probe `yaml:"readinessProbe"`
						SecurityContext struct {
							AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
							ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
							Capabilities             struct{ Drop []string }
						} `yaml:"securityContext"`
						VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
					}
					Volumes []struct {
						Name      string
						ConfigMap reference `yaml:"configMap"`
					}
				}
			}
		}
	}
	var base struct {
		Resources          []string
		ConfigMapGenerator []struct {
			Name        string
			Envs, Files []string
		} `yaml:"configMapGenerator"`
	}
	read := func(name string, into any) []byte {
		data, err := os.ReadFile(folder + name)
		if err == nil && into != nil {
			err = yaml.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	read("kustomization.yaml", &base)
	generated := map[string]bool{}
	listed := append([]string{"kustomization.yaml"}, base.Resources...)
	for _, g := range base.ConfigMapGenerator {
		generated[g.Name] = true
		listed = append(listed, slices.Concat(g.Envs, g.Files)...)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(listed, f.Name()) {
			t.Errorf("kustomization.yaml does not have %s", f.Name())
		}
	}

	var all []manifest
	for _, name := range base.Resources {
		decoder := yaml.NewDecoder(bytes.NewReader(read(name, nil)))
		for {
			var m manifest
			if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all = append(all, m)
		}
	}
	help, variables := helps(t)
	for line := range strings.Lines(string(read("pulse.env", nil))) {
		if name, _, _ := strings.Cut(line, "="); !variables[name] {
			t.Errorf("pulse.env sets %s, which sets no flag", name)
		}
	}
	validate := start(t, nil, nil, "validate", folder+"stats.yaml")
	validate.succeed()

	var pods []manifest
	for _, m := range all {
		if len(m.Spec.Template.Spec.Containers) > 0 {
			pods = append(pods, m)
		}
	}
	if len(pods) < 6 {
		t.Fatalf("%d manifests have containers", len(pods))
	}
	// selected are the manifests whose pods have the labels.
	selected := func(want labels) (found []manifest) {
		for _, m := range pods {
			has := m.Spec.Template.Metadata.Labels
			if !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(name string) bool { return has[name] != want[name] }) {
				found = append(found, m)
			}
		}
		return found
	}
	for _, m := range pods {
		at := m.Kind + " " + m.Metadata.Name
		volumes := map[string]bool{}
		for _, v := range m.Spec.Template.Spec.Volumes {
			volumes[v.Name] = true
			if v.ConfigMap.Name != "" && !generated[v.ConfigMap.Name] {
				t.Errorf("%s: there is no %s", at, v.ConfigMap.Name)
			}
		}
		for _, c := range m.Spec.Template.Spec.Containers {
			if help[c.Args[0]] == "" || c.Image != "pulse" {
				t.Errorf("%s runs %s %q", at, c.Image, c.Args)
			}
			for _, arg := range c.Args[1:] {
				if strings.HasPrefix(arg, "--") && !strings.Contains(help[c.Args[0]], "\n  "+arg) {
					t.Errorf("%s: pulse %s has no %s", at, c.Args[0], arg)
				}
			}
			for _, e := range c.Env {
				if !variables[e.Name] {
					t.Errorf("%s sets %s, which sets no flag", at, e.Name)
				}
			}
			for _, from := range c.EnvFrom {
				if from.ConfigMapRef.Name != "" && !generated[from.ConfigMapRef.Name] {
					t.Errorf("%s: there is no %s", at, from.ConfigMapRef.Name)
				}
			}
			for _, v := range c.VolumeMounts {
				if !volumes[v.Name] {
					t.Errorf("%s mounts %s, which it has not", at, v.Name)
				}
			}
			s := c.SecurityContext
			if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
				t.Errorf("%s is not confined: %+v", at, s)
			}
			if m.Kind == "Job" {
				continue
			}
			for path, p := range map[string][]probe{"/healthz": {c.StartupProbe, c.LivenessProbe}, "/readyz": {c.ReadinessProbe}} {
				for _, p := range p {
					if p.HTTPGet.Path != path || len(c.Ports) != 1 || p.HTTPGet.Port != c.Ports[0].Name {
						t.Errorf("%s: the probe asks for %+v, want %s at its port %+v", at, p.HTTPGet, path, c.Ports)
					}
				}
			}
			if scraped := m.Spec.Template.Metadata.Annotations["prometheus.io/port"]; scraped != fmt.Sprint(c.Ports[0].ContainerPort) {
				t.Errorf("%s is scraped at %s", at, scraped)
			}
		}
	}
	for _, m := range all {
		at := m.Kind + " " + m.Metadata.Name
		selector, _ := m.Spec.Selector.(map[string]any)
		if within, ok := selector["matchLabels"].(map[string]any); ok {
			selector = within
		}
		want := labels{}
		for name, text := range selector {
			want[name] = fmt.Sprint(text)
		}
		maps.Copy(want, m.Spec.PodSelector.MatchLabels)
		if m.Kind != "Job" && m.Kind != "HorizontalPodAutoscaler" && m.Kind != "ServiceAccount" {
			found := selected(want)
			if len(want) == 0 || len(found) == 0 {
				t.Errorf("%s selects nothing by %v", at, want)
			}
			for _, port := range m.Spec.Ports {
				if found[0].Spec.Template.Spec.Containers[0].Ports[0].Name != port.TargetPort {
					t.Errorf("%s leads to the port %s", at, port.TargetPort)
				}
			}
		}
		for kind, name := range map[string]string{"Service": m.Spec.ServiceName, "StatefulSet": m.Spec.ScaleTargetRef.Name} {
			if name != "" && !slices.ContainsFunc(all, func(o manifest) bool { return o.Kind == kind && o.Metadata.Name == name }) {
				t.Errorf("%s: there is no %s %s", at, kind, name)
			}
		}
	}
}

// TestUnitsAreConfined: systemd itself says how much a weakness of a role exposes, from
// 0 to 10.
func TestUnitsAreConfined(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	analyze := testkit.Tool(t, "systemd-analyze")
	units, err := filepath.Glob("../../deploy/systemd/*.service")
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
