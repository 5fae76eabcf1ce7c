package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

var diffCommand = command{
	name: "diff", summary: "say what a changed definitions file changes", usage: "OLD NEW [LOG...] [flags]", about: `
Says which stats a new definitions file adds, drops, and changes. With logs, or with
the topic events.raw (--raw, or --from or --to alone), both files are evaluated on
them, and of each stat whose values differ it says in how many seconds, the first of
them, the greatest difference, and up to three lines that one of the two counts and the
other does not.

Exit code 4: values of stats that are in both files differ.`,
	settings: func() settings { return &diffSettings{} },
}

type diffSettings struct {
	kafkaFlags
	old, new string
	log      evalSettings // what is read
	from, to int64        // seconds that are compared, both included
}

func (s *diffSettings) add(f *flags) {
	f.readingVars(&s.log.reading)
	f.BoolVar(&s.log.raw, "raw", false, "read the topic events.raw instead of files")
	s.to = math.MaxInt64
	f.Func("from", "compare from this `time` on, such as 2012-11-22T09:31:34Z", timeFlag(&s.from))
	f.Func("to", "compare up to this `time`, inclusive", timeFlag(&s.to))
	s.kafkaFlags.add(f)
}

func (s *diffSettings) check(words []string) error {
	if s.from > s.to {
		return usagef("--from is after --to")
	}
	if len(words) < 2 {
		return usagef("give the old definitions file and the new one, and then logs")
	}
	s.old, s.new = words[0], words[1]
	s.log.kafkaFlags = s.kafkaFlags
	if len(words) == 2 && (s.from > 0 || s.to < math.MaxInt64) {
		s.log.raw = true // there is nothing else that has times
	}
	if slices.Contains(words[2:], "-") {
		return usagef("standard input cannot be read twice: write the log to a file first")
	}
	return s.log.check(words[2:])
}

// errDiffers ends `pulse diff` with its own exit code, once everything is printed.
var errDiffers = errors.New("values differ")

func (s *diffSettings) run(ctx context.Context, e *environment) error {
	old, err := e.readDefinitions(s.old)
	if err != nil {
		return err
	}
	changed, err := e.readDefinitions(s.new)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.Stdout)
	defer w.Flush()
	printChanges(w, old, changed)
	if !s.log.raw && len(s.log.files) == 0 {
		return nil
	}
	d := &differ{log: &s.log, from: s.from, to: s.to, environment: e, old: old, new: changed}
	diffs, err := d.values(ctx)
	if err != nil {
		return err
	}
	both := len(diffs)
	diffs = slices.DeleteFunc(diffs, func(v *valueDiff) bool { return v.seconds == 0 })
	if len(diffs) == 0 {
		fmt.Fprintf(w, "the values of %s that both files have are the same\n", plural(both, "stat"))
		return nil
	}
	if err := d.lines(ctx, diffs); err != nil {
		return err
	}
	for _, v := range diffs {
		v.print(w)
	}
	return errDiffers
}

// printChanges lists what becomes of stats, by the files alone.
func printChanges(w io.Writer, old, changed *stats.Definitions) {
	was, is := byName(old), byName(changed)
	meant, means := old.StatHashes(), changed.StatHashes()
	all := old.Stats
	for _, s := range changed.Stats {
		if was[s.Name] == nil {
			all = append(slices.Clip(all), s)
		}
	}
	none := true
	for _, s := range all {
		before, now := was[s.Name], is[s.Name]
		what := ""
		switch {
		case before == nil:
			what = "added"
		case now == nil:
			what = "gone"
		case meant[s.Name] != means[s.Name]:
			what = "changed in meaning: " + changedOptions(before, now)
		case looks(before) != looks(now):
			what = "changed in looks"
		default:
			continue
		}
		none = false
		fmt.Fprintf(w, "%s: %s\n", s.Name, what)
	}
	if none {
		fmt.Fprintln(w, "no stat is added, gone or changed")
	}
}

func byName(d *stats.Definitions) map[string]*stats.Stat {
	all := map[string]*stats.Stat{}
	for _, s := range d.Stats {
		all[s.Name] = s
	}
	return all
}

// changedOptions names what differs between two stats of a name.
func changedOptions(a, b *stats.Stat) string {
	var names []string
	for _, option := range []struct {
		name string
		of   func(*stats.Stat) any
	}{
		{"kind", func(s *stats.Stat) any { return s.Kind }},
		{"field", func(s *stats.Stat) any { return s.Field }},
		{"where", func(s *stats.Stat) any { return s.Where }},
		{"by", func(s *stats.Stat) any { return s.GroupBy }},
		{"over", func(s *stats.Stat) any { return s.Window }},
		{"top", func(s *stats.Stat) any { return s.Top }},
		{"at", func(s *stats.Stat) any { return s.Quantiles }},
		{"rank", func(s *stats.Stat) any { return fmt.Sprint(s.Rank, s.RankLines) }},
		{"buckets", func(s *stats.Stat) any { return s.Buckets }},
		{"expire", func(s *stats.Stat) any { return s.Expire }},
		{"per", func(s *stats.Stat) any { return s.Per }},
		{"the stats that it is made of", func(s *stats.Stat) any { return s.Of }},
	} {
		if fmt.Sprint(option.of(a)) != fmt.Sprint(option.of(b)) {
			names = append(names, option.name)
		}
	}
	if len(names) == 0 {
		return "by what it is made of, such as formats, derived fields, defines or the lateness"
	}
	return strings.Join(names, ", ")
}

// looks is what a stat has for the page alone.
func looks(s *stats.Stat) string {
	number := func(f *float64) any {
		if f == nil {
			return nil
		}
		return *f
	}
	return fmt.Sprintf("%q %q %q %q %v %v %v", s.Title, s.Unit, s.Help, s.Link, number(s.Warn), number(s.Crit), s.Reversed)
}

// A differ evaluates two definitions files on the same log.
type differ struct {
	log         *evalSettings
	from, to    int64
	environment *environment
	old, new    *stats.Definitions
}

// values compares the final values of the stats that both have, in the old file's order.
func (d *differ) values(ctx context.Context) ([]*valueDiff, error) {
	var all []*valueDiff
	diffs := map[string]*valueDiff{}
	is := byName(d.new)
	for _, s := range d.old.Stats {
		if now := is[s.Name]; now != nil {
			diffs[s.Name] = &valueDiff{stat: s.Name, lookback: max(s.Lookback(), now.Lookback())}
			all = append(all, diffs[s.Name])
		}
	}
	// Both logs are read at the same time, so that as few values as possible wait for the
	// other's.
	sides := [2]chan stats.Snapshot{make(chan stats.Snapshot, 1024), make(chan stats.Snapshot, 1024)}
	group, ctx := errgroup.WithContext(ctx)
	for i, definitions := range []*stats.Definitions{d.old, d.new} {
		group.Go(func() error {
			defer close(sides[i])
			e, err := oracle.New(definitions, func(s stats.Snapshot) {
				s, ok := s.Cut(d.from, d.to)
				if ok && diffs[s.Stat] != nil {
					s.Value = bytes.Clone(s.Value)
					select {
					case sides[i] <- s:
					case <-ctx.Done():
					}
				}
			})
			if err != nil {
				return err
			}
			quiet := *d.environment
			if i > 0 {
				quiet.Stderr = io.Discard // one says how far it is
			}
			_, err = d.log.evaluate(ctx, &quiet, e, definitions)
			return err
		})
	}
	group.Go(func() error { return compareSides(ctx, sides, diffs) })
	err := group.Wait()
	return all, err
}

// compareSides takes snapshots of both sides, always of the one that is behind.
func compareSides(ctx context.Context, sides [2]chan stats.Snapshot, diffs map[string]*valueDiff) error {
	times := [2]int64{-1, -1}
	open := [2]bool{true, true}
	for open[0] || open[1] {
		i := 0
		if !open[0] || open[1] && times[1] < times[0] {
			i = 1
		}
		select {
		case s, ok := <-sides[i]:
			if !ok {
				open[i] = false
				continue
			}
			times[i] = s.Time
			diffs[s.Stat].take(i, s)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, v := range diffs {
		v.end()
	}
	return nil
}

// Bounds on the lines that are looked for.
const (
	maxDiffLines = 3       // that are shown of each side
	maxLineStats = 20      // stats of which lines are shown
	maxMatched   = 100_000 // lines of a stat that are compared
)

// lines finds lines that count in the window of the first value that differs, for one of
// the definitions and not for the other.
func (d *differ) lines(ctx context.Context, diffs []*valueDiff) error {
	for i, definitions := range []*stats.Definitions{d.old, d.new} {
		compiled, err := program.Compile(definitions)
		if err != nil {
			return err
		}
		var all matchings
		for _, v := range diffs[:min(len(diffs), maxLineStats)] {
			if matcher, err := compiled.NewMatcher(v.stat); err == nil { // else it counts all lines
				v.counted[i] = &matching{matcher: matcher, from: v.first + 1 - v.lookback, to: v.first, times: map[string]int{}}
				all.matchings = append(all.matchings, v.counted[i])
			}
		}
		quiet := *d.environment
		quiet.Stderr = io.Discard
		if _, err := d.log.evaluate(ctx, &quiet, &all, definitions); err != nil {
			return err
		}
	}
	return nil
}

// A matching keeps the lines that count for a stat.
type matching struct {
	matcher  *program.Matcher
	from, to int64
	times    map[string]int // how often each is there
	order    []string       // in which they came
}

// matchings are fed as an evaluator is.
type matchings struct {
	matchings []*matching
}

func (all *matchings) Pack(p program.Pack) {
	for _, m := range all.matchings {
		m.matcher.Match(p, m.from, m.to, func(_ int64, line []byte) bool {
			text := string(line)
			if m.times[text]++; m.times[text] == 1 {
				m.order = append(m.order, text)
			}
			return len(m.order) < maxMatched
		})
	}
}

func (*matchings) Undecodable([]byte, int64)    {}
func (*matchings) Begin(int64)                  {}
func (*matchings) Stale(int64, int64)           {}
func (*matchings) Advance(int64)                {}
func (*matchings) Close(int64)                  {}
func (*matchings) Counts() aggregate.LineCounts { return aggregate.LineCounts{} }
func (*matchings) Notices() stats.Notices       { return stats.Notices{} }

// beyond gives the first few lines that m has more often than another.
func (m *matching) beyond(other *matching) (texts []string) {
	for _, text := range m.order {
		if m.times[text] > other.times[text] {
			if texts = append(texts, text); len(texts) == maxDiffLines {
				break
			}
		}
	}
	return texts
}
