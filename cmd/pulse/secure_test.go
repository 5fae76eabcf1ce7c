package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// Every role works with a Kafka that wants certificates and passwords, told by the
// environment alone.
func TestSecureKafka(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	url, s := topicstest.Secure(t, topics.MechanismSCRAM512)
	env := map[string]string{
		"KAFKA_URL": url, "KAFKA_PREFIX": "team.", "KAFKA_TRUSTED_CERT": s.TrustedCert,
		"KAFKA_CLIENT_CERT": s.ClientCert, "KAFKA_CLIENT_CERT_KEY": s.ClientKey,
		"KAFKA_SASL_USERNAME": s.User, "KAFKA_SASL_PASSWORD": s.Password,
	}
	var posted atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted.Add(1) }))
	defer receiver.Close()
	env["METRICS_URLS"] = receiver.URL

	start(t, env, nil, "topics", "--create", "--partitions", "2").succeed()
	start(t, env, nil, "receive")
	start(t, env, nil, "merge")
	start(t, env, nil, "emit")
	start(t, env, nil, "web", "--http", "127.0.0.1:0")
	tail := start(t, env, nil, "tail")
	file := writeFile(t, "a.log", time.Now().UTC().Format(time.RFC3339)+" a=1\n")
	followed := start(t, env, nil, "ingest", "--file", file, "--follow")
	piped := start(t, env, strings.NewReader("a=2\n"), "ingest", "--stdin")
	cluster, err := topics.ParseCluster(url)
	if err == nil {
		cluster, err = cluster.Secure(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	closes(t, cluster, topics.Names{Prefix: "team.", Version: stats.Builtin().Version()})
	start(t, env, nil, "status", "--max-behind", "1h", "--max-discarded", "1").succeed()
	testkit.Eventually(t, "points are emitted", func() error {
		if posted.Load() == 0 {
			return errors.New("none were")
		}
		return nil
	})
	piped.succeed()
	followed.terminate()
	tail.terminate()
	if raw := evaluate(t, env, "--raw"); raw.Lines != 2 {
		t.Errorf("events.raw holds %d lines, want 2", raw.Lines)
	}

	env["KAFKA_SASL_PASSWORD"] = "wr0ng"
	p := start(t, env, nil, "topics")
	if code := p.wait(); code != exitFailed || strings.Contains(p.stderr.String(), "wr0ng") {
		t.Errorf("with a wrong password: exit code %d, %s", code, p.stderr)
	}
}
