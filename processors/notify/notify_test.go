package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulse/stats/alert"
)

func incident(since, until int64) Notice {
	i := alert.Incident{Subject: alert.Subject{Alert: "errors", Keyed: true, Key: "/a<b>"}, Kind: alert.Firing, Since: since, Until: until, Number: "7"}
	return Notice{Incident: i, Over: until != 0, Runbook: "https://x.example/run", Help: "look at it", When: "any key of errors > 5"}
}

// A posted is a request that a receiver made.
type posted struct {
	path, idempotency string
	body              any
}

func TestKinds(t *testing.T) {
	var mu sync.Mutex
	var got []posted
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		p := posted{path: r.URL.Path, idempotency: r.Header.Get("Idempotency-Key")}
		if err := json.NewDecoder(r.Body).Decode(&p.body); err != nil || r.Method != http.MethodPost {
			t.Error(r.Method, err)
		}
		got = append(got, p)
	}))
	defer server.Close()
	for kind, want := range map[string]string{
		alert.Alertmanager: `/api/v2/alerts [{"annotations":{"condition":"any key of errors > 5","description":"look at it","runbook":"https://x.example/run","summary":"errors /a<b> fires: 7 (any key of errors > 5)","value":"7"},"labels":{"alertname":"errors","key":"/a<b>","source":"pulse","state":"firing"},"startsAt":"1970-01-01T00:16:40Z"}]
/api/v2/alerts [{"annotations":{"condition":"any key of errors > 5","description":"look at it","runbook":"https://x.example/run","summary":"errors /a<b> is over","value":"7"},"endsAt":"1970-01-01T00:16:45Z","labels":{"alertname":"errors","key":"/a<b>","source":"pulse","state":"firing"},"startsAt":"1970-01-01T00:16:40Z"}]`,
		alert.Webhook: `/hook {"alert":"errors","help":"look at it","id":"pulse/errors/1000/firing//a<b>","key":"/a<b>","runbook":"https://x.example/run","since":"1970-01-01T00:16:40Z","status":"firing","title":"errors /a<b> fires: 7 (any key of errors > 5)","value":"7","when":"any key of errors > 5"}
/hook {"alert":"errors","help":"look at it","id":"pulse/errors/1000/firing//a<b>","key":"/a<b>","runbook":"https://x.example/run","since":"1970-01-01T00:16:40Z","status":"resolved","title":"errors /a<b> is over","until":"1970-01-01T00:16:45Z","value":"7","when":"any key of errors > 5"}`,
		alert.PagerDuty: `/hook {"dedup_key":"pulse/errors/1000/firing//a<b>","event_action":"trigger","links":[{"href":"https://x.example/run","text":"runbook"}],"payload":{"component":"errors","custom_details":{"condition":"any key of errors > 5","help":"look at it","key":"/a<b>","value":"7"},"severity":"critical","source":"pulse","summary":"errors /a<b> fires: 7 (any key of errors > 5)","timestamp":"1970-01-01T00:16:40Z"},"routing_key":"thekey"}
/hook {"dedup_key":"pulse/errors/1000/firing//a<b>","event_action":"resolve","routing_key":"thekey"}`,
		alert.Slack: `/hook {"text":":red_circle: errors /a&lt;b&gt; fires: 7 (any key of errors &gt; 5)\nsince 1970-01-01T00:16:40Z\nlook at it\nhttps://x.example/run"}
/hook {"text":":large_green_circle: errors /a&lt;b&gt; is over\nsince 1970-01-01T00:16:40Z until 1970-01-01T00:16:45Z"}`,
	} {
		target := server.URL + "/hook"
		switch kind {
		case alert.PagerDuty:
			target = "eu:thekey"
		case alert.Alertmanager:
			target = server.URL + "/"
		}
		r, err := NewReceiver(alert.Route{Name: "x", Kind: kind, Target: "$TARGET"}, func(string) (string, bool) { return target, true })
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := r.(*pagerduty); ok {
			if r.url != pagerdutyEurope {
				t.Errorf("events of a key in Europe go to %s", r.url)
			}
			r.url = server.URL + "/hook"
		}
		got = nil
		for _, n := range []Notice{incident(1000, 0), incident(1000, 1005)} {
			if err := r.send(t.Context(), []Notice{n}); err != nil {
				t.Fatal(err)
			}
		}
		var texts []string
		for _, p := range got {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(p.body); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, p.path+" "+strings.TrimSpace(b.String()))
		}
		if text := strings.Join(texts, "\n"); text != want {
			t.Errorf("%s:\ngot  %s\nwant %s", kind, text, want)
		}
		if kind == alert.Webhook && (len(got) != 2 || got[0].idempotency == "" || got[0].idempotency == got[1].idempotency) {
			t.Errorf("the keys of two requests are %v", got)
		}
	}
}

// Whatever a receiver answers or does not, an error says what and where, and nothing secret.
func TestAnswers(t *testing.T) {
	const secret = "T000SECRET/B111SECRET"
	answer := func(status int, body string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body) //nolint:errcheck // a test
		}))
	}
	hijack := func(said string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, said) //nolint:errcheck // a test
			c.Close()
		}))
	}
	named := httptest.NewUnstartedServer(http.NotFoundHandler())
	named.Config.ErrorLog = log.New(io.Discard, "", 0)
	named.StartTLS()
	defer named.Close()
	trusted := http.DefaultTransport
	http.DefaultTransport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: named.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "127.0.0.1.nip.invalid"}}
	defer func() { http.DefaultTransport = trusted }()
	for name, c := range map[string]struct {
		server  *httptest.Server
		want    string
		refused bool
	}{
		"400":                 {answer(400, `{"error":"no_text /services/`+secret+`"}`), `answered 400 Bad Request: {"error":"no_text ***"}`, true},
		"404":                 {answer(404, "no_service\x1b[31m\n"), "answered 404 Not Found: no_service [31m", true},
		"410, much":           {answer(410, strings.Repeat("x", 5000)), strings.Repeat("x", 200) + "…", true},
		"302":                 {answer(302, ""), "answered 302 Found", true},
		"500":                 {answer(500, "oops"), "answered 500 Internal Server Error: oops", false},
		"429":                 {answer(429, ""), "answered 429 Too Many Requests", false},
		"nobody is there":     {nil, "connection refused", false},
		"not what is HTTP":    {httptest.NewTLSServer(http.NotFoundHandler()), "", false},
		"a secret at the cut": {answer(404, strings.Repeat("x", 190)+"/services/"+secret), strings.Repeat("x", 190) + "***", true},
		"closes":              {hijack(""), "EOF", false},
		"garbage":             {hijack("/services/" + secret + strings.Repeat("x", 5000) + "\r\n\r\n"), "malformed HTTP", false},
		"a body without end":  {answer(200, strings.Repeat("x", 10<<20)), "", false},
		"another's name":      {named, "certificate is valid for", false},
		"a name that is none": {nil, "no such host", false},
	} {
		url := "http://127.0.0.1:1"
		switch {
		case c.server == named:
			url = named.URL
		case c.server != nil:
			url = strings.Replace(c.server.URL, "https", "http", 1)
			defer c.server.Close()
		case c.want == "no such host":
			url = "http://127.0.0.1.invalid"
		}
		r, err := NewReceiver(alert.Route{Name: "x", Kind: alert.Slack, Target: url + "/services/" + secret}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = r.send(t.Context(), []Notice{incident(1000, 0)})
		if name == "a body without end" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if name == "a name that is none" && err != nil && !strings.Contains(err.Error(), c.want) {
			c.want = "lookup" // without a resolver
		}
		if name == "not what is HTTP" && errors.Is(err, ErrRefused) {
			continue // 400: it says that it speaks TLS
		}
		if err == nil || errors.Is(err, ErrRefused) != c.refused || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "127.0.0.1") || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, target := range []string{"x.example/" + secret, "ftp://x/" + secret, "http:///" + secret, "\x00" + secret} {
		if _, err := NewReceiver(alert.Route{Name: "x", Kind: alert.Webhook, Target: "$T"}, func(string) (string, bool) { return target, true }); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", target, err)
		}
		if err := CheckHeartbeat(target); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("a heartbeat to %q: %v", target, err)
		}
	}
	if _, err := NewReceiver(alert.Route{Name: "x", Kind: alert.Webhook, Target: "$T"}, func(string) (string, bool) { return "", false }); err == nil || !strings.Contains(err.Error(), "the environment variable T") {
		t.Errorf("without the variable: %v", err)
	}
}

// A fake is a receiver that fails as it is told.
type fake struct {
	mu     sync.Mutex // what a timer wakes comes after the test's looks, and the race detector is not told
	got    []string
	fail   func(n Notice) error
	repeat time.Duration
	batch  int
}

func (f *fake) every() time.Duration { return f.repeat }
func (f *fake) most() int            { return max(f.batch, 1) }
func (f *fake) send(_ context.Context, notices []Notice) error {
	for _, n := range notices {
		if f.fail != nil {
			if err := f.fail(n); err != nil {
				return err
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range notices {
		f.got = append(f.got, fmt.Sprint(n.Since, " ", n.status()))
	}
	return nil
}

// once leaves of what was sent each notice once, in order.
func (f *fake) once() {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.got)
	f.got = slices.Compact(f.got)
}

// start runs a queue in a bubble, in which it is 1970.
func startQueue(t *testing.T, f *fake, silenced func(time.Time) bool) (*queue, func()) {
	if silenced == nil {
		silenced = func(time.Time) bool { return false }
	}
	q := newQueue(alert.Route{Name: "x", Kind: "fake"}, f, slog.New(slog.DiscardHandler), func(_ alert.Subject, at time.Time) bool { return silenced(at) })
	ctx, stop := context.WithCancel(t.Context())
	go q.run(ctx)
	return q, stop
}

// at is a record that is written now.
func at(partition int32, offset int64) origin { return origin{partition, offset, time.Now()} }

func equal(t *testing.T, what string, f *fake, want ...string) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Join(f.got, ", ") != strings.Join(want, ", ") {
		t.Errorf("%s: sent %q, want %q", what, f.got, want)
	}
	f.got = nil
}

// A route stands before an incident's beginning until that is sent, also if its end has
// come meanwhile: a successor that took the beginning for sent would send the end alone.
func TestQueueStandsAtWhatWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		var down atomic.Bool
		down.Store(true)
		f := &fake{fail: func(Notice) error {
			if down.Load() {
				return errors.New("away")
			}
			return nil
		}}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.put(incident(now, 0), at(3, 10), false)
		q.put(incident(now, now+5), at(3, 11), false)
		time.Sleep(time.Minute)
		if s := q.standing(3, 12); s.Offset != 10 || s.Waiting != 1 {
			t.Errorf("it stands at %+v", s)
		}
		down.Store(false)
		time.Sleep(2 * time.Minute)
		equal(t, "then", f, fmt.Sprint(now, " firing"), fmt.Sprint(now, " resolved"))
		if s := q.standing(3, 12); s.Offset != 12 || s.Waiting != 0 {
			t.Errorf("it stands at %+v", s)
		}
	})
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		var down atomic.Bool
		f := &fake{fail: func(n Notice) error {
			if n.Since == now+66 {
				return fmt.Errorf("%w: never", ErrRefused)
			}
			if down.Load() {
				return errors.New("away")
			}
			return nil
		}, batch: 5}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.put(incident(now, 0), at(3, 10), false)
		time.Sleep(time.Second)
		equal(t, "one fires", f, fmt.Sprint(now, " firing"))
		if s := q.standing(3, 11); s.Offset != 11 || s.Waiting != 0 || s.Error != "" {
			t.Errorf("it stands at %+v", s)
		}

		down.Store(true)
		q.put(incident(now, now+5), at(3, 11), false)
		q.put(incident(now+6, 0), at(3, 12), false)
		q.put(incident(now+6, now+7), at(3, 13), false)
		time.Sleep(10 * time.Minute)
		equal(t, "while it is away", f)
		if s := q.standing(3, 14); s.Offset != 11 || s.Waiting != 2 || s.Error != "away" || q.counts.Waiting.Load() != 2 {
			t.Errorf("it stands at %+v", s)
		}
		down.Store(false)
		time.Sleep(2 * time.Minute)
		equal(t, "then", f, fmt.Sprint(now, " resolved"), fmt.Sprint(now+6, " firing"), fmt.Sprint(now+6, " resolved"))

		q.put(incident(now+66, 0), at(3, 14), false)
		q.put(incident(now+67, 0), at(3, 15), false)
		time.Sleep(time.Minute)
		equal(t, "one is refused, the other one is not", f, fmt.Sprint(now+67, " firing"))
		if s := q.standing(3, 16); s.Offset != 16 || s.Refused != 1 {
			t.Errorf("it stands at %+v", s)
		}

		withdrawn := incident(now+67, now+67)
		withdrawn.Withdrawn = true
		q.put(withdrawn, at(3, 16), false)
		time.Sleep(time.Minute)
		equal(t, "it is taken back", f, fmt.Sprint(now+67, " withdrawn"))

		q.put(incident(now-3*24*60*60, 0), at(3, 17), false)
		time.Sleep(time.Minute)
		equal(t, "of a recording", f)
	})
}

func TestQueueRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		f := &fake{}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.load(1, true)
		q.put(incident(now, 0), at(1, 1), true)
		q.put(incident(now+1, 0), at(1, 2), true)
		q.put(incident(now+1, now+2), at(1, 3), true)
		q.put(incident(now+3, 0), at(1, 4), false)
		time.Sleep(time.Minute)
		equal(t, "while it reads the past", f)
		q.load(1, false)
		time.Sleep(time.Minute)
		equal(t, "of what was sent", f, fmt.Sprint(now+3, " firing"))
		q.put(incident(now, now+9), at(1, 5), false)
		time.Sleep(time.Minute)
		equal(t, "its end", f, fmt.Sprint(now, " resolved"))
		q.renew(1)
		time.Sleep(time.Minute)
		equal(t, "to a route that is new", f, fmt.Sprint(now+3, " firing"))
		q.forget([]int32{1})
		if len(q.items) != 0 {
			t.Errorf("%d items are kept of a partition that is lost", len(q.items))
		}
	})
}

func TestQueueSilenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		f := &fake{repeat: time.Minute}
		from, until := now.Add(2*time.Minute+time.Second), now.Add(10*time.Minute)
		q, stop := startQueue(t, f, func(at time.Time) bool { return at.After(from) && at.Before(until) })
		defer stop()
		first := now.Unix()
		q.put(incident(first, 0), at(1, 1), false)
		time.Sleep(2*time.Minute + 30*time.Second)
		equal(t, "before, again each minute", f, fmt.Sprint(first, " firing"), fmt.Sprint(first, " firing"), fmt.Sprint(first, " firing"))
		time.Sleep(time.Minute)
		q.put(incident(first, first+200), at(1, 2), false)
		q.put(incident(first+201, 0), at(1, 3), false)
		q.put(incident(first+202, 0), at(1, 4), false)
		q.put(incident(first+202, first+203), at(1, 5), false)
		time.Sleep(time.Minute)
		f.once()
		equal(t, "while it is silenced: the end of what was told", f, fmt.Sprint(first, " resolved"))
		if s := q.standing(1, 6); s.Offset != 6 || s.Silenced != 1 || s.Waiting != 0 {
			t.Errorf("it stands at %+v", s)
		}
		time.Sleep(6 * time.Minute)
		f.once()
		equal(t, "after it: what still goes on, beside ends again", f, fmt.Sprint(first, " resolved"), fmt.Sprint(first+201, " firing"))
	})
}

// A process that starts goes on with what has fired for days: Alertmanager would take it for
// resolved. What was worked out only days later is of a recording, whoever reads it when.
func TestQueueOfDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		begun := now.Add(-3 * 24 * time.Hour)
		f := &fake{repeat: time.Minute}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.put(incident(begun.Unix(), 0), origin{1, 1, begun.Add(time.Second)}, true)
		other := incident(begun.Unix()+1, 0)
		other.Key = "/other"
		q.put(other, origin{1, 2, begun.Add(time.Second)}, false)
		q.put(incident(begun.Unix()+2, 0), origin{1, 3, now}, true)
		q.put(incident(begun.Unix()+3, 0), origin{1, 4, now}, false)
		first, second := fmt.Sprint(begun.Unix()), fmt.Sprint(begun.Unix()+1)
		time.Sleep(time.Second)
		equal(t, "at the start", f, first+" firing", second+" firing")
		q.put(incident(begun.Unix(), now.Unix()), at(1, 5), false)
		q.put(incident(begun.Unix()+3, begun.Unix()+9), at(1, 6), false)
		time.Sleep(30 * time.Second)
		equal(t, "its end", f, first+" resolved")
	})
}

// After a day without it a role sends what goes on, and nothing of what came and went.
func TestQueueCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		var behind atomic.Bool
		behind.Store(true)
		f := &fake{}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.behind = func(string) bool { return behind.Load() }
		for hour := range int64(20) {
			q.put(incident(now-(22-hour)*3600, 0), at(1, hour), false)
			time.Sleep(time.Second)
		}
		if s := q.standing(1, 99); s.Offset != 0 || s.Waiting != 20 {
			t.Errorf("it stands at %+v", s)
		}
		for hour := range int64(19) {
			q.put(incident(now-(22-hour)*3600, now-(22-hour)*3600+60), at(1, 20+hour), false)
		}
		time.Sleep(time.Minute)
		equal(t, "while it catches up", f)
		behind.Store(false)
		time.Sleep(time.Minute)
		equal(t, "then", f, fmt.Sprint(now-3*3600, " firing"))
		if n := q.counts.Late.Load(); n != 19 {
			t.Errorf("%d were over for long, want 19", n)
		}
		if s := q.standing(1, 99); s.Offset != 99 || s.Waiting != 0 {
			t.Errorf("it stands at %+v", s)
		}
	})
}

// What was taken back before anybody heard of it wakes nobody; that it did not happen is sent, since a
// predecessor may have told of it and not have noted so.
func TestQueueTakenBackUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		q, stop := startQueue(t, f, nil)
		defer stop()
		now := time.Now().Unix()
		back := incident(now-10, now-5)
		back.Withdrawn = true
		q.put(incident(now-10, 0), at(1, 1), false)
		q.put(back, at(1, 2), false)
		time.Sleep(time.Second)
		equal(t, "taken back", f, fmt.Sprint(now-10, " withdrawn"))
		if s := q.standing(1, 3); s.Offset != 3 || s.Waiting != 0 {
			t.Errorf("it stands at %+v", s)
		}
	})
}

// What is silenced is sent when the silence is over, also by a successor, to which the
// silence may be gone.
func TestQueueHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		f := &fake{}
		var down, silenced atomic.Bool
		down.Store(true)
		f.fail = func(Notice) error {
			if down.Load() {
				return errors.New("away")
			}
			return nil
		}
		q, stop := startQueue(t, f, func(time.Time) bool { return silenced.Load() })
		q.put(incident(now, 0), at(1, 1), false)
		time.Sleep(time.Second)
		silenced.Store(true)
		time.Sleep(time.Minute)
		s := q.standing(1, 9)
		held := incident(now, 0)
		if s.Offset != 9 || s.Silenced != 1 || len(s.Held) != 1 || s.Held[0] != held.id() {
			t.Errorf("it stands at %+v", s)
		}
		stop()
		synctest.Wait()

		for key, want := range map[bool]string{true: " firing", false: ""} {
			f := &fake{}
			q, stop := startQueue(t, f, nil)
			past := !key
			q.put(held, at(1, 1), past)
			time.Sleep(time.Minute)
			if key {
				equal(t, "a successor", f, fmt.Sprint(now, want))
			} else {
				equal(t, "what was sent", f)
			}
			stop()
		}

		q, stop = startQueue(t, f, func(time.Time) bool { return true })
		defer stop()
		for n := range int64(maxHeld + 1) {
			q.put(incident(now+n, 0), at(1, 10+n), false)
		}
		if s := q.standing(1, 999); len(s.Held) != maxHeld || s.Offset != 10+maxHeld {
			t.Errorf("of many it holds %d, and stands at %d", len(s.Held), s.Offset)
		}
	})
}

// Alertmanager keeps nothing when it restarts: it gets an end again for a while, so that
// those whom it told of a beginning hear of it.
func TestQueueEndsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		f := &fake{repeat: time.Minute}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.put(incident(now, 0), at(1, 1), false)
		time.Sleep(time.Second)
		q.put(incident(now, now+1), at(1, 2), false)
		time.Sleep(time.Hour)
		equal(t, "in an hour", f, append([]string{fmt.Sprint(now, " firing")}, slices.Repeat([]string{fmt.Sprint(now, " resolved")}, 1+15)...)...)
		if s := q.standing(1, 3); len(q.items) != 0 || s.Offset != 3 || s.Waiting != 0 {
			t.Errorf("%d are kept, it stands at %+v", len(q.items), s)
		}
		// It goes on after all, by lines that came late.
		q.put(incident(now+9, now+10), at(1, 3), false)
		time.Sleep(time.Second)
		q.put(incident(now+9, 0), at(1, 4), false)
		time.Sleep(time.Second)
		equal(t, "over, and not over", f, fmt.Sprint(now+9, " firing"), fmt.Sprint(now+9, " resolved"), fmt.Sprint(now+9, " firing"))
	})
}

// Alertmanager knows incidents by labels: the end of one, sent again, would end what began since.
func TestQueueEndsNotWhatBeganSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		f := &fake{repeat: time.Minute}
		q, stop := startQueue(t, f, nil)
		defer stop()
		other := incident(now, now+1)
		other.Key = "/other"
		for i, n := range []Notice{incident(now, 0), incident(now, now+1), other, incident(now+5, 0)} {
			q.put(n, at(1, int64(i)), false)
			time.Sleep(time.Second)
		}
		equal(t, "again", f, fmt.Sprint(now, " firing"), fmt.Sprint(now, " resolved"), fmt.Sprint(now, " firing"), fmt.Sprint(now, " resolved"), fmt.Sprint(now+5, " firing"))
		time.Sleep(time.Minute)
		equal(t, "a minute later", f, fmt.Sprint(now, " resolved"), fmt.Sprint(now+5, " firing"))
		q.put(incident(now, now+2), at(1, 4), false) // by lines that came late
		time.Sleep(time.Second)
		equal(t, "amended", f)
		if s := q.standing(1, 5); s.Offset != 5 || s.Waiting != 0 {
			t.Errorf("it stands at %+v", s)
		}
	})
}

// A receiver that says when to come again is asked then, and not before.
func TestQueueComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var asked []time.Duration
		f := &fake{fail: func(Notice) error {
			if asked = append(asked, time.Since(now)); len(asked) == 1 {
				return &busyError{errors.New("busy"), 2 * time.Minute}
			}
			return nil
		}}
		q, stop := startQueue(t, f, nil)
		defer stop()
		q.put(incident(now.Unix(), 0), at(1, 1), false)
		q.awake()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(asked) != 2 || asked[1]-asked[0] != 2*time.Minute {
			t.Errorf("it asked at %v", asked)
		}
	})
	now := time.Unix(1e9, 0)
	for text, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "86400": mostAfter, "-1": 0, "soon": 0, "99999999999999999999": 0,
		now.Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
	} {
		if got := retryAfterOf(text, now); got != want {
			t.Errorf("Retry-After: %s is %v, want %v", text, got, want)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	var asked, status = 0, 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(status) }))
	defer server.Close()
	h := &Heartbeat{URL: server.URL + "/SECRET"}
	if err := h.send(t.Context()); err != nil || asked != 1 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	status = 404
	if err := h.send(t.Context()); err == nil || !strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		alive := true
		sent := 0
		h := &Heartbeat{URL: "http://127.0.0.1:1", Alive: func() bool { sent++; return alive && false }, Log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		go h.Run(ctx)
		time.Sleep(3*time.Minute + time.Second)
		stop()
		synctest.Wait()
		if sent != 3 || h.Failed.Load() != 0 {
			t.Errorf("it looked %d times in three minutes, and failed %d times", sent, h.Failed.Load())
		}
	})
}

// While a receiver takes nothing so many incidents wait, and the oldest are dropped.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, stop := startQueue(t, &fake{fail: func(Notice) error { return errors.New("away") }}, nil)
		defer stop()
		now := time.Now().Unix()
		q.mu.Lock()
		for n := range int64(maxWaiting) { // as put does it, which looks for each among all
			q.items = append(q.items, &item{Notice: incident(now+n, 0), partition: 1, offset: 10 + n})
		}
		q.mu.Unlock()
		for n := range int64(3) {
			q.put(incident(now+maxWaiting+n, 0), at(1, 10+maxWaiting+n), false)
		}
		if n := len(q.items); n != maxWaiting || q.counts.Refused.Load() != 3 {
			t.Errorf("%d wait, %d were dropped, want %d and 3", n, q.counts.Refused.Load(), maxWaiting)
		}
	})
}
