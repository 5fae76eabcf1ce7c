package main

import (
	"fmt"
	"strings"
	"time"
)

// A report is what came of a scenario.
type report struct {
	verdict
	Scenario     string
	Seed         uint64
	Rate         int
	Started      time.Time
	Took, Loaded time.Duration // in all; under load

	Faults   int
	Exits    int      // of processes, by themselves
	Exited   []string // which, how often
	Notes    []string // figures of the scenario's own
	Failures []string

	Lines     int64 // in events.raw
	Acked     int   // lines that Kafka acknowledged to ingesters that said so
	Lost      int   // of these, those that are not in events.raw
	Repeated  int64
	Counts    counts
	Snapshots int
	Open      int // points of the oracle that need not be final yet

	GapP50, GapP99, GapMax time.Duration
	LagP50, LagP99         time.Duration
	Settled                time.Duration // from the end of the load to the last final point
}

func (r report) ok() bool { return len(r.Failures) == 0 }

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r report) String() string {
	verdict := "exact"
	if !r.ok() {
		verdict = "FAILED: " + strings.Join(r.Failures, "; ")
	}
	if !r.ok() && r.Lines == 0 {
		return fmt.Sprintf("%s, seed %d: %s", r.Scenario, r.Seed, verdict) // it never began
	}
	exits := "none"
	if r.Exits > 0 {
		exits = strings.Join(r.Exited, ", ")
	}
	notes := ""
	if len(r.Notes) > 0 {
		notes = "; " + strings.Join(r.Notes, "; ")
	}
	c := r.Counts
	return fmt.Sprintf("%s, seed %d: %s. %d faults in %.0f s at %d lines/s; exits by themselves: %s; "+
		"%d lines = %d counted + %d late + %d unreadable, %d acknowledged, %d of them lost, %d twice; "+
		"%d points (%d stale), %d snapshots: wrong %d, missing %d, conflicting %d; "+
		"gap p50 %.2f p99 %.2f max %.2f s; second to publication p50 %.2f p99 %.2f s; all final %.1f s after the load%s",
		r.Scenario, r.Seed, verdict, r.Faults, r.Loaded.Seconds(), r.Rate, exits,
		r.Lines, c.Counted, c.Late, c.Unreadable, r.Acked, r.Lost, r.Repeated,
		r.Points, r.Stale, r.Snapshots, r.Wrong, r.Missing, r.Conflicting,
		r.GapP50.Seconds(), r.GapP99.Seconds(), r.GapMax.Seconds(), r.LagP50.Seconds(), r.LagP99.Seconds(), r.Settled.Seconds(), notes)
}

// tableHead is that of the table in docs/chaos.md, and row a row of it.
const tableHead = "| test | seed | lines | faults | exits | points | wrong | missing | two values | lost | gap p50, p99, max (s) | final after (s) | notes |\n" +
	"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

func (r report) row() string {
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.2f, %.2f, %.2f | %.1f | %s |",
		r.Scenario, r.Seed, r.Lines, r.Faults, r.Exits, r.Points, r.Wrong, r.Missing, r.Conflicting, r.Lost,
		r.GapP50.Seconds(), r.GapP99.Seconds(), r.GapMax.Seconds(), r.Settled.Seconds(),
		strings.Join(append(r.Notes, r.Failures...), "; "))
}
