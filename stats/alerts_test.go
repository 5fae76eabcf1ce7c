package stats

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pulse/stats/alert"
)

const alertStats = `stats:
- {name: errors, count: lines}
- {name: ms, quantiles: x, at: [0.5, 0.99]}
- {name: keyed, count: lines, by: x}
- {name: sizes, histogram: x, buckets: [1, 2]}
`

func TestParseAlerts(t *testing.T) {
	d, err := Parse("f.yaml", []byte(alertStats+`alerts:
- {name: a, when: errors > 5, clear: errors < 2, for: 1m, keep: 5s, unknown: fire after 2m, on: final, runbook: "https://x.example", help: wake up}
- {name: b, when: any key of keyed >= 1e3, unknown: clear}
- {name: c, when: p99 of ms > 50%, to: night}
routes:
  night: {pagerduty: $KEY}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []alert.Rule{
		{Name: "a", When: alert.Threshold{Stat: "errors", Op: alert.Above, Limit: 5}, Clear: alert.Threshold{Stat: "errors", Op: alert.Below, Limit: 2},
			For: 60, Keep: 5, Unknown: alert.FireUnknown, After: 120, Final: true, Runbook: "https://x.example", Help: "wake up"},
		{Name: "b", When: alert.Threshold{AnyKey: true, Stat: "keyed", Op: alert.AtLeast, Limit: 1000},
			Clear: alert.Threshold{AnyKey: true, Stat: "keyed", Op: alert.Below, Limit: 1000}, Unknown: alert.ClearUnknown},
		{Name: "c", When: alert.Threshold{Part: "0.99", Stat: "ms", Op: alert.Above, Limit: 0.5},
			Clear: alert.Threshold{Part: "0.99", Stat: "ms", Op: alert.AtMost, Limit: 0.5}, Unknown: alert.HoldUnknown, To: []string{"night"}},
	}
	if len(d.Alerts) != len(want) {
		t.Fatalf("%d alerts", len(d.Alerts))
	}
	for i, r := range d.Alerts {
		if !reflect.DeepEqual(*r, want[i]) {
			t.Errorf("got %+v\nwant %+v", *r, want[i])
		}
	}
}

// Alerts say nothing about values: they are in no definitions version.
func TestAlertsAreNotInTheVersion(t *testing.T) {
	with, err := Parse("f.yaml", []byte(alertStats+"alerts: [{name: a, when: errors > 5}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	without, err := Parse("f.yaml", []byte(alertStats))
	if err != nil {
		t.Fatal(err)
	}
	if with.Version() != without.Version() {
		t.Error("an alert changes the definitions version")
	}
}

func TestAlertErrors(t *testing.T) {
	for alerts, want := range map[string]string{
		`{name: a}`:                                                "5:10: this alert has no when",
		`{when: errors > 1}`:                                       "5:10: this alert has no name",
		`{name: a b, when: errors > 1}`:                            `an alert's name has letters, digits and . _ - / only, not "a b"`,
		`{name: a, when: error > 1}`:                               `1:26: when: there is no stat "error": did you mean errors?`,
		`{name: a, when: errors}`:                                  "when: write a comparison of a stat with a number",
		`{name: a, when: errors > 5ms}`:                            "when: 5ms is not a number",
		`{name: a, when: keyed > 1}`:                               "when: keyed is by x: write any key of keyed > 1",
		`{name: a, when: any key of ms > 1}`:                       "when: ms is not by a key: leave out any key of",
		`{name: a, when: ms > 1}`:                                  "when: ms has several numbers: write which: p50 of ms or p99 of ms",
		`{name: a, when: p95 of ms > 1}`:                           "when: ms has several numbers: write which: p50 of ms or p99 of ms",
		`{name: a, when: p99 of errors > 1}`:                       "when: errors is a single number: leave out p99 of",
		`{name: a, when: sizes > 1}`:                               "when: sizes is a histogram: an alert needs a number",
		`{name: a, when: pulse.lines > 1}`:                         "when: pulse.lines has several counts: write which, such as late of pulse.lines",
		`{name: a, when: errors > 5, clear: errors < 9}`:           "both when and clear hold: clear must be beyond when, such as errors <= 5",
		`{name: a, when: errors > 5, clear: p99 of ms < 9}`:        "clear must be about the same as when",
		`{name: a, when: errors > 5, for: 2}`:                      "for needs a unit: write 2s",
		`{name: a, when: errors > 5, keep: 48h}`:                   "keep must be from 0s to 24h, not 48h",
		`{name: a, when: errors > 5, unknown: fire}`:               "unknown must be hold",
		`{name: a, when: errors > 5, unknown: fire after 0s}`:      "unknown: fire after must be from 1s to 24h, not 0s",
		`{name: a, when: errors > 5, on: close}`:                   "on must be closed",
		`{name: a, when: errors > 5, runbook: x}`:                  "runbook must begin with https:// or http://, not x",
		`{name: a, when: errors > 5, fro: 5s}`:                     "did you mean for?",
		`{name: a, when: errors > 5}, {name: a, when: errors > 6}`: "there is already an alert a: choose another name",
	} {
		_, err := Parse("f.yaml", []byte(strings.Replace(alertStats, "stats:\n", "alerts: ["+alerts+"]\nstats:\n", 1)))
		var errs Errors
		if !errors.As(err, &errs) || len(errs) != 1 || !strings.Contains(err.Error(), strings.TrimPrefix(want, "5:10: ")) {
			t.Errorf("%s: got %v, want %s", alerts, err, want)
		}
	}
}

func TestParseRoutes(t *testing.T) {
	for routes, want := range map[string]string{
		`{a: {webhook: "https://x.example/y"}, b: {alertmanager: "http://am:9093"}, c: {slack: $SLACK}, d: {pagerduty: abc}}`: "",
		`{a: {webhook: x.example/secret}}`:             "webhook: a URL begins with https:// or http://",
		`{a: {webhook: "ftp://x.example/secret"}}`:     "webhook: a URL begins with https:// or http://",
		`{a: {webhook: "https:///secret"}}`:            "webhook: the URL has no host",
		`{a: {slack: "$SLACK/secret"}}`:                "slack: after $ comes the name of an environment variable",
		`{a: {pagerduty: "https://x.example/secret"}}`: "pagerduty: write the integration key",
		`{a: {}}`: "a route has one receiver of",
		`{a: {webhook: "https://x", slack: "https://y"}}`: "a route has one receiver of",
		`{a: {mail: me@x}}`:             "a route has no key mail",
		`[a]`:                           "routes must be a mapping of names to receivers",
		`{a b: {webhook: "https://x"}}`: "a route's name has letters",
		`{a: {webhook: ""}}`:            "webhook is empty",
		`{a: {webhook: "https://x"}, a: {slack: $S}}`:                                                   "a is given twice",
		`{night: {webhook: "https://x"}}` + "\nalerts: [{name: q, when: errors > 1, to: nigth}]":        "to: there is no route nigth: did you mean night?",
		`{night: {webhook: "https://x"}}` + "\nalerts: [{name: q, when: errors > 1, to: [night, day]}]": "to: there is no route day",
	} {
		_, err := Parse("f.yaml", []byte(alertStats+"routes: "+routes+"\n"))
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %s, and nothing secret", routes, err, want)
		}
	}
}

func TestExpectedStates(t *testing.T) {
	for expect, want := range map[string]string{
		`{alert: a, state: firing}`:           "",
		`{alert: k, key: x, state: ok}`:       "",
		`{alert: b, state: ok}`:               "there is no alert b",
		`{alert: a}`:                          "this expectation has no state: give it one of",
		`{alert: a, state: fire}`:             "state must be one of ok, pending, unknown, recovering and firing, not fire",
		`{alert: a, key: x, state: ok}`:       "the alert a has no keys",
		`{alert: a, state: ok, stat: errors}`: "an expectation of an alert has no stat",
		`{alert: a, state: ok, value: 1}`:     "an expectation of an alert has no value",
	} {
		_, err := Parse("f.yaml", []byte(alertStats+`alerts: [{name: a, when: errors > 5}, {name: k, when: any key of keyed > 1}]
tests: [{name: t, lines: x=1, expect: [`+expect+`]}]
`))
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", expect, err, want)
		}
	}
}
