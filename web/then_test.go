package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// told is a message of an answer about then.
type told struct {
	Type    string
	Now     float64
	History [][]json.RawMessage
	Points  [][]json.RawMessage
}

// ask asks for the wall of a second.
func (k *kafka) ask(s *Server, query string) (all []told) {
	k.t.Helper()
	answer, body := get(k.t, s, "/api/then?"+query, nil)
	if answer.StatusCode != 200 {
		k.t.Fatalf("%s: %s", answer.Status, body)
	}
	for line := range strings.Lines(body) {
		var m told
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			k.t.Fatalf("%v in %.200s", err, line)
		}
		all = append(all, m)
	}
	return all
}

// The wall of a second has what had been published by then, and no more: what was
// unknown then is, what was amended later is as it was, and stale seconds are stale.
func TestThen(t *testing.T) {
	k := newKafka(t)
	at := time.Now().Unix() - 3600
	publish := func(after time.Duration, p stats.Snapshot) {
		p.Version = k.names.Version
		k.produce(&kgo.Record{Topic: k.names.Merged(), Key: []byte(p.Stat), Value: p.AppendJSON(nil), Timestamp: time.Unix(at, 0).Add(after)})
	}
	publish(-9*time.Second, stats.Snapshot{Stat: "a", Time: at - 10, Value: json.RawMessage("1")})
	publish(-8*time.Second, stats.Snapshot{Stat: "a", Time: at - 8, StaleSince: at - 9})
	publish(-2*time.Second, stats.Snapshot{Stat: "a", Time: at - 3, Value: json.RawMessage("3")})
	publish(500*time.Millisecond, stats.Snapshot{Stat: "a", Time: at - 2, Value: json.RawMessage("5")})
	publish(1500*time.Millisecond, stats.Snapshot{Stat: "a", Time: at - 3, Value: json.RawMessage("4"), Revision: 1, Final: true})
	publish(10*time.Second, stats.Snapshot{Stat: "a", Time: at + 9, Value: json.RawMessage("9")})
	s := k.idle(nil)
	s.published = &merged{topicReader{k.cluster, k.names.Merged()}, k.names.History(), s.store}

	place := s.store.index["a"]
	history := func(messages []told) string {
		runs := map[int64]string{}
		for _, m := range messages {
			for _, run := range m.History {
				if string(run[0]) != fmt.Sprint(place) {
					continue
				}
				var second int64
				json.Unmarshal(run[1], &second) //nolint:errcheck // then it is 0
				text := fmt.Sprint(second - at)
				for _, v := range run[2:] {
					text += " " + string(v)
				}
				runs[second] = text
			}
		}
		var all []string
		for _, second := range slices.Sorted(maps.Keys(runs)) {
			all = append(all, runs[second])
		}
		return strings.ReplaceAll(strings.Join(all, " "), fmt.Sprint(at-8), "-8")
	}
	if got := history(k.ask(s, fmt.Sprintf("at=%d", at))); got != `-10 1 -9 {"stale":-8} -3 3` {
		t.Errorf("at that second there were %s", got)
	}
	if got := history(k.ask(s, fmt.Sprintf("at=%d", at+2))); got != `-10 1 -9 {"stale":-8} -3 4 5` {
		t.Errorf("two seconds later there were %s", got)
	}
	var played []string
	for _, m := range k.ask(s, fmt.Sprintf("at=%d&play=4&bare=true", at)) {
		if m.Type != "points" {
			t.Errorf("a bare answer has a message of type %s", m.Type)
		}
		for _, p := range m.Points {
			var second int64
			json.Unmarshal(p[1], &second) //nolint:errcheck // then it is 0
			played = append(played, fmt.Sprintf("%d: %d %s", int64(m.Now)-at, second-at, p[2]))
		}
	}
	if got := strings.Join(played, ", "); got != "1: -2 5, 2: -3 4" {
		t.Errorf("it went on with %s", got)
	}
	// Long after the last point the wall was stale, with that point.
	if got := history(k.ask(s, fmt.Sprintf("at=%d", at+2000))); !strings.HasSuffix(got, "9 9") {
		t.Errorf("long after there were %s", got)
	}
	for _, query := range []string{"", "at=x", fmt.Sprintf("at=%d", time.Now().Unix()+100), "at=7&play=121", "at=7&to=8"} {
		if answer, _ := get(t, s, "/api/then?"+query, nil); answer.StatusCode != 400 {
			t.Errorf("%q is answered %s", query, answer.Status)
		}
	}
}

// An answer that would be too large is refused, and its reading ends.
func TestThenIsBounded(t *testing.T) {
	s := idle(t, nil)
	given := 0
	s.published = publishing(func(take func(stats.Snapshot, time.Time) bool) {
		for i := int64(1); take(stats.Snapshot{Stat: "a", Time: 1000, Revision: int(i), Value: json.RawMessage(strings.Repeat("1", 1<<20)), Version: s.store.gen}, time.Unix(1010, 0)); i++ {
			given++
		}
	})
	if answer, body := get(t, s, "/api/then?at=1000&play=20", nil); answer.StatusCode != 400 || given > maxAnswer>>20 {
		t.Errorf("%s after %d MiB: %.200s", answer.Status, given, body)
	}
}

type publishing func(take func(stats.Snapshot, time.Time) bool)

func (p publishing) Published(_ context.Context, _, _ int64, take func(stats.Snapshot, time.Time) bool) error {
	p(take)
	return nil
}

// The page shows the wall of then: what was unknown is shown so, the URL says when, arrows
// step, it plays, and a key leads back to now.
func TestWallOfThen(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	at := time.Now().Unix() - 1800
	log.silent = func(stat string, second, _ int64) bool {
		return stat == "stat-00" && at-20 <= second && second < at+30
	}
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(fmt.Sprintf("%s/#/routing?at=%d", server.URL(), at)))
	state := `document.querySelector(".panel")?.dataset.state`
	b.until(t, state+` === "unknown" && document.getElementById("status-text").textContent.startsWith("as it was at")`)
	b.until(t, `document.querySelectorAll(".panel")[2]?.dataset.state === "value"`)
	b.until(t, `document.querySelector(".panel .ago").textContent === "20 s ago"`)
	// Another page is of that second too, and so is a stat that is shown large.
	b.do(t, chromedp.Click("#tabs a:nth-child(2)"))
	b.until(t, fmt.Sprintf(`location.hash === "#/edge?at=%d" && %s === "unknown"`, at, state))
	b.do(t, press("ArrowRight"))
	b.until(t, fmt.Sprintf(`location.hash.endsWith("at=%d")`, at+10))
	b.do(t, press("ArrowLeft"))
	b.until(t, fmt.Sprintf(`location.hash.endsWith("at=%d")`, at))
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const speed = document.querySelector("#then select");
		speed.value = "60";
		speed.dispatchEvent(new Event("change"));
		document.getElementById("page").focus();
	}`), press(" "))
	b.until(t, state+` === "value"`)
	b.until(t, fmt.Sprintf(`Number(location.hash.split("at=")[1]) > %d + 200`, at)) // what was read at first is over
	b.do(t, press("n"))
	b.until(t, `!location.hash.includes("at=") && document.getElementById("then").hidden && document.getElementById("status-text").textContent.startsWith("live")`)
	b.quietConsole(t)
}
