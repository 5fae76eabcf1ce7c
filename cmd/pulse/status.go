package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pulse/topics"
)

// statusCommand is `pulse status`.
func statusCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	var l limits
	f := newFlags(e, "status", "[flags]", `
Says whether every second closes in time, and if not, what is behind, since when
and what to do. Give it the roles' own --kafka, --prefix and --stats. It ends
with exit code 4 if something is behind.`)
	f.durationVar(&l.behind, "max-behind", 10*time.Second, "the `time` that anything may be behind")
	f.Float64Var(&l.discarded, "max-discarded", 0.05, "the `share` of the newest minute's lines that may be late or unreadable, from 0 to 1")
	asJSON := f.Bool("json", false, "print all of it as one JSON object")
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.logFlags.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	if l.behind <= 0 {
		return usagef("--max-behind is %v: more than 0", l.behind)
	}
	if !(l.discarded >= 0 && l.discarded <= 1) {
		return usagef("--max-discarded is %v: from 0 to 1", l.discarded)
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	s, err := role.status(ctx, l)
	if err != nil {
		if *asJSON { // who reads it need not read stderr too
			encodeJSON(e.Stdout, unseen{Headline: "not well: " + err.Error(), Problems: []problem{{What: err.Error()}}}) //nolint:errcheck // err matters more
		}
		return err
	}
	if *asJSON {
		err = encodeJSON(e.Stdout, s)
	} else {
		_, err = io.WriteString(e.Stdout, s.text())
	}
	if err == nil && !s.Well {
		err = errBehind
	}
	return err
}

// status looks at the topics and groups, and judges.
func (r *role) status(ctx context.Context, l limits) (*status, error) {
	if err := r.checkTopics(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	seen, err := observe(ctx, r.cluster, r.names, time.Now())
	if err != nil {
		return nil, err
	}
	return judge(seen, l), nil
}

func encodeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// errBehind ends `pulse status` with its own exit code; all is said then.
var errBehind = errors.New("something is behind")

// limits are what may be before something counts as behind.
type limits struct {
	behind    time.Duration
	discarded float64
}

// A status is a judgement of an observation, as --json prints it. Times that are
// not known are null.
type status struct {
	Well       bool              `json:"well"`
	Headline   string            `json:"headline"`
	Problems   []problem         `json:"problems"`
	At         time.Time         `json:"at"`
	Generation string            `json:"generation"`
	Others     []otherGeneration `json:"other_generations"`
	Domain     string            `json:"domain"`
	Closed     *time.Time        `json:"closed"` // the last second that has closed everywhere
	Behind     *float64          `json:"behind_seconds"`
	Lines      lineCounts        `json:"lines_last_minute"`
	Ingesters  []ingesterStatus  `json:"ingesters"`
	Receivers  group             `json:"receivers"`
	Mergers    group             `json:"mergers"`
	Sources    []sourceStatus    `json:"sources"`
	Fragments  []mergedStatus    `json:"fragments"`
}

// unseen is what --json prints when there is nothing to judge: no broker, say.
type unseen struct {
	Well     bool      `json:"well"`
	Headline string    `json:"headline"`
	Problems []problem `json:"problems"`
}

// A problem says what is wrong, since when, and what to do about it.
type problem struct {
	What  string     `json:"what"`
	Since *time.Time `json:"since"`
	Do    string     `json:"do"`
}

type ingesterStatus struct {
	Name   string     `json:"name"`
	Clock  *time.Time `json:"clock"`
	Behind *float64   `json:"behind_seconds"`
}

// A sourceStatus is of a partition of events.raw. It is behind by the seconds
// that are not rolled up yet; Lag is in records.
type sourceStatus struct {
	Partition int        `json:"partition"`
	Owner     string     `json:"owner"`
	Written   *time.Time `json:"written"`
	Clock     *time.Time `json:"clock"`
	Behind    *float64   `json:"behind_seconds"`
	End       int64      `json:"end"`
	Committed int64      `json:"committed"`
	Lag       int64      `json:"lag"`
}

// A mergedStatus is of a partition of the fragments topic. What its merger has
// committed is where a restart would read from, behind Lag records.
type mergedStatus struct {
	Partition int        `json:"partition"`
	Owner     string     `json:"owner"`
	Closed    *time.Time `json:"closed"`
	Behind    *float64   `json:"behind_seconds"`
	End       int64      `json:"end"`
	Committed int64      `json:"committed"`
	Lag       int64      `json:"lag"`
}

// at is the time of a second, nil if it is not known.
func at(second int64) *time.Time {
	if second < 0 {
		return nil
	}
	t := time.Unix(second, 0).UTC()
	return &t
}

// judge finds what is behind. Its clock is the observation's; that of a
// recording with its original times is the newest record's.
func judge(o *observation, l limits) *status {
	f := findings{observation: o, limits: l, written: -1, rolled: -1, closed: -1}
	for _, p := range o.sources {
		f.written = max(f.written, p.written)
	}
	f.clock = o.now
	f.recording = strings.HasPrefix(o.domain, topics.RecordingPrefix)
	if f.recording && f.written >= 0 {
		f.clock = time.Unix(f.written, 0)
	}
	s := &status{
		At: o.now.UTC(), Generation: o.names.Generation, Others: append([]otherGeneration{}, o.others...), Domain: o.domain,
		Lines: o.lines, Ingesters: []ingesterStatus{}, Receivers: o.receivers, Mergers: o.mergers,
	}
	for _, name := range slices.Sorted(maps.Keys(o.ingesters)) {
		clock := o.ingesters[name]
		s.Ingesters = append(s.Ingesters, ingesterStatus{name, at(clock), f.age(clock)})
	}
	for i, p := range o.sources {
		s.Sources = append(s.Sources, sourceStatus{i, p.owner, at(p.written), at(p.clock), f.age(p.clock), p.end, p.committed, p.lag()})
		f.source(i, p)
	}
	for i, p := range o.fragments {
		s.Fragments = append(s.Fragments, mergedStatus{i, p.owner, at(p.closed), f.age(p.stands()), p.end, p.committed, p.lag()})
		f.fragment(i, p)
	}
	s.Closed = at(f.closed)
	if f.closed >= 0 {
		s.Behind = f.age(f.closed + 1)
	}
	s.Problems = f.problems()
	s.Well = len(s.Problems) == 0
	s.Headline = s.headline(f.clock, f.recording)
	return s
}

// findings are what a judgement is made of.
type findings struct {
	*observation
	limits
	clock     time.Time // what everything is compared with
	recording bool

	written int64 // the greatest clock of any record
	rolled  int64 // the least clock of the sources
	closed  int64 // the last second that has closed in all partitions that have stats

	silent, unread, open       partitionList // those to which nothing is written, and those that are behind
	lostRecords, lostFragments int64
}

// age is since when a clock stands.
func (f *findings) age(second int64) *float64 {
	if second < 0 {
		return nil
	}
	seconds := f.clock.Sub(time.Unix(second, 0)).Seconds()
	return &seconds
}

func (f *findings) late(second int64) bool {
	return second < 0 || *f.age(second) > f.behind.Seconds()
}

func (f *findings) source(number int, p sourcePartition) {
	f.lostRecords += p.lost()
	silent := !f.recording && f.late(p.written)
	if silent {
		f.silent.add(number, p.written, p.owner)
	}
	// One to which nothing is written has no newer clock.
	if f.written >= 0 && f.late(p.clock) && (!silent || float64(p.written-p.clock) > f.behind.Seconds()) {
		f.unread.add(number, p.clock, p.owner)
	}
	if number == 0 || p.clock < f.rolled {
		f.rolled = p.clock
	}
}

func (f *findings) fragment(number int, p fragmentsPartition) {
	f.lostFragments += p.lost()
	if f.late(p.stands()) {
		f.open.add(number, p.stands(), p.owner)
	}
	if p.stats && (f.closed < 0 || p.closed < f.closed) {
		f.closed = p.closed
	}
}

// problems come in the order in which lines come by: what is behind holds up all
// that is after it.
func (f *findings) problems() []problem {
	found := []problem{}
	say := func(since int64, what, do string) { found = append(found, problem{what, at(since), do}) }
	raw, fragments := f.names.Raw(), f.names.Fragments()
	switch {
	case f.written < 0:
		say(-1, "nothing has been written to "+raw+" yet", "start pulse ingest, with what it shall read: `pulse ingest --help`")
	case len(f.silent.numbers) == len(f.sources):
		say(f.written, "no ingester writes", "see whether pulse ingest runs and reaches Kafka; its log says")
	case len(f.silent.numbers) > 0:
		say(f.silent.since, fmt.Sprintf("writes to %s %s have stopped", raw, f.silent),
			"look at the brokers, for their leaders may be away, and at the ingesters' logs")
	}
	if f.receivers.Members == 0 {
		say(f.rolled, "no receiver runs", "start pulse receive, with the same --stats")
	} else if len(f.unread.numbers) > 0 {
		say(f.unread.since, fmt.Sprintf("receivers are behind on %s %s", raw, f.unread),
			"read the log of "+f.unread.who("receivers")+"; if its CPU is busy start another pulse receive")
	}
	if f.mergers.Members == 0 {
		say(f.closed, "no merger runs", "start pulse merge, with the same --stats")
	} else if len(f.open.numbers) > 0 && (len(found) == 0 || float64(f.rolled-f.open.since) > f.behind.Seconds()) {
		say(f.open.since, fmt.Sprintf("mergers are behind on %s %s", fragments, f.open),
			"read the log of "+f.open.who("mergers")+"; if its CPU is busy start another pulse merge")
	}
	if f.closed < 0 && len(found) == 0 {
		say(-1, "no second has closed yet", "wait a few seconds and ask again")
	}
	f.generations(say)
	if f.lostRecords > 0 {
		say(-1, fmt.Sprintf("retention took %s records of %s before they were read", thousands(f.lostRecords), raw),
			"start the receivers: the seconds of these records will be shown as unknown, and all others go on")
	}
	if f.lostFragments > 0 {
		say(-1, fmt.Sprintf("retention took %s records of %s before they were read", thousands(f.lostFragments), fragments),
			"start the mergers: seconds will be shown as unknown until every window is complete again")
	}
	if n := f.lines.Late + f.lines.Unreadable; n > 0 && float64(n) > f.discarded*float64(f.lines.In) {
		say(-1, fmt.Sprintf("%s of the newest minute's lines are in no stat: %s late, %s unreadable", percent(n, f.lines.In), thousands(f.lines.Late), thousands(f.lines.Unreadable)),
			"find what delays the inputs, or give the definitions a longer lateness; unreadable are lines over 64 KiB, and records that are not Pulse's")
	}
	return found
}

// headline is one sentence.
func (s *status) headline(now time.Time, recording bool) string {
	if s.Well && recording {
		return "all well: the recording has closed up to " + clockTime(*s.Closed, s.At)
	}
	if s.Well {
		return fmt.Sprintf("all well: closed %s ago", span(now.Sub(s.Closed.Add(time.Second))))
	}
	p := s.Problems[0]
	h := "not well: " + p.What
	if p.Since != nil {
		h += fmt.Sprintf(" since %s (%s)", clockTime(*p.Since, now), span(now.Sub(*p.Since)))
	}
	h += ". " + strings.ToUpper(p.Do[:1]) + p.Do[1:]
	if n := len(s.Problems) - 1; n > 0 {
		h += fmt.Sprintf(" (and %d more, below)", n)
	}
	return h
}

// A partitionList is some partitions that are behind alike.
type partitionList struct {
	numbers []int
	owners  []string
	since   int64 // of the one that is most behind; -1: not known
}

func (l *partitionList) add(number int, since int64, owner string) {
	if len(l.numbers) == 0 || since < l.since {
		l.since = since
	}
	l.numbers = append(l.numbers, number)
	if owner != "" && !slices.Contains(l.owners, owner) {
		l.owners = append(l.owners, owner)
	}
}

// who names the owners.
func (l partitionList) who(all string) string {
	if len(l.owners) == 0 {
		return "the " + all + ", of which none owns it"
	}
	return strings.Join(l.owners, ", ")
}

func (l partitionList) String() string {
	numbers := make([]string, len(l.numbers))
	for i, n := range l.numbers {
		numbers[i] = strconv.Itoa(n)
	}
	if len(numbers) == 1 {
		return "partition " + numbers[0]
	}
	return "partitions " + strings.Join(numbers, ", ")
}

// text is what people read.
func (s *status) text() string {
	var b strings.Builder
	b.WriteString(s.Headline + "\n")
	if len(s.Problems) > 1 {
		b.WriteString("\n")
		for _, p := range s.Problems {
			since := ""
			if p.Since != nil {
				since = " since " + clockTime(*p.Since, s.At)
			}
			fmt.Fprintf(&b, "- %s%s: %s\n", p.What, since, p.Do)
		}
	}
	fmt.Fprintf(&b, "\nat           %s\ngeneration   %s", s.At.Format("2006-01-02 15:04:05 UTC"), s.Generation)
	if len(s.Others) > 0 {
		others := make([]string, len(s.Others))
		for i, g := range s.Others {
			others[i] = g.text()
		}
		fmt.Fprintf(&b, " (also here: %s)", strings.Join(others, "; "))
	}
	ingesters := make([]string, len(s.Ingesters))
	for i, g := range s.Ingesters {
		ingesters[i] = g.Name + " at " + s.time(g.Clock)
	}
	if len(ingesters) == 0 {
		ingesters = []string{"none"}
	}
	fmt.Fprintf(&b, "\ningesters    %s\n", strings.Join(ingesters, ", "))
	fmt.Fprintf(&b, "receivers    %s\nmergers      %s\n", s.Receivers, s.Mergers)
	n := s.Lines
	fmt.Fprintf(&b, "last minute  %s lines, %s counted, %s late, %s unreadable, %s ahead\n\n",
		thousands(n.In), percent(n.Counted, n.In), thousands(n.Late), thousands(n.Unreadable), thousands(n.Ahead))

	raw := [][]string{{"events.raw", "written", "rolled up to", "behind", "lag", "owner"}}
	for _, p := range s.Sources {
		raw = append(raw, []string{strconv.Itoa(p.Partition), s.time(p.Written), s.time(p.Clock), spanCell(p.Behind), thousands(p.Lag), cmp.Or(p.Owner, "nobody")})
	}
	columns(&b, raw)
	b.WriteString("\n")
	fragments := [][]string{{"fragments", "closed", "behind", "since checkpoint", "owner"}}
	for _, p := range s.Fragments {
		fragments = append(fragments, []string{strconv.Itoa(p.Partition), s.time(p.Closed), spanCell(p.Behind), thousands(p.Lag), cmp.Or(p.Owner, "nobody")})
	}
	columns(&b, fragments)
	return b.String()
}

// time is a time as a column has it.
func (s *status) time(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return clockTime(*t, s.At)
}

// columns writes rows, the last column to the left and all others to the right.
func columns(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			fmt.Fprintf(b, "%*s  ", width[i], cell)
		}
		b.WriteString(row[len(row)-1] + "\n")
	}
}

// clockTime is a time of day, with its date unless that is now's.
func clockTime(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

func spanCell(s *float64) string {
	if s == nil {
		return "-"
	}
	return span(time.Duration(*s * float64(time.Second)))
}

// span is a duration in at most two units.
func span(d time.Duration) string {
	if d < 0 {
		if d > -time.Second {
			return "0.0 s" // two machines' clocks
		}
		return "-" + span(-d)
	}
	switch s := int64(d / time.Second); {
	case s < 10:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 2*3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
	}
}

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent is a share of lines; all of none is everything.
func percent(n, of int64) string {
	if of == 0 {
		return "100 %"
	}
	return strconv.FormatFloat(float64(n)*100/float64(of), 'g', 4, 64) + " %"
}
