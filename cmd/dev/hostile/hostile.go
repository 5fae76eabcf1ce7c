// Package hostile has clients that mean harm: they forge records for each of Pulse's
// topics, talk nonsense to a Kafka broker, and abuse the page. None of it may end a role,
// make it grow, or change a number of what others send.
//
// What they forge is not what an honest program could have sent in another's name: who may
// do that can make any number (SECURITY.md). Each stands for something that once ended a
// role, made it grow, or stood in the way of all others.
package hostile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"pulse/topics"
)

// A Target is what is attacked.
type Target struct {
	Brokers []string
	Names   topics.Names
	Domain  string // of the clocks in events.raw

	Ingester string // the id of one that is honest, and goes on where it was
	Stat     string // one of the definitions
	Alert    string // the same; "": there is none
	HTTP     string // the page's URL; "": there is none
	Babble   bool   // to talk nonsense to the brokers
	Bombs    bool   // to forge what is small and unpacks to 32 MiB: clients unpack a batch whole

	// Merged says that stats.merged, too, gets forged records: who compares numbers reads
	// it as no role of Pulse does.
	Merged bool
}

// Refused is the ingester whose records receivers refuse.
const Refused = "hostile"

// every is the time between two rounds of forged records: less than a second, of which the
// clocks are.
const every = 300 * time.Millisecond

// Attack goes on until ctx ends, and returns nil then. An error says that it could not go
// on, which is not what it tests.
func (t Target) Attack(ctx context.Context) error {
	attackers, ctx := errgroup.WithContext(ctx)
	attackers.Go(func() error { return t.forge(ctx) })
	if t.Babble {
		for _, addr := range t.Brokers {
			attackers.Go(func() error { babble(ctx, addr); return nil })
		}
	}
	if t.HTTP != "" {
		attackers.Go(func() error { browse(ctx, t.HTTP, t.Stat); return nil })
	}
	return attackers.Wait()
}

// babble says to a broker what is no request of Kafka's, over connections of its own.
func babble(ctx context.Context, addr string) {
	chance := rand.New(rand.NewPCG(8, 8))
	request := func(key, version uint16, body string) string {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		b = binary.BigEndian.AppendUint16(b, key)
		b = binary.BigEndian.AppendUint16(b, version)
		return string(binary.BigEndian.AppendUint32(b, 7)) + body
	}
	for ctx.Err() == nil {
		for _, say := range []string{
			"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd",
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
			"\xff\xff\xff\xff", "\x7f\xff\xff\xff\x00\x12", "\x00\x00\x00\x01x",
			request(uint16(chance.Uint32()), uint16(chance.Uint32()), ""),
			request(uint16(chance.IntN(80)), uint16(chance.IntN(20)), strings.Repeat("\xff", chance.IntN(300))),
			request(0, 9, "\x00\x01a\x00"), request(3, 12, "\x7f\xff\xff\xff"),
		} {
			exchange(ctx, addr, say)
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// exchange says something over a connection of its own and reads what comes, for a moment.
func exchange(ctx context.Context, addr, say string) {
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(200 * time.Millisecond)) //nolint:errcheck // it is a connection
	if _, err := io.WriteString(c, say); err == nil {
		io.CopyN(io.Discard, c, 64<<10) //nolint:errcheck // whatever it is
	}
}

// browse sends requests to the page that no browser sends, and holds connections open.
func browse(ctx context.Context, page, stat string) {
	addr := strings.TrimPrefix(strings.TrimPrefix(page, "http://"), "https://")
	client := &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		for _, path := range []string{
			"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//evil.example/", "/api/stats/" + strings.Repeat("x", 4000),
			"/api/stats/x?from=-1&to=99999999999999999999", "/api/stats/pulse.lines?from=1&to=253402300799", "/api/lines?stat=pulse.lines&at=1",
			"/api/stats?" + strings.Repeat("a=1&", 3000), "/?share=1.x", "/ws", "/metrics", "/api/nothing",
		} {
			send(ctx, client, http.MethodGet, page+path, nil)
		}
		ask(ctx, client, page, stat)
		for _, method := range []string{"BREW", http.MethodPut, http.MethodDelete, http.MethodTrace, http.MethodPost} {
			send(ctx, client, method, page+"/api/stats", bytes.NewReader(make([]byte, 1<<20)))
		}
		send(ctx, client, http.MethodPost, page+"/api/share?for=1e99h", nil)
		pour(ctx, client, page)
		mark(ctx, client, page)
		query(ctx, client, page)
		for _, say := range []string{"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10), "\x00\x01\x02", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"} {
			exchange(ctx, addr, say)
		}
		shout(ctx, "ws://"+addr+"/ws")
	}
}

// ask asks what the page may ask, of conditions that would take all memory or hours, and
// of more at a time than is answered.
func ask(ctx context.Context, client *http.Client, page, stat string) {
	now := time.Now().Unix()
	var all sync.WaitGroup
	for i, where := range []string{
		`len(repeat(line, 1000000)) > 1`, `len(replace(replace(line, "", line), "", line)) > 1`, `len(join(split(line, ""), line)) > 1`,
		`count(1..900000, line matches "(a|b)*c") > 1`, `line matches "` + strings.Repeat(".{1000}", 100) + `"`, `line matches line`,
		`line matches "(.{100}|.{99})*x" || line matches "` + strings.Repeat("(a|b)?", 100) + `$"`, strings.Repeat("(", 500),
	} {
		all.Go(func() {
			of := fmt.Sprintf("?stat=%s&from=%d&to=%d", url.QueryEscape(stat), now-600-int64(i), now)
			send(ctx, client, http.MethodGet, page+"/api/lines"+of+"&where="+url.QueryEscape(where), nil)
			send(ctx, client, http.MethodGet, page+"/api/explain"+of, nil)
			send(ctx, client, http.MethodGet, fmt.Sprintf("%s/api/stats/%s?from=%d&to=%d", page, url.PathEscape(stat), now-3000-int64(i), now), nil)
			send(ctx, client, http.MethodGet, page+"/api/stats", nil)
		})
	}
	all.Wait()
}

func send(ctx context.Context, client *http.Client, method, url string, body io.Reader) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return
	}
	r.Header.Set("X-Forwarded-Proto", "javascript")
	r.Header.Set("X-Forwarded-For", "evil")
	if answer, err := client.Do(r); err == nil {
		io.CopyN(io.Discard, answer.Body, 1<<20) //nolint:errcheck // whatever it is
		answer.Body.Close()
	}
}

// pour sends questions with forms that have no end: who looks for parameters in them holds
// them whole.
func pour(ctx context.Context, client *http.Client, page string) {
	var all sync.WaitGroup
	for _, path := range []string{"/api/marks", "/api/stats", "/api/alerts", "/api/usual"} {
		all.Go(func() {
			form := "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\n" + strings.Repeat("x", 9<<20)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, page+path, strings.NewReader(form))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			if answer, err := client.Do(r); err == nil {
				answer.Body.Close()
			}
		})
	}
	all.Wait()
}

// mark sets marks of all minutes of the next day, with links that are as long as they may be.
func mark(ctx context.Context, client *http.Client, page string) {
	now := time.Now().Truncate(time.Minute)
	for i := range 200 {
		at := now.Add(time.Duration(i) * 7 * time.Minute).UTC().Format(time.RFC3339)
		body := fmt.Sprintf(`{"text":"%d","time":%q,"link":"http://%s"}`, rand.Uint32(), at, strings.Repeat("x", 4000))
		send(ctx, client, http.MethodPost, page+"/api/marks", strings.NewReader(body))
	}
}

// query asks in PromQL for labels and answers of gigabytes.
func query(ctx context.Context, client *http.Client, page string) {
	grow := `label_replace(vector(1), "a", "xxxxxxxxxx", "", "")`
	for range 9 {
		grow = `label_replace(` + grow + `, "a", "` + strings.Repeat("$1", 10) + `", "a", "(.*)")`
	}
	for _, text := range []string{grow, "vector(1)[30m:1ms]", strings.Repeat("(", 60_000), "pulse_stat[31d:1ms]"} {
		send(ctx, client, http.MethodGet, page+"/api/v1/query?query="+url.QueryEscape(text), nil)
	}
}

// shout opens sockets, one that never reads, and sends what no page does.
func shout(ctx context.Context, url string) {
	for _, message := range []string{"", "{}", `{"stats":["` + strings.Repeat("x", 70_000) + `"]}`, "\xff\xfe", `{"stats":` + strings.Repeat("[", 10_000)} {
		c, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
		if err != nil {
			return
		}
		for range 20 {
			if errors.Join(c.WriteMessage(websocket.TextMessage, []byte(message)), c.WriteMessage(websocket.BinaryMessage, []byte(message))) != nil {
				break
			}
		}
		c.Close()
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
