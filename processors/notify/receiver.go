package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pulse/processors/post"
	"pulse/stats"
	"pulse/stats/alert"
)

// A Notice is what is sent: that an incident began, or that it is over.
type Notice struct {
	alert.Incident
	Over    bool
	Runbook string
	Help    string
	When    string // the condition
}

// status is the word for it.
func (n *Notice) status() string {
	switch {
	case n.Over && n.Withdrawn:
		return "withdrawn"
	case n.Over:
		return "resolved"
	}
	return string(n.Kind)
}

// id tells incidents apart, wherever they are sent and however often.
func (n *Notice) id() string {
	id := fmt.Sprintf("pulse/%s/%d/%s", n.Alert, n.Since, n.Kind)
	if n.Keyed {
		id += "/" + n.Key
	}
	return id
}

// title is a line for people.
func (n *Notice) title() string {
	name := n.Alert
	if n.Keyed {
		name += " " + n.Key
	}
	switch n.status() {
	case "withdrawn":
		return name + " did not fire: late lines took it back"
	case "resolved":
		return name + " is over"
	case string(alert.StateUnknown):
		return name + ": the number is not known"
	}
	if n.Number != "" {
		return fmt.Sprintf("%s fires: %s (%s)", name, n.Number, n.When)
	}
	return fmt.Sprintf("%s fires (%s)", name, n.When)
}

func rfc(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

// ErrRefused is in errors of what will not be taken however often it is sent.
var ErrRefused = errors.New("refused")

// A receiver gets notices. What it gets twice does no harm.
type receiver interface {
	// send sends notices. An error says nothing secret.
	send(ctx context.Context, notices []Notice) error
	// every is how often what is still going on is sent again; 0: never.
	every() time.Duration
	// most is how many notices one request has.
	most() int
}

// NewReceiver makes the receiver of a route. A target of $NAME is read from the environment.
func NewReceiver(r alert.Route, lookup func(string) (string, bool)) (receiver, error) {
	target := r.Target
	if name, variable := strings.CutPrefix(target, "$"); variable {
		value, ok := lookup(name)
		if target = strings.TrimSpace(value); !ok || target == "" {
			return nil, fmt.Errorf("route %s: the environment variable %s, which has its %s, is not set", r.Name, name, r.Kind)
		}
	}
	if wrong := stats.CheckTarget(r.Kind, target); wrong != "" {
		return nil, fmt.Errorf("route %s: %s: %s", r.Name, r.Kind, wrong)
	}
	if r.Kind == alert.PagerDuty {
		address := pagerdutyEvents
		key, europe := strings.CutPrefix(target, stats.PagerDutyEurope)
		if europe {
			address = pagerdutyEurope
		}
		return &pagerduty{key: key, poster: poster{url: address, secrets: []string{key}}}, nil
	}
	p := poster{url: target, secrets: secretsOf(target)}
	switch r.Kind {
	case alert.Alertmanager:
		p.url = strings.TrimSuffix(target, "/") + "/api/v2/alerts"
		return &alertmanager{p}, nil
	case alert.Slack:
		return &slack{p}, nil
	case alert.Webhook:
		return &webhook{p}, nil
	}
	return nil, fmt.Errorf("route %s: there is no receiver %s", r.Name, r.Kind)
}

// secretsOf are the parts of a URL that may be secrets.
func secretsOf(target string) (secrets []string) {
	u, err := url.Parse(target)
	if err != nil {
		return []string{target}
	}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password)
	}
	secrets = append(secrets, u.Path, u.EscapedPath(), u.RawQuery)
	for _, segment := range strings.Split(u.Path, "/") {
		if len(segment) > 7 {
			secrets = append(secrets, segment)
		}
	}
	return secrets
}

// poster sends JSON to a URL.
type poster struct {
	url     string
	secrets []string // which are in no error
}

func (p *poster) post(ctx context.Context, body any, header map[string]string) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%w: its address is not valid", ErrRefused)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "pulse")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := post.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		// What is not HTTP is quoted in it.
		return errors.New(request.URL.Host + p.quote([]byte(err.Error())))
	}
	if answer.Taken {
		return nil
	}
	err = fmt.Errorf("%s answered%s%s", request.URL.Host, strings.TrimPrefix(p.quote([]byte(answer.Status)), ":"), p.quote(answer.Said))
	if !answer.Later {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if after := retryAfterOf(answer.RetryAfter(), time.Now()); after > 0 {
		return &busyError{err, after}
	}
	return err
}

// A busyError is of a receiver that says when to come again.
type busyError struct {
	error
	after time.Duration
}

// mostAfter bounds for how long a receiver may put off what fires.
const mostAfter = 5 * time.Minute

// retryAfterOf reads Retry-After, seconds or a date; 0: there is none.
func retryAfterOf(text string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(text, 10, 31)
	after := time.Duration(seconds) * time.Second
	if err != nil {
		at, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		after = at.Sub(now)
	}
	return max(0, min(after, mostAfter))
}

// quote is the beginning of what a receiver said, without what is secret.
func (p *poster) quote(said []byte) string {
	text := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(said), "?"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }), " ")
	if text == "" {
		return ""
	}
	text = p.clean(text)
	if short := []rune(text); len(short) > 200 {
		text = string(short[:200]) + "…"
	}
	return ": " + text
}

// clean takes secrets out of a text, which an answer may repeat.
func (p *poster) clean(text string) string {
	for _, secret := range p.secrets {
		if len(secret) > 1 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
