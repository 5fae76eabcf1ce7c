package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"pulse/stats"
	"pulse/stats/alert"
)

// alertSink takes snapshots and prints what alerts would have said of them: each
// transition as a JSON line, or at the end a table for people.
type alertSink struct {
	w      *bufio.Writer
	engine *alert.Engine
	rules  []*alert.Rule
	people bool
	of     map[alert.Subject]*firings
	order  []alert.Subject // those that have fired, in the order of the first time
	last   int64
	err    error
}

// firings are how often something fired.
type firings struct {
	began   []int64
	seconds int64 // for which it did, in all
	since   int64 // it fires, or recovers; 0: not
}

func newAlertSink(w io.Writer, d *stats.Definitions, people bool) *alertSink {
	return &alertSink{w: bufio.NewWriter(w), engine: alert.NewEngine(d.Alerts), rules: d.Alerts, people: people, of: map[alert.Subject]*firings{}}
}

func (s *alertSink) write(snapshot stats.Snapshot) {
	s.last = max(s.last, snapshot.Time)
	if s.err != nil {
		return
	}
	var transitions []alert.Transition
	transitions, s.err = snapshot.Alert(s.engine)
	for _, t := range transitions {
		if !s.people {
			line, err := json.Marshal(t)
			if err != nil {
				s.err = err
				return
			}
			s.w.Write(append(line, '\n'))
		}
		s.count(t)
	}
}

func (s *alertSink) count(t alert.Transition) {
	f := s.of[t.Subject]
	on := t.State == alert.Firing || t.State == alert.Recovering
	switch {
	case f == nil && on:
		s.of[t.Subject] = &firings{began: []int64{t.Second}, since: t.Second}
		s.order = append(s.order, t.Subject)
	case f == nil:
	case on && f.since == 0:
		f.began, f.since = append(f.began, t.Second), t.Second
	case !on && f.since > 0:
		f.seconds, f.since = f.seconds+t.Second-f.since, 0
	}
}

// maxTimes bounds the times of a table's row.
const maxTimes = 5

func (s *alertSink) flush() error {
	if s.people && s.err == nil {
		s.table()
	}
	if err := s.w.Flush(); s.err == nil {
		s.err = err
	}
	return s.err
}

func (s *alertSink) table() {
	table := tabwriter.NewWriter(s.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "alert\tfired\tin all\tat")
	fired := map[string]bool{}
	for _, subject := range s.order {
		f := s.of[subject]
		fired[subject.Alert] = true
		name := subject.Alert
		if subject.Keyed {
			name += " " + subject.Key
		}
		seconds, open := f.seconds, ""
		if f.since > 0 {
			seconds, open = seconds+s.last+1-f.since, ", and still does"
		}
		var times []string
		for _, second := range f.began[:min(len(f.began), maxTimes)] {
			times = append(times, utc(second))
		}
		if more := len(f.began) - maxTimes; more > 0 {
			times = append(times, fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintf(table, "%s\t%s%s\t%s\t%s\n", name, plural(len(f.began), "time"), open, time.Duration(seconds)*time.Second, strings.Join(times, ", "))
	}
	for _, r := range s.rules {
		if !fired[r.Name] {
			fmt.Fprintf(table, "%s\tnever\n", r.Name)
		}
	}
	table.Flush()
}
