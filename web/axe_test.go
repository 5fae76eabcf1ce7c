package web

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats/alert"
	"pulse/topics"
)

// axeVariable names axe-core's axe.min.js, as npm installs it.
const axeVariable = "PULSE_AXE"

// The page has no fault that axe finds, in its views and dialogs and both schemes. What is not
// of colors is looked for in one scheme alone.
func TestAxe(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	name := os.Getenv(axeVariable)
	if name == "" {
		t.Skip(axeVariable + " does not name a file: `npm install axe-core` has it in node_modules/axe-core/axe.min.js")
	}
	axe, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	log := newSynthetic(20)
	log.definitions.Alerts = []*alert.Rule{{Name: "many-errors", When: alert.Threshold{Stat: log.definitions.Stats[0].Name, Op: alert.Above, Limit: 5}, Help: "Look at the payment provider.", Runbook: "https://example.com/run"}}
	server := log.idle(t, nil)
	known := newAlerts(log.definitions, nil)
	known.silencer = kept{known}
	server.alerts, server.hub.alerts = known, known.version.Load
	server.fill = log.run(server.store)
	onPort(t, server)
	for ago, state := range map[int64]string{40: "ok", 30: "firing"} {
		known.take(topics.Names{}, &kgo.Record{Topic: "stats.alerts", Value: fmt.Appendf(nil, `{"alert":"many-errors","time":%q,"state":%q,"was":"ok","value":7,"revision":0,"final":true}`, formatSecond(time.Now().Unix()-ago), state)})
	}
	silent := quiet(t)
	b := openBrowser(t)
	now := time.Now().Unix()
	open := func(id string) string { return `document.getElementById("` + id + `").showModal()` }
	type view struct{ hash, script, ready string }
	for _, document := range []struct {
		url   string
		views []view
	}{
		{server.URL() + "/", []view{
			{"/routing", "", `document.querySelector(".ranking li")`},
			{"/edge", "", ""},
			{"/all", "", `document.querySelector(".row-title")`},
			{"/trouble", "", ""},
			{"/pulse", "", ""},
			{"/fields", "", `document.querySelector(".fields tbody")`},
			{"/find/l", "", ""},
			{"/stat/stat-03", "", ""},
			{"/stat/stat-16/3600/86400", "", `document.querySelector(".detail[data-loaded] .keys td")`},
			{fmt.Sprintf("/stat/stat-01/300?lines=%d-%d", now-80, now-10), "", `document.querySelector(".lines li")`},
			{fmt.Sprintf("/stat/stat-01/300?different=%d-%d", now-60, now-1), "", `document.querySelector(".different td")`},
			{"/routing?only=domain%3Dshop.example.com", "", `document.querySelector("#only button")`},
			{fmt.Sprintf("/edge?at=%d", now-100), `document.getElementById("then-button").click()`, `!document.getElementById("then").hidden && document.getElementById("status-text").textContent.startsWith("as it was")`},
			{"/edge", `dispatchEvent(new KeyboardEvent("keydown", { key: "n" })); document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "o", bubbles: true }))`, `!document.getElementById("arrange").hidden`},
			{"/edge", `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "o", bubbles: true })); document.getElementById("alert-band").click()`, `document.querySelector("#alerts[open] li button")`},
			{"/edge", open("help"), `document.querySelector("dialog[open]")`},
			{"/edge", open("sharing"), `document.querySelector("dialog[open]")`},
			{"/edge", open("draft"), `document.querySelector("dialog[open]")`},
			{"/edge", `document.getElementById("incidents").click()`, `document.querySelector("#incident-dialog[open]")`},
		}},
		{server.URL() + "/?kiosk", []view{{"/routing", "", ""}}},
		{silent.URL() + "/", []view{{"/", "", `!document.getElementById("welcome").hidden`}}},
	} {
		b.do(t, look(1280, 800, "light"), chromedp.Navigate(document.url), chromedp.Evaluate[chromedp.Void](string(axe)))
		for _, v := range document.views {
			b.do(t, look(1280, 800, "light"), chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ for (const d of document.querySelectorAll("dialog[open]")) d.close(); location.hash = %q; }`, "#"+v.hash)))
			b.settle(t)
			b.until(t, `document.querySelector(":is(.panel, .detail)[data-state], .fields tbody, main .hush")`)
			b.do(t, chromedp.Evaluate[chromedp.Void]("{"+v.script+"}"))
			b.until(t, cmp.Or(v.ready, "true"))
			for _, scheme := range []string{"light", "dark"} {
				what := `{ rules: { "target-size": { enabled: true } } }`
				if scheme == "dark" {
					what = `{ runOnly: { type: "rule", values: ["color-contrast"] } }`
				}
				b.do(t, look(1280, 800, scheme))
				b.until(t, fmt.Sprintf(`document.documentElement.dataset.theme === %q`, scheme))
				b.do(t, chromedp.Evaluate[chromedp.Void](`{
					window.faults = null;
					axe.run(document.querySelector("dialog[open]") ?? document, `+what+`).then((r) => {
						window.faults = r.passes.length === 0 ? "axe has looked at nothing" : r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target + " " + n.failureSummary.replaceAll("\n", " ")).join("; ")).join("\n");
					});
				}`))
				b.until(t, `window.faults !== null`)
				if faults := evaluate[string](t, b, `window.faults`); faults != "" {
					t.Errorf("%s %s, %s:\n\t%s", v.hash, v.script, scheme, strings.ReplaceAll(faults, "\n", "\n\t"))
				}
			}
		}
	}
}

// axeFaults is what axe, which the page has, finds.
func axeFaults(t *testing.T, b *browser) string {
	t.Helper()
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		window.faults = null;
		axe.run(document.querySelector("dialog[open]") ?? document, { rules: { "target-size": { enabled: true } } }).then((r) => {
			window.faults = r.passes.length === 0 ? "axe has looked at nothing" : r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target + " " + n.failureSummary.replaceAll("\n", " ")).join("; ")).join("\n");
		});
	}`))
	b.until(t, `window.faults !== null`)
	return evaluate[string](t, b, `window.faults`)
}

// faultless has axe look at the page as it is in both schemes, where there is an axe.
func faultless(t *testing.T, b *browser) {
	t.Helper()
	name := os.Getenv(axeVariable)
	if name == "" {
		return
	}
	axe, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](string(axe)+";"))
	for _, scheme := range []string{"light", "dark"} {
		b.do(t, look(1440, 900, scheme))
		b.settle(t)
		if faults := axeFaults(t, b); faults != "" {
			t.Errorf("%s:\n%s", scheme, faults)
		}
	}
}
