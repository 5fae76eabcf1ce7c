package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

// schemas checks values against the part of JSON Schema that openapi.yaml uses;
// another keyword is an error, so that none is written down and not checked.
type schemas struct{ file map[string]any }

func (s schemas) check(at string, schema map[string]any, v any) error {
	if ref, ok := schema["$ref"].(string); ok {
		to, ok := s.find(ref)
		if !ok {
			return fmt.Errorf("%s: there is no %s", at, ref)
		}
		return s.check(at, to, v)
	}
	for keyword, want := range schema {
		var wrong bool
		switch keyword {
		case "description", "examples", "format":
		case "type":
			wrong = !slices.ContainsFunc(listOf(want), func(t any) bool { return isOf(t.(string), v) })
		case "const":
			wrong = want != v
		case "oneOf":
			fitting := 0
			for _, one := range want.([]any) {
				if s.check(at, one.(map[string]any), v) == nil {
					fitting++
				}
			}
			wrong = fitting != 1
		case "required":
			object, _ := v.(map[string]any)
			for _, name := range want.([]any) {
				if _, ok := object[name.(string)]; !ok {
					return fmt.Errorf("%s has no %s", at, name)
				}
			}
		case "properties", "additionalProperties":
			properties, _ := schema["properties"].(map[string]any)
			object, _ := v.(map[string]any)
			for name, its := range object {
				its, known := its, false
				var of map[string]any
				if of, known = properties[name].(map[string]any); !known {
					switch more := schema["additionalProperties"].(type) {
					case bool:
						return fmt.Errorf("%s has %s, which is not described", at, name)
					case map[string]any:
						of = more
					}
				}
				if err := s.check(at+"."+name, of, its); err != nil {
					return err
				}
			}
		case "minProperties":
			object, _ := v.(map[string]any)
			wrong = len(object) < want.(int)
		case "items":
			elements, _ := v.([]any)
			for i, e := range elements {
				if err := s.check(fmt.Sprintf("%s[%d]", at, i), want.(map[string]any), e); err != nil {
					return err
				}
			}
		case "minItems":
			elements, _ := v.([]any)
			wrong = len(elements) < want.(int)
		case "maxItems":
			elements, _ := v.([]any)
			wrong = len(elements) > want.(int)
		default:
			return fmt.Errorf("%s: the keyword %s is not checked", at, keyword)
		}
		if wrong {
			return fmt.Errorf("%s is %.200v, not of %s %v", at, v, keyword, want)
		}
	}
	if schema["format"] == "date-time" {
		if _, err := time.Parse(time.RFC3339, v.(string)); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// find follows a reference within the file.
func (s schemas) find(ref string) (map[string]any, bool) {
	at, ok := s.file, true
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at, ok = at[part].(map[string]any)
		if !ok {
			return nil, false
		}
	}
	return at, true
}

func listOf(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}

func isOf(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

// What the server answers is what openapi.yaml says, and all that it serves is
// there.
func TestOpenAPI(t *testing.T) {
	log := newSynthetic(0)
	s := log.idle(t, func(c *Config) {
		c.Access, c.AllowEdit = letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey, OIDC: newIssuer(t).config(t, nil)}), true
	})
	onPort(t, s)
	_, text := do(t, s, "GET", "/api/openapi.yaml", bearer)
	file := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	described := schemas{file}
	now := time.Now().Unix()
	for second := now - 20; second < now; second++ {
		log.feed(s.store, second, now)
	}
	put(s.store, stats.Snapshot{Stat: "stat-01", Time: now - 10, Value: json.RawMessage("7"), Covered: 3, Of: 70, Approx: 0.5, Revision: 9, Version: s.store.gen})
	setNotes(s.store, map[string][]string{"stat-01": {"no line has had it"}})
	put(s.store, stats.Snapshot{Stat: "stat-00", Time: now - 10, StaleSince: now - 12, Revision: 9, Version: s.store.gen})
	eventually(t, "the server is ready", s.Ready)

	asked := map[string]bool{} // "get /path 200"
	ask := func(method, pattern, target string, change func(*http.Request)) {
		t.Helper()
		answer, body := do(t, s, strings.ToUpper(method), target, change)
		operation, ok := described.find("paths")
		if ok {
			operation, ok = operation[pattern].(map[string]any)
		}
		if ok {
			operation, ok = operation[method].(map[string]any)
		}
		if !ok {
			t.Errorf("%s %s is not described", method, pattern)
			return
		}
		response, ok := operation["responses"].(map[string]any)[fmt.Sprint(answer.StatusCode)].(map[string]any)
		if !ok {
			t.Errorf("%s %s: the answer %d is not described", method, target, answer.StatusCode)
			return
		}
		asked[fmt.Sprint(method, " ", pattern, " ", answer.StatusCode)] = true
		if ref, ok := response["$ref"].(string); ok {
			response, _ = described.find(ref)
		}
		if response["content"] == nil { // as of a redirect
			return
		}
		kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
		content, ok := response["content"].(map[string]any)[kind].(map[string]any)
		if !ok {
			t.Errorf("%s %s: the content is %s, described are %v", method, target, kind, response["content"])
			return
		}
		schema, ok := content["schema"].(map[string]any)
		if !ok {
			return
		}
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Errorf("%s %s: %v", method, target, err)
			return
		}
		if err := described.check("the answer", schema, v); err != nil {
			t.Errorf("%s %s: %v", method, target, err)
		}
	}
	for _, st := range log.definitions.Stats {
		if st.Kind == "rate" && st.Name != "stat-00" && st.Name != "stat-01" {
			continue // they have one shape
		}
		for _, query := range []string{"", "?step=10", "?step=600&from=" + url.QueryEscape(time.Now().Add(-2*time.Hour).Format(time.RFC3339))} {
			ask("get", "/api/stats/{name}", "/api/stats/"+st.Name+query, bearer)
		}
	}
	ask("get", "/api/first", "/api/first", bearer)
	ask("get", "/api/first", "/api/first?a=b", bearer)
	ask("get", "/api/first", "/api/first", nil)
	ask("get", "/api/stats", "/api/stats", bearer)
	ask("get", "/api/stats", "/api/stats?a=b", bearer)
	ask("get", "/api/stats", "/api/stats", nil)
	ask("get", "/api/stats/{name}", "/api/stats/nothing", bearer)
	ask("get", "/api/stats/{name}", "/api/stats/stat-00?from=x", bearer)
	ask("get", "/api/stats/{name}", "/api/stats/stat-00", nil)
	ask("get", "/api/explain", "/api/explain?stat=stat-00&from=1000&to=1059", bearer)
	ask("get", "/api/explain", "/api/explain?stat=stat-00&from=1000&to=1059&against=500", bearer)
	ask("get", "/api/explain", "/api/explain?stat=stat-00&from=1000&to=1059&where=status+%3D%3D+500", bearer)
	ask("get", "/api/explain", "/api/explain?stat=stat-00&from=1000&to=1059&where=status+%3D%3D", bearer)
	ask("get", "/api/explain", "/api/explain?stat=nothing", bearer)
	ask("get", "/api/explain", "/api/explain?stat=stat-00&from=1000&to=1059&against=1050", bearer)
	ask("get", "/api/explain", "/api/explain?stat=stat-00", shared(s))
	ask("get", "/api/lines", "/api/lines?stat=stat-00&from=100&to=200", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&from=100&to=200&fields=true&limit=5", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&limit=1001", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&fields=1", bearer)
	ask("get", "/api/lines/around", "/api/lines/around?at=1/100/0", bearer)
	ask("get", "/api/lines/around", "/api/lines/around?at=1/2/0", bearer)
	ask("get", "/api/lines/around", "/api/lines/around?at=x", bearer)
	ask("get", "/api/lines/around", "/api/lines/around?at=1/100/0", shared(s))
	ask("get", "/api/fields", "/api/fields", bearer)
	ask("get", "/api/narrowed", "/api/narrowed?stat=stat-00&where=f+%3D%3D+1&from=100&to=110", bearer)
	ask("get", "/api/narrowed", "/api/narrowed?stat=stat-00", bearer)
	ask("get", "/api/narrowed", "/api/narrowed?stat=stat-00&where=f", shared(s))
	ask("get", "/api/fields", "/api/fields?from=10&to=9", bearer)
	ask("get", "/api/fields", "/api/fields", shared(s))
	ask("get", "/api/lines", "/api/lines?stat=stat-00&key=x", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&where="+url.QueryEscape(`line contains "x"`), bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&where=status+%3D%3D", bearer)
	ask("get", "/api/lines", "/api/lines?stat=nothing", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&to=x", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00", shared(s))
	ask("get", "/api/lines", "/api/lines?stat=stat-00", nil)
	ask("post", "/api/marks", "/api/marks", saying(`{"text":"v142","name":"deploy","link":"https://example.com/142"}`, bearer))
	ask("post", "/api/marks", "/api/marks", saying(`{"txt":"v142"}`, bearer))
	ask("post", "/api/marks", "/api/marks", saying(`{"text":"v142"}`, shared(s)))
	ask("post", "/api/marks", "/api/marks", saying(`{"text":"v142"}`, func(*http.Request) {}))
	ask("get", "/api/then", fmt.Sprintf("/api/then?at=%d&play=3", now-60), bearer)
	ask("get", "/api/then", "/api/then", bearer)
	ask("get", "/api/then", "/api/then?at=7", nil)
	s.alerts = newAlerts(&stats.Definitions{Routes: []alert.Route{{Name: "r", Kind: "slack"}}, Alerts: []*alert.Rule{{Name: "a", When: alert.Threshold{Stat: "stat-00", Op: alert.Above}, Help: "h", Runbook: "https://x.example"}}}, noSilencer{})
	for i, one := range []struct{ topic, key, value string }{
		{"stats.alerts", "1", `{"alert":"a","time":"2026-01-01T00:00:00Z","state":"firing","was":"ok","value":7,"revision":0,"final":true}`},
		{"stats.alerts", "2", `{"alert":"a","key":"x","time":"2026-01-01T00:00:00Z","state":"firing","was":"ok","revision":1,"final":true,"withdrawn":true,"by":{"time":"2026-01-01T00:00:00Z","revision":2}}`},
		{"stats.alerts", "3", `{"alert":"b","time":"2026-01-01T00:00:00Z","state":"firing","was":"ok","revision":0,"final":true}`},
		{"stats.alerts", "4", `nonsense`},
		{"alerts.state", string((&topics.AlertReceiver{Route: "r", Partition: 1}).Key()), `{"receiver":{"route":"r","kind":"slack","partition":1,"offset":7,"waiting":2,"silenced":1,"refused":3,"since":"2026-01-01T00:00:00Z","error":"away"}}`},
		{"alerts.silences", "s", `{"id":"s","alert":"*","from":"` + time.Now().UTC().Format(time.RFC3339) + `","until":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `","who":"ada","why":"test"}`},
	} {
		s.alerts.take(topics.Names{}, &kgo.Record{Topic: one.topic, Key: []byte(one.key), Value: []byte(one.value), Offset: int64(i)})
	}
	ask("get", "/api/alerts", "/api/alerts", bearer)
	ask("get", "/api/alerts", "/api/alerts", shared(s))
	ask("get", "/api/alerts", "/api/alerts", nil)
	if told := s.alerts.answer(time.Now()); len(told.Incidents) != 2 || told.Incidents[0].Silence == nil || told.Incidents[1].Withdrawn == nil || told.Alerts[0].State != alert.Firing || len(told.Receivers) != 1 {
		t.Errorf("of alerts it tells %+v", told)
	}
	for _, body := range []string{`{"alert":"a","for":"1h","who":"ada","why":"test"}`, `{"alert":"a","for":"1h","who":"ada"}`, `{"alert":"z","for":"1h","who":"ada","why":"test"}`, `{"alert":"a","for":"999h","who":"ada","why":"x"}`, `{"alert":"a","for":"1h","until":"x"}`, `{`} {
		ask("post", "/api/silences", "/api/silences", saying(body, bearer))
	}
	ask("post", "/api/silences", "/api/silences", saying(`{"alert":"a","for":"1h","who":"ada","why":"test"}`, shared(s)))
	ask("delete", "/api/silences", "/api/silences?id=s", bearer)
	ask("delete", "/api/silences", "/api/silences?id=t", bearer)
	ask("delete", "/api/silences", "/api/silences?id=s", shared(s))
	ask("get", "/api/usual", "/api/usual", bearer)
	ask("get", "/api/usual", "/api/usual?at=x", bearer)
	ask("get", "/api/usual", "/api/usual", nil)
	ask("get", "/api/marks", "/api/marks", bearer)
	ask("get", "/api/marks", "/api/marks?from=x", bearer)
	ask("get", "/api/marks", "/api/marks", nil)
	const kept = "/api/incidents/checkout-slow"
	ask("get", "/api/definitions", "/api/definitions", bearer)
	ask("get", "/api/definitions", "/api/definitions", shared(s))
	ask("get", "/api/schema.json", "/api/schema.json", bearer)
	ask("put", "/api/definitions", "/api/definitions", saying(`{"text":"","tag":""}`, bearer))
	ask("put", "/api/definitions", "/api/definitions", saying(`{"text":"","tag":""}`, shared(s)))
	s.config.DefinitionsFile = &memoryFile{text: "stats:"}
	ask("get", "/api/definitions", "/api/definitions", bearer)
	ask("put", "/api/definitions", "/api/definitions", saying(`{"text":"stats:\n  - {name: a, count: lines}\n","tag":"stats:"}`, bearer))
	ask("put", "/api/definitions", "/api/definitions", saying(`{"text":"stats:","tag":""}`, bearer))
	ask("put", "/api/definitions", "/api/definitions", saying(`{"txt":""}`, bearer))
	s.config.DefinitionsFile = &memoryFile{err: errors.New("no such file")}
	ask("get", "/api/definitions", "/api/definitions", bearer)
	ask("put", "/api/definitions", "/api/definitions", saying(`{"text":"","tag":""}`, bearer))
	ask("post", "/api/draft", "/api/draft", saying(`{"text":"stats: [{name: x}]"}`, bearer))
	ask("post", "/api/draft", "/api/draft", saying(`{"txt":""}`, bearer))
	ask("post", "/api/draft", "/api/draft", saying(`{"text":""}`, shared(s)))
	ask("get", "/api/incidents", "/api/incidents", bearer)
	ask("post", "/api/incidents", "/api/incidents", saying(`{"name":"b","from":"2026-01-02T03:04:05Z","to":"2026-01-02T03:05:05Z"}`, bearer))
	ask("post", "/api/incidents", "/api/incidents", saying(`{"name":"b","from":"2026-01-02T03:04:05Z","to":"2026-01-02T03:05:05Z"}`, bearer))
	ask("post", "/api/incidents", "/api/incidents", saying(`{}`, bearer))
	ask("post", "/api/incidents", "/api/incidents", saying(`{}`, shared(s)))
	ask("get", "/api/incidents/{id}", kept, bearer)
	ask("get", "/api/incidents/{id}", "/api/incidents/nothing", bearer)
	ask("get", "/api/incidents/{id}/points", kept+"/points?to=1700000402&from=1700000400", bearer)
	ask("get", "/api/incidents/{id}/lines", kept+"/lines?stat=requests", bearer)
	ask("get", "/api/incidents/{id}/lines", kept+"/lines?stat=requests&to=7", bearer)
	ask("get", "/api/incidents/{id}/lines", kept+"/lines?stat=requests", shared(s))
	ask("get", "/api/incidents/{id}/lines/around", kept+"/lines/around?at=1/100/0", bearer)
	ask("get", "/api/incidents/{id}/narrowed", kept+"/narrowed?stat=requests&where=f+%3D%3D+1", bearer)
	ask("get", "/api/incidents/{id}/fields", kept+"/fields", bearer)
	ask("get", "/api/incidents/{id}/explain", kept+"/explain?stat=requests&from=1700000430", bearer)
	ask("get", "/api/incidents/{id}/explain", kept+"/explain?stat=requests&from=1700000430&against=7", bearer)
	ask("get", "/api/incidents/{id}/frames", kept+"/frames?seconds=3", bearer)
	ask("get", "/api/incidents/{id}/frames", kept+"/frames?seconds=x", bearer)
	ask("put", "/api/incidents/{id}/note", kept+"/note", saying(`{"note":"x"}`, bearer))
	ask("put", "/api/incidents/{id}/note", kept+"/note", saying(`{"note":"x"}`, shared(s)))
	ask("delete", "/api/incidents/{id}", "/api/incidents/b", bearer)
	ask("delete", "/api/incidents/{id}", "/api/incidents/b", bearer)
	ask("post", "/api/share", "/api/share", bearer)
	ask("post", "/api/share", "/api/share?for=x", bearer)
	ask("post", "/api/share", "/api/share", shared(s))
	ask("post", "/api/share", "/api/share", nil)
	ask("get", "/api/openapi.yaml", "/api/openapi.yaml", bearer)
	ask("get", "/metrics", "/metrics", bearer)
	ask("get", "/metrics", "/metrics", nil)
	ask("get", "/api/who", "/api/who", bearer)
	ask("get", "/api/who", "/api/who", shared(s))
	ask("get", "/api/who", "/api/who", nil)
	ask("get", "/login", "/login?to=/", nil)
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	ask("post", "/login", "/login", saying("token="+testToken, form))
	ask("post", "/login", "/login", saying("token=x", form))
	ask("post", "/login", "/login", saying("%", form))
	ask("get", "/login/oidc", "/login/oidc?to=/", nil)
	back, has := begin(t, s, "/")
	ask("get", "/login/callback", back, cookies(has))
	ask("get", "/login/callback", back, nil)
	ask("post", "/logout", "/logout", bearer)
	ask("get", "/healthz", "/healthz", nil)
	ask("get", "/readyz", "/readyz", nil)
	ask("get", "/ws", "/ws?stat=nothing", bearer)
	ask("get", "/ws", "/ws?a=b", bearer)
	ask("get", "/api/lines", "/api/lines?stat=stat-00&keys=x", bearer)

	for _, method := range []string{"get", "post"} {
		ask(method, "/api/v1/query", "/api/v1/query?query=pulse_stat", bearer)
		ask(method, "/api/v1/query", "/api/v1/query?query=sum(", bearer)
		ask(method, "/api/v1/query_range", fmt.Sprintf("/api/v1/query_range?query=pulse_stat&start=%d&end=%d&step=5", now-10, now), bearer)
		ask(method, "/api/v1/query_range", "/api/v1/query_range?query=pulse_stat&start=1&end=8000&step=5", bearer)
		ask(method, "/api/v1/series", "/api/v1/series?match[]=pulse_stat", bearer)
		ask(method, "/api/v1/labels", "/api/v1/labels", bearer)
		ask(method, "/api/v1/query_exemplars", `/api/v1/query_exemplars?query=pulse_stat{stat="stat-02"}`, bearer)
	}
	ask("get", "/api/v1/query", "/api/v1/query?query=pulse_stat", nil)
	ask("get", "/api/v1/label/{name}/values", "/api/v1/label/stat/values", bearer)
	ask("get", "/api/v1/metadata", "/api/v1/metadata", bearer)
	ask("get", "/api/v1/status/buildinfo", "/api/v1/status/buildinfo", bearer)

	// The socket's messages.
	sent := map[string]int{}
	for _, path := range []string{"/ws", "/ws?points=together"} {
		conn, _, err := open(s, path, http.Header{"Authorization": {"Bearer " + testToken}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for before := sent["Points"]; sent["Points"] < before+2; {
			var v any
			if err := conn.ReadJSON(&v); err != nil {
				t.Fatal(err)
			}
			name := map[any]string{"config": "Config", "history": "History", "points": "Points"}[v.(map[string]any)["type"]]
			sent[name]++
			schema, _ := described.find("#/components/schemas/" + name)
			if err := described.check("the message", schema, v); err != nil {
				t.Error(err)
			}
		}
	}
	if sent["Config"] != 2 || sent["History"] == 0 {
		t.Errorf("the messages were %v", sent)
	}

	// Nothing is described that there is not, or the other way round.
	paths := file["paths"].(map[string]any)
	for pattern, operations := range paths {
		for method := range operations.(map[string]any) {
			done := slices.ContainsFunc([]int{200, 201, 204, 303}, func(code int) bool { return asked[fmt.Sprint(method, " ", pattern, " ", code)] })
			if !done && pattern != "/ws" {
				t.Errorf("%s %s is described, and was never done", method, pattern)
			}
		}
	}
	for route := range s.answers() {
		method, pattern, _ := strings.Cut(route, " ")
		if _, ok := paths[pattern].(map[string]any)[strings.ToLower(method)]; !ok {
			t.Errorf("%s is served and not described", route)
		}
	}
	if refs := regexp.MustCompile(`#/[\w/]+`).FindAllString(text, -1); len(refs) < 10 {
		t.Error("openapi.yaml has no references")
	} else {
		for _, ref := range refs {
			if _, ok := described.find(ref); !ok {
				t.Errorf("there is no %s", path.Base(ref))
			}
		}
	}
}
