package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/alert"
	"pulse/topics"
)

// withAlerts are the scenarios that have alerts too: the log begins with the definitions,
// and nothing of it is lost.
var withAlerts = []string{"kill", "bounce", "rebalance", "zombie", "hostile", "all"}

// alertText are alerts that come and go with the load, and a receiver at a URL.
func alertText(rate int, url string) string {
	return fmt.Sprintf(`alerts:
  - {name: little, when: events < %d}
  - {name: half, when: events < %d, on: final, keep: 2s}
  - {name: slow, when: service-max > 900, clear: service-max < 500, for: 2s}
  - {name: mean, when: service-mean > 60}
  - {name: h12, when: h12 > 0, unknown: fire after 3s}
  - {name: odd, when: bytes-now > %d}
routes:
  hook: {webhook: %q}
`, rate*9/10, rate/2, rate*2500, url)
}

// A hook notes what alerts are sent to it, and answers badly now and then.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	got      map[string]int // "alert since status"
}

func newHook() *hook {
	h := &hook{got: map[string]int{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Alert, Since, Status string }
		err := json.NewDecoder(r.Body).Decode(&body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.requests++; err != nil || h.requests%5 == 0 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		h.got[body.Alert+" "+body.Since+" "+body.Status]++
	}))
	return h
}

// has reports how many of some notices were received, and one that was not.
func (h *hook) has(notices []string) (missing string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range notices {
		if h.got[n] == 0 {
			return n
		}
	}
	return ""
}

// checkAlerts demands that each transition that has to be final is in the topic as eval has
// it, each revision once, and that what fired, and was over, was delivered.
func (r *run) checkAlerts(ctx context.Context, final int64) error {
	stdout, _, err := output(ctx, r.pulse, r.env, "eval", "--raw", "--alerts")
	if err != nil {
		return err
	}
	want, board := map[string]alert.Transition{}, alert.NewBoard(1<<20)
	scanner := bufio.NewScanner(bytes.NewReader(stdout))
	for scanner.Scan() {
		one, err := topics.ParseTransition(scanner.Bytes())
		if err != nil {
			return err
		}
		if one.Second < final {
			want[string(topics.AlertKey(one))] = one
			board.Put(one)
		}
	}
	var found *foundAlerts
	what := ""
	err = until(ctx, r.patience, func() bool {
		if found, err = readAlerts(ctx, r.addrs, r.names.Alerts()); err != nil {
			what = err.Error()
			return false
		}
		what = found.unlike(want, final)
		return what == ""
	})
	r.demand(err == nil, "alerts: %s", what)
	if found != nil {
		r.demand(found.twice == 0, "%d transitions are in the topic twice or in the wrong order", found.twice)
	}
	var notices []string
	for _, i := range board.Incidents() {
		since := time.Unix(i.Since, 0).UTC().Format(time.RFC3339)
		notices = append(notices, fmt.Sprint(i.Alert, " ", since, " ", i.Kind))
		if i.Until != 0 {
			notices = append(notices, fmt.Sprint(i.Alert, " ", since, " resolved"))
		}
	}
	missing := ""
	err = until(ctx, r.patience, func() bool { missing = r.hook.has(notices); return missing == "" })
	r.demand(err == nil, "of %d notices %q was not delivered", len(notices), missing)
	r.report.note("%d transitions of alerts, %d notices delivered", len(want), len(notices))
	return nil
}

// foundAlerts are the transitions in the topic.
type foundAlerts struct {
	held  map[string]alert.Transition // by key the last
	twice int                         // that do not have a higher revision than the one before
}

func readAlerts(ctx context.Context, brokers []string, topic string) (*foundAlerts, error) {
	admin, err := topics.Cluster{Brokers: brokers}.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	readable, err := admin.Readable(ctx, topic)
	if err != nil {
		return nil, err
	}
	found := &foundAlerts{held: map[string]alert.Transition{}}
	var bad error
	err = admin.Read(ctx, topic, readable, func(r *kgo.Record) bool {
		if !r.Attrs.IsTransactional() {
			return true // no alert role wrote it
		}
		one, err := topics.ParseTransition(r.Value)
		if err != nil {
			bad = err
			return false
		}
		if old, ok := found.held[string(r.Key)]; ok && one.Revision <= old.Revision {
			found.twice++
		}
		found.held[string(r.Key)] = one
		return true
	})
	if err == nil {
		err = bad
	}
	return found, err
}

// unlike says how what holds before a second is not what is wanted; "": it is.
func (f *foundAlerts) unlike(want map[string]alert.Transition, final int64) string {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		got, w := f.held[key], want[key]
		if got.Withdrawn || !got.Final || got.State != w.State || got.Was != w.Was || got.Number != w.Number {
			return fmt.Sprintf("of %d transitions %s is %+v, want %+v", len(want), key, got, w)
		}
	}
	for key, got := range f.held {
		if _, ok := want[key]; !ok && !got.Withdrawn && got.Second < final {
			return "the topic has " + strings.TrimSpace(key) + ", and eval does not"
		}
	}
	return ""
}
