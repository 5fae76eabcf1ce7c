package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"pulse/stats"
)

// An oracle is what `pulse eval` says.
type oracle struct {
	values map[point]string
	counts counts
}

// counts are the last line of eval's standard error.
type counts struct {
	Lines      int64 `json:"lines"`
	Counted    int64 `json:"counted"`
	Late       int64 `json:"late"`
	Unreadable int64 `json:"unreadable"`
}

// addUp reports whether every line is accounted for, once.
func (c counts) addUp() bool { return c.Counted+c.Late+c.Unreadable == c.Lines }

func readOracle(stdout, stderr []byte) (*oracle, error) {
	o := &oracle{values: map[point]string{}}
	scanner := bufio.NewScanner(bytes.NewReader(stdout))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var s stats.Snapshot
		if err := json.Unmarshal(scanner.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("eval printed %q: %w", scanner.Text(), err)
		}
		for second, value := range seconds(s) {
			o.values[point{s.Stat, second}] = value
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(stderr), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &o.counts); err != nil {
		return nil, fmt.Errorf("eval's last line on stderr is %q: %w", lines[len(lines)-1], err)
	}
	return o, nil
}

// until drops the points from a second on, which need not be final yet, and
// returns how many these were.
func (o *oracle) until(second int64) (open int) {
	for key := range o.values {
		if key.second >= second {
			delete(o.values, key)
			open++
		}
	}
	return open
}

// A verdict compares what was published with the oracle.
type verdict struct {
	Points      int // stats × seconds of the oracle
	Stale       int // of these, how many the oracle says no clock covered
	Wrong       int // the highest revision's value is another
	Missing     int // never published, or never final
	Conflicting int // one revision, two values
}

func (v verdict) ok() bool { return v.Wrong+v.Missing+v.Conflicting == 0 && v.Points > 0 }

func compare(o *oracle, m *merged) verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := verdict{Points: len(o.values), Conflicting: m.conflicting}
	for key, want := range o.values {
		if want == stale {
			v.Stale++
		}
		at := time.Unix(key.second, 0).UTC().Format(time.RFC3339)
		switch p := m.points[key]; {
		case p == nil || !p.final:
			if v.Missing++; v.Missing <= maxComplaints {
				m.log.printf("missing: %s at %s (published: %v)", key.stat, at, p != nil)
			}
		case p.values[p.last] != want:
			if v.Wrong++; v.Wrong <= maxComplaints {
				m.log.printf("wrong: %s at %s is %s (revision %d), the oracle says %s", key.stat, at, p.values[p.last], p.last, want)
			}
		}
	}
	return v
}

// complete reports whether every point of the oracle has been published as final.
func complete(o *oracle, m *merged) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range o.values {
		if p := m.points[key]; p == nil || !p.final {
			return false
		}
	}
	return true
}
