package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse/topics"
)

// Alerts are who follows alerts, and how their receivers stand.
type Alerts struct {
	Followers Group      `json:"followers"`
	Routes    []Receiver `json:"routes"`
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
func lookAtAlerts(ctx context.Context, o *observer) (*Alerts, error) {
	group, _, _, err := o.group(ctx, o.names.AlertGroup(), o.names.Merged())
	if err != nil {
		return nil, err
	}
	_, receivers, err := o.admin.AlertStates(ctx, o.names)
	if err != nil {
		return nil, fmt.Errorf("cannot read how the receivers of alerts stand: %w", err)
	}
	return &Alerts{group, Receivers(receivers)}, nil
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
func (a *Alerts) text() string {
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
	return fmt.Sprintf("alerts       %s; routes: %s\n", a.Followers, cmp.Or(strings.Join(routes, ", "), "none"))
}
