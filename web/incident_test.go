package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/incident"
)

// incidentFirst is the first second of the log of these tests' incidents.
const incidentFirst = 1_700_000_000

// memoryIncidents keeps incidents in memory. Their points are those of a stat whose value
// is the seconds since the first.
type memoryIncidents struct {
	raw rawHistory
	mu  sync.Mutex
	all map[string]incident.Incident
}

func newMemoryIncidents(raw rawHistory) *memoryIncidents {
	m := &memoryIncidents{raw: raw, all: map[string]incident.Incident{}}
	if _, err := m.Save(context.Background(), incident.Request{Name: "checkout slow", From: incidentFirst + 400, To: incidentFirst + 460, Note: "since v142"}); err != nil {
		panic(err)
	}
	return m
}

// A keptLines is a synthetic log of which nothing has expired.
type keptLines struct{ *synthetic }

func (keptLines) Lines(_ context.Context, q lineQuery, _ func(foundLines)) (foundLines, error) {
	return everyTen(q), nil
}

const memoryDefinitions = `
stats:
  - {name: requests, title: Requests, rate: second, warn: 440}
  - {name: service, quantiles: service, unit: ms}
pages:
  - {title: Shop, rows: [[requests, service]]}
`

func (m *memoryIncidents) List(context.Context) (all []incident.Incident, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.all {
		all = append(all, one)
	}
	return all, nil
}

func (m *memoryIncidents) Get(_ context.Context, id string) (incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, ok := m.all[id]
	if !ok {
		return one, incident.ErrUnknown
	}
	return one, nil
}

func (m *memoryIncidents) Save(_ context.Context, r incident.Request) (incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := strings.ReplaceAll(r.Name, " ", "-")
	if _, ok := m.all[id]; ok {
		return incident.Incident{}, incident.ErrExists
	}
	one := incident.Incident{Note: r.Note, Whole: true}
	one.ID, one.Name, one.From, one.To, one.First = id, r.Name, r.From, r.To, r.From-299
	one.Source = stats.Source{File: "shop.yaml", Text: memoryDefinitions}
	m.all[id] = one
	return one, nil
}

func (m *memoryIncidents) Note(ctx context.Context, id, note string) error {
	one, err := m.Get(ctx, id)
	if err == nil {
		one.Note = note
		m.mu.Lock()
		defer m.mu.Unlock()
		m.all[id] = one
	}
	return err
}

func (m *memoryIncidents) Delete(ctx context.Context, id string) error {
	_, err := m.Get(ctx, id)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, id)
	return err
}

func (m *memoryIncidents) Points(ctx context.Context, id string, from, to int64, do func([]byte) bool) error {
	one, err := m.Get(ctx, id)
	if err != nil {
		return err
	}
	for second := max(from, one.First); second <= min(to, one.To); second++ {
		n := second - incidentFirst
		lines := fmt.Appendf(nil, "%s\n%s\n",
			stats.Snapshot{Stat: "requests", Time: second, Value: fmt.Append(nil, n), Final: true, Version: "x"}.AppendJSON(nil),
			stats.Snapshot{Stat: "service", Time: second, Value: fmt.Appendf(nil, `{"0.5":%d,"0.95":%d,"0.99":%d}`, 10+n%7, 30+n%9, 90+n%20), Final: true, Version: "x"}.AppendJSON(nil))
		if !do(lines) {
			return nil
		}
	}
	return nil
}

func (m *memoryIncidents) Lines(string, *stats.Definitions, *program.Program) rawHistory {
	return m.raw
}

// incidentBounds are those of what is saved of keepable's log.
const incidentFrom, incidentTo = incidentFirst + 400, incidentFirst + 430

// keepable is a server of a log of which an incident can be saved, and the points that it has
// by the oracle.
func keepable(t *testing.T) (k *kafka, s *Server, points string) {
	k = newKafka(t)
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	var want bytes.Buffer
	e, err := oracle.New(d, func(s stats.Snapshot) {
		if s, ok := s.Cut(incidentFrom-300, incidentTo); ok {
			want.Write(append(s.AppendJSON(nil), '\n'))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	feed, keys := topics.NewRawFeed(e, 3), topics.PartitionKeys(3)
	add := func(p int32, h topics.RawHeader, lines []byte) {
		r := &kgo.Record{Topic: k.names.Raw(), Key: []byte(keys[p]), Headers: h.Headers(), Value: lines}
		records = append(records, r)
		feed.Feed(p, r)
	}
	for second := int64(incidentFirst); second < incidentTo+20; second++ {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: "i", Clock: second*1000 + 300, Domain: topics.WallDomain}
			add(p, h, bytes.Repeat(fmt.Appendf(nil, "service=%dms n=%d\n", second%50, p), int(second%5)))
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: incidentFirst, Partitions: 3}
			add(p, h, nil)
		}
	}
	k.produce(records...)
	s = k.idle(func(c *Config) {
		c.Definitions, c.AllowEdit, c.Access = d, true, letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey, Auth: "me:secret-secret"})
		c.Names.Version = d.Version()
	})
	return k, s, want.String()
}

// saveIncident saves an incident of keepable's log.
func saveIncident(t *testing.T, s *Server, body string) (saved incidentAnswer) {
	t.Helper()
	answer, text := do(t, s, "POST", "/api/incidents", saying(body, bearer))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("saved: %d %s", answer.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), &saved); err != nil || !saved.Whole || saved.Note != "<b>" || saved.Bytes == 0 {
		t.Fatalf("saved: %s (%v)", text, err)
	}
	return saved
}

// An incident that the page saves is played with the bytes that the oracle has, and as the
// socket would have said them.
func TestIncidents(t *testing.T) {
	k, s, want := keepable(t)
	const from, to = int64(incidentFrom), int64(incidentTo)
	body := fmt.Sprintf(`{"name":"Slow!","from":%q,"to":%q,"note":"<b>"}`, formatSecond(from), formatSecond(to))
	saved := saveIncident(t, s, body)
	path := "/api/incidents/" + saved.ID
	for range 2 {
		if _, got := do(t, s, "GET", path+"/points?to="+fmt.Sprint(to), bearer); got != want {
			t.Fatalf("%d bytes of points came, want %d as the oracle has them", len(got), len(want))
		}
	}
	var played frames
	if _, text := do(t, s, "GET", fmt.Sprintf("%s/frames?at=%d&seconds=9", path, to-5), bearer); json.Unmarshal([]byte(text), &played) != nil || len(played.Frames) != 5 {
		t.Fatalf("the frames are %.300s", text)
	}
	last := string(bytes.Join([][]byte{played.Frames[4][0]}, nil))
	if place := fmt.Sprintf(`[0,%d,`, to); !strings.Contains(last, place) || !strings.Contains(last, fmt.Sprintf(`"now":%d,"clocks":[%[1]d]`, to+1)) {
		t.Errorf("the last frame is %.300s, want it to have %s", last, place)
	}

	asked := incidentQuestions(from, to)
	was := map[string]string{}
	for question, differs := range asked {
		was[question] = answered(t, s, path+question)
		// How much was read is another matter.
		kept, _, _ := strings.Cut(was[question], `,"expired":false,"read":`)
		if live, _, _ := strings.Cut(answered(t, s, "/api"+question), `,"expired":false,"read":`); !differs && kept != live {
			t.Errorf("%s: the incident says\n%.600s\nand the log says\n%.600s", question, kept, live)
		}
	}
	for _, c := range []incidentCase{
		{"POST", "/api/incidents", body, bearer, 409, "there is an incident"},
		{"POST", "/api/incidents", strings.ReplaceAll(body, formatSecond(to), formatSecond(to+19)), bearer, 409, "is not final yet"},
	} {
		c.try(t, s)
	}
	if err := k.deleteBefore(k.names.Raw(), -1); err != nil {
		t.Fatal(err)
	}
	for question := range asked {
		if got := answered(t, s, path+question); got != was[question] {
			t.Errorf("%s: once the log is gone the incident says\n%.600s\nand before it said\n%.600s", question, got, was[question])
		}
	}
	place := regexp.MustCompile(`"at":"([0-9/]+)"`).FindStringSubmatch(was[fmt.Sprintf("/lines?stat=requests&from=%d&to=%d", to-1, to)])
	if near := answered(t, s, path+"/lines/around?at="+place[1]); strings.Count(near, `"text":"service=`) != 2*aroundLines+1 {
		t.Errorf("around a line there are %s", near)
	}

	for _, c := range []incidentCase{
		{"POST", "/api/incidents", strings.ReplaceAll(body, "Slow!", "Late"), bearer, 409, "nothing of that time can be saved exactly"},
		{"POST", "/api/incidents", `{"name":"x"}`, bearer, 400, "log can have begun"},
		{"POST", "/api/incidents", `{"nam":"x"}`, bearer, 400, "unknown field"},
		{"POST", "/api/incidents", body, shared(s), 403, "a share link changes nothing"},
		{"POST", "/api/incidents", body, func(r *http.Request) { bearer(r); r.Header.Set("Origin", "https://evil.example") }, 403, "a page of another site"},
		{"GET", path + "/frames?at=5", "", bearer, 400, "at must be a time from"},
		{"GET", path + "/points?stat=service", "", bearer, 200, `{"stat":"service"`},
		{"GET", path + fmt.Sprintf("/lines?stat=requests&from=%d&to=%d", to-1, to), "", bearer, 200, `"text":"service=29ms n=0"`},
		{"GET", path + "/lines?stat=requests&where=n+%3D%3D+2&to=" + fmt.Sprint(to-1), "", bearer, 200, `"lines":[{"time":"2023-11-14T22:20:29Z","text":"service=29ms n=2","final":true`},
		{"GET", path + fmt.Sprintf("/explain?stat=requests&from=%d&to=%d&against=%d", to-9, to, from-700), "", bearer, 400, "the incident has lines from 2023-11-14T22:13:"},
		{"GET", path + fmt.Sprintf("/fields?to=%d", to+1), "", bearer, 400, "the incident has lines from"},
		{"GET", path + "/explain?stat=requests", "", shared(s), 403, "only numbers"},
		{"GET", path + "/lines/around?at=2/99999/0", "", bearer, 404, "there is no line"},
		{"GET", path + "/lines?stat=nothing", "", bearer, 404, "nothing"},
		{"GET", path + "/lines?stat=requests", "", shared(s), 403, "only numbers"},
		{"GET", path + "/points", "", shared(s), 200, `{"stat":"requests"`},
		{"GET", "/api/incidents/nothing", "", bearer, 404, "/api/incidents lists them"},
		{"GET", "/api/incidents/..%2Fx", "", bearer, 404, "/api/incidents lists them"},
		{"PUT", path + "/note", `{"note":"v142 was it"}`, bearer, 200, `"note":"v142 was it"`},
		{"PUT", path + "/note", `{"note":"` + strings.Repeat("x", incident.MaxNote+1) + `"}`, bearer, 400, "at most"},
		{"GET", "/api/incidents", "", bearer, 200, `"edit":true`},
		{"GET", "/api/incidents", "", shared(s), 200, `"edit":false`},
		{"DELETE", path, "", shared(s), 403, "a share link changes nothing"},
		{"DELETE", path, "", bearer, 200, saved.ID},
		{"DELETE", path, "", bearer, 404, "/api/incidents lists them"},
	} {
		c.try(t, s)
	}
	if _, err := newServer(Config{Definitions: two(), AllowEdit: true}); err == nil {
		t.Error("everybody may edit")
	}
}

// An incidentCase is a request, and what its answer has.
type incidentCase struct {
	method, target, body string
	as                   func(*http.Request)
	status               int
	want                 string
}

func (c incidentCase) try(t *testing.T, s *Server) {
	t.Helper()
	if answer, text := do(t, s, c.method, c.target, saying(c.body, c.as)); answer.StatusCode != c.status || !strings.Contains(text, c.want) {
		t.Errorf("%s %s %.80s: %d %.200s; want %d %s", c.method, c.target, c.body, answer.StatusCode, text, c.status, c.want)
	}
}

// incidentQuestions are asked of an incident and of the log; true: of the log the answer may
// name other places.
func incidentQuestions(from, to int64) map[string]bool {
	return map[string]bool{
		fmt.Sprintf("/lines?stat=requests&from=%d&to=%d", to-1, to):                                       true,
		fmt.Sprintf("/narrowed?stat=requests&where=n+%%3D%%3D+2&from=%d&to=%d", from-299, to):             false,
		fmt.Sprintf("/narrowed?stat=service&where=n+%%3D%%3D+2&from=%d&to=%d", to-20, to):                 false,
		fmt.Sprintf("/fields?from=%d&to=%d", from, to):                                                    true,
		fmt.Sprintf("/explain?stat=requests&from=%d&to=%d", to-9, to):                                     false,
		fmt.Sprintf("/explain?stat=service&from=%d&to=%d&against=%d&where=n+!%%3D+0", from, to, from-200): false,
	}
}

// answered is the answer to a question that has one.
func answered(t *testing.T, s *Server, question string) string {
	t.Helper()
	answer, text := get(t, s, question, bearer)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.300s", question, answer.StatusCode, text)
	}
	return text
}

// shot writes a picture of the page if PULSE_SHOTS names a folder.
func shot(t *testing.T, b *browser, name string) {
	t.Helper()
	dir := os.Getenv("PULSE_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// saying is a request with a body.
func saying(body string, as func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(body))
		as(r)
	}
}

// The page of an incident in Kafka has lines and those around one, what is different, fields and
// chips, whatever has become of the log.
func TestIncidentPageOfKafka(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	k, s, _ := keepable(t)
	const from, to = int64(incidentFrom), int64(incidentTo)
	saved := saveIncident(t, s, fmt.Sprintf(`{"name":"Slow!","from":%q,"to":%q,"note":"<b>"}`, formatSecond(from), formatSecond(to)))
	if err := k.deleteBefore(k.names.Raw(), -1); err != nil {
		t.Fatal(err)
	}
	onPort(t, s)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "dark"), chromedp.Navigate(strings.Replace(s.URL(), "//", "//me:secret-secret@", 1)+"/app.js"))
	at := fmt.Sprintf("%s/incident/%s?at=%s#/", s.URL(), saved.ID, formatSecond(to-5))
	b.do(t, chromedp.Navigate(at+fmt.Sprintf("stat/requests/300?lines=%d-%d&different=%d-%[2]d", from, to-5, to-14)))
	b.until(t, `document.querySelectorAll(".lines:not(.different) li code").length > 50 && document.querySelector(".different [role=status]").textContent.includes("were tried")`)
	b.do(t, chromedp.Click(".lines .near"))
	b.until(t, `document.querySelectorAll(".around li").length === 41`)
	shot(t, b, "incident-detail")
	b.do(t, chromedp.Navigate(at+"fields"))
	b.until(t, `[...document.querySelectorAll(".fields tbody th")].map((e) => e.textContent).join() === "msg,n,service"`)
	b.do(t, chromedp.Navigate(at+"shop?only=n%3D2"))
	b.until(t, `document.querySelector(".offer:not([hidden])") !== null`)
	b.do(t, chromedp.Click(".offer:not([hidden])"))
	b.until(t, `document.querySelector(".offer:not([hidden])")?.textContent.includes("again") && document.querySelector(".panel").dataset.state === "value"`)
	shot(t, b, "incident-chip")
	b.quietConsole(t)
}

// The page of an incident stands still at the second of its URL, goes on when it is played,
// and says in its URL when that is; on the wall's page there is a list, and a form.
func TestIncidentPage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	server := log.idle(t, func(c *Config) { c.Access, c.AllowEdit = letIn(t, AccessConfig{Auth: "me:secret-secret"}), true })
	server.fill = log.run(server.store)
	server.raw = nil // nothing on an incident's page asks for the live log
	onPort(t, server)
	b := openBrowser(t)
	// The browser keeps the login; a page whose own address has it may not ask for anything.
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(strings.Replace(server.URL(), "//", "//me:secret-secret@", 1)+"/app.js"))
	b.do(t, chromedp.Navigate(fmt.Sprintf("%s/incident/checkout-slow?at=%s", server.URL(), formatSecond(incidentFirst+420))))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 2 && document.querySelector(".figure").textContent === "420"`)
	b.until(t, `document.querySelector("#player").textContent.includes("checkout slow") && document.title.includes("checkout slow")`)
	shot(t, b, "incident")
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#player select").value = "60"; document.querySelector("#player select").dispatchEvent(new Event("change"))`))
	b.do(t, chromedp.Click(`#player button[aria-label=Play]`))
	b.until(t, `document.querySelector(".figure").textContent === "460" && document.querySelector("#player button[aria-label=Play]") !== null`)
	b.until(t, fmt.Sprintf(`new URLSearchParams(location.search).get("at") === %q`, formatSecond(incidentFirst+460)))
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#player input").value = `+fmt.Sprint(incidentFirst+411)+`; document.querySelector("#player input").dispatchEvent(new Event("input"))`))
	b.until(t, `document.querySelector(".figure").textContent === "410"`)

	// Lines, those around one, what is different, fields and chips are the incident's own.
	at := fmt.Sprintf("%s/incident/checkout-slow?at=%s#/", server.URL(), formatSecond(incidentFirst+420))
	b.do(t, chromedp.Navigate(at+fmt.Sprintf("stat/requests/300?lines=%d-%d&different=%[2]d-%d", incidentFirst+400, incidentFirst+420, incidentFirst+430)))
	b.until(t, `document.querySelectorAll(".lines:not(.different) li code").length === 3 && document.querySelector(".different").textContent.includes("customer = ")`)
	b.do(t, chromedp.Click(".lines .near"))
	b.until(t, `document.querySelectorAll(".around li").length === 41`)
	shot(t, b, "incident-detail")
	b.do(t, chromedp.Navigate(at+"fields"))
	b.until(t, `document.querySelector(".fields h2")?.textContent.includes("up to") && document.querySelectorAll(".fields tbody tr").length > 5`)
	b.do(t, chromedp.Navigate(at+"shop?only=customer%3Dacme"))
	b.until(t, `document.querySelector(".offer:not([hidden])") !== null`)
	b.do(t, chromedp.Click(".offer:not([hidden])"))
	b.until(t, `document.querySelector(".offer:not([hidden])")?.textContent.includes("again")`)
	b.until(t, `performance.getEntriesByType("resource").every((r) => !r.name.includes("/api/") || r.name.includes("/api/incidents/checkout-slow") || r.name.endsWith("/api/who"))`)

	b.do(t, chromedp.Navigate(server.URL()+"/#/"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length > 0`)
	b.do(t, chromedp.Click("#incidents"))
	b.until(t, `document.querySelector("#incident-list a")?.textContent === "checkout slow"`)
	shot(t, b, "incidents")
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const form = document.querySelector("#incident-save");
		form.elements.name.value = "again";
		form.requestSubmit();
	}`))
	b.until(t, `document.querySelectorAll("#incident-list a").length === 2`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#incident-list li")].find((li) => li.textContent.includes("again")).querySelector("button").click()`))
	b.until(t, `document.querySelector("#incident-list").textContent.includes("Delete for good?")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#incident-list li")].find((li) => li.textContent.includes("again")).querySelector("button").click()`))
	b.until(t, `document.querySelectorAll("#incident-list a").length === 1`)
	b.quietConsole(t)
}
