package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

// Alerts are who follows alerts, what goes on, and how their receivers stand.
type Alerts struct {
	Followers Group      `json:"followers"`
	Routes    []Receiver `json:"routes"`
	Firing    []Firing   `json:"firing"` // what began first is first

	Silences []topics.Silence `json:"silences"` // all of now and to come
}

// A Firing is an alert, or a key of it, that fires or is not known.
type Firing struct {
	Alert    string      `json:"alert"`
	Key      *string     `json:"key,omitempty"`
	Kind     alert.State `json:"kind"`
	Since    time.Time   `json:"since"`
	Silenced *time.Time  `json:"silenced,omitempty"` // until then it is not sent
}

// A Receiver is how a route of alerts stands.
type Receiver struct {
	Route    string    `json:"route"`
	Kind     string    `json:"kind"`
	Waiting  int       `json:"waiting"`
	Silenced int       `json:"silenced"`
	Refused  int64     `json:"refused"`
	Since    time.Time `json:"since"` // since when sending fails, or has worked
	Error    string    `json:"error,omitempty"`
}

// lookAtAlerts reads how alerts stand.
func lookAtAlerts(ctx context.Context, o *observer, seen *observation, d *stats.Definitions) (*Alerts, error) {
	group, _, _, err := o.group(ctx, seen, o.names.AlertGroup(), o.names.Merged())
	if err != nil {
		return nil, err
	}
	states, err := o.admin.AlertStates(ctx, o.names, o.admin.Readable)
	if err != nil {
		return nil, fmt.Errorf("cannot read how the receivers of alerts stand: %w", err)
	}
	firing, silences, err := o.firing(ctx, seen.now)
	if err != nil {
		return nil, fmt.Errorf("cannot read what fires: %w", err)
	}
	routes := Receivers(states.Receivers())
	known := func(r Receiver) bool {
		return slices.ContainsFunc(d.Routes, func(o alert.Route) bool { return o.Name == r.Route })
	}
	return &Alerts{group, slices.DeleteFunc(routes, func(r Receiver) bool { return !known(r) }), firing, silences}, nil
}

// Bounds on what is read of what fires.
const (
	transitionsRead = 100_000 // the newest of each partition
	transitionsKept = 64      // of each alert and key
	firingNamed     = 10
)

// firing reads what goes on, and the silences.
func (o *observer) firing(ctx context.Context, now time.Time) ([]Firing, []topics.Silence, error) {
	var silences topics.Silences
	all, err := o.admin.Readable(ctx, o.names.Silences())
	if err == nil {
		err = o.admin.Read(ctx, o.names.Silences(), all, func(r *kgo.Record) bool { silences.Put(r); return true })
	}
	if err != nil {
		return nil, nil, err
	}
	if all, err = o.admin.Readable(ctx, o.names.Alerts()); err != nil {
		return nil, nil, err
	}
	board := alert.NewBoard(transitionsKept)
	for p := range all {
		err := o.admin.Read(ctx, o.names.Alerts(), all.Of(p).Newest(transitionsRead), func(r *kgo.Record) bool {
			if t, err := topics.TransitionOf(r); err == nil {
				board.Put(t)
			}
			return true
		})
		if err != nil {
			return nil, nil, err
		}
	}
	firing := []Firing{}
	for _, i := range board.Incidents() {
		if i.Until != 0 {
			continue
		}
		one := Firing{Alert: i.Alert, Kind: i.Kind, Since: time.Unix(i.Since, 0).UTC()}
		if i.Keyed {
			one.Key = &i.Key
		}
		if s, silenced := silences.Of(i.Subject, now); silenced {
			one.Silenced = &s.Until
		}
		firing = append(firing, one)
	}
	slices.SortStableFunc(firing, func(a, b Firing) int { return a.Since.Compare(b.Since) })
	return firing, silences.Current(now), nil
}

// Receivers puts together what is said of the partitions of each route.
func Receivers(all []topics.AlertReceiver) []Receiver {
	routes := []Receiver{}
	for _, r := range all {
		i := slices.IndexFunc(routes, func(o Receiver) bool { return o.Route == r.Route })
		if i < 0 {
			i = len(routes)
			routes = append(routes, Receiver{Route: r.Route, Kind: r.Kind, Since: r.Since, Error: r.Error})
		}
		o := &routes[i]
		o.Waiting, o.Silenced, o.Refused = o.Waiting+r.Waiting, o.Silenced+r.Silenced, max(o.Refused, r.Refused)
		// Of several processes the one that fails is told.
		if r.Error != "" && (o.Error == "" || r.Since.Before(o.Since)) {
			o.Error, o.Since = r.Error, r.Since
		}
	}
	slices.SortFunc(routes, func(a, b Receiver) int { return cmp.Compare(a.Route, b.Route) })
	return routes
}

// problems are what is wrong with alerts.
func (a *Alerts) problems() (all []Problem) {
	if a == nil {
		return nil
	}
	if a.Followers.Members == 0 {
		all = append(all, Problem{What: "no alert role runs", Do: "start pulse alert: nothing fires, and nothing is sent"})
	}
	for _, r := range a.Routes {
		if r.Error == "" {
			continue
		}
		what := fmt.Sprintf("the route %s (%s) does not take alerts (%s)", r.Route, r.Kind, r.Error)
		do := "look at the receiver: " + "what waits (" + strconv.Itoa(r.Waiting) + ") is sent when it answers"
		if r.Waiting == 0 {
			do = "look at what it says, and at the route in the definitions: what it refused is not sent again"
		}
		all = append(all, Problem{What: what, Since: &r.Since, Do: do})
	}
	return all
}

// text is what people read.
func (a *Alerts) text(at time.Time) string {
	if a == nil {
		return ""
	}
	var routes []string
	for _, r := range a.Routes {
		text := r.Route
		for _, c := range []struct {
			n    int64
			what string
		}{{int64(r.Waiting), "waiting"}, {int64(r.Silenced), "silenced"}, {r.Refused, "refused"}} {
			if c.n > 0 {
				text += " " + strconv.FormatInt(c.n, 10) + " " + c.what
			}
		}
		if r.Error != "" {
			text += " (" + r.Error + ")"
		}
		routes = append(routes, text)
	}
	text := fmt.Sprintf("alerts       %s; routes: %s\n", a.Followers, cmp.Or(strings.Join(routes, ", "), "none"))
	for i, f := range a.Firing {
		if i == firingNamed {
			return text + fmt.Sprintf("             and %d more\n", len(a.Firing)-i)
		}
		text += "  " + f.text() + "\n"
	}
	for i, s := range a.Silences {
		if i == firingNamed {
			return text + fmt.Sprintf("             and %d more silences\n", len(a.Silences)-i)
		}
		when := ""
		if s.From.After(at) {
			when = "from " + s.From.Format(time.RFC3339) + " "
		}
		text += fmt.Sprintf("  silence    %s %suntil %s, by %s: %s\n", alert.Name(s.Alert, s.Key), when, s.Until.Format(time.RFC3339), s.Who, s.Why)
	}
	return text
}

func (f *Firing) text() string {
	text := fmt.Sprintf("%-10s %s since %s", f.Kind, alert.Name(f.Alert, f.Key), f.Since.Format(time.RFC3339))
	if f.Silenced != nil {
		text += ", silenced until " + f.Silenced.Format(time.RFC3339)
	}
	return text
}
