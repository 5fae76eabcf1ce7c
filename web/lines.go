package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

// From a number back to its lines: events.raw is read around the seconds that are
// asked for, and each line goes through the stat's own condition.

const (
	maxLines    = 100
	maxLineText = 4 << 10  // bytes of one line that are shown
	maxScan     = 64 << 20 // bytes that are read for one answer
	linesWithin = 20 * time.Second
	// A line may be ahead of its record's clock, and ingesters' clocks as far apart, so
	// that a partition's are not quite in order.
	clockSlack = timing.LineAhead + timing.ClockAhead
)

// foundLine is a line and the second at which it counts.
type foundLine struct {
	second int64
	text   string
}

// foundLines is what was found.
type foundLines struct {
	lines   []foundLine
	more    bool // there may be more than maxLines, or than maxScan let find
	expired bool // some of what was asked for is past its retention
}

// rawLines finds lines in the topic of raw records.
type rawLines struct {
	topicReader
	program  *program.Program
	lateness int64
}

// Lines finds up to maxLines lines of a stat that count at the seconds
// [from, to], those of the last second first. Whether a line was late is told by
// its own record's clock: one that only another ingester's clock made late is
// among them, though it was not counted.
func (l *rawLines) Lines(ctx context.Context, stat string, from, to int64) (foundLines, error) {
	ctx, cancel := context.WithTimeout(ctx, linesWithin)
	defer cancel()
	matcher, err := l.program.NewMatcher(stat)
	if err != nil {
		return foundLines{}, err
	}
	var found foundLines
	left := maxScan
	for _, part := range [][2]int64{{to, to}, {from, to - 1}} {
		if part[0] > part[1] || len(found.lines) == maxLines || left <= 0 {
			continue
		}
		if err := l.scan(ctx, matcher, part[0], part[1], &found, &left); err != nil {
			return foundLines{}, err
		}
	}
	found.more = found.more || left <= 0
	slices.SortStableFunc(found.lines, func(a, b foundLine) int { return int(b.second - a.second) })
	return found, nil
}

// scan appends what it finds at the seconds [from, to].
func (l *rawLines) scan(ctx context.Context, matcher *program.Matcher, from, to int64, found *foundLines, left *int) error {
	admin, err := l.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	all, err := admin.Readable(ctx, l.topic)
	if err != nil {
		return err
	}
	where, expired, err := l.search(ctx, all, from-clockSlack)
	if err != nil {
		return err
	}
	found.expired = found.expired || expired
	last := to + l.lateness + clockSlack
	beyond := map[int32]bool{} // partitions that are past it
	return admin.Read(ctx, l.topic, where, func(r *kgo.Record) bool {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			return true
		}
		if h.Second() > last {
			beyond[r.Partition] = true
			for p, s := range where {
				if !beyond[p] && s.From < s.To {
					return true
				}
			}
			return false
		}
		if h.Tick != nil || beyond[r.Partition] {
			return true
		}
		*left -= len(r.Value)
		matcher.Match(program.Pack{Lines: r.Value, Second: h.Second(), Floor: h.Second(), Map: h.Map, Runs: h.Runs(), Recorded: h.Recorded()}, from, to, func(second int64, line []byte) bool {
			if len(found.lines) == maxLines {
				found.more = true
				return false
			}
			found.lines = append(found.lines, foundLine{second, textOf(line)})
			return true
		})
		return !found.more && *left > 0
	})
}

// search moves the beginning of each partition to about the first record whose
// clock is at a second or after it, by bisection: a record's own time says
// nothing of a recording's clock. All partitions are probed at once. It reports
// whether retention has taken records of that second or later.
func (l *rawLines) search(ctx context.Context, all topics.Section, second int64) (where topics.Section, expired bool, err error) {
	type bracket struct{ low, high int64 } // the record is after low, and at high or before
	admin, err := l.admin(kgo.FetchMaxPartitionBytes(1), kgo.FetchMaxBytes(1<<20))
	if err != nil {
		return nil, false, err
	}
	defer admin.Close()
	brackets := map[int32]bracket{}
	for p, s := range all {
		expired = expired || s.From > 0 && s.From == s.To
		brackets[p] = bracket{s.From - 1, s.To}
	}
	where = maps.Clone(all)
	for {
		probe := topics.Section{}
		for p, b := range brackets {
			if b.high-b.low > 1 {
				mid := b.low + (b.high-b.low)/2
				probe[p] = topics.Span{From: mid, To: b.high}
			}
		}
		if len(probe) == 0 {
			break
		}
		// The first record of each tells.
		seen := map[int32]bool{}
		err := admin.Read(ctx, l.topic, probe, func(r *kgo.Record) bool {
			if !seen[r.Partition] {
				seen[r.Partition] = true
				b := brackets[r.Partition]
				if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil && h.Second() >= second {
					b.high = probe[r.Partition].From
				} else {
					b.low = r.Offset // what is not a raw record is skipped
				}
				brackets[r.Partition] = b
			}
			return len(seen) < len(probe)
		})
		if err != nil {
			return nil, false, err
		}
		for p, at := range probe {
			if !seen[p] { // the ends of transactions alone
				brackets[p] = bracket{brackets[p].low, at.From}
			}
		}
	}
	for p, b := range brackets {
		// The first record that is left has this second or a later one.
		expired = expired || all[p].From > 0 && b.high == all[p].From
		where[p] = topics.Span{From: b.high, To: all[p].To}
	}
	return where, expired, nil
}

// textOf is a line as it is shown: bytes that are not UTF-8 are marked, a long one is
// cut, and the lines that were joined in it are lines again.
func textOf(line []byte) string {
	if len(line) > maxLineText {
		line = append(slices.Clip(line[:maxLineText]), "…"...)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(line), "\ufffd"), "\u2028", "\n")
}

// lines answers with the lines of ?stat= that count at the seconds from ?from= to
// ?to=. Who came by a share link sees numbers alone.
func (s *Server) lines(w http.ResponseWriter, r *http.Request) {
	if _, shared := shareEnd(r.Context()); shared {
		http.Error(w, "a share link shows only numbers: log in to see lines", http.StatusForbidden)
		return
	}
	name := r.FormValue("stat")
	if _, ok := s.store.index[name]; !ok {
		http.Error(w, fmt.Sprintf("there is no stat %.80q; /api/stats lists them", name), http.StatusNotFound)
		return
	}
	to, err := second(r.FormValue("to"), s.store.Newest())
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	from, err := second(r.FormValue("from"), to)
	if err != nil || from > to || to-from >= maxRange {
		http.Error(w, fmt.Sprintf("from must be a time at most %d s before to", maxRange), http.StatusBadRequest)
		return
	}
	if _, err := s.program.NewMatcher(name); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	read, err := s.readers.read(r.Context(), fmt.Sprintf("lines %s %d %d", name, from, to), func(ctx context.Context) (any, error) {
		return s.raw.Lines(ctx, name, from, to)
	})
	if s.refuseRead(w, "lines", name, err) {
		return
	}
	found := read.(foundLines)
	type line struct {
		Time string `json:"time"`
		Text string `json:"text"`
	}
	answer := struct {
		Stat    string `json:"stat"`
		From    string `json:"from"`
		To      string `json:"to"`
		Lines   []line `json:"lines"`
		More    bool   `json:"more"`
		Expired bool   `json:"expired"`
	}{name, formatSecond(from), formatSecond(to), []line{}, found.more, found.expired}
	for _, l := range found.lines {
		answer.Lines = append(answer.Lines, line{formatSecond(l.second), l.text})
	}
	writeJSON(w, answer)
}
