package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
)

// A point's lines are found by the clock of their records, whenever these were
// written: a recording's too.
func TestLines(t *testing.T) {
	k := newKafka(t)
	d, err := stats.Parse("test", []byte(`
stats:
  - name: errors
    rate: minute
    where: level == "error"
  - {name: both, count: lines, by: [level, n]}
`))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := kgo.NewClient(append(k.cluster.ClientOptions("test"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	const first = 1700000000
	var records []*kgo.Record
	for second := int64(first); second < first+60; second++ {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: "i", Clock: second*1000 + 300, Domain: topics.RecordingPrefix + "1"}
			at := time.Unix(second, 0).UTC().Format(time.RFC3339)
			text := fmt.Sprintf("time=%s level=error n=%d.%d\ntime=%[1]s level=info\n", at, second-first, p)
			if second == first+40 {
				text = strings.Repeat(text, 50)
			}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers(), Value: []byte(text)})
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Partitions: 3}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers()})
		}
	}
	if err := raw.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s := k.idle(func(c *Config) { c.Definitions, c.Access = d, tokensAndLinks(t) })
	type answer struct {
		Lines         []struct{ Time, Text string }
		More, Expired bool
	}
	ask := func(query string) (a answer) {
		t.Helper()
		got, body := get(t, s, "/api/lines?stat=errors"+query, bearer)
		if err := json.Unmarshal([]byte(body), &a); err != nil || got.StatusCode != 200 {
			t.Fatalf("%s: %d %v in %.300s", query, got.StatusCode, err, body)
		}
		return a
	}
	a := ask(fmt.Sprintf("&to=%d", first+20))
	if len(a.Lines) != 3 || a.More || a.Expired {
		t.Fatalf("one second has %+v, want the three lines", a)
	}
	for _, l := range a.Lines {
		if !strings.Contains(l.Text, "level=error n=20.") || l.Time != time.Unix(first+20, 0).UTC().Format(time.RFC3339) {
			t.Errorf("a line of second 20 is %+v", l)
		}
	}
	a = ask(fmt.Sprintf("&from=%d&to=%d", first+11, first+20))
	if len(a.Lines) != 30 || a.Lines[0].Time < a.Lines[29].Time || a.More {
		t.Errorf("ten seconds have %d lines, more %v; want 30, the last second's first", len(a.Lines), a.More)
	}
	a = ask(fmt.Sprintf("&from=%d&to=%d", first+20, first+40))
	if len(a.Lines) != usualLines || !a.More || a.Lines[99].Time != time.Unix(first+40, 0).UTC().Format(time.RFC3339) {
		t.Errorf("a spike has %d lines, more %v; want %d of the last second, and more", len(a.Lines), a.More, usualLines)
	}
	for _, newest := range []int64{0, first + 15} {
		if newest > 0 { // lines of seconds without points are no exemplars
			put(s.store, stats.Snapshot{Stat: "errors", Time: newest, Value: []byte("1"), Version: d.Version()})
		}
		last := cmp.Or(newest, first+20)
		found, err := promHistory{s}.Lines(t.Context(), "errors", first+11, first+20)
		if want := int(last-first-10) * 3; err != nil || len(found) != want || found[0].Second != first+11 || found[want-1].Second != last {
			t.Errorf("exemplars up to %d are of %v (%v), want %d, the oldest first", last-first, found, err, want)
		}
	}
	if a = ask(fmt.Sprintf("&to=%d", first+5000)); len(a.Lines) != 0 || a.More || a.Expired {
		t.Errorf("a second that has not been has %+v", a)
	}

	for query, want := range map[string]string{
		"stat=errors&where=" + url.QueryEscape(`line contains "n=20.1"`):     "n=20.1 ",
		"stat=errors&where=" + url.QueryEscape(`n > 20 && n < 20.2`):         "n=20.1 ",
		"stat=errors&where=" + url.QueryEscape(`len(line) > 3 && n == 20.2`): "n=20.2 ",
		"stat=both&key=error%2C20.2":                                         "n=20.2 ",
		"stat=both&key=error%2C20.2&where=" + url.QueryEscape(`n == 20.1`):   "",
		"stat=both&key=error": "",
	} {
		_, body := get(t, s, fmt.Sprintf("/api/lines?%s&to=%d", query, first+20), bearer)
		var a answer
		if err := json.Unmarshal([]byte(body), &a); err != nil || len(a.Lines) != min(len(want), 1) || want != "" && !strings.Contains(a.Lines[0].Text+" ", want) {
			t.Errorf("%s gives %+v (%v in %.200s), want a line with %q", query, a.Lines, err, body, want)
		}
	}
	for _, query := range []string{"stat=errors&key=x", "stat=errors&where=status+%3D%3D", "stat=errors&where=" + url.QueryEscape(`len(repeat(line, 1000000)) > 1`)} {
		if got, body := get(t, s, "/api/lines?"+query, bearer); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", query, got.StatusCode, body)
		}
	}

	t.Run("lines with much in them are fewer", func(t *testing.T) {
		testkit.Long(t)
		wide := fmt.Sprintf(`{"time":%q,"level":"error"`, time.Unix(first+100, 0).UTC().Format(time.RFC3339))
		for i := range 30 {
			wide += fmt.Sprintf(`,"k%d":%q`, i, strings.Repeat("x", 1000))
		}
		h := topics.RawHeader{Ingester: "i", Clock: (first + 100) * 1000, Domain: topics.RecordingPrefix + "1"}
		for range 10 {
			if err := raw.ProduceSync(t.Context(), &kgo.Record{Topic: k.names.Raw(), Headers: h.Headers(), Value: []byte(strings.Repeat(wide+"}\n", 15))}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		for query, want := range map[string]int{"&limit=1000": 150, "&limit=1000&fields=true": maxFound / 3 / 38_000} {
			if a = ask(fmt.Sprintf("&to=%d%s", first+100, query)); len(a.Lines) < want*9/10 || len(a.Lines) > want*11/10 || a.More != (want < 150) {
				t.Errorf("of 150 lines of 30 KB %s gives %d, more %t; want about %d", query, len(a.Lines), a.More, want)
			}
		}
	})

	// An answer that grows ends as the whole one.
	_, whole := get(t, s, fmt.Sprintf("/api/lines?stat=errors&to=%d", first+20), bearer)
	got, grown := get(t, s, fmt.Sprintf("/api/lines?stat=errors&to=%d", first+20), func(r *http.Request) {
		bearer(r)
		r.Header.Set("Accept", jsonLines)
	})
	parts := strings.SplitAfter(strings.TrimSuffix(grown, "\n"), "\n")
	if got.Header.Get("Content-Type") != jsonLines || len(parts) < 2 || parts[len(parts)-1] != strings.TrimSuffix(whole, "\n") ||
		!strings.Contains(parts[0], `"done":false`) || !strings.Contains(whole, `"done":true`) {
		t.Errorf("as lines the answer is %q, want some that are not done and then %q", parts, whole)
	}

	// Past retention.
	if err := k.deleteBefore(k.names.Raw(), 70); err != nil {
		t.Fatal(err)
	}
	if a = ask(fmt.Sprintf("&to=%d", first+10)); len(a.Lines) != 0 || !a.Expired {
		t.Errorf("a second past retention has %+v, want expired", a)
	}
	if a = ask(fmt.Sprintf("&to=%d", first+55)); len(a.Lines) != 3 || a.Expired {
		t.Errorf("a second that is kept has %+v, want three lines", a)
	}

	for query, want := range map[string]int{"": 404, "?stat=nothing": 404, "?stat=pulse.lines": 404, "?stat=errors&to=x": 400, "?stat=errors&from=5&to=4": 400, "?stat=errors&from=1&to=9999": 400} {
		if got, _ := get(t, s, "/api/lines"+query, bearer); got.StatusCode != want {
			t.Errorf("/api/lines%s: %d, want %d", query, got.StatusCode, want)
		}
	}
	if got, _ := get(t, s, "/api/lines?stat=errors", shared(s)); got.StatusCode != 403 {
		t.Errorf("lines by a share link: %d, want 403", got.StatusCode)
	}
}

func TestTextOfLine(t *testing.T) {
	if got := textOf([]byte("a\u2028 b")); got != "a\n b" {
		t.Errorf("joined lines are shown as %q", got)
	}
	if got := textOf([]byte("a\xffb")); got != "a\ufffdb" {
		t.Errorf("bytes that are no UTF-8 are shown as %q", got)
	}
	if got := textOf([]byte(strings.Repeat("x", maxLineText+9))); got != strings.Repeat("x", maxLineText)+"…" {
		t.Errorf("a long line is shown with %d bytes", len(got))
	}
}
