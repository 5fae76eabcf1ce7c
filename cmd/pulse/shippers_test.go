package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pulse/cmd/dev/testkit"
)

// shipped starts an ingester that a shipper may send to with the user logs and the password
// hunter2, or the token s3cret, and returns its port.
func (d *deployment) shipped(kind string) (port string) {
	d.t.Helper()
	inputs := filepath.Join(d.t.TempDir(), "inputs.yaml")
	text := fmt.Sprintf("inputs:\n  - %s: 127.0.0.1:0\n    sources:\n      - {name: shop, user: logs, password: hunter2}\n      - {name: blog, token: s3cret}\n", kind)
	if err := os.WriteFile(inputs, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.env["PULSE_LOG_LEVEL"] = "info"
	_, port, err := net.SplitHostPort(d.start("ingest", "--inputs", inputs).addresses(1)[kind])
	if err != nil {
		d.t.Fatal(err)
	}
	return port
}

// sender runs a program that sends until the test ends.
func sender(t *testing.T, path string, args ...string) {
	t.Helper()
	c := exec.Command(path, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		if t.Failed() {
			t.Logf("%s: %s", path, &out)
		}
	})
}

// rsyslogd sends to Elasticsearch's bulk API.
func TestPeerBulk(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	rsyslogd, logger := testkit.Tool(t, "rsyslogd"), testkit.Tool(t, "logger")
	if found, _ := filepath.Glob("/usr/lib/*/rsyslog/omelasticsearch.so"); found == nil {
		testkit.Missing(t, "rsyslog's output to Elasticsearch is not here")
	}
	d := deploy(t, "", 2, 0)
	port := d.shipped("elasticsearch")
	folder := t.TempDir()
	socket, config := filepath.Join(folder, "log"), filepath.Join(folder, "rsyslog.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
global(workDirectory=%q)
module(load="imuxsock" SysSock.Use="off")
module(load="omelasticsearch")
input(type="imuxsock" Socket=%q)
template(name="doc" type="list" option.jsonf="on") { property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="message" name="msg" format="jsonf") }
action(type="omelasticsearch" server="127.0.0.1" serverport=%q uid="logs" pwd="hunter2" bulkmode="on" searchIndex="logs" searchType="" template="doc")
`, folder, socket, port), 0o600); err != nil {
		t.Fatal(err)
	}
	sender(t, rsyslogd, "-n", "-f", config, "-i", filepath.Join(folder, "pid"))
	testkit.Eventually(t, "rsyslogd listens", func() error { _, err := os.Stat(socket); return err })
	for i := range 10 {
		do(t, "", logger, "-u", socket, "-t", "peer", fmt.Sprintf("n%d=1 end", i))
	}
	d.holds("n0=1 end", "n5=1 end", "n9=1 end")
	for _, l := range attributedLines(t, d) {
		if strings.Contains(l, "=1 end") && !strings.Contains(l, `{"_index":"logs","@timestamp":"`) {
			t.Errorf("a line is %s", l)
		}
	}
}

// curl posts what Promtail, Fluent Bit and OpenTelemetry's collector would.
func TestPeerPosts(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	curl := testkit.Tool(t, "curl")
	for _, test := range []struct{ kind, path, media, body, line string }{
		{"loki", "/loki/api/v1/push", "application/json", `{"streams":[{"stream":{"job":"nginx"},"values":[["1544712660300000000","n=1 end"]]}]}`,
			`{"time":"2018-12-13T14:51:00.3Z","job":"nginx","message":"n=1 end"}`},
		{"http-lines", "/", "application/json", `[{"date":1544712660.3,"log":"n=1 end"}]`, `{"date":1544712660.3,"log":"n=1 end"}`},
		{"otlp", "/v1/logs", "application/json", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"n=1 end"}}]}]}]}`, `{"body":"n=1 end"}`},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, "", 2, 0)
			url := "http://127.0.0.1:" + d.shipped(test.kind) + test.path
			if got := do(t, test.body, curl, "-sS", "-w", "%{http_code}", "--data-binary", "@-", "-H", "Content-Type: "+test.media, "-u", "logs:wrong", "-o", "/dev/null", url); got != "401" {
				t.Errorf("a wrong password was answered with %s", got)
			}
			if got := do(t, test.body, curl, "-fsS", "--data-binary", "@-", "-H", "Content-Type: "+test.media, "-u", "logs:hunter2", url); strings.TrimSpace(got) != "" && got != "{}" {
				t.Errorf("it was answered with %s", got)
			}
			d.holds(test.line)
		})
	}
}
