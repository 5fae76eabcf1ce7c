package web

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// browser is a window of the headless Chromium, in a profile of its own, for a test, with all that its
// console says.
type browser struct {
	context.Context
	mu      sync.Mutex
	console []string
}

// chromium is the process whose windows all tests have: starting one takes a second or more of
// CPU time. The first test that asks starts it, and TestMain ends it.
var chromium struct {
	once sync.Once
	context.Context
	err    error
	cancel func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.cancel != nil {
		chromium.cancel()
	}
	os.Exit(code)
}

// openBrowser opens a window of Chromium, by whichever of its names it is there. Without it the test is skipped, or fails if CI=true.
func openBrowser(t testing.TB) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); path == "" && err == nil {
			path = p
		}
	}
	if path == "" {
		path = testkit.Tool(t, "chromium")
	}
	t.Logf("the browser is %s", path)
	chromium.once.Do(func() {
		allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-background-networking", true))...)
		ctx, cancelProcess := chromedp.NewContext(allocator)
		chromium.Context = ctx
		chromium.cancel = func() {
			cancelProcess()
			cancelAllocator()
		}
		chromium.err = chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatalf("Chromium does not start: %v", chromium.err)
	}
	b := &browser{}
	window, closeWindow := chromedp.NewContext(chromium.Context, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(closeWindow)
	if err := chromedp.Do(window); err != nil {
		t.Fatalf("no window of Chromium opens: %v", err)
	}
	within := 3 * time.Minute * time.Duration(testkit.Factor())
	if _, ok := t.(*testing.B); ok {
		within = time.Hour // as long as -benchtime says
	}
	var cancel func()
	b.Context, cancel = context.WithTimeout(window, within)
	t.Cleanup(cancel)
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.console = append(b.console, text)
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			b.console = append(b.console, fmt.Sprint(e.Type, " ", string(arg.Value), arg.Description))
		}
	case *log.EventEntryAdded:
		if !strings.HasSuffix(e.Entry.URL, "/favicon.ico") { // asked for where a document names no icon, such as icon.svg by itself
			b.console = append(b.console, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// do runs actions, and ends the test if one fails.
func (b *browser) do(t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		t.Fatalf("%v\nconsole: %s", err, strings.Join(b.said(), "\n"))
	}
}

// said is what the console has said so far.
func (b *browser) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.console...)
}

// evaluate gives what a JavaScript expression is.
func evaluate[T any](t testing.TB, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v\nconsole: %s", expression, err, strings.Join(b.said(), "\n"))
	}
	return v
}

// until waits for a JavaScript expression to be true, in the page that comes where another is
// on its way.
func (b *browser) until(t testing.TB, expression string) {
	t.Helper()
	testkit.Eventually(t, expression, func() error {
		yes, err := chromedp.Run(b, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		switch {
		case err != nil && strings.Contains(err.Error(), "navigated"):
			return err
		case err != nil:
			t.Fatalf("%s: %v\nconsole: %s", expression, err, strings.Join(b.said(), "\n"))
		case yes:
			return nil
		}
		return errors.New(evaluate[string](t, b, "String(document.body?.innerText).slice(0, 2000)") + "\nconsole: " + strings.Join(b.said(), "\n"))
	})
}

// settle waits for what has come to be drawn, which takes a few frames.
func (b *browser) settle(t testing.TB) {
	t.Helper()
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		let frames = 20;
		window.settled = false;
		const wait = () => { if (--frames) requestAnimationFrame(wait); else window.settled = true; };
		wait();
	}`))
	b.until(t, `window.settled`)
}

// quietConsole fails the test for all that the console has said.
func (b *browser) quietConsole(t testing.TB) {
	t.Helper()
	for _, said := range b.said() {
		t.Error("console:", said)
	}
}

// quietConsoleBut fails the test for what the console has said that has not some text in it.
func (b *browser) quietConsoleBut(t testing.TB, expected string) {
	t.Helper()
	for _, said := range b.said() {
		if !strings.Contains(said, expected) {
			t.Error("console:", said)
		}
	}
}

// look sets the size of the window and the scheme that the system prefers.
func look(width, height int64, scheme string) chromedp.Action[chromedp.Void] {
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	return chromedp.Steps(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
}

// painted is JavaScript: how many canvases have something drawn on them.
const painted = `[...document.querySelectorAll(".panel canvas")].filter((c) => {
	const blank = document.createElement("canvas");
	[blank.width, blank.height] = [c.width, c.height];
	return c.width && c.toDataURL() !== blank.toDataURL();
}).length`

// press is a key pressed where the focus is, as the page hears of it.
func press(key string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true, cancelable: true}))`, key))
}
