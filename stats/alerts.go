package stats

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/alert"
	"pulse/stats/value"
)

var alertKeys = []string{"name", "when", "clear", "for", "keep", "unknown", "on", "to", "runbook", "help"}

const howUnknown = `hold (it stays as it is), clear (it is over) or "fire after 2m" (after so long it is an alert of its own)`

// parseAlerts reads the alerts of a file.
func (p *parser) parseAlerts(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	elements := p.sequence(n, "alerts")
	if len(elements) > alert.MaxRules {
		p.errorf(n, "there are %d alerts, at most %d are allowed", len(elements), alert.MaxRules)
		return
	}
	for _, e := range elements {
		r := p.parseAlert(d, e)
		if r.Name != "" && slices.ContainsFunc(d.Alerts, func(o *alert.Rule) bool { return o.Name == r.Name }) {
			p.errorf(valueOf(e, "name"), "there is already an alert %s: choose another name", r.Name)
		}
		d.Alerts = append(d.Alerts, r)
	}
}

func (p *parser) parseAlert(d *Definitions, n *yaml.Node) *alert.Rule {
	r := &alert.Rule{Unknown: alert.HoldUnknown}
	given := p.mapping(n, "an alert", alertKeys)
	p.require(n, given, "this alert", "name", "when")
	if name := given["name"]; name != nil {
		if r.Name, _ = p.text(name, "name", MaxName); r.Name != "" && !nameSyntax.MatchString(r.Name) {
			p.errorf(name, "an alert's name has letters, digits and . _ - / only, not %q", r.Name)
		}
	}
	const most = alert.MaxHold * time.Second
	if hold := given["for"]; hold != nil {
		r.For = p.seconds(hold, "for", 0, most)
	}
	if keep := given["keep"]; keep != nil {
		r.Keep = p.seconds(keep, "keep", 0, most)
	}
	if unknown := given["unknown"]; unknown != nil {
		p.parseUnknown(r, unknown)
	}
	if on := given["on"]; on != nil {
		switch text, _ := p.text(on, "on", MaxName); text {
		case "closed", "":
		case "final":
			r.Final = true
		default:
			p.errorf(on, "on must be closed (at once; a late line may take it back) or final (later by the lateness, and never taken back), not %s", text)
		}
	}
	if to := given["to"]; to != nil {
		p.parseTo(d, r, to)
	}
	if runbook := given["runbook"]; runbook != nil {
		r.Runbook, _ = p.text(runbook, "runbook", MaxLink)
		p.checkAddress(runbook, "runbook", r.Runbook)
	}
	if help := given["help"]; help != nil {
		r.Help, _ = p.text(help, "help", MaxHelp)
	}
	p.parseThresholds(d, r, given["when"], given["clear"])
	return r
}

// parseTo reads by which routes an alert is sent.
func (p *parser) parseTo(d *Definitions, r *alert.Rule, n *yaml.Node) {
	var known []string
	for _, route := range d.Routes {
		known = append(known, route.Name)
	}
	elements := []*yaml.Node{n} // a single one needs no brackets
	if n.Kind == yaml.SequenceNode {
		elements = p.sequence(n, "to")
	}
	r.To = []string{}
	for _, e := range elements {
		name, ok := p.text(e, "to", MaxName)
		switch {
		case !ok:
		case !slices.Contains(known, name):
			p.errorf(e, "to: there is no route %s%s", name, nearest(name, known))
		case !slices.Contains(r.To, name):
			r.To = append(r.To, name)
		}
	}
}

// parseRoutes reads where alerts are sent.
func (p *parser) parseRoutes(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	switch {
	case n.Kind != yaml.MappingNode:
		p.errorf(n, "routes must be a mapping of names to receivers, such as pager: {webhook: https://host/path}, not %s", describe(n))
		return
	case len(n.Content)/2 > alert.MaxRoutes:
		p.errorf(n, "there are %d routes, at most %d are allowed", len(n.Content)/2, alert.MaxRoutes)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if r := p.parseRoute(n.Content[i], p.resolve(n.Content[i+1])); slices.ContainsFunc(d.Routes, func(o alert.Route) bool { return o.Name == r.Name }) {
			p.errorf(n.Content[i], "%s is given twice", r.Name)
		} else if r.Name != "" {
			d.Routes = append(d.Routes, r)
		}
	}
}

// parseRoute reads a route. The target may be a secret, so that no message has it.
func (p *parser) parseRoute(key, n *yaml.Node) (r alert.Route) {
	if key.Kind != yaml.ScalarNode || !nameSyntax.MatchString(key.Value) || len(key.Value) > MaxName {
		p.errorf(key, "a route's name has letters, digits and . _ - / only")
		return r
	}
	r.Name = key.Value
	given := p.mapping(n, "a route", alert.Receivers)
	if n.Kind == yaml.MappingNode && len(given) != 1 {
		p.errorf(n, "a route has one receiver of %s: write for example %s: {webhook: https://host/path}", list(alert.Receivers), r.Name)
		return r
	}
	for kind, target := range given {
		text, ok := p.text(target, kind, MaxLink)
		if r.Kind, r.Target = kind, text; !ok {
			continue
		}
		if wrong := wrongTarget(r); wrong != "" {
			p.errorf(target, "%s: %s", kind, wrong)
		}
	}
	return r
}

var variableSyntax = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// wrongTarget says why a route leads nowhere, and "" if it may lead somewhere.
func wrongTarget(r alert.Route) string {
	switch {
	case !strings.HasPrefix(r.Target, "$"):
	case variableSyntax.MatchString(r.Target):
		return ""
	default:
		return "after $ comes the name of an environment variable and nothing else"
	}
	return CheckTarget(r.Kind, r.Target)
}

// PagerDutyEurope is before the key of an account in PagerDuty's European region.
const PagerDutyEurope = "eu:"

// CheckTarget says why a receiver of a kind cannot have a target, and "" if it can. It does
// not say the target, which may be a secret.
func CheckTarget(kind, target string) string {
	if kind == alert.PagerDuty {
		if strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c > '~' }) || strings.Contains(target, "://") {
			return "write the integration key of a PagerDuty service (Events API v2), or $NAME for an environment variable that has it"
		}
		return ""
	}
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return "a URL begins with https:// or http://; or write $NAME for an environment variable that has it"
	case u.Hostname() == "":
		return "the URL has no host: write https://host/path"
	}
	return ""
}

// require notes the keys that a mapping has not.
func (p *parser) require(n *yaml.Node, given map[string]*yaml.Node, what string, keys ...string) {
	for _, key := range keys {
		if given[key] == nil && n.Kind == yaml.MappingNode {
			p.errorf(n, "%s has no %s", what, key)
		}
	}
}

// expectState reads which state an alert of the file is expected to be in.
func (p *parser) expectState(d *Definitions, x *Expectation, given map[string]*yaml.Node) {
	name := given["alert"]
	for _, key := range []string{"stat", "value"} {
		if given[key] != nil {
			p.errorf(given[key], "an expectation of an alert has no %s: it has alert, state, and perhaps key and time", key)
		}
	}
	x.Alert.Alert, _ = p.text(name, "alert", MaxName)
	i := slices.IndexFunc(d.Alerts, func(r *alert.Rule) bool { return r.Name == x.Alert.Alert })
	if i < 0 {
		var known []string
		for _, r := range d.Alerts {
			known = append(known, r.Name)
		}
		p.errorf(name, "there is no alert %s%s", x.Alert.Alert, nearest(x.Alert.Alert, known))
		return
	}
	if key := given["key"]; key != nil {
		x.Alert.Keyed = true
		if x.Alert.Key, _ = p.text(key, "key", MaxName); !d.Alerts[i].When.AnyKey {
			p.errorf(key, "the alert %s has no keys", x.Alert.Alert)
		}
	}
	if given["state"] == nil {
		p.errorf(name, "this expectation has no state: give it one of %s", list(alertStates()))
		return
	}
	text, _ := p.text(given["state"], "state", MaxName)
	if x.State = alert.State(text); !slices.Contains(alert.States, x.State) {
		p.errorf(given["state"], "state must be one of %s, not %s%s", list(alertStates()), text, nearest(text, alertStates()))
	}
}

func alertStates() (texts []string) {
	for _, s := range alert.States {
		texts = append(texts, string(s))
	}
	return texts
}

func (p *parser) parseUnknown(r *alert.Rule, n *yaml.Node) {
	text, ok := p.text(n, "unknown", MaxName)
	after, fire := strings.CutPrefix(text, "fire after ")
	switch {
	case !ok:
	case fire:
		each := *n
		each.Value = strings.TrimSpace(after)
		r.Unknown, r.After = alert.FireUnknown, p.seconds(&each, "unknown: fire after", time.Second, alert.MaxHold*time.Second)
	case text == string(alert.HoldUnknown), text == string(alert.ClearUnknown):
		r.Unknown = alert.Unknown(text)
	default:
		p.errorf(n, "unknown must be %s, not %s", howUnknown, text)
	}
}

// parseThresholds reads when an alert fires and when it is over.
func (p *parser) parseThresholds(d *Definitions, r *alert.Rule, when, clear *yaml.Node) {
	if when == nil {
		return
	}
	var ok bool
	if r.When, ok = p.threshold(d, when, "when"); !ok {
		return
	}
	r.Clear = r.When.Opposite()
	if clear == nil {
		return
	}
	c, ok := p.threshold(d, clear, "clear")
	if !ok {
		return
	}
	if c.Stat != r.When.Stat || c.Part != r.When.Part || c.AnyKey != r.When.AnyKey {
		p.errorf(clear, "clear must be about the same as when: compare that with another number, such as %s", r.Clear)
		return
	}
	if f, overlap := r.When.Overlap(c); overlap {
		p.errorf(clear, "at %v both when and clear hold: clear must be beyond when, such as %s", f, r.Clear)
		return
	}
	r.Clear = c
}

// threshold reads a comparison with a stat that is there.
func (p *parser) threshold(d *Definitions, n *yaml.Node, key string) (t alert.Threshold, ok bool) {
	text, ok := p.text(n, key, alert.MaxThreshold)
	if !ok {
		return t, false
	}
	t, err := alert.ParseThreshold(text)
	if err != nil {
		p.errorf(n, "%s: %v", key, err)
		return t, false
	}
	if refs := p.refs[t.Stat]; len(refs) == 1 {
		t.Stat = refs[0]
	}
	s, err := d.Named(t.Stat)
	if err != nil {
		p.errorf(n, "%s: %v", key, err)
		return t, false
	}
	if wrong := unfitFor(s, t); wrong != "" {
		p.errorf(n, "%s: %s", key, wrong)
		return t, false
	}
	return t, true
}

// unfitFor says why a threshold cannot be of a stat's values, and "" if it can.
func unfitFor(s *Stat, t alert.Threshold) string {
	shape, keyed := s.Shape(), s.Shape() == value.ShapeKeyed
	if keyed {
		shape = s.KeyShape()
	}
	switch {
	case keyed && !t.AnyKey:
		return fmt.Sprintf("%s is by %s: write any key of %s", s.Name, strings.Join(s.GroupBy, ", "), t)
	case !keyed && t.AnyKey:
		return fmt.Sprintf("%s is not by a key: leave out any key of", s.Name)
	case shape == value.ShapeHistogram:
		return fmt.Sprintf("%s is a histogram: an alert needs a number, such as a quantile of the same field", s.Name)
	case shape == value.ShapeQuantiles:
		for _, q := range s.Quantiles {
			if plain(q) == t.Part {
				return ""
			}
		}
		var all []string
		for _, q := range s.Quantiles {
			all = append(all, alert.Threshold{Part: plain(q)}.Which()+" of "+s.Name)
		}
		return fmt.Sprintf("%s has several numbers: write which: %s", s.Name, strings.Join(all, " or "))
	case shape == value.ShapeCounts && t.Part == "":
		return fmt.Sprintf("%s has several counts: write which, such as late of %s", s.Name, LinesStat)
	case shape == value.ShapeNumber && t.Part != "":
		return fmt.Sprintf("%s is a single number: leave out %s of", s.Name, t.Which())
	}
	return ""
}
