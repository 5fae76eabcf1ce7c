package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"pulse/stats/alert"
)

// alertmanager is Prometheus' Alertmanager, by its API v2. It tells alerts apart by their
// labels, has the routing and grouping, and takes an alert for resolved that was not sent
// again within its resolve_timeout, five minutes. What goes on has no endsAt, since that
// would be compared with Alertmanager's clock, which may be another.
type alertmanager struct{ poster }

const againEvery = time.Minute

func (*alertmanager) every() time.Duration { return againEvery }
func (*alertmanager) most() int            { return 500 }

func (a *alertmanager) send(ctx context.Context, notices []Notice) error {
	type posted struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    string            `json:"startsAt"`
		EndsAt      string            `json:"endsAt,omitempty"`
	}
	var all []posted
	for _, n := range notices {
		labels := map[string]string{"alertname": n.Alert, "state": string(n.Kind), "source": "pulse"}
		if n.Keyed {
			labels["key"] = text(n.Key)
		}
		annotations := map[string]string{"summary": text(n.title()), "condition": n.When}
		for name, value := range map[string]string{"value": n.Number, "runbook": n.Runbook, "description": n.Help} {
			if value != "" {
				annotations[name] = text(value)
			}
		}
		p := posted{labels, annotations, rfc(n.Since), ""}
		if n.Over {
			p.EndsAt = rfc(max(n.Until, n.Since))
		}
		all = append(all, p)
	}
	return a.post(ctx, all, nil)
}

// text is what a label or a message may have.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// webhook gets a POST for each notice.
type webhook struct{ poster }

func (*webhook) every() time.Duration { return 0 }
func (*webhook) most() int            { return 1 }

func (w *webhook) send(ctx context.Context, notices []Notice) error {
	for _, n := range notices {
		body := struct {
			ID      string  `json:"id"`
			Alert   string  `json:"alert"`
			Key     *string `json:"key,omitempty"`
			Status  string  `json:"status"`
			Title   string  `json:"title"`
			When    string  `json:"when"`
			Value   string  `json:"value,omitempty"`
			Since   string  `json:"since"`
			Until   string  `json:"until,omitempty"`
			Runbook string  `json:"runbook,omitempty"`
			Help    string  `json:"help,omitempty"`
		}{ID: n.id(), Alert: n.Alert, Status: n.status(), Title: n.title(), When: n.When, Value: n.Number, Since: rfc(n.Since), Runbook: n.Runbook, Help: n.Help}
		if n.Keyed {
			body.Key = &n.Key
		}
		if n.Over {
			body.Until = rfc(n.Until)
		}
		if err := w.post(ctx, body, map[string]string{"Idempotency-Key": hashed(n.id() + " " + n.status())}); err != nil {
			return err
		}
	}
	return nil
}

func hashed(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// Where PagerDuty takes events, API v2.
const (
	pagerdutyEvents = "https://events.pagerduty.com/v2/enqueue"
	pagerdutyEurope = "https://events.eu.pagerduty.com/v2/enqueue"
)

// pagerduty is a service of PagerDuty's.
type pagerduty struct {
	key string
	poster
}

func (*pagerduty) every() time.Duration { return 0 }
func (*pagerduty) most() int            { return 1 }

// Bounds of PagerDuty's, in characters.
const (
	maxDedup   = 255
	maxSummary = 1024
)

func (p *pagerduty) send(ctx context.Context, notices []Notice) error {
	type link struct {
		Href string `json:"href"`
		Text string `json:"text"`
	}
	type payload struct {
		Summary   string            `json:"summary"`
		Source    string            `json:"source"`
		Severity  string            `json:"severity"`
		Timestamp string            `json:"timestamp"`
		Component string            `json:"component"`
		Details   map[string]string `json:"custom_details"`
	}
	for _, n := range notices {
		event := struct {
			Key     string   `json:"routing_key"`
			Action  string   `json:"event_action"`
			Dedup   string   `json:"dedup_key"`
			Payload *payload `json:"payload,omitempty"`
			Links   []link   `json:"links,omitempty"`
		}{Key: p.key, Action: "resolve", Dedup: text(n.id())}
		if len(event.Dedup) > maxDedup {
			event.Dedup = "pulse/" + hashed(event.Dedup)
		}
		if !n.Over {
			severity := "critical"
			if n.Kind == alert.StateUnknown {
				severity = "warning"
			}
			summary := []rune(text(n.title()))
			event.Action = "trigger"
			event.Payload = &payload{
				Summary: string(summary[:min(len(summary), maxSummary)]), Source: "pulse", Severity: severity, Timestamp: rfc(n.Since), Component: n.Alert,
				Details: map[string]string{"condition": n.When, "value": n.Number, "help": n.Help, "key": text(n.Key)},
			}
			if n.Runbook != "" {
				event.Links = []link{{n.Runbook, "runbook"}}
			}
		}
		if err := p.post(ctx, event, nil); err != nil {
			return err
		}
	}
	return nil
}

// slack is an incoming webhook of Slack's.
type slack struct{ poster }

func (*slack) every() time.Duration { return 0 }
func (*slack) most() int            { return 1 }

// escapes are what Slack takes for markup.
var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (s *slack) send(ctx context.Context, notices []Notice) error {
	for _, n := range notices {
		sign := ":red_circle:"
		switch n.status() {
		case "resolved", "withdrawn":
			sign = ":large_green_circle:"
		case string(alert.StateUnknown):
			sign = ":white_circle:"
		}
		lines := fmt.Sprintf("%s %s\nsince %s", sign, escapes.Replace(text(n.title())), rfc(n.Since))
		if n.Over {
			lines += " until " + rfc(n.Until)
		}
		for _, more := range []string{n.Help, n.Runbook} {
			if more != "" && !n.Over {
				lines += "\n" + escapes.Replace(text(more))
			}
		}
		if err := s.post(ctx, map[string]string{"text": lines}, nil); err != nil {
			return err
		}
	}
	return nil
}
