// Package alert decides from the points of stats whether something is wrong: when
// an alert fires, and when it is over. The state at a second follows from the
// points up to that second alone, so it is the same after any restart or replay.
package alert

// Bounds on the alerts of a definitions file.
const (
	MaxRules = 1_000
	MaxHold  = 24 * 60 * 60 // seconds of for, keep and fire after
	MaxKeys  = 1_000        // of one alert that are not ok at a time
)

// A Rule is an alert of a definitions file.
type Rule struct {
	Name    string
	When    Threshold // what is bad
	Clear   Threshold // what is good again, of the same stat; neither may hold
	For     int64     // seconds in a row for which When holds before the alert fires; 0 is as 1
	Keep    int64     // seconds in a row for which Clear holds before it is over; 0 is as 1
	Unknown Unknown
	After   int64    // FireUnknown: seconds in a row that are not known
	Final   bool     // whether only final points count, and not those of seconds that just closed
	To      []string // names of the routes by which it is sent; nil: all
	Runbook string
	Help    string
}

// MaxRoutes bounds the routes of a definitions file.
const MaxRoutes = 100

// A Route is where alerts are sent.
type Route struct {
	Name   string
	Kind   string // one of Receivers
	Target string // a URL or a key; or $NAME, the environment variable that has it
}

// The kinds of receivers, as definitions name them.
const (
	Alertmanager = "alertmanager"
	Webhook      = "webhook"
	PagerDuty    = "pagerduty"
	Slack        = "slack"
)

// Receivers are all kinds.
var Receivers = []string{Alertmanager, Webhook, PagerDuty, Slack}

// Unknown says what becomes of an alert in seconds that are not known: those that
// no clock covered, and those whose window is not covered as a whole; of a longer one a
// day is enough.
type Unknown string

// What may become of it.
const (
	HoldUnknown  Unknown = "hold"  // it stays as it is, and counts no seconds
	FireUnknown  Unknown = "fire"  // as hold; after After seconds its state is StateUnknown
	ClearUnknown Unknown = "clear" // it is over
)
