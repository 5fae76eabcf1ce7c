package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
)

// do runs a peer to its end.
func do(t *testing.T, stdin string, path string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), path, args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", path, args, err, out)
	}
	return string(out)
}

// holds waits until events.raw holds a line with each text, once.
func (d *deployment) holds(texts ...string) {
	d.t.Helper()
	testkit.Eventually(d.t, fmt.Sprintf("events.raw holds lines with %q", texts), func() error {
		lines := attributedLines(d.t, d)
		for _, text := range texts {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) }) {
				return fmt.Errorf("%d lines, none with %q", len(lines), text)
			}
		}
		return nil
	})
	for _, text := range texts {
		times := 0
		for _, l := range attributedLines(d.t, d) {
			times += strings.Count(l, text)
		}
		if times != 1 {
			d.t.Errorf("%q is there %d times", text, times)
		}
	}
}

// curl posts what Logplex would; with chunked encoding too, and compressed.
func TestPeerCurl(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	curl := testkit.Tool(t, "curl")
	d := deploy(t, "", 2, 0)
	d.env["PULSE_LOG_LEVEL"] = "info"
	ingester := d.start("ingest", "--drain", "127.0.0.1:0", "--drain-sources", "shop=d.s3cret")
	url := "http://" + ingester.addresses(1)["drain"] + "/logs"
	frame := func(n int) string {
		l := fmt.Sprintf("<134>1 %s host app web.1 - n%d=1 end", time.Now().UTC().Format(time.RFC3339), n)
		return fmt.Sprintf("%d %s", len(l), l)
	}
	post := func(body string, more ...string) string {
		return do(t, body, curl, append([]string{"-sS", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@-",
			"-H", "Content-Type: application/logplex-1", url}, more...)...)
	}
	for _, test := range []struct {
		want, body string
		more       []string
	}{
		{"204", frame(1) + frame(2), []string{"-H", "Logplex-Drain-Token: d.s3cret", "-H", "Logplex-Msg-Count: 2"}},
		{"204", frame(3), []string{"-H", "Logplex-Drain-Token: d.s3cret", "-H", "Transfer-Encoding: chunked"}},
		{"204", frame(4), []string{"-H", "Logplex-Drain-Token: d.s3cret", "-H", "Logplex-Frame-Id: 7"}},
		{"204", frame(4), []string{"-H", "Logplex-Drain-Token: d.s3cret", "-H", "Logplex-Frame-Id: 7"}},
		{"401", frame(5), []string{"-H", "Logplex-Drain-Token: d.wr0ng"}},
		{"401", frame(5), nil},
		{"400", frame(5), []string{"-H", "Logplex-Drain-Token: d.s3cret", "-H", "Logplex-Msg-Count: 2"}},
		{"400", "1000000000000 <134>1 n5=1 end", []string{"-H", "Logplex-Drain-Token: d.s3cret"}},
	} {
		if got := post(test.body, test.more...); got != test.want {
			t.Errorf("%s with %q was answered with %s, want %s", test.body, test.more, got, test.want)
		}
	}
	d.holds("n1=1 end", "n2=1 end", "n3=1 end", "n4=1 end")
	for _, l := range attributedLines(t, d) {
		if strings.Contains(l, "n5=1") {
			t.Errorf("a request that was refused got in: %s", l)
		}
	}
	ingester.terminate()
	if log := ingester.stderr.String(); strings.Contains(log, "s3cret") || strings.Contains(log, "wr0ng") {
		t.Errorf("the log has a token:\n%s", log)
	}
}

// A request that comes again after a restart is not taken again, if the ingester has
// a name.
func TestDrainKnowsRequestsAfterRestart(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	d := deploy(t, "", 2, 0)
	d.env["PULSE_LOG_LEVEL"] = "info"
	post := func(n int) (status int) {
		ingester := d.start("ingest", "--drain", "127.0.0.1:0", "--drain-sources", "shop=d.s3cret", "--id", "one")
		l := fmt.Sprintf("<134>1 %s host app web.1 - n%d=1 end", time.Now().UTC().Format(time.RFC3339), n)
		r, err := http.NewRequest("POST", "http://"+ingester.addresses(1)["drain"]+"/logs", strings.NewReader(fmt.Sprintf("%d %s", len(l), l)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/logplex-1"}, "Logplex-Drain-Token": {"d.s3cret"}, "Logplex-Frame-Id": {fmt.Sprint("frame", n)}}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		ingester.stop()
		ingester.wait()
		return w.StatusCode
	}
	for i, n := range []int{1, 1, 2} {
		// A transaction may not come about: then the ingester ends, and Logplex sends
		// again.
		status := post(n)
		for range 4 {
			if status != http.StatusServiceUnavailable {
				break
			}
			status = post(n)
		}
		if status != http.StatusNoContent {
			t.Fatalf("request %d was answered with %d", i, status)
		}
	}
	d.holds("n1=1 end", "n2=1 end")
}

// rsyslogd forwards what logger says, by UDP, by TCP with line feeds and by TCP with
// octet counting.
func TestPeerRsyslog(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	rsyslogd, logger := testkit.Tool(t, "rsyslogd"), testkit.Tool(t, "logger")
	d := deploy(t, "", 2, 0)
	d.env["PULSE_LOG_LEVEL"] = "info"
	address := d.start("ingest", "--syslog-udp", "127.0.0.1:0", "--syslog-tcp", "127.0.0.1:0").addresses(2)
	_, udp, _ := net.SplitHostPort(address["syslog-udp"])
	_, tcp, _ := net.SplitHostPort(address["syslog-tcp"])
	folder := t.TempDir()
	socket := filepath.Join(folder, "log")
	config := filepath.Join(folder, "rsyslog.conf")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(`
global(workDirectory=%q)
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q)
template(name="tcp" type="list") { constant(value="<") property(name="pri") constant(value=">1 ") property(name="timestamp" dateFormat="rfc3339")
	constant(value=" host tcp - - - ") property(name="msg") constant(value="\n") }
action(type="omfwd" target="127.0.0.1" port=%q protocol="udp" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port=%q protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted")
action(type="omfwd" target="127.0.0.1" port=%q protocol="tcp" template="tcp")
`, folder, socket, udp, tcp, tcp)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(rsyslogd, "-n", "-f", config, "-i", filepath.Join(folder, "pid"))
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		if t.Failed() {
			t.Logf("rsyslogd: %s", &out)
		}
	}()
	testkit.Eventually(t, "rsyslogd listens", func() error { _, err := os.Stat(socket); return err })
	const messages = 50
	for i := range messages {
		do(t, "", logger, "-u", socket, "-t", "peer", fmt.Sprintf("n%d=1 end", i))
	}
	count := map[string]int{}
	testkit.Eventually(t, "all messages come by each way", func() error {
		clear(count)
		for _, l := range attributedLines(t, d) {
			if strings.Contains(l, "=1 end") {
				from, _, _ := strings.Cut(l, "&")
				count[from]++
			}
		}
		if count["input=syslog-udp"] < messages || count["input=syslog-tcp"] < 2*messages {
			return fmt.Errorf("there are %v", count)
		}
		return nil
	})
	if count["input=syslog-udp"] != messages || count["input=syslog-tcp"] != 2*messages {
		t.Errorf("the messages by input: %v, want %d and %d", count, messages, 2*messages)
	}
	// And logger itself.
	do(t, "", logger, "-n", "127.0.0.1", "-P", udp, "-d", "--rfc5424", "-t", "peer", "direct1=1")
	do(t, "", logger, "-n", "127.0.0.1", "-P", tcp, "-T", "--rfc5424", "--octet-count", "-t", "peer", "direct2=1")
	do(t, "", logger, "-n", "127.0.0.1", "-P", tcp, "-T", "--rfc3164", "-t", "peer", "direct3=1")
	d.holds("direct1=1", "direct2=1", "direct3=1")
}

// kcat fills a topic that is repacked, and prints events.raw, where a pack's lines are
// lines.
func TestPeerKcat(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	kcat := testkit.Tool(t, "kcat")
	d := deploy(t, "", 2, 0)
	topic := d.names.Prefix + "lines"
	createTopic(t, d.cluster, topic, 3)
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "{\"message\":\"%s n%d=1 end\"}\n", time.Now().UTC().Format(time.RFC3339), i)
	}
	brokers := strings.Join(d.cluster.Brokers, ",")
	do(t, lines.String(), kcat, "-b", brokers, "-t", topic, "-P", "-p", "-1")
	ingester := d.start("ingest", "--kafka-topic", topic, "--kafka-field", "message")
	d.holds("n0=1 end", "n500=1 end", "n999=1 end")
	ingester.terminate()
	printed := do(t, "", kcat, "-b", brokers, "-t", d.names.Raw(), "-C", "-e", "-q", "-X", "isolation.level=read_committed")
	if got := strings.Count(printed, "=1 end\n"); got != 1000 {
		t.Errorf("kcat prints %d lines, want 1000", got)
	}
}

func createTopic(t *testing.T, cluster topics.Cluster, topic string, partitions int32) {
	t.Helper()
	client, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), partitions, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
}
