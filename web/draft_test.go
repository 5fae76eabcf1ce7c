package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/topics"
)

// secondOf is the records of a second of a log of three partitions that began at another.
func secondOf(names topics.Names, first, second int64) (records []*kgo.Record) {
	keys := topics.PartitionKeys(3)
	for p := range int32(3) {
		h := topics.RawHeader{Ingester: "i", Clock: second*1000 + 300, Domain: topics.WallDomain}
		records = append(records, &kgo.Record{Topic: names.Raw(), Partition: p, Key: []byte(keys[p]), Headers: h.Headers(),
			Value: fmt.Appendf(nil, "service=%dms status=%d n=%d\nno fields here\n", second%50, 200+300*(second%2), p)})
		h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: first, Partitions: 3}
		records = append(records, &kgo.Record{Topic: names.Raw(), Partition: p, Key: []byte(keys[p]), Headers: h.Headers()})
	}
	return records
}

// tryLog writes a log of three partitions that ends at a second, and makes a server that has
// seen it.
func tryLog(t *testing.T, d *stats.Definitions, last int64) (*Server, []*kgo.Record) {
	t.Helper()
	k := newKafka(t)
	var records []*kgo.Record
	for second := last - 700; second <= last; second++ {
		records = append(records, secondOf(k.names, last-700, second)...)
	}
	k.produce(records...)
	return k.trying(d, last), records
}

// trying is a server that has seen a log up to a second, and lets drafts be tried.
func (k *kafka) trying(d *stats.Definitions, last int64) *Server {
	s := k.idle(func(c *Config) {
		c.Definitions, c.Access, c.AllowEdit = d, tokensAndLinks(k.t), true
		c.Names.Version = d.Version()
	})
	s.store.Clocks(topics.Clocks{Version: d.Version(), Seconds: []int64{last + 1, last + 1, last + 1}}, time.Unix(last+1, 0))
	return s
}

// A draft is drawn with the values that the oracle has, whenever it is tried, and says which
// lines its stats count and which just are not.
func TestDraft(t *testing.T) {
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	const last = incidentFirst + 1000
	s, records := tryLog(t, d, last)
	text := strings.Replace(memoryDefinitions, "pages:", "  - {name: errors, count: lines, where: status >= 500, over: 30s}\npages:", 1)
	post := func(text, stat string) (int, string) {
		body, err := json.Marshal(map[string]string{"text": text, "stat": stat})
		if err != nil {
			t.Fatal(err)
		}
		answer, got := do(t, s, "POST", "/api/draft", saying(string(body), bearer))
		return answer.StatusCode, got
	}
	status, got := post(text, "")
	var answer draftAnswer
	if err := json.Unmarshal([]byte(got), &answer); err != nil || status != http.StatusOK || len(answer.Errors) > 0 {
		t.Fatalf("%d %.300s (%v)", status, got, err)
	}
	if !slices.Equal(answer.Changed, []string{"errors"}) || answer.Stat != "errors" {
		t.Errorf("changed are %v, the lines are of %q; want errors", answer.Changed, answer.Stat)
	}
	if answer.Counted != 3*150 || len(answer.Counts) != shownLines || !strings.Contains(answer.Counts[0].Text, "status=500") {
		t.Errorf("%d lines are counted, such as %v; want 450", answer.Counted, answer.Counts)
	}
	if len(answer.Not) != shownLines || answer.Not[0].Why != "not status >= 500: status is 200" {
		t.Errorf("not counted are %v", answer.Not)
	}

	want := errorsOf(t, text, records)
	drawn := drawnOf(t, answer.Messages, 2)
	to := s.store.LastFinal()
	if len(drawn) != Window || to != last-d.Lateness {
		t.Errorf("%d seconds are drawn up to %d, want %d up to %d", len(drawn), to, Window, last-d.Lateness)
	}
	for second, value := range drawn {
		if want[second] != value {
			t.Fatalf("at %d %s is drawn, the oracle has %s", second, value, want[second])
		}
	}
	if _, again := post(text, ""); again != got {
		t.Error("tried once more it is another answer")
	}

	for _, c := range []struct{ text, want string }{
		{"stats:\n  - {name: a, rate: second, where: \"status >= \"}\n", `"errors":[{"line":2,"column":`},
		{"stats:\n  - {name: a, count: lines, over: 2h}\n", "windows of more than an hour"},
		{"\x00", `"errors":[{"line":`},
	} {
		if status, got := post(c.text, ""); status != http.StatusOK || !strings.Contains(got, c.want) {
			t.Errorf("%q: %d %.300s; want %s", c.text, status, got, c.want)
		}
	}
	if status, _ := post(strings.Repeat("#", maxDraft+1), ""); status != http.StatusBadRequest {
		t.Errorf("a draft that is too long: %d", status)
	}
}

// A draft goes on as the log does, with the values that the oracle has; a server that takes over
// from one that was killed draws the same.
func TestDraftGoesOn(t *testing.T) {
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	k := newKafka(t)
	const first, last, end = incidentFirst, incidentFirst + 200, incidentFirst + 230
	var records []*kgo.Record
	write := func(from, to int64) {
		var some []*kgo.Record
		for second := from; second <= to; second++ {
			some = append(some, secondOf(k.names, first, second)...)
		}
		k.produce(some...)
		records = append(records, some...)
	}
	write(first, last)
	text := strings.Replace(memoryDefinitions, "pages:", "  - {name: errors, count: lines, where: status >= 500, over: 30s}\npages:", 1)

	// follow tries it on a server of its own until a second is drawn.
	follow := func(seen, until int64, meanwhile func()) map[int64]string {
		server := httptest.NewServer(k.trying(d, seen).handler)
		defer server.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/api/draft", strings.NewReader(string(mustJSON(map[string]any{"text": text, "minutes": 15}))))
		if err != nil {
			t.Fatal(err)
		}
		bearer(request)
		request.Host = "localhost"
		request.Header.Set("Accept", jsonLines)
		answer, err := http.DefaultClient.Do(request)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer, err)
		}
		defer answer.Body.Close()
		drawn := map[int64]string{}
		for lines := json.NewDecoder(answer.Body); ; {
			var news struct {
				Errors   []draftError
				Counted  int64
				Messages []struct {
					History [][]json.RawMessage
					Points  [][]json.RawMessage
				}
			}
			if err := lines.Decode(&news); err != nil || len(news.Errors) > 0 {
				t.Fatal(err, news.Errors)
			}
			newest := int64(0)
			for _, m := range news.Messages {
				for _, h := range append(m.History, m.Points...) {
					var place, at int64
					if json.Unmarshal(h[0], &place) != nil || json.Unmarshal(h[1], &at) != nil || place != 2 {
						continue
					}
					for i, v := range h[2:] {
						newest = max(newest, at+int64(i))
						drawn[at+int64(i)] = string(bytes.TrimSpace(v))
					}
				}
			}
			if want := 3 * ((newest+1)/2 - first/2); news.Counted != want {
				t.Errorf("up to %d %d lines are counted, want %d", newest, news.Counted, want)
			}
			if newest >= until {
				return drawn
			}
			if meanwhile != nil {
				meanwhile()
				meanwhile = nil
			}
		}
	}
	drawn := follow(last, end-d.Lateness, func() { write(last+1, end) })
	again := follow(end, end-d.Lateness, nil)

	want := errorsOf(t, text, records)
	for second := int64(first + 1); second <= end-d.Lateness; second++ {
		if drawn[second] != want[second] || again[second] != want[second] {
			t.Fatalf("at %d %s is drawn, and %s by the next server; the oracle has %s", second, drawn[second], again[second], want[second])
		}
	}
}

// drawnOf gives the values by second of the stat at a place.
func drawnOf(t *testing.T, messages []json.RawMessage, place int) map[int64]string {
	t.Helper()
	drawn := map[int64]string{}
	for _, m := range messages {
		var history struct {
			History [][]json.RawMessage `json:"history"`
		}
		if err := json.Unmarshal(m, &history); err != nil {
			t.Fatal(err)
		}
		for _, h := range history.History {
			var at, first int64
			if json.Unmarshal(h[0], &at) != nil || json.Unmarshal(h[1], &first) != nil || at != int64(place) {
				continue
			}
			for i, v := range h[2:] {
				drawn[first+int64(i)] = string(bytes.TrimSpace(v))
			}
		}
	}
	return drawn
}

// openDraft opens the dialog of drafts on a page of a server that saves to a file.
func openDraft(t *testing.T, file DefinitionsFile) (*Server, *browser) {
	t.Helper()
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s, _ := tryLog(t, d, now.Unix()-1)
	s.store.Upsert(stats.Snapshot{Stat: "requests", Time: now.Unix() - 5, Value: json.RawMessage("6"), Version: d.Version()}, now) // fields are read up to it
	if s.access, err = NewAccess(AccessConfig{Auth: "me:secret-secret"}); err != nil {
		t.Fatal(err)
	}
	s.config.DefinitionsFile = file
	onPort(t, s)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(strings.Replace(s.URL(), "//", "//me:secret-secret@", 1)+"/app.js"), chromedp.Navigate(s.URL()))
	b.until(t, `document.querySelectorAll(".panel").length === 2 && !document.querySelector("#draft-button").hidden`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#draft-button").click()`))
	b.until(t, `document.querySelector("#draft textarea").value.includes("name: service")`)
	return s, b
}

// written replaces the text of the draft at once, as pasting does.
func written(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const area = document.querySelector("#draft textarea"); area.focus(); area.select(); document.execCommand("insertText", false, %s); }`, mustJSON(text)))
}

// On the page a draft is tried while it is written: mistakes stand at their places, and the
// panels of what changed are beside those of today. What may stand at the cursor is offered to
// the keyboard, and can be undone; nothing that was written is lost with the page.
func TestDraftPage(t *testing.T) {
	testkit.Long(t)
	_, b := openDraft(t, &memoryFile{text: memoryDefinitions})
	typed := func(keys string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(keys) }
	area := `document.querySelector("#draft textarea")`

	b.do(t, written("stats:\n  - {name: a, rate: second, where: \"status >= \"}\n"))
	b.until(t, `document.querySelector("#draft li button")?.textContent.startsWith("line 2")`)
	b.until(t, `document.querySelector("#draft .marks span")?.title && `+area+`.getAttribute("aria-invalid") === "true"`)
	shot(t, b, "draft-error")
	b.do(t, chromedp.Click("#draft li button"))
	b.until(t, `document.activeElement.localName === "textarea" && document.activeElement.selectionStart > 5`)

	// Completion: of keys, values, and stats, by the keyboard alone.
	b.do(t, written("stats:\n  - {name: a, "), typed("rat"))
	b.until(t, `document.querySelector("#draft .offers:not([hidden]) [role=option]")?.textContent.startsWith("rate")`)
	b.do(t, typed(kb.ArrowDown))
	b.until(t, `document.getElementById(`+area+`.getAttribute("aria-activedescendant"))?.getAttribute("aria-selected") === "true"`)
	shot(t, b, "draft-offers")
	b.do(t, press("Enter"), typed("se"), typed(kb.ArrowDown), press("Enter"), typed(", where: stat"))
	b.until(t, `document.querySelector("#draft .offers:not([hidden])")?.textContent.includes("status") && `+area+`.value.endsWith("{name: a, rate: second, where: stat")`)
	b.do(t, typed(kb.Escape))
	b.until(t, `document.querySelector("#draft .offers").hidden && document.querySelector("#draft").open`)
	b.do(t, press("Enter"))
	b.until(t, area+`.value.endsWith("where: stat\n    ")`) // as deep as the entry that the line before has
	b.do(t, typed(kb.Tab))
	b.until(t, `document.activeElement !== `+area+``) // the key leaves, as everywhere
	b.do(t, chromedp.Evaluate[chromedp.Void](area+`.focus(); document.execCommand("undo")`))
	b.until(t, `!`+area+`.value.endsWith("    ")`)

	b.do(t, written(strings.Replace(memoryDefinitions, "rate: second", "rate: second, where: status >= 500", 1)))
	b.until(t, `document.querySelectorAll("#draft .new .panel[data-state=value]").length >= 1 && document.querySelector("#draft").textContent.includes("not status >= 500: status is 200")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{ const m = document.querySelector("#draft [name=minutes]"); m.value = "1"; m.dispatchEvent(new Event("change")); }`))
	b.until(t, `document.querySelector("#draft .new .scale .span")?.textContent === "60 s"`)
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"draft-light", 1440, 900, "light"}, {"draft-dark", 1440, 900, "dark"}, {"draft-wall", 3840, 2160, "dark"}, {"draft-phone", 390, 844, "light"}} {
		b.do(t, look(view.width, view.height, view.scheme))
		b.settle(t)
		shot(t, b, view.name)
	}
	b.do(t, look(1440, 900, "light"))
	faultless(t, b)

	// A page that is loaded again has what was written.
	b.do(t, chromedp.Reload())
	b.until(t, `document.querySelector("#draft-button") && !document.querySelector("#draft-button").hidden`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#draft-button").click()`))
	b.until(t, area+`.value.includes("where: status >= 500") && document.querySelector("#draft .question").textContent.includes("loaded again")`)
	b.quietConsole(t)
}

// The form writes a stat into the draft, from a field, from lines, or from nothing; it is saved
// for everybody, but not over what somebody else has saved meanwhile.
func TestDraftFormAndSaving(t *testing.T) {
	testkit.Long(t)
	file := &memoryFile{text: memoryDefinitions}
	_, b := openDraft(t, file)
	area := `document.querySelector("#draft textarea")`
	button := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#draft button")].find((b) => b.textContent === %q && b.offsetParent)`, text)
	}
	click := func(text string) chromedp.Action[chromedp.Void] {
		return chromedp.Evaluate[chromedp.Void](button(text) + `.click()`)
	}
	b.do(t, click("Start a stat"))
	b.until(t, `document.activeElement.name === "name"`)
	b.do(t, chromedp.KeyEvent("requests"), chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.querySelector("#draft .stat-form [role=alert]").textContent.includes("there is a stat requests already")`)
	b.do(t, chromedp.KeyEvent(" x"), chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.querySelector("#draft .stat-form [role=alert]").textContent.includes("letters")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{ const f = document.querySelector("#draft .stat-form"); f.elements.name.value = "errors"; f.elements.where.value = "status >= 500 && line contains \"n=1\""; f.elements.warn.value = "3"; }`))
	shot(t, b, "draft-form")
	b.do(t, click("Write it into the draft"))
	const entry = `  - {name: errors, count: lines, where: "status >= 500 && line contains \"n=1\"", warn: 3}`
	b.until(t, area+`.value.includes(`+string(mustJSON(entry))+`)`)
	b.until(t, `document.querySelector("#draft .new .panel[data-state=value]") && document.querySelector("#draft .old").textContent.includes("There is no stat")`)
	faultless(t, b)

	theirs := memoryDefinitions + "# theirs\n"
	file.text = theirs
	b.do(t, click("Save…"))
	b.until(t, `document.querySelector("#draft .question").textContent.includes("It adds errors.")`)
	b.do(t, click("Yes, save it"))
	b.until(t, `document.querySelector("#draft .question").textContent.includes("Somebody else")`)
	shot(t, b, "draft-conflict")
	if file.text != theirs {
		t.Fatalf("theirs became %s", file.text)
	}
	b.do(t, click("Take theirs instead"))
	b.until(t, area+`.value.endsWith("# theirs\n")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](area+`.focus(); document.execCommand("undo")`))
	b.until(t, area+`.value.includes("errors")`)
	b.do(t, click("Save…"), click("Yes, save it"))
	b.until(t, `document.querySelector("#draft .told").textContent.includes("Saved as version")`)
	if !strings.Contains(file.text, entry) {
		t.Errorf("saved was %s", file.text)
	}
	b.quietConsoleBut(t, "409")
}

// errorsOf is what the stat errors of a draft has at each second by the oracle, of the records
// of three partitions.
func errorsOf(t *testing.T, text string, records []*kgo.Record) map[int64]string {
	t.Helper()
	draft, err := stats.Parse("draft", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]string{}
	e, err := oracle.New(draft, func(p stats.Snapshot) {
		if p.Stat == "errors" {
			want[p.Time] = string(p.Value)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	feed := topics.NewRawFeed(e, 3)
	for _, r := range records {
		feed.Feed(r.Partition, r)
	}
	return want
}
