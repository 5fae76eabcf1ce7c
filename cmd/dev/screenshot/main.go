// Screenshot takes a picture of the dashboard with headless Chromium:
//
//	screenshot [flags] [-- command that serves it, and its arguments]
//
// Without a command it takes what is served at -url already. With one it starts
// it, waits until the page has something to show and has shown it for a while,
// takes the picture and interrupts the command, a shell's pipeline too. It writes what
// the page's header says, how soon a line is on the screen among it.
//
// With -when it waits for a JavaScript expression, with -do it does what another one says, and
// with -until it waits for what that shows. With -terminal the picture is of a command in a
// terminal instead, such as "bin/pulse top http://localhost:8080".
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	readyWithin = time.Minute      // how long the page may take to have something to show
	shotWithin  = 30 * time.Second // how long Chromium may take beside that
	endWithin   = 10 * time.Second // how long the command may take to end
)

// shows is JavaScript: whether a panel has had a point. It need not be a value
// now: the page of a log that lags has numbers, of which the newest are unknown.
const shows = `document.querySelector(":is(.panel, .detail):is([data-state=value], [data-state=unknown], [data-state=stale])") !== null`

// header is JavaScript: what the page's header says of the log, and its hint.
const header = `document.getElementById("status").innerText + "\n" + document.getElementById("status").title`

// picture is what is asked for.
type picture struct {
	url, out, scheme string
	width, height    int64
	after            time.Duration
	when, do, until  string
	terminal         string
	command          []string
}

func main() {
	var p picture
	flag.StringVar(&p.url, "url", "http://localhost:8080", "where the page is")
	flag.StringVar(&p.out, "out", "page.png", "the file to write")
	flag.StringVar(&p.scheme, "scheme", "light", "light or dark")
	flag.Int64Var(&p.width, "width", 1440, "of the window")
	flag.Int64Var(&p.height, "height", 900, "of the window")
	flag.DurationVar(&p.after, "after", 2*time.Second, "how long the page shows something before the picture is taken")
	flag.StringVar(&p.when, "when", "", "a JavaScript expression to wait for then")
	flag.StringVar(&p.do, "do", "", "JavaScript to do then")
	flag.StringVar(&p.until, "until", "", "a JavaScript expression to wait for then")
	flag.StringVar(&p.terminal, "terminal", "", "a command to show in a terminal, while the page is served")
	flag.Parse()
	p.command = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.take(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "screenshot:", err)
		os.Exit(1)
	}
}

// take serves the page if a command is given, and writes the picture.
func (p picture) take(ctx context.Context) error {
	if len(p.command) > 0 {
		running, end := context.WithCancel(ctx)
		serving := exec.CommandContext(running, p.command[0], p.command[1:]...)
		// A shell waits for its pipeline, so the whole group is interrupted.
		serving.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		serving.Cancel = func() error { return syscall.Kill(-serving.Process.Pid, syscall.SIGINT) }
		serving.WaitDelay = endWithin
		var said bytes.Buffer
		serving.Stderr = &said
		if err := serving.Start(); err != nil {
			end()
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- serving.Wait() }()
		defer func() {
			end()
			<-ended
			syscall.Kill(-serving.Process.Pid, syscall.SIGKILL) //nolint:errcheck // nobody is left
		}()
		ctx2, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go func() {
			err := <-ended
			ended <- err
			cancel(fmt.Errorf("%s ended: %v\n%s", p.command[0], err, said.Bytes()))
		}()
		ctx = ctx2
	}

	shooting, cancel := context.WithTimeoutCause(ctx, 4*readyWithin+shotWithin+p.after, errors.New("no answer from Chromium"))
	defer cancel()
	png, err := p.shoot(shooting)
	if cause := context.Cause(shooting); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	return os.WriteFile(p.out, png, 0o644)
}

// shoot opens the page and takes the picture once it has numbers.
func (p picture) shoot(ctx context.Context) ([]byte, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("no chromium to take it with (Debian: apt-get install chromium)")
	}
	profile, err := os.MkdirTemp("", "screenshot")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(profile)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(profile))...)
	defer cancelAllocator()
	ctx, cancelTab := chromedp.NewContext(ctx)
	defer cancelTab()

	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.scheme}}}
	err = chromedp.Do(ctx, chromedp.EmulateViewport(p.width, p.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(readyWithin); ; {
		err := chromedp.Do(ctx, chromedp.Navigate(p.url))
		if err == nil {
			break
		}
		if ctx.Err() != nil || len(p.command) == 0 || time.Now().After(deadline) {
			return nil, fmt.Errorf("no page at %s: is `make run` running? %w", p.url, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err := p.wait(ctx, shows); err != nil {
		return nil, err
	}
	if p.terminal != "" {
		page, err := inTerminal(ctx, p.terminal, p.after)
		if err != nil {
			return nil, err
		}
		if err := chromedp.Do(ctx, chromedp.Navigate("data:text/html;base64,"+base64.StdEncoding.EncodeToString([]byte(page)))); err != nil {
			return nil, err
		}
		return chromedp.Run(ctx, chromedp.CaptureScreenshot())
	}
	if err := chromedp.Do(ctx, chromedp.Sleep(p.after)); err != nil {
		return nil, err
	}
	if p.when != "" {
		if err := p.wait(ctx, p.when); err != nil {
			return nil, err
		}
	}
	if p.do != "" {
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](p.do)); err != nil {
			return nil, err
		}
	}
	if p.until != "" {
		if err := p.wait(ctx, p.until); err != nil {
			return nil, err
		}
	}
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](header))
	if err != nil {
		return nil, err
	}
	fmt.Println(said)
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// wait waits until a JavaScript expression is true of the page.
func (p picture) wait(ctx context.Context, expression string) error {
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(200 * time.Millisecond) {
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err != nil || shown {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the page at %s did not come to %s within %v", p.url, expression, readyWithin)
		}
	}
}
