package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/program"
)

// Stats that are made of others, and those by key, are in the metrics as they are on the
// page.
func TestMetricsOfKinds(t *testing.T) {
	d, err := stats.Parse("test.yaml", []byte(`
inlog: true
stats:
  - {name: errors, count: lines, where: status >= 500, by: path}
  - {name: requests, count: lines, by: path}
  - {name: share, ratio: [errors, requests], by: path, rank: count}
  - {name: satisfied, apdex: ms, satisfied: 10, tolerated: 40}
  - {name: lines, count: lines}
  - {name: good, count: lines, where: status < 500}
  - {name: percent, value: 100 * good / lines}
  - {name: nothing, value: 1 / (good - good)}
  - {name: shop, slo: {good: good, total: lines, target: 50, over: 1h}}
  - {name: users, unique: user, by: path}
  - {name: slowest, quantiles: ms, at: [0.5], by: path, rank: 0.5}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := idle(t, func(c *Config) { c.Definitions = d })
	evaluator := evaluatorOf(t, s, d)
	evaluator.Pack(program.Pack{Second: 1000, Floor: 1000, Lines: []byte(
		"status=200 path=/a user=ann ms=5 count#orders=3\n" +
			"status=500 path=/a user=bob ms=20\n" +
			"status=200 path=/b user=ann ms=90 measure#db=1.2s\n" +
			"status=200 path=/a user=ann ms=7\n")})
	evaluator.Close(-1)
	w := httptest.NewRecorder()
	s.metrics(w, httptest.NewRequest("GET", "/metrics", nil))
	got := "\n" + w.Body.String()
	for _, want := range []string{
		`{stat="share",key="/a"} 0.333333333333333`, `{stat="share",key="/b"} 0`,
		`{stat="satisfied"} 0.625`, `{stat="percent"} 75`,
		`{stat="shop"} 0.5`, `{stat="shop.burn-5m",unit="×"} 0.5`, `{stat="shop.burn-1d",unit="×"} 0.5`,
		`{stat="users",key="/a"} 2`, `{stat="slowest",key="/b",quantile="0.5"} 90`,
		`{stat="logs.count",key="orders"} 3`, `{stat="logs.measure",key="db",quantile="0.99"} 1200`,
	} {
		if !strings.Contains(got, "\npulse_stat"+want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(got, `pulse_stat{stat="nothing"}`) {
		t.Error("null has a sample")
	}
	if t.Failed() {
		t.Log(got)
	}
}
