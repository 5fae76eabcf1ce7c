package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"pulse/stats"
	"pulse/stats/mark"
)

// markSink takes snapshots and prints at the end what lines mark, as the API has it or as a
// table for people.
type markSink struct {
	w      *bufio.Writer
	stats  map[string]*stats.Stat
	people bool
	set    mark.Set
	err    error
}

func newMarkSink(w io.Writer, d *stats.Definitions, people bool) *markSink {
	s := &markSink{w: bufio.NewWriter(w), stats: map[string]*stats.Stat{}, people: people}
	for _, st := range d.Stats {
		if st.Mark != nil {
			s.stats[st.Name] = st
		}
	}
	return s
}

func (s *markSink) write(snapshot stats.Snapshot) {
	st := s.stats[snapshot.Stat]
	if st == nil || snapshot.StaleSince != 0 || s.err != nil {
		return
	}
	marks, more, err := st.Marks(snapshot)
	s.set.Add(marks...)
	s.set.More(snapshot.Time, st.Mark.Name, more)
	s.err = err
}

func (s *markSink) flush() error {
	marks, more := s.set.Between(0, math.MaxInt64)
	for _, m := range marks {
		if s.people {
			fmt.Fprintf(s.w, "%s  %s %s\n", utc(m.Time), m.Name, m.Text)
			continue
		}
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		s.w.Write(append(line, '\n'))
	}
	switch {
	case more > 0 && s.people:
		fmt.Fprintf(s.w, "and %d more: of a minute the first %d are shown\n", more, mark.MaxMinute)
	case more > 0:
		fmt.Fprintf(s.w, "{\"more\":%d}\n", more)
	}
	if err := s.w.Flush(); s.err == nil {
		s.err = err
	}
	return s.err
}
