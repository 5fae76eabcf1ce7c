package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/mark"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// deploys is a stat that deploys are marked by.
func deploys() *stats.Stat {
	return &stats.Stat{Name: "marks.deploy", Title: "deploy", Kind: "count", GroupBy: []string{"version"}, Top: 100, Window: 1, Mark: &mark.Kind{Name: "deploy", Link: "https://ci.example/{text}"}}
}

// posting is a request's body.
func posting(body string) func(*http.Request) {
	return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(body)) }
}

// A marked is a topic of marks in memory.
type marked struct {
	kept []mark.Mark
	err  error
}

func (k *marked) PutMark(_ context.Context, m mark.Mark) error {
	k.kept = append(k.kept, m)
	return k.err
}

// Marks from lines and from people are one list, each once, whoever tells of them again.
func TestMarksAreOneList(t *testing.T) {
	s := idle(t, func(c *Config) { c.Definitions = &stats.Definitions{Stats: []*stats.Stat{deploys()}} })
	kept := &marked{}
	s.marker = kept
	point := func(second int64, revision int, value string) {
		s.store.Upsert(stats.Snapshot{Stat: "marks.deploy", Time: second, Revision: revision, Value: json.RawMessage(value), Version: s.store.gen}, time.Now())
	}
	now := time.Now().Unix()
	point(now-9, 0, `{"top":[{"key":"v1","value":1}],"other":0,"distinct":1}`)
	point(now-9, 1, `{"top":[{"key":"v1","value":2},{"key":"v2","value":1}],"other":0,"distinct":2}`)
	point(now-8, 0, `{"top":[],"other":0,"distinct":0}`)
	s.store.Mark(topics.MarkRecord{Mark: mark.Mark{Time: now - 9, Name: "deploy", Text: "v1", Link: "https://ci.example/v1", Lines: 2}})
	said := fmt.Sprintf(`{"text":"drill","time":%q}`, time.Unix(now-5, 0).UTC().Format(time.RFC3339))
	for range 2 {
		if answer, body := do(t, s, "POST", "/api/marks", posting(said)); answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", answer.Status, body)
		}
	}
	_, body := get(t, s, fmt.Sprintf("/api/marks?from=%d&to=%d", now-60, now), nil)
	var answer struct {
		Marks []struct{ Name, Text, Link string }
		More  int
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(answer); got != "{[{deploy v1 https://ci.example/v1} {deploy v2 https://ci.example/v2} {mark drill }] 0}" {
		t.Errorf("the marks are %s", got)
	}
	if len(kept.kept) != 2 || kept.kept[0] != kept.kept[1] {
		t.Errorf("kept were %v", kept.kept)
	}
}

// What cannot be a mark is refused, and so is what a minute has no room for, which counts.
func TestMarksRefused(t *testing.T) {
	s := idle(t, nil)
	kept := &marked{}
	s.marker = kept
	for body, want := range map[string]string{
		``:                              "the body must be JSON",
		`{"text":""}`:                   "the mark has no text",
		`{"text":"a","name":"a\u0007"}`: "printable",
		`{"text":"a","link":"javascript:alert(1)"}`:     "must begin with https://",
		`{"text":"` + strings.Repeat("a", 201) + `"}`:   "201 bytes",
		`{"text":"` + strings.Repeat("a", 20000) + `"}`: "too large",
		`{"text":"a","time":"2999-01-01T00:00:00Z"}`:    "more than a day ahead",
	} {
		if answer, said := do(t, s, "POST", "/api/marks", posting(body)); answer.StatusCode != http.StatusBadRequest || !strings.Contains(said, want) {
			t.Errorf("%.60s is answered %s: %s", body, answer.Status, said)
		}
	}
	minute := time.Now().Unix()/60*60 - 60
	at := time.Unix(minute, 0).UTC().Format(time.RFC3339)
	for i := range mark.MaxMinute + 3 {
		want := http.StatusCreated
		if i >= mark.MaxMinute {
			want = http.StatusTooManyRequests
		}
		if answer, said := do(t, s, "POST", "/api/marks", posting(fmt.Sprintf(`{"text":"m%03d","time":%q}`, i, at))); answer.StatusCode != want {
			t.Fatalf("mark %d: %s %s", i, answer.Status, said)
		}
	}
	if marks, more := s.store.Marks(minute, minute+59); len(marks) != mark.MaxMinute || more != 3 || len(kept.kept) != mark.MaxMinute {
		t.Errorf("there are %d marks and %d more, %d are kept", len(marks), more, len(kept.kept))
	}
	kept.err = errors.New("away")
	if answer, _ := do(t, s, "POST", "/api/marks", posting(`{"text":"a"}`)); answer.StatusCode != http.StatusBadGateway {
		t.Errorf("without Kafka: %s", answer.Status)
	}
}

// Who sets marks without end is refused and named, and pages are told no more of them than
// they can take.
func TestTooManyMarks(t *testing.T) {
	var log strings.Builder
	s := idle(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	kept := &marked{}
	s.marker = kept
	begun, link := time.Now(), "https://ci.example/"+strings.Repeat("x", 4000)
	minute := begun.Unix() / 60 * 60
	for i := range 3 * changesAtOnce {
		at := time.Unix(minute+int64(i/50)*60, 0).UTC().Format(time.RFC3339)
		do(t, s, "POST", "/api/marks", posting(fmt.Sprintf(`{"text":"m%03d","time":%q,"link":%q}`, i, at, link)))
	}
	if most := changesAtOnce + 1 + int(time.Since(begun)/changeEvery); len(kept.kept) > most {
		t.Errorf("%d marks are kept, at most %d should be", len(kept.kept), most)
	}
	if told := log.String(); strings.Count(told, "marks were refused") != 1 || !strings.Contains(told, "from=192.0.2.1/32") {
		t.Errorf("the log says %q", told)
	}
	for i := range int64(2000) { // as another server had them
		s.store.Mark(topics.MarkRecord{Mark: mark.Mark{Time: minute + i/50*60, Name: "n", Text: fmt.Sprint(i), Link: link}})
	}
	put(s.store, point("a", minute, "1"))
	var told struct{ Marks struct{ More uint64 } }
	text := append(append([]byte("{"), s.store.AppendMarks(nil, nil, 0)[1:]...), '}')
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatal(err)
	}
	if len(text) > 2*maxMarksTold || told.Marks.More < 1000 {
		t.Errorf("a page is told %d bytes of marks, and of %d more", len(text), told.Marks.More)
	}
}

// Marks that are kept come to a server that starts, and to one that runs.
func TestMarksAreKept(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: two().Version()}
	topicstest.Ensure(t, cluster, names, 2)
	first := mark.Mark{Time: time.Now().Unix() - 3600, Name: "deploy", Text: "v1"}
	second := mark.Mark{Time: first.Time + 60, Name: "deploy", Text: "v2"}
	ctx, cancel := context.WithCancel(t.Context())
	if err := cluster.PutMark(ctx, names, first); err != nil {
		t.Fatal(err)
	}
	s := idle(t, func(c *Config) { c.Cluster, c.Names = cluster, names })
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&markTopic{cluster, names}).follow(ctx, s.store, nil)
	}()
	defer func() {
		cancel()
		<-done
	}()
	has := func(n int) func() bool {
		return func() bool { marks, _ := s.store.Marks(0, second.Time); return len(marks) == n }
	}
	eventually(t, "the mark that was kept", has(1))
	for range 2 {
		if err := cluster.PutMark(ctx, names, second); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the mark that came", has(2))
}

// Marks stand on the charts of the wall and of a stat that is shown large, also of a day;
// the pointer and a list tell what they are.
func TestMarksOnCharts(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	now := time.Now().Unix()
	for _, m := range []mark.Mark{
		{Time: now - 100, Name: "deploy", Text: "v142 \u202e<b>", Link: "https://ci.example/142", Lines: 3},
		{Time: now - 7200, Name: "deploy", Text: "v141"},
	} {
		server.store.Mark(topics.MarkRecord{Mark: m})
	}
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelector(".panel[data-state=value]")`)
	hover := func(selector string, left string) {
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{
			const canvas = document.querySelector(%q), box = canvas.getBoundingClientRect();
			const x = box.left + %s, event = (n) => new PointerEvent("pointermove", { bubbles: true, pointerType: "mouse", clientX: x + n, clientY: box.top + 20 });
			canvas.dispatchEvent(event(1));
			canvas.dispatchEvent(event(0));
		}`, selector, left)))
	}
	age := fmt.Sprintf("(1 - (Date.now() / 1000 - %d) / 300)", now-100)
	b.until(t, `document.querySelector(".mark-tip")`)
	testkit.Eventually(t, "the tip of a mark", func() error {
		hover(".panel canvas", age+" * box.width")
		if got := evaluate[string](t, b, `document.querySelector(".mark-tip").hidden ? "" : document.querySelector(".mark-tip").textContent`); !strings.Contains(got, "deploy \u2068v142 ‹202E›<b>\u2069 (3 lines)") {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
	b.do(t, chromedp.Navigate(server.URL()+"/#/stat/stat-00"))
	b.until(t, `document.querySelector(".marks li a[href='https://ci.example/142']")`)
	// How far a stat's past is filled stands on its panel, and not on that of others.
	server.store.FilledBy(topics.History{Version: server.store.gen, From: now - 3600, To: now - 300, Goal: now - 86400})
	b.do(t, chromedp.Navigate(server.URL()+"/#/stat/stat-00/86400"))
	b.until(t, `document.querySelectorAll(".marks li").length === 2`)
	b.until(t, `/^The past of this stat is being worked out of the log: it is there from \d\d:\d\d:\d\d on, and goes back to [-\d]+ \d\d:\d\d:\d\d\.$/.test(document.querySelector(".filling")?.textContent)`)
	shoot(t, b, "filling.png")
	// The chart's mark is of a color that nothing else has.
	b.until(t, `(() => {
		const c = document.querySelector(".plot canvas"), { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
		for (let i = 0; i < data.length; i += 4) if (data[i] === 0x7a && data[i + 1] === 0x3f && data[i + 2] === 0xd0) return true;
		return false;
	})()`)
	b.quietConsole(t)
}
