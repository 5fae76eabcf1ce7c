package web

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// axeVariable names axe-core's axe.min.js, as npm installs it.
const axeVariable = "PULSE_AXE"

// The page has no fault that axe finds, in ten views and both schemes.
func TestAxe(t *testing.T) {
	testkit.Long(t)
	name := os.Getenv(axeVariable)
	if name == "" {
		t.Skip(axeVariable + " does not name a file: `npm install axe-core` has it in node_modules/axe-core/axe.min.js")
	}
	axe, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	server := newSynthetic(20).serve(t, nil)
	silent := quiet(t)
	b := openBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		for view, script := range map[string]string{
			"/#/routing": "", "/#/edge": "", "/#/all": "", "/#/pulse": "", "/#/find/l": "", "/?kiosk#/routing": "", "/#/stat/stat-03": "", "/#/stat/stat-16/3600": "",
			"/#/stat/stat-01": `document.querySelector(".plot canvas").focus(); document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}))`,
			"/?help#/edge":    `document.getElementById("help").showModal()`,
			"/?empty":         "",
		} {
			from := server
			if view == "/?empty" {
				from = silent
			}
			b.do(t, look(1280, 800, scheme), chromedp.Navigate("about:blank"), chromedp.Navigate(from.URL()+view))
			b.until(t, `document.querySelector(":is(.panel, .detail)[data-state]")`)
			b.do(t, chromedp.Evaluate[chromedp.Void](string(axe)+";"+script+";"))
			b.settle(t)
			b.do(t, chromedp.Evaluate[chromedp.Void](`{
				window.faults = null;
				axe.run(document, { rules: { "target-size": { enabled: true } } }).then((r) => {
					window.faults = r.passes.length < 10 ? "axe has looked at hardly anything" : r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target + " " + n.failureSummary.replaceAll("\n", " ")).join("; ")).join("\n");
				});
			}`))
			b.until(t, `window.faults !== null`)
			if faults := evaluate[string](t, b, `window.faults`); faults != "" {
				t.Errorf("%s, %s:\n\t%s", view, scheme, strings.ReplaceAll(faults, "\n", "\n\t"))
			}
		}
	}
}
