package web

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// Of quantiles that alone has the color of a threshold which is past it, in the panel and
// large.
func TestQuantilePastItsThreshold(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t, &stats.Stat{Name: "times", Unit: "ms", Kind: "quantiles", Field: "ms", Quantiles: []float64{0.5, 0.9, 0.99}, Window: 60, Warn: ptr(100), Crit: ptr(900)})
	tell(t, server, stats.Snapshot{Stat: "times", Value: json.RawMessage(`{"0.5":20,"0.9":150,"0.99":950}`)})
	b := openBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		b.do(t, look(1280, 800, scheme), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/all"))
		b.until(t, `document.querySelector(".panel[data-level=crit] .figures")`)
		b.until(t, `[...document.querySelectorAll(".panel[data-level=crit] .figure")].map((f) => f.dataset.level).join() === "ok,warn,crit"`)
		if got := evaluate[bool](t, b, `(() => {
			const color = (name) => { const i = document.createElement("i"); i.style.color = name; document.body.append(i); const c = getComputedStyle(i).color; i.remove(); return c; };
			const [ok, warn, crit] = [...document.querySelectorAll(".panel[data-level=crit] .figure")].map((f) => getComputedStyle(f).color);
			return ok === color("var(--ink)") && warn === color("var(--warn)") && crit === color("var(--crit)");
		})()`); !got {
			t.Errorf("%s: the figures do not have the colors of their own thresholds", scheme)
		}
	}
	b.quietConsole(t)
}

// noHistory is a history without points.
type noHistory struct{}

func (noHistory) Points(context.Context, string, int64, int64) ([]stats.Snapshot, error) {
	return nil, nil
}

// All stats are grouped by the page that they are on, each once, and what is past its
// threshold comes first. Equal titles are told apart.
func TestAllStatsInGroups(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/all"`))
	b.until(t, fmt.Sprintf(`document.querySelectorAll(".panel").length === %d`, len(log.definitions.All())))
	titles := evaluate[[]string](t, b, `[...document.querySelectorAll(".row-title")].map((h) => h.textContent)`)
	if len(titles) < 3 || titles[0] != "Past their thresholds" || titles[1] != "Routing" || titles[len(titles)-1] != "Pulse itself" {
		t.Errorf("the groups are %q", titles)
	}
	b.until(t, `[...document.querySelectorAll(".row:first-child .panel")].every((p) => p.dataset.level)`)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/all"))
	b.until(t, `document.querySelector(".row-title")?.textContent === "Past their thresholds"`)
	if twice := evaluate[int](t, b, `(() => {
		const names = [...document.querySelectorAll(".panel h2 .cut")].map((h) => h.textContent);
		return names.length - new Set(names).size;
	})()`); twice > 0 {
		t.Errorf("%d panels have the title of another one", twice)
	}
	b.until(t, `[...document.querySelectorAll(".panel h2 .cut")].some((h) => h.textContent === "service time · stat-06")`)
	b.quietConsole(t)
}

// A comparison has a legend, and says so when nothing is known of then; all there is is a
// window of its own.
func TestComparisonAndAll(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.doubt = func(st *stats.Stat, p *stats.Snapshot) {
		if st.Kind == "unique" {
			p.Approx = 0.0065
		}
	}
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/stat/stat-01/300/86400"))
	b.until(t, `/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d to .*, a day before$/.test(document.querySelector(".legend:not([hidden])")?.textContent)`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".detail nav a")].find((a) => a.textContent === "all").click()`))
	b.until(t, `location.hash === "#/stat/stat-01/all/86400" && document.querySelector(".detail").dataset.loaded === "yes"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/stat/stat-01/all"`))
	b.until(t, `document.querySelector(".detail nav [aria-current]").textContent === "all" && document.querySelector(".legend").hidden`)
	// The least and the greatest of estimates are estimates too.
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/stat/stat-05/86400"`))
	b.until(t, `document.querySelector(".detail[data-approx]")?.dataset.loaded === "yes"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("ArrowLeft"), press("ArrowLeft"))
	b.until(t, `/\d to \d+ distinct · .*estimates/.test(document.querySelector(".tip").textContent)`)
	b.quietConsole(t)

	// Nothing is known of an hour before a young log.
	young := quiet(t, &stats.Stat{Name: "a", Kind: "rate", Per: 1, Window: 10})
	now := time.Now().Unix()
	for second := now - 40; second < now; second++ {
		put(young.store, point("a", second, "7"))
	}
	young.history = noHistory{}
	tell(t, young, stats.Snapshot{Stat: "a", Value: json.RawMessage("7")})
	b.do(t, chromedp.Navigate(young.URL()+"/#/stat/a/300/3600"))
	b.until(t, `document.querySelector(".legend[data-none]:not([hidden])")?.textContent.startsWith("nothing is known of ")`)
	b.quietConsole(t)
}
