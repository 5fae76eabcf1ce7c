package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/value"
)

// An evaluator takes the lines of a log and its clocks: an oracle.Evaluator, or for
// --whole an oracle.Whole.
type evaluator interface {
	Pack(program.Pack)
	Undecodable(value []byte, second int64)
	Begin(second int64)
	Stale(from, to int64)
	Advance(watermark int64)
	Close(last int64)
	Counts() aggregate.LineCounts
	Notices() stats.Notices
}

// A parallel is an evaluator that works beside who feeds it, until Stop or Close returns.
type parallel interface {
	evaluator
	Stop()
}

// printWholeTable prints each stat of a whole log for people: its value, how many lines or
// numbers it is of, and the least, the mean and the greatest of the numbers.
func printWholeTable(out io.Writer, s *summaries, d *stats.Definitions) error {
	if from, to, seconds := s.whole.Span(); seconds > 0 {
		fmt.Fprintf(out, "%s to %s, %d s\n", utc(from), utc(to), seconds)
	}
	t := newTable(out, d)
	t.summaries = s.all()
	s.whole.Each(func(s *stats.Stat, v value.Value, e oracle.Estimate) {
		t.write(stats.Snapshot{Stat: s.Name, Value: value.AppendJSON(nil, v), Approx: e.Approx})
	})
	return t.flush()
}

// printWhole prints each stat of a whole log, as an object a line.
func printWhole(out io.Writer, w *oracle.Whole, d *stats.Definitions) error {
	from, to, seconds := w.Span()
	buffer := bufio.NewWriter(out)
	lines := json.NewEncoder(buffer)
	lines.SetEscapeHTML(false)
	gen := d.Version()
	var failed error
	w.Each(func(s *stats.Stat, v value.Value, e oracle.Estimate) {
		one := struct {
			Stat    string           `json:"stat"`
			From    string           `json:"from,omitempty"` // of no counted lines
			To      string           `json:"to,omitempty"`
			Seconds int64            `json:"seconds"`
			Value   json.RawMessage  `json:"value"`
			Gen     string           `json:"definitions"`
			Approx  float64          `json:"approx,omitempty"`
			Beyond  aggregate.Beyond `json:"beyond_room,omitzero"`
		}{Stat: s.Name, Seconds: seconds, Value: value.AppendJSON(nil, v), Gen: gen, Approx: e.Approx, Beyond: e.Beyond}
		if seconds > 0 {
			one.From, one.To = utc(from), utc(to)
		}
		if err := lines.Encode(one); err != nil && failed == nil {
			failed = fmt.Errorf("stat %s: %w", s.Name, err)
		}
	})
	if err := buffer.Flush(); err != nil {
		return err
	}
	return failed
}
