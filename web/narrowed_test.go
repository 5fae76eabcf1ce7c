package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"pulse/stats"
)

// The points of some lines are those of a stat that counts these alone, of what other stats
// are made of too.
func TestNarrowed(t *testing.T) {
	k := newKafka(t)
	d, err := stats.Parse("test", []byte(`
stats:
  - {name: lines, count: lines, over: 10s}
  - {name: own, count: lines, over: 10s, where: f == 1}
  - {name: mean, mean: n, over: 5s, where: level == "info"}
  - {name: own-mean, mean: n, over: 5s, where: f == 1}
  - {name: by, count: lines, by: ingester, over: 10s}
  - {name: of-i, count: lines, where: ingester == "i", over: 10s}
  - {name: part, ratio: [of-i, lines]}
  - {name: day, count: lines, over: 24h}
`))
	if err != nil {
		t.Fatal(err)
	}
	const first = 1_700_000_000
	sources(t, k, first)
	s := k.idle(func(c *Config) { c.Definitions, c.Access = d, tokensAndLinks(t) })
	ask := func(stat, where string, from, to int64) (points map[int64]string) {
		t.Helper()
		path := fmt.Sprintf("/api/narrowed?stat=%s&where=%s&from=%d&to=%d", stat, url.QueryEscape(where), first+from, first+to)
		got, body := get(t, s, path, bearer)
		var a struct {
			Points []struct {
				Time  json.RawMessage
				Value json.RawMessage
			}
			Done bool
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || got.StatusCode != http.StatusOK || !a.Done {
			t.Fatalf("%s: %d %v in %.300s", path, got.StatusCode, err, body)
		}
		if len(a.Points) != int(to-from+1) {
			t.Errorf("%s of %s has %d points, want %d", stat, where, len(a.Points), to-from+1)
		}
		points = map[int64]string{}
		for i, p := range a.Points {
			points[from+int64(i)] = string(p.Value)
		}
		return points
	}
	for second, v := range ask("lines", "f == 1", 15, 40) {
		if v != "200" { // ten seconds of two ingesters' five packs of two such lines
			t.Errorf("at second %d there are %s, want 200", second, v)
		}
	}
	for stat, own := range map[string]string{"lines": "own", "mean": "own-mean"} {
		if got, want := fmt.Sprint(ask(stat, "f == 1", 0, 59)), fmt.Sprint(ask(own, "n != nil", 0, 59)); got != want {
			t.Errorf("%s of f == 1 is\n%s, want that of %s\n%s", stat, got, own, want)
		}
	}
	if got := ask("part", `ingester == "j"`, 30, 30)[30]; got != "0" {
		t.Errorf("the ratio of the others' lines is %s, want 0", got)
	}
	if got := ask("by", "f == 0 && n % 2 == 0", 30, 30)[30]; got != `{"top":[{"key":"i","value":50},{"key":"j","value":50}],"other":0,"distinct":2}` {
		t.Errorf("by key it is %s", got)
	}
	for query, want := range map[string]int{
		"stat=nothing&where=true": 404, "stat=lines": 400, "stat=lines&where=f+%3D%3D": 400, "stat=day&where=f+%3D%3D+1": 400,
		"stat=pulse.lines&where=f+%3D%3D+1": 400, "stat=lines&where=f+%3D%3D+1&from=1&to=9000": 400,
	} {
		if got, body := get(t, s, "/api/narrowed?"+query, bearer); got.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", query, got.StatusCode, body, want)
		}
	}
	if got, _ := get(t, s, "/api/narrowed?stat=lines&where=f+%3D%3D+1", shared(s)); got.StatusCode != http.StatusForbidden {
		t.Errorf("by a share link: %d, want 403", got.StatusCode)
	}
}
