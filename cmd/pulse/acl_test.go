package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/chaos/kafka"
	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// aclsOf are the lines of the table of ACLs in docs/operate.md: role, resource, name
// behind the prefix, operations.
func aclsOf(t *testing.T) (rows [][]string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "| role | resource |")
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") && len(rows) > 0 {
			return rows
		}
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if len(cells) == 6 && !strings.Contains(line, "---") && strings.HasPrefix(line, "| ") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells[1:5])
		}
	}
	return rows
}

// TestACLs: with the rights that docs/operate.md gives it each role works, on an Apache
// Kafka that refuses all else; and none may write what is another role's.
func TestACLs(t *testing.T) {
	testkit.Long(t)
	if !topicstest.Real() {
		t.Skip("it needs an Apache Kafka: make test-kafka")
	}
	roles := []string{"ingest", "receive", "merge", "web", "emit", "alert", "silence", "status"}
	config := kafka.Config{Dir: t.TempDir(), Libs: filepath.Join("..", "..", "bin", "kafka", "libs"), Users: append([]string{"admin"}, roles...)}
	if err := kafka.Install(t.Context(), config.Libs); err != nil {
		t.Fatal(err)
	}
	cluster, err := kafka.New(t.Context(), config)
	if err == nil {
		t.Cleanup(cluster.Close)
		err = cluster.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "team."
	notified := newHook(t, 0)
	definitions := writeFile(t, "stats.yaml", `
stats: [{name: lines, count: lines, over: 1s}]
alerts: [{name: some, when: lines >= 0}]
routes: {hook: {webhook: `+notified.URL+`}}
`)
	as := func(user string) map[string]string {
		return map[string]string{"PULSE_STATS": definitions, "KAFKA_URL": strings.Join(cluster.Addrs(), ","), "KAFKA_PREFIX": prefix, "KAFKA_SASL_USERNAME": user,
			"KAFKA_SASL_PASSWORD": user, "KAFKA_SASL_MECHANISM": topics.MechanismPlain, "PULSE_LOG_LEVEL": "warn"}
	}
	start(t, as("admin"), nil, "topics", "--create", "--partitions", "2").succeed()
	client, err := kgo.NewClient(append(config.Login(), kgo.SeedBrokers(cluster.Addrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, row := range aclsOf(t) {
		users := []string{row[0]}
		if row[0] == "all" {
			users = roles
		}
		for _, user := range users {
			grant(t, kadm.NewClient(client), user, row[1], prefix+strings.TrimPrefix(row[2], "PREFIX"), row[3])
		}
	}

	var posted atomic.Int64
	output := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted.Add(1) }))
	defer output.Close()
	emit := as("emit")
	emit["METRICS_URLS"] = output.URL
	file := writeFile(t, "a.log", time.Now().UTC().Format(time.RFC3339)+" a=1\n")
	running := []*pulse{
		start(t, as("receive"), nil, "receive"), start(t, as("merge"), nil, "merge"), start(t, as("web"), nil, "web", "--http", "127.0.0.1:0"),
		start(t, emit, nil, "emit"), start(t, as("alert"), nil, "alert"),
		start(t, as("ingest"), nil, "ingest", "--file", file, "--follow"),
	}
	start(t, as("ingest"), strings.NewReader("a=2\n"), "ingest", "--stdin").succeed()
	secured, err := topics.Cluster{Brokers: cluster.Addrs()}.Secure(topics.Security{User: "admin", Password: "admin", Mechanism: topics.MechanismPlain})
	if err != nil {
		t.Fatal(err)
	}
	names := namesOf(t, prefix, definitions)
	closes(t, secured, names)
	start(t, as("status"), nil, "status", "--max-behind", "1h", "--max-discarded", "1").succeed()
	notified.has(t, "some firing", 1)
	start(t, as("silence"), nil, "silence", "some", "--why", "a test").succeed()
	start(t, as("silence"), nil, "silence").succeed()
	for user, topic := range map[string]string{"ingest": names.Merged(), "receive": names.Raw(), "merge": names.Raw(), "web": names.Table(), "status": names.Raw(), "emit": names.Fragments(), "alert": names.Merged(), "silence": names.Alerts()} {
		other, err := kgo.NewClient(kafka.Config{Users: []string{user}}.Login()[0], kgo.SeedBrokers(cluster.Addrs()...))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err == nil {
			t.Errorf("%s may write to %s", user, topic)
		}
	}
	testkit.Eventually(t, "points are emitted", func() error {
		if posted.Load() == 0 {
			return errors.New("none were")
		}
		return nil
	})
	for _, p := range running {
		p.terminate()
		if said := p.stderr.String(); strings.Contains(strings.ToLower(said), "authoriz") {
			t.Errorf("%s was refused something:\n%s", p, said)
		}
	}
}

// grant lets a user do something.
func grant(t *testing.T, admin *kadm.Client, user, resource, name, operations string) {
	t.Helper()
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts().ResourcePatternType(kadm.ACLPatternPrefixed)
	switch resource {
	case "topics":
		b = b.Topics(name)
	case "groups":
		b = b.Groups(name)
	case "transactional ids":
		b = b.TransactionalIDs(name)
	default:
		t.Fatalf("docs/operate.md has a resource %q", resource)
	}
	known := map[string]kadm.ACLOperation{"Read": kadm.OpRead, "Write": kadm.OpWrite, "Describe": kadm.OpDescribe, "DescribeConfigs": kadm.OpDescribeConfigs}
	for _, word := range strings.Split(operations, ", ") {
		if known[word] == 0 {
			t.Fatalf("docs/operate.md has an operation %q, not one of %v", word, slices.Sorted(maps.Keys(known)))
		}
		b = b.Operations(known[word])
		results, err := admin.CreateACLs(t.Context(), b)
		for _, r := range results {
			if err == nil && r.Err != nil {
				err = r.Err
			}
		}
		if err != nil {
			t.Fatal(fmt.Errorf("%s %s %s for %s: %w", operations, resource, name, user, err))
		}
	}
}
