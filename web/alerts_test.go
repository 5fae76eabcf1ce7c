package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

// noSilencer takes silences and forgets them.
type noSilencer struct{}

func (noSilencer) PutSilence(context.Context, topics.Names, string, *topics.Silence) error {
	return nil
}

// kept is a silencer that tells the server what it takes, as Kafka would.
type kept struct{ of *alerts }

func (k kept) PutSilence(_ context.Context, n topics.Names, id string, s *topics.Silence) error {
	r := &kgo.Record{Topic: n.Silences(), Key: []byte(id)}
	if s != nil {
		r.Value = mustJSON(s)
	}
	k.of.take(n, r)
	return nil
}

// TestReceiversAreBounded: how receivers stand is kept of the routes of the definitions alone,
// whatever there is in the topic.
func TestReceiversAreBounded(t *testing.T) {
	a := newAlerts(&stats.Definitions{Routes: []alert.Route{{Name: "pager", Kind: "pagerduty"}}}, nil)
	put := func(r topics.AlertReceiver, key []byte) {
		a.take(topics.Names{}, &kgo.Record{Topic: "alerts.state", Key: key, Value: mustJSON(map[string]any{"receiver": r})})
	}
	for i := range int32(3 * topics.MaxPartitions) {
		for _, r := range []topics.AlertReceiver{{Route: "pager", Kind: "pagerduty", Partition: i - topics.MaxPartitions}, {Route: fmt.Sprint("forged", i), Kind: "pagerduty"}} {
			put(r, r.Key())
		}
		put(topics.AlertReceiver{Route: "pager", Kind: "pagerduty"}, fmt.Append(nil, i))
	}
	if n := len(a.receivers); n != topics.MaxPartitions {
		t.Errorf("%d receivers are kept, want %d", n, topics.MaxPartitions)
	}
}

// TestAlertsPage: the band names what fires, the list has what was, and a silence can be
// made and ended on it; on a phone too.
func TestAlertsPage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.definitions.Alerts = []*alert.Rule{
		{Name: "many-errors", When: alert.Threshold{Stat: log.definitions.Stats[0].Name, Op: alert.Above, Limit: 5}, Help: "Look at the payment provider.", Runbook: "https://example.com/run"},
		{Name: "never", When: alert.Threshold{Stat: log.definitions.Stats[1].Name, Op: alert.Above, Limit: 5}},
	}
	log.definitions.Routes = []alert.Route{{Name: "pager", Kind: "pagerduty"}}
	server := log.serve(t, nil)
	known := newAlerts(log.definitions, nil)
	known.silencer = kept{known}
	server.alerts, server.hub.alerts = known, known.version.Load
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 18 && document.querySelector("#alert-band").hidden`)
	put := func(ago int64, key, state, was, more string) {
		second := time.Now().Unix() - ago
		value := fmt.Sprintf(`{"alert":"many-errors"%s,"time":%q,"state":%q,"was":%q,"value":78.85714285714286,"revision":0,"final":true%s}`, key, time.Unix(second, 0).UTC().Format(time.RFC3339), state, was, more)
		known.take(topics.Names{}, &kgo.Record{Topic: "stats.alerts", Value: []byte(value)})
	}
	put(3000, "", "firing", "ok", "")
	put(2900, "", "ok", "firing", "")
	put(2000, "", "firing", "ok", `,"withdrawn":true,"by":{"time":"2026-01-01T00:00:00Z","revision":2}`)
	put(30, "", "firing", "pending", "")
	put(20, `,"key":"/cart/<img src=x onerror=alert(1)>\u202e"`, "firing", "ok", "")
	known.take(topics.Names{}, &kgo.Record{Topic: "alerts.state", Key: (&topics.AlertReceiver{Route: "pager"}).Key(), Value: []byte(`{"receiver":{"route":"pager","kind":"pagerduty","partition":0,"offset":7,"waiting":2,"silenced":0,"since":"2026-01-01T00:00:00Z","error":"answered 500"}}`)})
	b.until(t, `!document.querySelector("#alert-band").hidden && document.querySelector("#alert-band").dataset.state === "firing"`)
	b.until(t, `/^2 alerts: many-errors \/cart\/<img .* for \d+ s, many-errors for \d+ s · not delivered by pager$/.test(document.querySelector("#alert-band span").textContent)`)
	shoot(t, b, "band.png")
	b.do(t, chromedp.Click("#alert-band"))
	b.until(t, `document.querySelector("#alerts").open && document.querySelectorAll("#alerts li").length === 5 && document.querySelector("#alerts li[data-state=withdrawn] .when").textContent.includes("taken back by lines of ")`)
	b.until(t, `document.querySelector("#alerts .undelivered").textContent === "pager (pagerduty) has 2 waiting: answered 500" && document.querySelector("#alerts a[href='https://example.com/run']") && !document.querySelector("#alerts img")`)
	b.until(t, `(({ textContent, title }) => textContent === "78.8571" && title === "78.85714285714286")(document.querySelector("#alerts li b"))`)
	shoot(t, b, "list.png")
	for _, width := range []int64{390, 1440} {
		b.do(t, look(width, 844, "dark"))
		b.until(t, `document.documentElement.scrollWidth <= innerWidth && document.querySelector("#alerts").getBoundingClientRect().right <= innerWidth`)
	}
	b.do(t, look(390, 844, "dark"))
	b.do(t, chromedp.Click("#alerts li:nth-child(2) .actions button"))
	b.do(t, chromedp.Evaluate[chromedp.Void](`{ const [, who, why] = document.querySelectorAll("#alerts form.silence input"); who.value = "ada"; why.value = "deploy"; }`))
	shoot(t, b, "phone.png")
	b.do(t, chromedp.Click("#alerts form.silence button"))
	b.until(t, `[...document.querySelectorAll("#alerts li")].filter((e) => e.dataset.state === "silenced").length === 3 && document.querySelector("#alert-band span").textContent.includes("2 silenced")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#alerts .actions button")].find((e) => e.textContent === "End").click()`))
	b.until(t, `document.querySelectorAll("#alerts li[data-state=silenced]").length === 0 && document.querySelector("#alert-band").dataset.state === "firing"`)
	// Any alert can be silenced from a later time on.
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#alerts .actions button")].find((e) => e.textContent === "Silence alerts…").click()`))
	b.do(t, chromedp.Evaluate[chromedp.Void](`{ const [which, from, who, why] = document.querySelectorAll("#alerts form.silence input"); which.value = "ne*"; from.value = "2040-01-02T10:00:00"; who.value = "ada"; why.value = "deploy"; }`))
	shoot(t, b, "later.png")
	// What is being written stays where the list changes meanwhile.
	put(10, `,"key":"/other"`, "firing", "ok", "")
	b.until(t, `[...document.querySelectorAll("#alerts li .name")].some((e) => e.textContent === "many-errors /other")`)
	b.do(t, chromedp.Click("#alerts form.silence button"))
	b.until(t, `[...document.querySelectorAll("#alerts li[data-state=silenced] .when")].some((e) => e.textContent === "from 2040-01-02 10:00:00 until 2040-01-02 11:00:00, by ada: deploy")`)
	put(1, `,"key":"/other"`, "ok", "firing", "")
	put(1, "", "ok", "firing", "")
	put(1, `,"key":"/cart/<img src=x onerror=alert(1)>\u202e"`, "ok", "firing", "")
	b.until(t, `document.querySelector("#alert-band span").textContent === "not delivered by pager" && document.querySelector("#alert-band").dataset.state === "quiet"`)
	b.quietConsole(t)
}

// TestAlertsNeedRequests: an address with a login in it, as walls have, keeps no alert away; and
// where the server does not answer, the band says that nothing is known.
func TestAlertsNeedRequests(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.definitions.Alerts = []*alert.Rule{{Name: "a", When: alert.Threshold{Stat: log.definitions.Stats[0].Name, Op: alert.Above, Limit: 5}}}
	server := log.serve(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "wall:secret"}) })
	known := newAlerts(log.definitions, noSilencer{})
	server.alerts, server.hub.alerts = known, known.version.Load
	b := openBrowser(t)
	b.do(t, look(1440, 900, "dark"), chromedp.Navigate(strings.Replace(server.URL(), "//", "//wall:secret@", 1)+"/?kiosk#/all"))
	b.until(t, `location.href.endsWith("/?kiosk#/all") && !location.href.includes("secret") && document.querySelectorAll(".panel[data-state=value]").length > 0`)
	put := func(state, was string) {
		value := fmt.Sprintf(`{"alert":"a","time":%q,"state":%q,"was":%q,"value":7,"revision":0,"final":true}`, time.Now().UTC().Format(time.RFC3339), state, was)
		known.take(topics.Names{}, &kgo.Record{Topic: "stats.alerts", Value: []byte(value)})
	}
	put("firing", "ok")
	b.until(t, `document.querySelector("#alert-band span").textContent.startsWith("1 alert: a for ")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{ window.fetch = async () => new Response("", { status: 502 }); }`))
	put("ok", "firing")
	b.until(t, `document.querySelector("#alert-band span").textContent.startsWith("alerts cannot be read · 1 alert: a for ")`)
}

// Of a recording of another time, alerts are as old as they are by the time of its log.
func TestAlertsOfRecording(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.lag = 10 * 24 * 60 * 60
	log.definitions.Alerts = []*alert.Rule{{Name: "a", When: alert.Threshold{Stat: log.definitions.Stats[0].Name, Op: alert.Above, Limit: 5}}}
	server := log.serve(t, nil)
	known := newAlerts(log.definitions, noSilencer{})
	server.alerts, server.hub.alerts = known, known.version.Load
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelector("#status").innerText.startsWith("recording of ")`)
	value := fmt.Sprintf(`{"alert":"a","time":%q,"state":"firing","was":"ok","value":7,"revision":0,"final":true}`, time.Now().Add(-time.Hour).Add(-time.Duration(log.lag)*time.Second).UTC().Format(time.RFC3339))
	known.take(topics.Names{}, &kgo.Record{Topic: "stats.alerts", Value: []byte(value)})
	b.until(t, `/^1 alert: a for \d\d min/.test(document.querySelector("#alert-band span").textContent)`)
	b.quietConsole(t)
}

// TestAlertsSound: a sound is played where it is asked for, and not before somebody has touched
// the page, which browsers forbid; the band says so.
func TestAlertsSound(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.definitions.Alerts = []*alert.Rule{{Name: "a", When: alert.Threshold{Stat: log.definitions.Stats[0].Name, Op: alert.Above, Limit: 5}}}
	server := log.serve(t, nil)
	known := newAlerts(log.definitions, noSilencer{})
	server.alerts, server.hub.alerts = known, known.version.Load
	b := openBrowser(t)
	begin := func(stored string) {
		b.do(t, look(1440, 900, "dark"), chromedp.Navigate(server.URL()))
		b.do(t, chromedp.Evaluate[chromedp.Void](`localStorage.setItem("pulse-alert-sound", "`+stored+`")`), chromedp.Navigate(server.URL()+"?kiosk"))
		b.do(t, chromedp.Evaluate[chromedp.Void](`{ window.tones = 0; const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (at) { window.tones++; start.call(this, at); }; }`))
		b.until(t, `document.querySelectorAll(".panel[data-state=value]").length > 0`)
	}
	second := time.Now().Unix() - 100
	put := func(state, was string) {
		second++
		value := fmt.Sprintf(`{"alert":"a","time":%q,"state":%q,"was":%q,"value":7,"revision":0,"final":true}`, time.Unix(second, 0).UTC().Format(time.RFC3339), state, was)
		known.take(topics.Names{}, &kgo.Record{Topic: "stats.alerts", Value: []byte(value)})
	}
	put("firing", "ok")
	begin("on")
	b.until(t, `!document.querySelector("#alert-band").hidden`)
	put("ok", "firing")
	b.until(t, `document.querySelector("#alert-band").hidden`)
	put("firing", "ok")
	b.until(t, `document.querySelector("#alert-band span").textContent.endsWith(" · no sound before a click or a key") && window.tones === 0`)
	shoot(t, b, "kiosk.png")
	b.do(t, chromedp.KeyEvent("x"))
	b.until(t, `!document.querySelector("#alert-band span").textContent.includes("no sound")`)
	put("ok", "firing")
	b.until(t, `document.querySelector("#alert-band").hidden`)
	put("firing", "ok")
	b.until(t, `window.tones === 2`)
	put("ok", "firing")

	begin("")
	b.do(t, chromedp.KeyEvent("x"))
	put("firing", "ok")
	b.until(t, `!document.querySelector("#alert-band").hidden && window.tones === 0`)
}

// shoot keeps a picture of the page where PULSE_PICTURES is a folder, for people to look at.
func shoot(t *testing.T, b *browser, name string) {
	t.Helper()
	folder := os.Getenv("PULSE_PICTURES")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), picture, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
