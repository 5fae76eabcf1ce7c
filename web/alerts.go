package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/stats/value"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	keptTransitions = 64  // of each subject of alerts
	maxIncidents    = 300 // that are told, all that go on before the others
	maxSilenceBody  = 8 << 10
)

// alerts is what the server knows of alerts: what is going on, silences, and how the
// receivers stand.
type alerts struct {
	rules    []*alert.Rule
	routes   []alert.Route
	version  atomic.Uint64 // one more with each change
	silences topics.Silences
	silencer silencer

	mu        sync.Mutex
	board     *alert.Board
	receivers map[string]topics.AlertReceiver
}

// silencer writes silences; nil ends one.
type silencer interface {
	PutSilence(ctx context.Context, n topics.Names, id string, s *topics.Silence) error
}

func newAlerts(d *stats.Definitions, s silencer) *alerts {
	return &alerts{rules: d.Alerts, routes: d.Routes, silencer: s, board: alert.NewBoard(keptTransitions), receivers: map[string]topics.AlertReceiver{}}
}

// follow reads the topics of alerts until ctx ends.
func (a *alerts) follow(ctx context.Context, c topics.Cluster, n topics.Names, notices *throttle.Logger) {
	if len(a.rules) == 0 {
		return
	}
	for ctx.Err() == nil {
		err := topics.Tail(ctx, c, "pulse-web", []string{n.Alerts(), n.AlertState(), n.Silences()}, func(r *kgo.Record) {
			if r.Topic != n.Alerts() || topics.Transactional(r) { // else no alert role wrote it
				a.take(n, r)
			}
		}, nil)
		if err != nil && ctx.Err() == nil {
			notices.Warn("cannot read alerts; retrying", "error", err)
			retry.Wait(ctx, retryAfter)
		}
	}
}

// known reports whether a receiver is that of a route of the definitions, and the key its own:
// there are no more of them than that.
func (a *alerts) known(r *topics.AlertReceiver, key []byte) bool {
	return bytes.Equal(key, r.Key()) && r.Partition >= 0 && r.Partition < topics.MaxPartitions &&
		slices.ContainsFunc(a.routes, func(route alert.Route) bool { return route.Name == r.Route })
}

// take takes a record of one of the topics.
func (a *alerts) take(n topics.Names, r *kgo.Record) {
	switch r.Topic {
	case n.Silences():
		a.silences.Put(r)
	case n.AlertState():
		s, err := topics.ParseAlertState(r.Value)
		if r.Value == nil || err != nil || s.Receiver == nil || !a.known(s.Receiver, r.Key) {
			return
		}
		a.mu.Lock()
		a.receivers[string(r.Key)] = *s.Receiver
		a.mu.Unlock()
	default:
		t, err := topics.ParseTransition(r.Value)
		if r.Value == nil || err != nil || !slices.ContainsFunc(a.rules, func(r *alert.Rule) bool { return r.Name == t.Alert }) {
			return
		}
		a.mu.Lock()
		a.board.Put(t)
		a.mu.Unlock()
	}
	a.version.Add(1)
}

// A toldAlert is an alert as the page and clients have it.
type toldAlert struct {
	Name    string      `json:"name"`
	Stat    string      `json:"stat"`
	When    string      `json:"when"`
	State   alert.State `json:"state"` // the worst of it and its keys
	Help    string      `json:"help,omitempty"`
	Runbook string      `json:"runbook,omitempty"`
}

// A toldIncident is that something fired, or was not known.
type toldIncident struct {
	Alert     string          `json:"alert"`
	Key       *string         `json:"key,omitempty"`
	Kind      alert.State     `json:"kind"`
	Since     time.Time       `json:"since"`
	Until     *time.Time      `json:"until,omitempty"`
	Value     string          `json:"value,omitempty"` // when it began
	Now       string          `json:"now,omitempty"`   // of what goes on, while it is known
	Withdrawn *toldAmendment  `json:"withdrawn,omitempty"`
	Silence   *topics.Silence `json:"silence,omitempty"` // that keeps it from being sent now
}

// A toldAmendment is the point that took an incident back.
type toldAmendment struct {
	Time     time.Time `json:"time"`
	Revision int       `json:"revision"`
}

type alertsAnswer struct {
	Alerts    []toldAlert            `json:"alerts"`
	Incidents []toldIncident         `json:"incidents"` // those that go on first, then the newest
	Silences  []topics.Silence       `json:"silences"`
	Receivers []topics.AlertReceiver `json:"receivers"`
}

// answer is all that is told.
func (a *alerts) answer(now time.Time) alertsAnswer {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := alertsAnswer{[]toldAlert{}, []toldIncident{}, []topics.Silence{}, []topics.AlertReceiver{}}
	worst := map[string]alert.State{}
	for _, s := range a.board.Subjects() {
		if state, _ := a.board.State(s); slices.Index(alert.States, state) > slices.Index(alert.States, worst[s.Alert]) {
			worst[s.Alert] = state
		}
	}
	for _, r := range a.rules {
		told.Alerts = append(told.Alerts, toldAlert{r.Name, r.When.Stat, r.When.String(), cmp.Or(worst[r.Name], alert.OK), r.Help, r.Runbook})
	}
	incidents := a.board.Incidents()
	slices.SortStableFunc(incidents, func(x, y alert.Incident) int {
		return cmp.Or(cmp.Compare(min(x.Until, 1), min(y.Until, 1)), cmp.Compare(y.Since, x.Since))
	})
	for _, i := range incidents[:min(len(incidents), maxIncidents)] {
		one := toldIncident{Alert: i.Alert, Kind: i.Kind, Since: time.Unix(i.Since, 0).UTC(), Value: i.Number}
		if i.Keyed {
			one.Key = &i.Key
		}
		if i.Until != 0 {
			until := time.Unix(i.Until, 0).UTC()
			one.Until = &until
		} else if s, silenced := a.silences.Of(i.Subject, now); silenced {
			one.Silence = &s
		}
		if i.Withdrawn {
			one.Withdrawn = &toldAmendment{time.Unix(i.By.Second, 0).UTC(), i.By.Revision}
		}
		told.Incidents = append(told.Incidents, one)
	}
	told.Silences = a.silences.Current(now)
	for _, r := range a.receivers {
		told.Receivers = append(told.Receivers, r)
	}
	slices.SortFunc(told.Receivers, func(x, y topics.AlertReceiver) int {
		return cmp.Or(cmp.Compare(x.Route, y.Route), cmp.Compare(x.Partition, y.Partition))
	})
	return told
}

// listAlerts answers with what is going on. Who came by a share link does not get who
// silenced what, and where alerts are sent.
func (s *Server) listAlerts(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	told := s.alerts.answer(now)
	for i := range told.Incidents {
		told.Incidents[i].Now = s.valueNow(told.Incidents[i], now)
	}
	if whoIs(r.Context()).shared {
		told.Silences, told.Receivers = []topics.Silence{}, []topics.AlertReceiver{}
		for i := range told.Incidents {
			told.Incidents[i].Silence = nil
		}
	}
	jsonHeader(w)
	json.NewEncoder(w).Encode(told) //nolint:errcheck // the client is gone
}

// valueNow is what an alert that goes on compares now; "" if that is not known.
func (s *Server) valueNow(i toldIncident, now time.Time) string {
	at := slices.IndexFunc(s.alerts.rules, func(r *alert.Rule) bool { return r.Name == i.Alert })
	if i.Until != nil || at < 0 {
		return ""
	}
	rule, subject := s.alerts.rules[at], alert.Subject{Alert: i.Alert}
	if i.Key != nil {
		subject.Keyed, subject.Key = true, *i.Key
	}
	p, current, ok := s.store.Latest(rule.When.Stat, now)
	if !ok || !current {
		return ""
	}
	v, err := value.Parse(p.Value)
	if err != nil {
		return ""
	}
	return string(rule.Number(v, subject))
}

// setSilence makes the silence that a request's body says.
func (s *Server) setSilence(w http.ResponseWriter, r *http.Request) {
	if !s.maySilence(w, r) {
		return
	}
	one, err := readSilence(http.MaxBytesReader(w, r.Body, maxSilenceBody), time.Now())
	if err == nil && !slices.ContainsFunc(s.alerts.rules, func(r *alert.Rule) bool { return one.Names(r.Name) }) {
		err = fmt.Errorf("there is no alert %.100q", one.Alert)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(s.alerts.silences.Current(time.Now())) >= topics.MaxSilences {
		http.Error(w, fmt.Sprintf("there are %d silences: end some", topics.MaxSilences), http.StatusTooManyRequests)
		return
	}
	s.putSilence(w, r, one, &one, http.StatusCreated)
}

// endSilence ends the silence with ?id=.
func (s *Server) endSilence(w http.ResponseWriter, r *http.Request) {
	if !s.maySilence(w, r) {
		return
	}
	id := r.URL.Query().Get("id")
	for _, one := range s.alerts.silences.Current(time.Now()) {
		if one.ID == id {
			s.putSilence(w, r, one, nil, http.StatusOK)
			return
		}
	}
	http.Error(w, fmt.Sprintf("there is no silence %.64q", id), http.StatusNotFound)
}

func (s *Server) maySilence(w http.ResponseWriter, r *http.Request) bool {
	if len(s.alerts.rules) == 0 {
		http.Error(w, "the definitions have no alerts", http.StatusNotFound)
		return false
	}
	return !s.refuseChange(w, r, "silences")
}

// putSilence writes a silence, or ends it where put is nil, and answers with it.
func (s *Server) putSilence(w http.ResponseWriter, r *http.Request, one topics.Silence, put *topics.Silence, status int) {
	if err := s.alerts.silencer.PutSilence(r.Context(), s.config.Names, one.ID, put); err != nil {
		s.config.Logger.Warn("cannot write a silence", "error", err)
		http.Error(w, "cannot write the silence to Kafka; try again later", http.StatusBadGateway)
		return
	}
	done := "a silence was set"
	if put == nil {
		done = "a silence was ended"
	}
	s.config.Logger.Info(done, "alert", one.Alert, "until", one.Until, "who", one.Who, "why", one.Why, "from", visitor(r))
	jsonHeader(w)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(one) //nolint:errcheck // the client is gone
}

// readSilence reads a silence as a client writes it.
func readSilence(body io.Reader, now time.Time) (s topics.Silence, err error) {
	var asked struct {
		Alert string    `json:"alert"`
		Key   *string   `json:"key"`
		From  time.Time `json:"from"`
		For   string    `json:"for"`
		Who   string    `json:"who"`
		Why   string    `json:"why"`
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return s, fmt.Errorf(`the body must be JSON such as {"alert":"errors","for":"1h","who":"ada","why":"deploy"}, perhaps with key and from: %w`, err)
	}
	lasts, err := time.ParseDuration(asked.For)
	if err != nil {
		return s, fmt.Errorf("%.40q is not a duration: write for as 30m or 2h", asked.For)
	}
	from := now.UTC().Truncate(time.Second)
	if !asked.From.IsZero() {
		from = asked.From.UTC()
	}
	s = topics.Silence{ID: topics.NewSilenceID(), Alert: asked.Alert, Key: asked.Key, From: from, Until: from.Add(lasts), Who: asked.Who, Why: asked.Why}
	if err = s.Check(); err == nil && !s.Until.After(now) {
		err = errors.New("the silence would be over already")
	}
	return s, err
}
