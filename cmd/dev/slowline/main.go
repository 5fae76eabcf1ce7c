// Slowline measures how soon a page that is opened on a slow line shows its first number:
//
//	slowline [flags] URL [URL]
//
// Chromium, of a phone's size and with nothing cached, opens the address through a proxy that
// takes as long and has as little room as the line. Two addresses, such as of an old and a new
// Pulse, are opened by turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	within = time.Minute // for a page to have a number
	chunk  = 1460        // bytes that the line takes at once
)

// watch is JavaScript that notes when the first panel has a number, in the frame after it
// was drawn.
const watch = `(() => {
	const look = () => {
		const figure = [...document.querySelectorAll(".panel[data-state=value] .figure, .panel[data-state=value] li")].find((f) => /\d/.test(f.textContent));
		if (figure) window.firstNumber = performance.now();
		else requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
})()`

// told is JavaScript: what the page says of its files.
const told = `performance.getEntriesByType("resource").map((e) => new URL(e.name).pathname + " " + [e.startTime, e.requestStart, e.responseStart, e.responseEnd].map(Math.round).join(" ")).concat(performance.getEntriesByType("paint").map((e) => e.name + " " + Math.round(e.startTime))).join("\n")`

func main() {
	turns := flag.Int("turns", 5, "how often each address is opened")
	trip := flag.Duration("trip", 150*time.Millisecond, "there and back")
	rate := flag.Float64("rate", 1.6, "Mbit/s each way")
	all := flag.Bool("files", false, "tell when each file began to be asked for, was asked for, began to come and was there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, flag.Args(), *turns, *trip, *rate, *all); err != nil {
		fmt.Fprintln(os.Stderr, "slowline:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, addresses []string, turns int, trip time.Duration, rate float64, files bool) error {
	if len(addresses) == 0 {
		return errors.New("say which URL")
	}
	if turns < 1 {
		return errors.New("-turns is at least 1")
	}
	took := make([][]int, len(addresses))
	for turn := range turns {
		for i, address := range addresses {
			ms, bytes, said, err := first(ctx, address, trip, rate)
			if err != nil {
				return err
			}
			took[i] = append(took[i], ms)
			fmt.Printf("%d %s: %d ms, %d bytes\n", turn+1, address, ms, bytes)
			if files {
				fmt.Println(said)
			}
		}
	}
	for i, address := range addresses {
		slices.Sort(took[i])
		fmt.Printf("%s: least %d, median %d, most %d ms\n", address, took[i][0], took[i][turns/2], took[i][turns-1])
	}
	return nil
}

// first opens an address behind a line of its own, and gives how many ms later its first
// number was there, how many bytes had come by then, and when its files came.
func first(ctx context.Context, address string, trip time.Duration, rate float64) (ms int, bytes int64, said string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, 0, "", err
	}
	l := &line{to: u.Host, half: trip / 2, perByte: time.Duration(8000 / rate)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, "", err
	}
	defer listener.Close()
	go l.serve(listener)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	u.Host = net.JoinHostPort("localhost", port)

	profile, err := os.MkdirTemp("", "slowline")
	if err != nil {
		return 0, 0, "", err
	}
	defer os.RemoveAll(profile)
	path, err := exec.LookPath("chromium")
	if err != nil {
		return 0, 0, "", errors.New("no chromium (Debian: apt-get install chromium)")
	}
	ctx, cancelTime := context.WithTimeout(ctx, within)
	defer cancelTime()
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(profile), chromedp.Flag("disable-background-networking", true))...)
	defer cancelAllocator()
	ctx, cancelTab := chromedp.NewContext(ctx)
	defer cancelTab()
	err = chromedp.Do(ctx, chromedp.EmulateViewport(390, 844), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
		return err
	}))
	if err != nil {
		return 0, 0, "", err
	}
	time.Sleep(time.Second)                            // Chromium has done what it does when it starts
	go chromedp.Do(ctx, chromedp.Navigate(u.String())) //nolint:errcheck // no number comes then
	for {
		ms, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`window.firstNumber ?? 0`))
		if ctx.Err() != nil {
			return 0, 0, "", fmt.Errorf("%s had no number within %v", address, within)
		}
		if err == nil && ms > 0 {
			said, err := chromedp.Run(ctx, chromedp.Evaluate[string](told))
			return int(ms), l.bytesBy(int(ms)), said, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A line is what all connections of a page share: so long there and back, and so long for
// each byte.
type line struct {
	to      string
	half    time.Duration
	perByte time.Duration
	begun   atomic.Int64 // when the first connection came
	down    room
	up      room

	mu   sync.Mutex
	came []arrival
}

// An arrival is bytes that came to the browser.
type arrival struct {
	at    time.Time
	bytes int
}

// bytesBy is how many bytes had come so many ms after the first connection.
func (l *line) bytesBy(ms int) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.came {
		if a.at.UnixMilli()-l.begun.Load() <= int64(ms) {
			n += int64(a.bytes)
		}
	}
	return n
}

// A room is one direction: what is in it comes one after the other.
type room struct {
	mu   sync.Mutex
	free time.Time
}

// take gives the time when so many bytes have gone through, after those before them.
func (r *room) take(n int, perByte time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.free.Before(now) {
		r.free = now
	}
	r.free = r.free.Add(time.Duration(n) * perByte)
	return r.free
}

func (l *line) serve(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		l.begun.CompareAndSwap(0, time.Now().UnixMilli())
		go l.carry(near)
	}
}

// carry carries a connection, whose handshake takes there and back.
func (l *line) carry(near net.Conn) {
	defer near.Close()
	time.Sleep(2 * l.half)
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		defer far.Close()
		l.copy(far, near, &l.up, func(int) {})
	}()
	l.copy(near, far, &l.down, func(n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.came = append(l.came, arrival{time.Now(), n})
	})
}

// copy carries one direction.
func (l *line) copy(to io.Writer, from io.Reader, r *room, came func(int)) {
	type piece struct {
		data []byte
		at   time.Time
	}
	flying := make(chan piece, 1000)
	go func() {
		defer close(flying)
		for {
			b := make([]byte, chunk)
			n, err := from.Read(b)
			if n > 0 {
				at := r.take(n, l.perByte)
				flying <- piece{b[:n], at.Add(l.half)}
				time.Sleep(time.Until(at)) // others have their turn
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range flying {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.data); err != nil {
			go func() { // until who reads has seen that the line is closed
				for range flying {
				}
			}()
			return
		}
		came(len(p.data))
	}
}
