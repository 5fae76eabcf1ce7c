package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// The kinds of line that most systems write are recognized, with their time and the fields
// that one counts by.
func TestUsualLines(t *testing.T) {
	kinds := []struct {
		name, line, format string
		fields             map[string]any
	}{
		{"nginx", `10.1.2.3 - ida [02/Jan/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 612 "-" "curl/8" 0.125 0.120`, "access",
			map[string]any{"http_status": 200., "http_path": "/a", "http_request_time": 0.125, "http_upstream_time": 0.12, "http_user": "ida"}},
		{"nginx's JSON", `{"time_iso8601":"2026-01-02T10:00:00+00:00","status":"200","request_time":"0.125","uri":"/a"}`, "json",
			map[string]any{"status": "200", "request_time": "0.125", "uri": "/a"}},
		{"nginx's errors", `2026/01/02 10:00:00 [error] 12#13: *14 connect() failed, client: 10.1.2.3, server: shop, request: "GET /a HTTP/1.1", host: "shop.example.com"`, "nginx-error",
			map[string]any{"level": "error", "http_host": "10.1.2.3", "http_path": "/a", "http_domain": "shop.example.com"}},
		{"Apache with its host", `shop.example.com:443 10.1.2.3 - - [02/Jan/2026:10:00:00 +0000] "GET /a HTTP/1.1" 404 12 "http://b/" "curl"`, "access",
			map[string]any{"http_domain": "shop.example.com", "http_status": 404., "http_referrer": "http://b/"}},
		{"Apache's errors", `[Fri Jan 02 10:00:00.123456 2026] [core:error] [pid 12:tid 13] [client 10.1.2.3:5] File does not exist`, "apache-error",
			map[string]any{"level": "error", "source": "core", "http_host": "10.1.2.3"}},
		{"HAProxy", `10.1.2.3:33317 [02/Jan/2026:10:00:00.655] http-in app/web1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /a HTTP/1.1"`, "haproxy",
			map[string]any{"http_status": 200., "http_backend": "app", "http_server": "web1", "http_request_time": 0.109}},
		{"Envoy", `[2026-01-02T10:00:00.310Z] "GET /a HTTP/2" 503 UF 0 226 100 98 "10.1.2.3" "curl" "id-1" "shop.example.com" "10.0.0.3:80"`, "envoy",
			map[string]any{"http_status": 503., "http_flags": "UF", "http_request_time": 0.1, "http_domain": "shop.example.com"}},
		{"AWS' load balancer", `https 2026-01-02T10:00:00.186641Z app/shop/50dc6c495c0c9188 10.1.2.3:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET https://shop.example.com:443/a HTTP/1.1" "curl" ECDHE TLSv1.2 arn "Root=1" "-" "-" 0 2026-01-02T10:00:00.000000Z "forward" "-" "-" "-" "-" "-" "-"`, "alb",
			map[string]any{"http_status": 200., "http_path": "/a", "http_bytes": 366., "http_request_bytes": 34.}},
		{"IIS", `2026-01-02 10:00:00 10.0.0.1 GET /a b=c 443 - 10.1.2.3 curl - 200 0 0 15`, "w3c",
			map[string]any{"http_status": 200., "http_host": "10.1.2.3", "http_path": "/a"}},
		{"RFC 5424", `<134>1 2026-01-02T10:00:00Z gw app web.3 - - took=5 user=ida`, "syslog",
			map[string]any{"level": "info", "host": "gw", "source": "app", "ps": "web.3", "took": 5., "user": "ida"}},
		{"RFC 3164", `<34>Jan  2 10:00:00 gw su[12]: failed for ida`, "syslog",
			map[string]any{"level": "crit", "host": "gw", "source": "su", "ps": "12", "msg": "failed for ida"}},
		{"Heroku's router", `2026-01-02T10:00:00.12+00:00 heroku[router]: at=info method=GET path="/a" service=20ms status=200`, "heroku",
			map[string]any{"source": "heroku", "ps": "router", "service": 20., "status": 200.}},
		{"Kubernetes", `2026-01-02T10:00:00.123456789Z stdout F {"status":500}`, "cri", map[string]any{"stream": "stdout", "status": 500.}},
		{"Docker", `{"log":"level=info took=5\n","stream":"stderr","time":"2026-01-02T10:00:00.123456789Z"}`, "json",
			map[string]any{"stream": "stderr", "level": "info", "took": 5.}},
		{"journald", `{"__REALTIME_TIMESTAMP":"1767348000123456","MESSAGE":"took=5","PRIORITY":"6","_SYSTEMD_UNIT":"shop.service"}`, "json",
			map[string]any{"_SYSTEMD_UNIT": "shop.service", "took": 5.}},
		{"klog", `E0102 10:00:00.123456   12345 controller.go:114] cannot sync`, "klog", map[string]any{"level": "error", "caller": "controller.go:114", "msg": "cannot sync"}},
		{"logback", `2026-01-02 10:00:00,123 WARN  [main] com.example.Shop - sold out`, "log", map[string]any{"level": "WARN", "source": "com.example.Shop", "msg": "sold out"}},
		{"Python", `2026-01-02 10:00:00,123 - shop - ERROR - sold out`, "log", map[string]any{"level": "ERROR", "source": "shop", "msg": "sold out"}},
		{"PostgreSQL", `2026-01-02 10:00:00.123 UTC [123] ida@shop LOG:  duration: 12.5 ms`, "postgres",
			map[string]any{"level": "LOG", "user": "ida", "database": "shop", "ps": "123"}},
	}
	var lines strings.Builder
	for _, k := range kinds {
		lines.WriteString(k.line + "\n")
	}
	var out, errs strings.Builder
	e := &environment{Stdin: strings.NewReader(lines.String()), Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
	if code := e.main(t.Context(), []string{"parse"}); code != exitOK {
		t.Fatalf("pulse parse ends with %d: %s", code, &errs)
	}
	parsed := json.NewDecoder(strings.NewReader(out.String()))
	for _, k := range kinds {
		var got struct {
			Format, Time string
			Fields       map[string]any
		}
		if err := parsed.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if format, _, _ := strings.Cut(got.Format, ","); format != k.format || !strings.Contains(got.Time, "-01-02T10:00:00") {
			t.Errorf("%s is taken for %s of %s", k.name, got.Format, got.Time)
		}
		for name, want := range k.fields {
			if fmt.Sprint(got.Fields[name]) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %v, want %v", k.name, name, got.Fields[name], want)
			}
		}
	}
}
