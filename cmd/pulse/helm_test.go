package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"pulse/cmd/dev/testkit"
)

const chart = "../../deploy/helm/pulse"

// otherwise sets each value to something else than the chart does.
const otherwise = `
fullnameOverride: other
image: {repository: "registry.example.com:5000/team/pulse", tag: "20261128", pullPolicy: Always, pullSecrets: [{name: registry}]}
env: {KAFKA_URL: "kafka+ssl://a:9096,b:9096", PULSE_LOG_FORMAT: null, KAFKA_PREFIX: "12"}
secrets: {web: my-web, kafka: my-kafka, alert: my-alert}
topics: {partitions: 16, replication: 3, resources: {limits: {cpu: 0.5, memory: 1Gi}}}
receiver: {replicas: 3, autoscaling: {enabled: false}, args: [--log-level, debug]}
merger: {replicas: 16}
web: {replicas: 1, args: [--allow-edit], url: "https://p.example.com", tokens: {existingSecret: tokens}, oidc: {issuer: "https://login.example.com/realms/team", clientId: "12", existingSecret: client, roles: "edit=sre,lines=dev", claim: realm_access.roles, scopes: "profile,groups"}, service: {type: LoadBalancer, port: 8080, annotations: {a.example.com/b: "true"}}}
alert: {enabled: false}
nodeLogs: {files: [/var/log/pods/shop_*/*/*.log, /var/log/pods/bank_*/*/*.log], tolerations: []}
networkPolicy: {enabled: false}
serviceAccount: {create: false, annotations: {a: b}}
podAnnotations: {a.example.com/b: "1"}
priorityClassName: high
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: logs, operator: Exists}]
affinity: {nodeAffinity: {}}
`

// object is what Kubernetes is given, as it is written.
type object = map[string]any

// at returns what is at a path of fields and indices, nil if nothing is.
func at(from any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			fields, _ := from.(object)
			from = fields[p]
		case int:
			list, _ := from.([]any)
			if p >= len(list) {
				return nil
			}
			from = list[p]
		}
	}
	return from
}

func objects(t *testing.T, data []byte) map[string]object {
	t.Helper()
	all := map[string]object{}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if o == nil {
			continue
		}
		name := fmt.Sprint(o["kind"], " ", at(o, "metadata", "name"))
		if all[name] != nil {
			t.Errorf("there are two of %s", name)
		}
		all[name] = o
	}
}

// template renders the chart as release of the namespace pulse.
func template(t *testing.T, release string, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	args = append([]string{"template", release, chart, "--namespace", "pulse", "--kube-version", "1.30.0"}, args...) // of two the later counts
	c := exec.CommandContext(t.Context(), testkit.Tool(t, "helm"), args...)
	c.Stderr = &bytes.Buffer{}
	stdout, err = c.Output()
	return stdout, c.Stderr.(*bytes.Buffer).Bytes(), err
}

func rendered(t *testing.T, release string, args ...string) (map[string]object, []byte) {
	t.Helper()
	out, said, err := template(t, release, args...)
	if err != nil {
		t.Fatalf("helm template %s %q: %v\n%s", release, args, err, said)
	}
	return objects(t, out), out
}

func valuesFile(t *testing.T, values string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// bare is what both ways make alike: without what belongs to Helm alone, and without the
// suffixes by which names tell of their contents.
func bare(from any) any {
	switch from := from.(type) {
	case object:
		o := object{}
		for name, value := range from {
			if name == "app.kubernetes.io/instance" || name == "app.kubernetes.io/managed-by" ||
				name == "helm.sh/chart" || strings.HasPrefix(name, "checksum/") {
				continue
			}
			o[name] = bare(value)
		}
		return o
	case []any:
		list := make([]any, len(from))
		for i := range from {
			list[i] = bare(from[i])
		}
		return list
	case string:
		return regexp.MustCompile(`^(pulse-(?:env|stats|topics))-(?:[a-z0-9]{10}|[0-9a-f]{8})$`).ReplaceAllString(from, "$1")
	}
	return from
}

func bareObjects(all map[string]object) map[string]any {
	out := map[string]any{}
	for _, o := range all {
		b := bare(o).(object)
		out[fmt.Sprint(b["kind"], " ", at(b, "metadata", "name"))] = b
	}
	return out
}

func indented(t *testing.T, from any) string {
	t.Helper()
	text, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The chart and the base for kustomize make the same objects, and an API server's schemas
// know all of them.
func TestHelmIsKustomize(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	helm := testkit.Tool(t, "helm")
	if out, err := exec.CommandContext(t.Context(), helm, "lint", "--strict", chart).CombinedOutput(); err != nil {
		t.Errorf("helm lint: %v\n%s", err, out)
	}
	byKustomize, err := exec.CommandContext(t.Context(), testkit.Tool(t, "kustomize"), "build", "../../deploy/kubernetes").Output()
	if err != nil {
		t.Fatalf("kustomize build: %v", err)
	}
	chartObjects, byHelm := rendered(t, "pulse")
	got, want := bareObjects(chartObjects), bareObjects(objects(t, byKustomize))
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] == nil {
			t.Errorf("the chart has no %s", name)
		} else if a, b := indented(t, got[name]), indented(t, want[name]); a != b {
			t.Errorf("%s differs:\n%s\nis by kustomize\n%s", name, a, b)
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("the base has no %s", name)
		}
	}

	// Everything that values can switch on or off, set to something else.
	_, other := rendered(t, "shop", "--values", valuesFile(t, otherwise))
	conform(t, byKustomize, byHelm, other)
	if err := conformance(t, bytes.Replace(byHelm, []byte("containerPort: 8080"), []byte("containerPorts: 8080"), 1)); err == nil {
		t.Error("a field that Kubernetes does not know is passed")
	}
	if err := conformance(t, bytes.Replace(byHelm, []byte("replicas: 2"), []byte(`replicas: "2"`), 1)); err == nil {
		t.Error("a number that is text is passed")
	}
}

// What Kubernetes says of its objects, in a module for validating offline.
const kubernetesSchemas = "sigs.k8s.io/kubectl-validate@v0.0.4"

// conform checks objects against the schemas of Kubernetes 1.30, strictly.
func conform(t *testing.T, documents ...[]byte) {
	t.Helper()
	for _, d := range documents {
		if err := conformance(t, d); err != nil {
			t.Error(err)
		}
	}
}

func conformance(t *testing.T, document []byte) error {
	t.Helper()
	kubeconform := testkit.Tool(t, "kubeconform")
	c := exec.CommandContext(t.Context(), kubeconform, "-strict", "-summary",
		"-schema-location", filepath.Join(schemas(t, document), "{{.ResourceKind}}{{.KindSuffix}}.json"))
	c.Stdin = bytes.NewReader(document)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("kubeconform: %w\n%s", err, out)
	}
	return nil
}

// schemas writes a JSON schema for each kind of the document, as kubeconform looks for it:
// statefulset-apps-v1.json.
func schemas(t *testing.T, document []byte) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", kubernetesSchemas)
	c.Dir = t.TempDir()
	out, err := c.Output()
	if err != nil {
		testkit.Missing(t, kubernetesSchemas+" cannot be had")
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, o := range objects(t, document) {
		version := fmt.Sprint(o["apiVersion"])
		file := filepath.Join("apis", version+".json")
		if !strings.Contains(version, "/") {
			file = filepath.Join("api", version+".json")
		}
		data, err := os.ReadFile(filepath.Join(module.Dir, "pkg/openapiclient/builtins/1.30", file))
		if err != nil {
			t.Fatalf("no schema of %s: %v", version, err)
		}
		var openapi object
		if err := json.Unmarshal(data, &openapi); err != nil {
			t.Fatal(err)
		}
		kind := fmt.Sprint(o["kind"])
		var reference string
		for name, schema := range at(openapi, "components", "schemas").(object) {
			if strings.HasSuffix(name, "."+kind) && at(schema, "x-kubernetes-group-version-kind") != nil {
				reference = "#/components/schemas/" + name
			}
		}
		closeObjects(openapi)
		// Kinds of policy/v1 are of -policy-v1, those of networking.k8s.io/v1 of -networking-v1.
		group, number, _ := strings.Cut(version, "/")
		group, _, _ = strings.Cut(group, ".")
		suffix := "-" + strings.Trim(group+"-"+number, "-")
		schema := indented(t, object{"allOf": []any{object{"$ref": reference}}, "components": openapi["components"]})
		if err := os.WriteFile(filepath.Join(folder, strings.ToLower(kind)+suffix+".json"), []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// closeObjects has objects of a schema refuse fields that it does not name.
func closeObjects(from any) {
	switch from := from.(type) {
	case object:
		if from["properties"] != nil && from["type"] == "object" {
			from["additionalProperties"] = false
		}
		for _, value := range from {
			closeObjects(value)
		}
	case []any:
		for _, value := range from {
			closeObjects(value)
		}
	}
}

// A value that does not fit is refused before anything is installed, and the text names it.
func TestHelmValues(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	long := strings.Repeat("a", 44)
	for _, c := range []struct {
		name    string
		release string
		args    []string
		said    []string
	}{
		{"a port as text", "pulse", []string{"--set-string", "web.service.port=80"}, []string{"/web/service/port", "integer"}},
		{"a port beyond", "pulse", []string{"--set", "web.service.port=70000"}, []string{"/web/service/port", "maximum"}},
		{"replicas below zero", "pulse", []string{"--set", "merger.replicas=-1"}, []string{"/merger/replicas", "minimum"}},
		{"half a replica", "pulse", []string{"--set-json", "merger.replicas=1.5"}, []string{"/merger/replicas", "integer"}},
		{"replicas as text", "pulse", []string{"--set-string", "alert.replicas=2"}, []string{"/alert/replicas", "integer"}},
		{"an unknown key", "pulse", []string{"--set", "recevier.replicas=3"}, []string{"recevier"}},
		{"an unknown key within", "pulse", []string{"--set", "web.replica=3"}, []string{"/web", "replica"}},
		{"null for a whole role", "pulse", []string{"--set", "receiver=null"}, []string{"receiver"}},
		{"null for a number", "pulse", []string{"--set", "merger.replicas=null"}, []string{"/merger", "replicas"}},
		{"a tag that is a number", "pulse", []string{"--set", "image.tag=20261128"}, []string{"/image/tag", "string"}},
		{"a tag with a digest", "pulse", []string{"--set", "image.tag=1@sha256:00"}, []string{"/image/tag"}},
		{"a digest that is too short", "pulse", []string{"--set", "image.digest=sha256:00"}, []string{"/image/digest"}},
		{"a pull policy", "pulse", []string{"--set", "image.pullPolicy=always"}, []string{"/image/pullPolicy", "Always"}},
		{"gigabytes", "pulse", []string{"--set", "merger.resources.requests.memory=1gb"}, []string{"/merger/resources/requests/memory"}},
		{"mebibytes with a B", "pulse", []string{"--set", "web.resources.limits.memory=128MiB"}, []string{"/web/resources/limits/memory"}},
		{"a thousandth of a byte", "pulse", []string{"--set", "web.resources.requests.memory=500m"}, []string{"/web/resources/requests/memory"}},
		{"cores", "pulse", []string{"--set", "web.resources.requests.cpu=2 cores"}, []string{"/web/resources/requests/cpu"}},
		{"a variable that is a number", "pulse", []string{"--set", "env.PULSE_PARTITIONS=16"}, []string{"/env/PULSE_PARTITIONS", "string"}},
		{"no variable", "pulse", []string{"--set", "env.kafka-url=a:1"}, []string{"kafka-url"}},
		{"no Kafka", "pulse", []string{"--set", "env.KAFKA_URL=null"}, []string{"KAFKA_URL"}},
		{"a password for all to read", "pulse", []string{"--set", "env.WEB_AUTH=ada:x"}, []string{"env.WEB_AUTH", "secret pulse-web"}},
		{"a client's secret for all to read", "pulse", []string{"--set", "env.PULSE_OIDC_CLIENT_SECRET=x"}, []string{"env.PULSE_OIDC_CLIENT_SECRET", "secret pulse-web"}},
		{"tokens that are not in a secret", "pulse", []string{"--set", "web.tokens=edit"}, []string{"/web/tokens", "object"}},
		{"a token for a key", "pulse", []string{"--set", "web.tokens.key=edit ann"}, []string{"/web/tokens/key"}},
		{"no key of tokens", "pulse", []string{"--set", "web.tokens.key=null"}, []string{"/web/tokens", "key"}},
		{"a secret's name", "pulse", []string{"--set", "web.tokens.existingSecret=My_Tokens"}, []string{"/web/tokens/existingSecret"}},
		{"a provider without https://", "pulse", []string{"--set", "web.oidc.issuer=login.example.com"}, []string{"/web/oidc/issuer"}},
		{"a page without https://", "pulse", []string{"--set", "web.url=pulse.example.com"}, []string{"/web/url"}},
		{"a provider without a client", "pulse", []string{"--set", "web.oidc.issuer=https://x"}, []string{"needs web.oidc.clientId"}},
		{"a provider without roles", "pulse", []string{"--set", "web.oidc.issuer=https://x,web.oidc.clientId=p"}, []string{"needs web.oidc.roles"}},
		{"a provider without a page", "pulse", []string{"--set", "web.oidc.issuer=https://x,web.oidc.clientId=p,web.oidc.roles=read=*"}, []string{"needs web.url", "/login/callback"}},
		{"a role that is not known", "pulse", []string{"--set", "web.oidc.roles=admin=sre"}, []string{"/web/oidc/roles"}},
		{"a client without a provider", "pulse", []string{"--set", "web.oidc.clientId=p"}, []string{"web.oidc.issuer"}},
		{"a client's number", "pulse", []string{"--set", "web.oidc.clientId=12"}, []string{"/web/oidc/clientId", "string"}},
		{"a variable of the chart's", "pulse", []string{"--set", "env.PULSE_OPS=:1"}, []string{"env.PULSE_OPS"}},
		{"definitions as a map", "pulse", []string{"--set-json", `definitions.file={"stats":[]}`}, []string{"/definitions/file", "string"}},
		{"no definitions", "pulse", []string{"--set", "definitions.file="}, []string{"/definitions/file"}},
		{"a name of a ConfigMap", "pulse", []string{"--set", "definitions.existingConfigMap=My_Stats"}, []string{"/definitions/existingConfigMap"}},
		{"yes", "pulse", []string{"--set", "nodeLogs.enabled=yes"}, []string{"/nodeLogs/enabled", "boolean"}},
		{"text for a list", "pulse", []string{"--set", "web.args=--allow-edit"}, []string{"/web/args", "array"}},
		{"a path that is not mounted", "pulse", []string{"--set", "nodeLogs.files[0]=/srv/*.log"}, []string{"/nodeLogs/files/0"}},
		{"a node's label that is a boolean", "pulse", []string{"--set", "nodeSelector.logs=true"}, []string{"/nodeSelector/logs", "string"}},
		{"more at least than at most", "pulse", []string{"--set", "receiver.autoscaling.minReplicas=9"}, []string{"minReplicas is 9", "maxReplicas, 8"}},
		{"receivers without work", "pulse", []string{"--set", "receiver.autoscaling.maxReplicas=12"}, []string{"maxReplicas is 12", "8 partitions", "topics.partitions"}},
		{"mergers without work", "pulse", []string{"--set", "merger.replicas=9"}, []string{"merger.replicas is 9", "8 partitions"}},
		{"a long name", long, nil, []string{long + "-pulse has 50 characters", "43", "fullnameOverride"}},
		{"a name that begins with a digit", "1pulse", nil, []string{"1pulse", "begins with a letter", "fullnameOverride"}},
		{"a name with dots", "pulse-1.0", nil, []string{"pulse-1.0", "fullnameOverride"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, said, err := template(t, c.release, c.args...)
			if err == nil {
				t.Fatalf("it is taken:\n%s", out)
			}
			for _, want := range c.said {
				if !strings.Contains(string(said), want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			if strings.Contains(string(said), "nil pointer") {
				t.Errorf("the text is the template's: %s", said)
			}
		})
	}
}

// The overlay that docs/kubernetes.md has for logins makes what the chart's values make.
func TestHelmLogins(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	doc, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(after string) string {
		_, rest, found := strings.Cut(string(doc), after+"\n\n    ")
		text, _, end := strings.Cut(rest, "\n\n")
		if !found || !end {
			t.Fatalf("docs/kubernetes.md has nothing after %q", after)
		}
		return strings.ReplaceAll(text, "\n    ", "\n") + "\n"
	}
	folder, err := os.MkdirTemp("../../deploy", "overlay") // a base is not found from another disk
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources: [../kubernetes]\n"+block("in the kustomization of an overlay:")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), testkit.Tool(t, "kustomize"), "build", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("kustomize build: %v\n%s", err, out)
	}
	byChart, document := rendered(t, "pulse", "--values", valuesFile(t, block("in a file of values:")))
	const name = "Deployment pulse-web"
	got, want := bareObjects(byChart)[name], bareObjects(objects(t, out))[name]
	for _, path := range [][]any{{"volumes"}, {"containers", 0, "volumeMounts"}} { // a patch's come first
		for _, deployment := range []any{got, want} {
			slices.SortFunc(at(at(deployment, "spec", "template", "spec"), path...).([]any), func(a, b any) int {
				return strings.Compare(fmt.Sprint(at(a, "name")), fmt.Sprint(at(b, "name")))
			})
		}
	}
	if a, b := indented(t, got), indented(t, want); a != b {
		t.Errorf("the chart has\n%s\nand the overlay\n%s", a, b)
	}
	conform(t, document, out)
	pod := at(byChart[name], "spec", "template", "spec")
	if at(pod, "securityContext", "fsGroup") != 65532 || at(pod, "volumes", 1, "secret", "defaultMode") != 0o440 {
		t.Errorf("the file of tokens is for %v, %v", at(pod, "securityContext"), at(pod, "volumes", 1))
	}
	if plain, _ := rendered(t, "pulse"); at(plain[name], "spec", "template", "spec", "containers", 0, "env") != nil {
		t.Error("without logins there are variables of logins")
	}
}

// What charts are known to get wrong: names twice the same word, what cannot be changed by an
// upgrade, budgets that stop a drain, replicas that fight with an autoscaler, policies that
// stop the looking up of names.
func TestHelmUpgrades(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	before, _ := rendered(t, "shop")
	after, _ := rendered(t, "shop", "--values", valuesFile(t, otherwise), "--set", "fullnameOverride=", "--set", "serviceAccount.create=true")
	named, _ := rendered(t, "pulse-shop")
	if before["StatefulSet shop-pulse-receiver"] == nil || named["StatefulSet pulse-shop-receiver"] == nil {
		t.Errorf("names are %q and %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(named)))
	}
	fixed := []string{"selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"}
	for name, o := range before {
		switch o["kind"] {
		case "StatefulSet", "Deployment", "DaemonSet":
			for _, field := range fixed {
				if a, b := indented(t, at(o, "spec", field)), indented(t, at(after[name], "spec", field)); after[name] != nil && a != b {
					t.Errorf("%s: an upgrade changes %s, which nobody can:\n%s\n%s", name, field, a, b)
				}
			}
		case "Job":
			if after[name] != nil {
				t.Errorf("%s is changed by an upgrade, which nobody can", name)
			}
		case "PodDisruptionBudget":
			if at(o, "spec", "minAvailable") != nil || at(o, "spec", "maxUnavailable") != 1 {
				t.Errorf("%s may stop a drain: %v", name, o["spec"])
			}
		case "NetworkPolicy":
			if indented(t, at(o, "spec", "policyTypes")) != indented(t, []string{"Ingress"}) {
				t.Errorf("%s restricts what goes out: %v", name, o["spec"])
			}
		}
	}
	const receiver = "StatefulSet shop-pulse-receiver"
	if at(before[receiver], "spec", "replicas") != nil || at(after[receiver], "spec", "replicas") != 3 {
		t.Errorf("replicas are %v beside an autoscaler, and %v without", at(before[receiver], "spec", "replicas"), at(after[receiver], "spec", "replicas"))
	}
	if before["HorizontalPodAutoscaler shop-pulse-receiver"] == nil || after["HorizontalPodAutoscaler shop-pulse-receiver"] != nil {
		t.Error("the autoscaler is not as it is asked for")
	}

	// Pods begin anew with other definitions or other variables, and not with an unchanged upgrade.
	annotations := []any{"spec", "template", "metadata", "annotations"}
	same, _ := rendered(t, "shop", "--set", "web.replicas=3")
	if a, b := indented(t, at(before[receiver], annotations...)), indented(t, at(same[receiver], annotations...)); a != b {
		t.Errorf("receivers begin anew with more of the dashboard:\n%s\n%s", a, b)
	}
	for _, change := range []string{"definitions.file=stats: []", "env.KAFKA_URL=other:9092"} {
		changed, _ := rendered(t, "shop", "--set", change)
		if indented(t, at(before[receiver], annotations...)) == indented(t, at(changed[receiver], annotations...)) {
			t.Errorf("receivers do not begin anew with %s", change)
		}
	}

	// The definitions of somebody else: no ConfigMap is made, and each pod reads that one.
	other, _ := rendered(t, "shop", "--set", "definitions.existingConfigMap=theirs")
	if other["ConfigMap shop-pulse-stats"] != nil {
		t.Error("there is a ConfigMap beside the existing one")
	}
	for name, o := range other {
		if pod := at(o, "spec", "template", "spec"); pod != nil && at(pod, "volumes", 0, "configMap", "name") != "theirs" {
			t.Errorf("%s reads %v", name, at(pod, "volumes", 0))
		}
	}
	// Text stays text: names that look like numbers or null, definitions of any layout.
	file := filepath.Join(t.TempDir(), "stats.yaml")
	const layout = "  stats: # {{ .Values }}\r\n  - {name: \"é\"}\n\n\n"
	if err := os.WriteFile(file, []byte(layout), 0o600); err != nil {
		t.Fatal(err)
	}
	odd, document := rendered(t, "1", "--namespace", "123", "--set-string", "fullnameOverride=null,secrets.web=1e5,secrets.kafka=12,priorityClassName=1",
		"--set-string", `networkPolicy.monitoringNamespace=0,podAnnotations.prometheus\.io/scrape=false,env.KAFKA_PREFIX=0123`, "--set-file", "definitions.file="+file)
	conform(t, document)
	if got := at(odd["ConfigMap null-stats"], "data", "stats.yaml"); got != layout {
		t.Errorf("the definitions are %q, want %q", got, layout)
	}
	if got := at(odd["Deployment null-web"], append(annotations, "prometheus.io/scrape")...); got != "false" {
		t.Errorf("scraping is %v", got)
	}
	// A part of another chart is given what is global, and may be switched.
	rendered(t, "shop", "--set", "global.region=eu", "--set", "enabled=true")
}
