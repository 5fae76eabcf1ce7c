package aggregate

import (
	"pulse/stats/value"
)

var sloKind = Description{
	Name:    "slo",
	Aliases: []string{"objective", "error_budget"},
	Doc: "The share of a service level objective's error budget that is left: 1 if all lines are good, 0 if just `target` percent of them are, below that the objective is missed. " +
		"`good` and `total` are two stats of the file that count lines. Beside it there are its burn rates.",
	Example: []string{"slo: {good: good, total: requests, target: 50, over: 1h}"},
	Takes:   TakesObjective,
	Shape:   value.ShapeNumber,
	Null:    true,
	New: func(p Parameters) Kind {
		p.Of = []Kind{counter{}, counter{}} // a rate has the same partials
		return objective{newCombined(arithmetic{p.Formula}, p).(*combined)}
	},
}

// objective is the value of a formula of counts, of which windows keep nothing.
type objective struct{ *combined }

func (objective) packable() bool { return true }

// A BurnRate is how fast an error budget is used up over a window: at a rate of 1 it
// lasts for exactly as long as the objective is over.
type BurnRate struct {
	Name       string
	Over       int64   // seconds
	Warn, Crit float64 // thresholds; 0: none
}

// BurnRates are those that each slo has: the windows and thresholds of chapter 5 of
// Google's Site Reliability Workbook (2018), "Alerting on SLOs", of which two go together,
// a long one and a twelfth of it. The 6 h are the long one of a pair and the short one of
// another.
var BurnRates = []BurnRate{
	{Name: "5m", Over: 5 * 60, Crit: 14.4},
	{Name: "1h", Over: 60 * 60, Crit: 14.4},
	{Name: "30m", Over: 30 * 60, Crit: 6},
	{Name: "6h", Over: 6 * 60 * 60, Warn: 1, Crit: 6},
	{Name: "2h", Over: 2 * 60 * 60, Warn: 3},
	{Name: "1d", Over: Day, Warn: 3},
	{Name: "3d", Over: 3 * Day, Warn: 1},
}
