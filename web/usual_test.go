package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
)

// days is minutes by how many days ago they were.
type days struct {
	at    int64
	of    map[int64][]topics.Minute
	asked int
	err   error
}

func (d *days) Each(_ context.Context, from, _ int64, take func(topics.Minute)) error {
	d.asked++
	ago := (d.at - from) / 86400
	for _, m := range d.of[ago] {
		m.Time += d.at - ago*86400
		take(m)
	}
	return d.err
}

// What is usual is the least, the median of the days and the greatest of the same minute
// of the days that know it; and one answer serves five minutes.
func TestUsual(t *testing.T) {
	at := int64(1_800_000_000)
	minute := func(stat string, seconds int, low, high string) topics.Minute {
		return topics.Minute{Stat: stat, Seconds: seconds, Min: json.RawMessage(low), Max: json.RawMessage(high)}
	}
	d := &days{at: at, of: map[int64][]topics.Minute{
		1: {minute("a", 60, "10", "14"), minute("q", 60, `{"0.5":1,"0.99":5}`, `{"0.5":2,"0.99":9}`)},
		2: {minute("a", 20, "10", "14"), minute("a", 60, "20", "20")}, // the second by one who read more
		3: {minute("a", 60, "90", "110")},
		4: {minute("a", 29, "1", "1")}, // too little
		5: {minute("a", 60, "null", "null")},
		6: {minute("k", 60, `{"top":[],"other":0,"distinct":0}`, `{"top":[],"other":0,"distinct":0}`)},
	}}
	all := []*stats.Stat{{Name: "a", Kind: "max"}, {Name: "q", Kind: "quantiles", Quantiles: []float64{0.5, 0.99}}, {Name: "k", Kind: "count", GroupBy: []string{"x"}, Top: 5}, {Name: "new", Kind: "max"}}
	u := &usual{minutes: d}
	answer, err := u.of(t.Context(), all, at+17)
	if err != nil {
		t.Fatal(err)
	}
	here := int(at-answer.From.Unix()) / 60
	text, err := json.Marshal(map[string]any{"days": answer.Days, "a": answer.Stats[0].Minutes[here], "q": answer.Stats[1].Minutes[here], "next": answer.Stats[0].Minutes[here+1]})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d %d %d %s", len(answer.Stats), answer.Stats[0].Days, answer.Stats[1].Days, text); got != `2 3 1 {"a":[10,20,110],"days":7,"next":null,"q":[5,7,9]}` {
		t.Errorf("what is usual is %s", got)
	}
	if last := answer.From.Add(time.Duration(len(answer.Stats[0].Minutes)-1) * time.Minute).Unix(); last < at+599-60 {
		t.Errorf("the last minute is %d s after the second", last-at)
	}
	u.of(t.Context(), all, at+299) //nolint:errcheck // what was asked counts
	if d.asked != usualDays {
		t.Errorf("two questions within five minutes were read for %d times", d.asked)
	}
	d.err = errors.New("away")
	if _, err := u.of(t.Context(), all, at+300); err == nil {
		t.Error("an error of Kafka is not told")
	}
	for i := range int64(3 * maxUsual) {
		u.keep(i, usualAnswer{})
	}
	if len(u.known) > maxUsual || len(u.order) > maxUsual {
		t.Errorf("%d answers are kept", len(u.known))
	}
}

// Minutes of days ago are found in the topic, those of other definitions versions aside.
func TestUsualIsBounded(t *testing.T) {
	var u usual
	for at := range int64(3 * maxUsual) {
		u.keep(at, usualAnswer{})
	}
	if len(u.known) != maxUsual || len(u.order) != maxUsual {
		t.Errorf("%d answers are kept in an order of %d, want %d", len(u.known), len(u.order), maxUsual)
	}
}

func TestUsualFromKafka(t *testing.T) {
	k := newKafka(t)
	now := time.Now().Unix() / 60 * 60
	other := minuteOf(k, now-180, 60, "9")
	other.Version = "000000"
	k.roll(minuteOf(k, now-240, 60, "1"), minuteOf(k, now-180, 60, "2"), other)
	s := k.idle(nil)
	found := map[int64]string{}
	if err := s.minutes.(*minutes).Each(t.Context(), now-200, now, func(m topics.Minute) { found[m.Time-now] += string(m.Max) }); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(found); got != "map[-180:2]" {
		t.Errorf("the minutes are %s", got)
	}
}

// The wall tells what is far from usual, and a page has all that is in trouble.
func TestTrouble(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelector(".panel[data-far] .usual")?.textContent.includes("usual")`)
	b.do(t, chromedp.Navigate(server.URL()+"/#/trouble"))
	b.until(t, `document.querySelectorAll(".panel:is([data-level], [data-far])").length > 0`)
	// What has come out of trouble a moment ago may still stand there.
	b.until(t, `[...document.querySelectorAll(".panel")].every((p) => p.dataset.level || p.dataset.far || p.dataset.state !== "value")`)

	wall := quiet(t, &stats.Stat{Name: "fine", Kind: "max", Window: 10}, &stats.Stat{Name: "bad", Kind: "max", Window: 10, Crit: ptr(5)})
	tell(t, wall, stats.Snapshot{Stat: "fine", Value: json.RawMessage("1")}, stats.Snapshot{Stat: "bad", Value: json.RawMessage("9")})
	b.do(t, chromedp.Navigate(wall.URL()+"/#/trouble"))
	b.until(t, `[...document.querySelectorAll(".panel")].map((p) => p.getAttribute("aria-label")).join() === "bad"`)
	b.quietConsole(t)
}
