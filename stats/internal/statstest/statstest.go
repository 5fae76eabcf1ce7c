// Package statstest has lines and definitions for the tests and benchmarks of the
// packages below stats.
package statstest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/traffic"
	"pulse/stats"
)

// FirstSecond is the second of the first line of recordings.
const FirstSecond = 1353605494

// Record makes the lines of a recording, at so many a second.
func Record(t testing.TB, kind string, lines, rate int) []string {
	t.Helper()
	var b bytes.Buffer
	err := traffic.Write(&b, traffic.Options{
		Kind: kind, Lines: lines, Rate: float64(rate), Seed: 1, Start: time.Unix(FirstSecond, 0).UTC(), Garbage: 0.01,
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// Hostile makes hostile lines.
func Hostile(lines, rate int) []string {
	r := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- lines of a test
	out := make([]string, lines)
	for i := range out {
		out[i] = traffic.HostileLine(r, FirstSecond+int64(i/rate))
	}
	return out
}

// Pick gives one of some texts.
func Pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// PulseYAML defines most of the original's statistics for one cloud, the same
// for a second one if two, and others that no line meets, n stats in all.
func PulseYAML(n int) string {
	var b strings.Builder
	count := 0
	stat := func(name, kind, where string) {
		if count++; count > n {
			return
		}
		fmt.Fprintf(&b, "  - name: %s\n    %s\n", name, kind)
		if where != "" {
			fmt.Fprintf(&b, "    where: %s\n", where)
		}
	}
	b.WriteString("stats:\n")
	stat("events-per-second", "rate: second", "")
	stat("events-per-second-unparsed", "rate: second", "unparsed")
	stat("rendezvous-joins", "rate: minute", `app == "rendezvous" && fn == "join" && at == "start"`)
	for _, cloud := range []string{"example.com", "cloud-b.com"} {
		scoped := func(name, kind, where string) {
			stat(strings.ReplaceAll(cloud, ".", "-")+"."+name, kind, fmt.Sprintf(`cloud == "%s" && (%s)`, cloud, where))
		}
		scoped("amqp-publishes", "rate: second", `amqp_publish != nil || amqp_message != nil && action == "publish"`)
		scoped("amqp-receives", "rate: second", `amqp_message != nil && action == "received"`)
		scoped("amqp-timeouts", "rate: minute", `amqp_message != nil && action == "timeout"`)
		nginx := `source == "nginx" && http_status != nil`
		scoped("nginx-requests", "rate: second", nginx)
		scoped("nginx-domains", "unique: http_domain", nginx)
		scoped("nginx-errors", "rate: minute", `source == "nginx" && level == "crit" && msg contains "[error]"`)
		scoped("varnish-requests", "rate: second", `source == "varnish" && http_status != nil`)
		for _, code := range []string{"500", "502", "503", "504"} {
			scoped("nginx-"+code, "rate: minute", nginx+` && http_host != "127.0.0.1" && http_status == `+code)
			scoped("nginx-"+code+"-domains", "unique: http_domain", nginx+` && http_host != "127.0.0.1" && http_status == `+code)
			scoped("varnish-"+code, "rate: minute", `source == "varnish" && http_status == `+code)
		}
		scoped("varnish-purges", "rate: minute", "cache_purge != nil")
		hermes := `mod == "hermes_proxy"`
		scoped("hermes-requests", "rate: second", hermes+" && code != nil")
		scoped("hermes-apps", "unique: app_id", hermes)
		scoped("hermes-service", "mean: service", hermes)
		for _, code := range []string{"H10", "H11", "H12", "H13", "H14", "H15", "H16", "H17", "H18", "H19", "H20", "H80", "H99"} {
			scoped("hermes-"+code, "rate: minute", hermes+fmt.Sprintf(` && code == "%s"`, code))
			scoped("hermes-"+code+"-apps", "unique: app_id", hermes+fmt.Sprintf(` && code == "%s"`, code))
		}
		scoped("hermes-econns", "rate: minute", hermes+` && error_type == "econn"`)
		scoped("hermes-errors", "rate: minute", `level == "err" && source == "hermes"`)
		scoped("hermes-slow-redis", "rate: minute", hermes+" && redis >= 10")
		scoped("hermes-catastrophic-redis", "rate: minute", hermes+" && redis >= 25")
		for _, mod := range []string{"services", "procs", "domains", "domain_groups"} {
			for _, at := range []string{"msg", "connect", "disconnect"} {
				scoped("hermes-"+mod+"-"+at, "rate: minute", fmt.Sprintf(`mod == "%s_callback" && at == "%s"`, mod, at))
			}
			scoped("hermes-"+mod+"-latency", "mean: latency", fmt.Sprintf(`mod == "hermes_clock" && callback == "%s_callback"`, mod))
			scoped("hermes-"+mod+"-staleness", "mean: staleness", fmt.Sprintf(`mod == "hermes_clock" && callback == "%s_callback"`, mod))
		}
		scoped("logplex-processed", "sum: message_processed", "logplex_stats != nil")
	}
	for i := 0; count < n; i++ {
		switch i % 4 {
		case 0:
			stat(fmt.Sprintf("other-%d", i), "rate: second", fmt.Sprintf(`source == "service%d" && at == "event%d"`, i, i%50))
		case 1:
			stat(fmt.Sprintf("other-%d", i), "unique: app_id", fmt.Sprintf(`cloud == "example.com" && mod == "module%d" && code != nil`, i))
		case 2:
			stat(fmt.Sprintf("other-%d", i), "rate: minute", fmt.Sprintf(`code == "E%d" && redis >= 5`, i))
		case 3:
			stat(fmt.Sprintf("other-%d", i), "mean: latency", fmt.Sprintf(`app == "app%d" && msg contains "zzz"`, i))
		}
	}
	return b.String()
}

// Definitions for the recordings of one kind each.
const (
	RouterYAML = `stats:
  - {name: requests, rate: second}
  - {name: errors, rate: minute, where: 'at == "error"'}
  - {name: h10, rate: minute, where: 'code == "H10"'}
  - {name: h12, rate: minute, where: 'code == "H12"'}
  - {name: post, rate: second, where: 'method == "POST"'}
  - {name: s500, rate: minute, where: 'status == 500'}
  - {name: s5xx, rate: minute, where: 'status >= 500'}
  - {name: slow, rate: minute, where: 'service >= 1000'}
  - {name: get404, rate: minute, where: 'method == "GET" && status == 404'}
  - {name: hosts, unique: host}
  - {name: slowest, max: service}
  - {name: service, quantiles: service, at: [0.5, 0.95, 0.99]}
  - {name: bytes, mean: bytes}
`

	AccessYAML = `stats:
  - {name: requests, rate: second}
  - {name: gets, rate: second, where: 'http_method == "GET"'}
  - {name: s2xx, rate: second, where: 'http_status >= 200 && http_status <= 299'}
  - {name: s4xx, rate: second, where: 'http_status >= 400 && http_status <= 499'}
  - {name: s5xx, rate: minute, where: 'http_status >= 500 && http_status <= 599'}
  - {name: clients, unique: http_host}
  - {name: bytes, quantiles: http_bytes, at: [0.5, 0.95]}
  - {name: sent, sum: http_bytes}
`

	JSONYAML = `stats:
  - {name: events, rate: second}
  - {name: errors, rate: minute, where: 'level == "error"'}
  - {name: s5xx, rate: minute, where: 'status >= 500 && status <= 599'}
  - {name: posts, rate: second, where: 'http.method == "POST"'}
  - {name: hosts, unique: http.host}
  - {name: duration, quantiles: duration, at: [0.5, 0.95]}
  - {name: bytes, mean: bytes}
`
)

// composed are stats of kinds of which a parser alone can make all.
const composed = `
stats:
  - {name: all, count: lines, over: 9s}
  - {name: some, count: lines, where: x < 3, over: 9s}
  - {name: value, value: 100 * some / all}
  - {name: slo, slo: {good: some, total: all, target: 50, over: 12s}}
  - {name: apdex, apdex: x, satisfied: 2, tolerated: 8, over: 5s}
  - {name: last-mean, last-mean: x, by: x, expire: 8s}
  - {name: last-count, last-count: x, by: x, expire: 4s}
`

// AllKinds has a stat of each kind, over short windows.
func AllKinds() *stats.Definitions {
	d, err := stats.Parse("composed.yaml", []byte(composed))
	if err != nil {
		panic(err)
	}
	return &stats.Definitions{Lateness: 3, Stats: append([]*stats.Stat{
		{Name: "rate", Kind: "rate", Per: 1, Window: 10},
		{Name: "rate-per-minute", Kind: "rate", Per: 60, Window: 7},
		{Name: "sum", Kind: "sum", Field: "x", Window: 5},
		{Name: "mean", Kind: "mean", Field: "x", Window: 1},
		{Name: "min", Kind: "min", Field: "x", Window: 6},
		{Name: "max", Kind: "max", Field: "x", Window: 20},
		{Name: "unique", Kind: "unique", Field: "x", Window: 6},
		{Name: "quantiles", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5, 0.99}, Window: 4},
		{Name: "count", Kind: "count", Window: 7},
		{Name: "stddev", Kind: "stddev", Field: "x", Window: 6},
		{Name: "stddev-by", Kind: "stddev", Field: "x", GroupBy: []string{"x"}, Top: 3, Window: 4},
		{Name: "rate-by", Kind: "rate", Per: 1, GroupBy: []string{"x"}, Top: 3, Window: 10},
		{Name: "quantiles-by", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5}, GroupBy: []string{"level"}, Top: 3, Window: 4},
		{Name: "histogram", Kind: "histogram", Field: "x", Buckets: []float64{10, 20}, Window: 1},
		{Name: "last", Kind: "last", Field: "x", Window: 6},
		{Name: "last-sum", Kind: "last-sum", Field: "x", GroupBy: []string{"x"}, Window: 8},
		{Name: "last-max", Kind: "last-max", Field: "x", GroupBy: []string{"level", "x"}, Window: 5},
		{Name: "delta", Kind: "delta", Field: "x", GroupBy: []string{"level"}, Window: 10, Expire: 15},
		{Name: "delta-alone", Kind: "delta", Field: "x", Window: 3, Expire: 1},
		{Name: "delta-ratio", Kind: "ratio", Of: []string{"delta", "delta-too"}, Window: 10, Expire: 15},
		{Name: "delta-too", Kind: "delta", Field: "x", Window: 10, Expire: 15},
		{Name: "ratio", Kind: "ratio", Of: []string{"rate", "rate-by-ten"}, Window: 10},
		{Name: "rate-by-ten", Kind: "rate", Per: 60, Window: 10},
	}, d.Stats...)}
}

// Epoch is where the tests' seconds begin.
const Epoch = 1_700_000_000

// LogLine is a line of a second with a value for x.
func LogLine(second int64, value any) string {
	return fmt.Sprintf("ts=%d level=info x=%v\n", second, value)
}
