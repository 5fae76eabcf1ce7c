package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = New(Config{Definitions: two(), Addr: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "another program uses this port") {
		t.Errorf("a port in use gave %v, want an error that says so and names it", err)
	}
}

func TestAuth(t *testing.T) {
	if _, err := NewAccess(AccessConfig{Auth: "nobody"}); err == nil {
		t.Error("WEB_AUTH without a password was accepted")
	}
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "ada:correct:horse"}) })
	login := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for _, c := range []struct {
		path  string
		login func(*http.Request)
		want  int
	}{
		{"/", nil, 401},
		{"/", login("ada", "wrong"), 401},
		{"/", login("eve", "correct:horse"), 401},
		{"/", login("", ""), 401},
		{"/", login("ada", "correct:horse"), 200},
		{"/api/stats", nil, 401},
		{"/api/stats", login("ada", "correct:horse"), 200},
		{"/metrics", nil, 401},
		{"/ws", nil, 401},
		{"/app.js", nil, 401},
		{"/healthz", nil, 200},
	} {
		answer, _ := get(t, s, c.path, c.login)
		if answer.StatusCode != c.want {
			t.Errorf("%s with %v: %d, want %d", c.path, c.login != nil, answer.StatusCode, c.want)
		}
		if c.want == 401 && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: no WWW-Authenticate, so that no browser asks", c.path)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := idle(t, nil)
	for _, path := range []string{"/", "/app.js", "/first.js", "/api/stats", "/metrics", "/nothing", "/healthz"} {
		answer, _ := get(t, s, path, nil)
		csp := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", path, csp)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s lacks security headers: %v", path, answer.Header)
		}
	}
	_, page := get(t, s, "/", nil)
	for _, inline := range []string{"<style", "style=", "javascript:", " onclick"} {
		if strings.Contains(page, inline) {
			t.Errorf("the page has %q, which its own policy forbids", inline)
		}
	}
}

func TestRedirects(t *testing.T) {
	s := idle(t, func(c *Config) { c.ForceHTTPS, c.CanonicalHost = true, "pulse.example.com" })
	proxied := func(proto, host string) func(*http.Request) {
		return func(r *http.Request) {
			r.Host = host
			r.Header.Set("X-Forwarded-Proto", proto)
		}
	}
	for _, c := range []struct {
		proto, host string
		code        int
		to          string
	}{
		{"http", "pulse.example.com", 308, "https://pulse.example.com/metrics?a=b"},
		{"https", "other.example.com", 308, "https://pulse.example.com/metrics?a=b"},
		{"http", "other.example.com", 308, "https://pulse.example.com/metrics?a=b"},
		{"https", "Pulse.example.com", 200, ""},
	} {
		answer, _ := get(t, s, "/metrics?a=b", proxied(c.proto, c.host))
		if answer.StatusCode != c.code || answer.Header.Get("Location") != c.to {
			t.Errorf("%s://%s: %d to %q, want %d to %q", c.proto, c.host, answer.StatusCode, answer.Header.Get("Location"), c.code, c.to)
		}
	}
	if answer, _ := get(t, s, "/healthz", nil); answer.StatusCode != 200 {
		t.Errorf("a health check inside was answered by %d", answer.StatusCode)
	}
}

func TestSocketOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(c *Config) { c.Origins = []string{"https://wall.example"} })
		for origin, want := range map[string]int{
			"":                          101,
			s.URL():                     101,
			"http://evil.example":       403,
			"http://localhost:1":        403,
			"null":                      403,
			"::not a url":               403,
			s.URL() + ".evil.test":      403,
			"https://wall.example":      101,
			"http://wall.example":       403,
			"https://wall.example.evil": 403,
		} {
			h := http.Header{}
			if origin != "" {
				h.Set("Origin", origin)
			}
			conn, answer, err := open(s, "/ws", h)
			if answer == nil {
				t.Fatalf("%q: %v", origin, err)
			}
			if answer.StatusCode != want {
				t.Errorf("a socket from %q: %d, want %d", origin, answer.StatusCode, want)
			}
			if err == nil {
				conn.Close()
			}
		}
	})
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idle(t, nil)
		recovered := make(chan struct{})
		s.fill = func(ctx context.Context, ready func()) error {
			<-recovered
			ready()
			<-ctx.Done()
			return nil
		}
		s.listenOn(&memory{closed: make(chan struct{})})
		start(t, s)
		answers := func(path string, want int) {
			t.Helper()
			if answer, _ := get(t, s, path, nil); answer.StatusCode != want {
				t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
			}
		}
		synctest.Wait()
		answers("/readyz", 503)
		answers("/healthz", 200)
		close(recovered)
		synctest.Wait()
		answers("/readyz", 200)
	})
}

// older is a history for tests: one point for each second asked for.
type older struct{ asked string }

func (o *older) Points(_ context.Context, stat string, from, to int64) (points []stats.Snapshot, err error) {
	o.asked = fmt.Sprint(stat, " ", from, " ", to)
	for t := from; t <= to; t++ {
		points = append(points, point(stat, t, "0"))
	}
	return points, nil
}

func TestAPI(t *testing.T) {
	s := idle(t, nil)
	kafka := &older{}
	s.history = kafka
	now := time.Now().Unix()
	for i := range int64(400) {
		put(s.store, point("a", now-400+i, fmt.Sprint(i)))
	}
	_, body := get(t, s, "/api/stats", nil)
	var latest struct {
		Version string
		Stats   []struct {
			Stat    string
			Current bool
			Point   *stats.Snapshot
		}
	}
	if err := json.Unmarshal([]byte(body), &latest); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if a := latest.Stats[0]; a.Stat != "a" || !a.Current || string(a.Point.Value) != "399" || a.Point.Time != now-1 {
		t.Errorf("the latest of a is %+v, want 399", a)
	}
	if b := latest.Stats[1]; b.Current || b.Point != nil {
		t.Errorf("the latest of b is %+v, want none", b)
	}

	for _, c := range []struct {
		query string
		count int
		asked string
	}{
		{"", Window, ""},
		{fmt.Sprintf("?from=%d&to=%d", now-10, now-6), 5, ""},
		{"?from=" + time.Unix(now-10, 0).UTC().Format(time.RFC3339), 10, ""},
		{fmt.Sprintf("?from=%d&to=%d", now-500, now-1), 500, fmt.Sprint("a ", now-500, " ", now-ringSize-1)},
		{fmt.Sprintf("?from=%d&to=%d", now-9000, now-8990), 11, fmt.Sprint("a ", now-9000, " ", now-8990)},
	} {
		kafka.asked = ""
		_, body := get(t, s, "/api/stats/a"+c.query, nil)
		var history struct{ Points []stats.Snapshot }
		if err := json.Unmarshal([]byte(body), &history); err != nil {
			t.Fatalf("%s: %v in %.200s", c.query, err, body)
		}
		if len(history.Points) != c.count || kafka.asked != c.asked {
			t.Errorf("%s: %d points, asked Kafka for %q; want %d and %q", c.query, len(history.Points), kafka.asked, c.count, c.asked)
		}
		for i := 1; i < len(history.Points); i++ {
			if history.Points[i].Time != history.Points[i-1].Time+1 {
				t.Errorf("%s: the points are not in order at %d", c.query, i)
			}
		}
	}
	for query, want := range map[string]int{"a?from=yesterday": 400, "a?from=20&to=10": 400, "a?from=0&to=9999999": 400, "a?to=-4": 400, "a?key=x": 400, "a?from=10&to=20&From=5": 400, "nothing": 404} {
		if answer, _ := get(t, s, "/api/stats/"+query, nil); answer.StatusCode != want {
			t.Errorf("/api/stats/%s: %d, want %d", query, answer.StatusCode, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "a", Kind: "rate"}, {Name: "q", Kind: "quantiles", Unit: "ms"}, {Name: "none", Kind: "mean"}, {Name: "broken", Kind: "mean"}, {Name: "old", Kind: "rate"},
		{Name: "top", Kind: "rate", GroupBy: []string{"a"}, Top: 3}, {Name: "tops", Kind: "quantiles", GroupBy: []string{"a"}, Top: 3}, {Name: "hist", Kind: "histogram"}, {Name: `odd"\` + "\n", Kind: "rate"},
	}}
	for _, st := range d.Stats {
		st.Window = 10
	}
	s := idle(t, func(c *Config) { c.Definitions = d })
	for stat, value := range map[string]string{
		"a": "1234.5", "q": `{"0.5":18,"0.95":20}`, "none": "null", "broken": "{}",
		"top": `{"top":[{"key":"a\"b","value":9.5}],"other":3,"distinct":12}`, "hist": `{"le":[10,100],"counts":[4,2,1]}`,
		"tops":         `{"top":[{"key":"x","value":{"0.5":1,"0.9":2}}],"other":{"0.5":3,"0.9":4},"distinct":2}`,
		`odd"\` + "\n": "1", stats.LinesStat: `{"in":3,"late":1}`,
	} {
		s.store.Upsert(stats.Snapshot{Stat: stat, Time: 1000, Value: json.RawMessage(value), Version: s.store.gen}, time.Now())
	}
	s.store.Upsert(stats.Snapshot{Stat: "a", Time: 1001, Value: json.RawMessage("1234.5"), Version: s.store.gen, Covered: 5, Of: 20}, time.Now())
	s.store.Upsert(stats.Snapshot{Stat: "tops", Time: 1000, Value: json.RawMessage(`{"top":[{"key":"x","value":{"0.5":1,"0.9":2}}],"other":{"0.5":3,"0.9":4},"distinct":5212}`), Version: s.store.gen,
		Revision: 1, Beyond: aggregate.Beyond{Keys: 5210, Share: 0.301}}, time.Now())
	s.store.Upsert(stats.Snapshot{Stat: "old", Time: 1000, Value: json.RawMessage("7"), Version: s.store.gen}, time.Now().Add(-time.Minute))
	w := httptest.NewRecorder()
	s.metrics(w, httptest.NewRequest("GET", "/metrics", nil))
	want := `pulse_stat{stat="a"} 1234.5
pulse_stat{stat="q",unit="ms",quantile="0.5"} 18
pulse_stat{stat="q",unit="ms",quantile="0.95"} 20
pulse_stat{stat="top",key="a\"b"} 9.5
pulse_stat{stat="tops",key="x",quantile="0.5"} 1
pulse_stat{stat="tops",key="x",quantile="0.9"} 2
pulse_stat{stat="hist",le="10"} 4
pulse_stat{stat="hist",le="100"} 6
pulse_stat{stat="hist",le="+Inf"} 7
pulse_stat{stat="odd\"\\\n"} 1
pulse_stat{stat="pulse.lines",count="in"} 3
pulse_stat{stat="pulse.lines",count="late"} 1
`
	got := w.Body.String()
	_, got, _ = strings.Cut(got, "# TYPE pulse_stat gauge\n")
	got, rest, _ := strings.Cut(got, "# HELP")
	if got != want {
		t.Errorf("the stats are\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(rest, "\npulse_web_ready 0\n") || !strings.Contains(rest, "\npulse_web_newest_timestamp_seconds 1001\n") {
		t.Errorf("the server's own are\n%s", rest)
	}
	for _, want := range []string{
		`pulse_stat_covered_ratio{stat="a"} 0.25`, `pulse_stat_covered_ratio{stat="hist"} 1`,
		`pulse_stat_beyond_room_keys{stat="tops"} 5210`, `pulse_stat_beyond_room_ratio{stat="tops"} 0.301`,
		`pulse_stat_beyond_room_keys{stat="top"} 0`, `pulse_stat_beyond_room_ratio{stat="top"} 0`,
	} {
		if !strings.Contains(rest, "\n"+want+"\n") {
			t.Errorf("there is no %s in\n%s", want, rest)
		}
	}
	if strings.Contains(rest, `beyond_room_keys{stat="a"}`) {
		t.Error("a stat without keys has keys beyond its room")
	}
}

// evaluatorOf gives a server what an evaluator of its definitions says.
func evaluatorOf(t *testing.T, s *Server, d *stats.Definitions) *oracle.Evaluator {
	t.Helper()
	evaluator, err := oracle.New(d, func(snapshot stats.Snapshot) {
		snapshot.Version = s.store.gen
		snapshot.Value = bytes.Clone(snapshot.Value)
		s.store.Upsert(snapshot, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	return evaluator
}

// TestMetricsOfAnyKeys: keys are what a log has, bytes that are not UTF-8 among
// them. Prometheus refuses the whole page where two series are the same.
func TestMetricsOfAnyKeys(t *testing.T) {
	keys := []string{"/\xff", "/\xfe", `/\xff`, "/\xc3", "/é", `/"`, `/\`, "/\x00", "/\ufffd"}
	d, err := stats.Parse("test.yaml", []byte("stats: [{name: paths, rate: second, by: path, top: 20}]"))
	if err != nil {
		t.Fatal(err)
	}
	s := idle(t, func(c *Config) { c.Definitions = d })
	evaluator := evaluatorOf(t, s, d)
	var lines []byte
	for _, key := range keys {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key)
		lines = append(lines, `level=info path="`+quoted+"\"\n"...)
	}
	evaluator.Pack(program.Pack{Lines: lines, Second: 1000, Floor: 1000})
	evaluator.Close(-1)

	w := httptest.NewRecorder()
	s.metrics(w, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]bool{}
	for _, m := range families["pulse_stat"].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
			if l.GetName() == "key" && !utf8.ValidString(l.GetValue()) {
				t.Errorf("the key %q is not UTF-8", l.GetValue())
			}
		}
		id := strings.Join(labels, ";")
		if series[id] {
			t.Errorf("the series %s is there twice", id)
		}
		series[id] = true
	}
	if n := strings.Count(fmt.Sprint(series), "stat=paths;unit=/s;key="); n != len(keys) {
		t.Errorf("%d keys have a series, want %d: %v", n, len(keys), series)
	}
}

func TestFilesAreRevalidated(t *testing.T) {
	s := idle(t, nil)
	answer, plain := get(t, s, "/app.js", nil)
	tag := answer.Header.Get("ETag")
	if answer.StatusCode != 200 || tag == "" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/javascript") {
		t.Fatalf("/app.js: %d %v", answer.StatusCode, answer.Header)
	}
	answer, _ = get(t, s, "/app.js", func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
	if answer.StatusCode != http.StatusNotModified {
		t.Errorf("an unchanged file: %d, want 304", answer.StatusCode)
	}
	gzipTag := ""
	for accept, want := range map[string]string{"gzip": "gzip", "br, GZIP;q=0.5": "gzip", "": "", "br": "", "gzip; q=0": "", "gzip;q=0.0": "", "deflate, gzip;q=0.01": "gzip"} {
		packed, body := get(t, s, "/app.js", func(r *http.Request) { r.Header.Set("Accept-Encoding", accept) })
		if got := packed.Header.Get("Content-Encoding"); got != want || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("of who takes %q the file is encoded as %q, want %q", accept, got, want)
		}
		if want == "" {
			continue
		}
		gzipTag = packed.Header.Get("ETag")
		r, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != plain || 2*len(body) > len(plain) {
			t.Errorf("compressed to %d bytes it is %d bytes, %v, want all %d", len(body), len(got), err, len(plain))
		}
	}
	if gzipTag == tag {
		t.Error("a file has the same tag in both encodings")
	}
	if answer, _ := get(t, s, "/index.html", nil); answer.StatusCode != 404 {
		t.Errorf("/index.html: %d, want 404: the page has one address", answer.StatusCode)
	}
}

// Stopping a server ends its clients' sockets with a word.
func TestGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idle(t, nil)
		s.listenOn(&memory{conns: make(chan net.Conn), closed: make(chan struct{})})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		conn := dial(t, s)
		next(t, conn)
		cancel()
		if err := untilClosed(t, conn); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("the socket ended with %v, want a close that says the server goes away", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// Prometheus' own tool reads the history of a dashboard.
func TestPromtoolQueries(t *testing.T) {
	testkit.Long(t)
	promtool := testkit.Tool(t, "promtool")
	s := quiet(t)
	eventually(t, "the server is ready", s.Ready)
	now := time.Now().Unix()
	name := s.store.stats[0].Name
	for second := now - 20; second <= now; second++ {
		if second != now-5 {
			put(s.store, stats.Snapshot{Stat: name, Time: second, Value: json.RawMessage(fmt.Sprint(second - now)), Version: s.store.gen})
		}
	}
	out, err := exec.Command(promtool, "query", "range", fmt.Sprint("--start=", now-7), fmt.Sprint("--end=", now-3), "--step=1s", s.URL(), `0 - pulse_stat{stat="`+name+`"}`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := fmt.Sprintf("{stat=%q} =>\n7 @[%d]\n6 @[%d]\n4 @[%d]\n3 @[%d]", name, now-7, now-6, now-4, now-3)
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("promtool says\n%s\nwant\n%s", got, want)
	}
}
