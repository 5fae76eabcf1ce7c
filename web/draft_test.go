package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/topics"
)

// tryLog writes a log of three partitions that ends at a second, and makes a server that has
// seen it.
func tryLog(t *testing.T, d *stats.Definitions, last int64) (*Server, []*kgo.Record) {
	t.Helper()
	k := newKafka(t)
	keys := topics.PartitionKeys(3)
	var records []*kgo.Record
	for second := last - 700; second <= last; second++ {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: "i", Clock: second*1000 + 300, Domain: topics.WallDomain}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Key: []byte(keys[p]), Headers: h.Headers(),
				Value: fmt.Appendf(nil, "service=%dms status=%d n=%d\nno fields here\n", second%50, 200+300*(second%2), p)})
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: last - 700, Partitions: 3}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Key: []byte(keys[p]), Headers: h.Headers()})
		}
	}
	k.produce(records...)
	s := k.idle(func(c *Config) {
		c.Definitions, c.Tokens, c.AllowEdit = d, []string{testToken}, true
		c.Names.Version = d.Version()
	})
	s.store.Clocks(topics.Clocks{Version: d.Version(), Seconds: []int64{last + 1, last + 1, last + 1}}, time.Unix(last+1, 0))
	return s, records
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

// On the page a draft is tried while it is written: errors stand at their lines, and the
// panels of what changed are beside those of today.
func TestDraftPage(t *testing.T) {
	testkit.Long(t)
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := tryLog(t, d, time.Now().Unix()-1)
	s.access.tokens = nil
	s.access.login, s.access.tokens = nil, nil
	if s.access, err = newAccess(Config{Auth: "me:secret-secret"}); err != nil {
		t.Fatal(err)
	}
	onPort(t, s)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(strings.Replace(s.URL(), "//", "//me:secret-secret@", 1)+"/icon.svg"), chromedp.Navigate(s.URL()))
	b.until(t, `document.querySelectorAll(".panel").length === 2 && !document.querySelector("#draft-button").hidden`)
	b.do(t, chromedp.Click("#draft-button"))
	b.until(t, `document.querySelector("#draft textarea").value.includes("name: service")`)
	typed := func(text string) chromedp.Action[chromedp.Void] {
		return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const area = document.querySelector("#draft textarea"); area.value = %s; area.dispatchEvent(new Event("input")); }`, mustJSON(text)))
	}
	b.do(t, typed("stats:\n  - {name: a, rate: second, where: \"status >= \"}\n"))
	b.until(t, `document.querySelector("#draft li button")?.textContent.startsWith("line 2")`)
	b.do(t, chromedp.Click("#draft li button"))
	b.until(t, `document.activeElement.localName === "textarea" && document.activeElement.selectionStart > 5`)
	b.do(t, typed(strings.Replace(memoryDefinitions, "rate: second", "rate: second, where: status >= 500", 1)))
	b.until(t, `document.querySelectorAll("#draft .panel[data-state=value]").length >= 1 && document.querySelector("#draft").textContent.includes("not status >= 500: status is 200")`)
	shot(t, b, "draft")
	b.quietConsole(t)
}
