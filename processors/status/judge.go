// Package status says how a Pulse stands: whether every second closes in time,
// and if not, what is behind, since when and what to do. All of it is read from
// Kafka; no role is asked.
package status

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/timing"
	"pulse/stats/value"
	"pulse/topics"
)

// Limits say from when on something is a problem.
type Limits struct {
	Behind    time.Duration // how long anything may be behind
	Discarded float64       // the share of the newest minute's lines that may be late or unreadable, from 0 to 1
}

// DefaultLimits are those that `pulse status` has unless it is told others.
var DefaultLimits = Limits{Behind: 10 * time.Second, Discarded: timing.LateShare}

// A Status says how a Pulse stands. Times that are not known are null.
type Status struct {
	Well      bool             `json:"well"`
	Headline  string           `json:"headline"`
	Problems  []Problem        `json:"problems"`
	Notes     []Note           `json:"notes"`
	Fields    []Field          `json:"fields_last_hour"`
	At        time.Time        `json:"at"`
	Version   string           `json:"version"`
	Others    []OtherVersion   `json:"other_versions"`
	History   *Filled          `json:"history,omitempty"`
	Domain    string           `json:"domain"`
	Closed    *time.Time       `json:"closed"` // the last second that has closed everywhere
	Behind    *float64         `json:"behind_seconds"`
	Lines     Lines            `json:"lines_last_minute"`
	Clocks    []stats.OffClock `json:"clocks_off_last_minute"`
	Ingesters []Ingester       `json:"ingesters"`
	Receivers Group            `json:"receivers"`
	Mergers   Group            `json:"mergers"`
	Alerts    *Alerts          `json:"alerts,omitempty"`
	Sources   []Source         `json:"sources"`
	Fragments []Fragments      `json:"fragments"`
	Garbage   []Garbage        `json:"not_ours"`
}

// A Note says of a stat why its value may not be what it seems. It is not a problem of
// Pulse.
type Note struct {
	Stat string `json:"stat"`
	Note string `json:"note"`
}

// A Problem says what is wrong, since when, and what to do about it.
type Problem struct {
	What  string     `json:"what"`
	Since *time.Time `json:"since"`
	Do    string     `json:"do"`
}

// An Ingester is one that the receivers hold to be running.
type Ingester struct {
	Name   string     `json:"name"`
	Clock  *time.Time `json:"clock"`
	Behind *float64   `json:"behind_seconds"`
	Ahead  int64      `json:"ahead_seconds,omitempty"` // of all clocks that count: its own does not
}

// A Source is of a partition of events.raw. It is behind by the seconds
// that are not rolled up yet; Lag is in records.
type Source struct {
	Partition int        `json:"partition"`
	Owner     string     `json:"owner"`
	Written   *time.Time `json:"written"`
	Clock     *time.Time `json:"clock"`
	Behind    *float64   `json:"behind_seconds"`
	End       int64      `json:"end"`
	Committed int64      `json:"committed"`
	Lag       int64      `json:"lag"`
}

// A Fragments is of a partition of the fragments topic. What its merger has
// committed is where a restart would read from, behind Lag records.
type Fragments struct {
	Partition int        `json:"partition"`
	Owner     string     `json:"owner"`
	Closed    *time.Time `json:"closed"`
	Behind    *float64   `json:"behind_seconds"`
	End       int64      `json:"end"`
	Committed int64      `json:"committed"`
	Lag       int64      `json:"lag"`

	// Checkpoint is the clock at which a merger begins that restarts, and Again how many
	// seconds it would read again.
	Checkpoint *time.Time `json:"checkpoint"`
	Again      *int64     `json:"again_seconds"`
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
func judge(o *observation, d *stats.Definitions, l Limits) *Status {
	f := findings{observation: o, limits: l, written: -1, rolled: -1, closed: -1, again: d.Lateness + checkpointSlack}
	for _, stat := range d.All() {
		if !stat.Long() {
			f.again = max(f.again, stat.Lookback()+d.Lateness+checkpointSlack)
		}
	}
	for _, p := range o.sources {
		f.written = max(f.written, p.written)
	}
	f.clock = o.now
	f.recording = strings.HasPrefix(o.domain, topics.RecordingPrefix)
	if f.recording && f.written >= 0 {
		f.clock = time.Unix(f.written, 0)
	}
	s := &Status{
		At: o.now.UTC(), Version: o.names.Version, Others: append([]OtherVersion{}, o.others...), History: o.filled, Domain: o.domain,
		Lines: o.lines, Ingesters: []Ingester{}, Receivers: o.receivers, Mergers: o.mergers, Alerts: o.alerts,
	}
	for _, name := range slices.Sorted(maps.Keys(o.ingesters)) {
		clock := o.ingesters[name]
		s.Ingesters = append(s.Ingesters, Ingester{name, at(clock), f.age(clock), o.ahead[name]})
	}
	for i, p := range o.sources {
		s.Sources = append(s.Sources, Source{i, p.owner, at(p.written), at(p.clock), f.age(p.clock), p.end, p.committed, p.lag()})
		f.source(i, p)
	}
	for i, p := range o.fragments {
		s.Fragments = append(s.Fragments, Fragments{i, p.owner, at(p.closed), f.age(p.stands()), p.end, p.committed, p.lag(), at(p.checkpoint), p.again()})
		f.fragment(i, p)
	}
	s.Closed = at(f.closed)
	if f.closed >= 0 {
		s.Behind = f.age(f.closed + 1)
	}
	s.Clocks = o.offClocks()
	s.Notes = o.notes(d)
	s.Fields = o.fieldsOfHour()
	s.Garbage = o.allGarbage()
	s.Problems = append(f.problems(), o.alerts.problems()...)
	s.Well = len(s.Problems) == 0
	s.Headline = s.headline(f.clock, f.recording)
	return s
}

// offClocks are those of the newest minute.
func (o *observation) offClocks() []stats.OffClock {
	v, err := value.Parse(o.points[stats.OffClockStat].Value)
	if err != nil {
		return []stats.OffClock{}
	}
	return append([]stats.OffClock{}, stats.OffClocksOf(v)...)
}

// notes are those of the stats of definitions.
func (o *observation) notes(d *stats.Definitions) []Note {
	var said []map[string][]string
	beyond := stats.Notices{Beyond: map[string]aggregate.Beyond{}}
	for _, s := range d.All() {
		newest := o.points[s.Name]
		beyond.Beyond[s.Name] = newest.Beyond
		if s.Subject == stats.SubjectFields {
			said = append(said, d.Notes(o.noticedFields()))
		} else if v, err := value.Parse(newest.Value); err == nil && s.Subject.Notices() {
			said = append(said, d.Notes(stats.NoticesOf(s.Subject, v)))
		}
	}
	said = append(said, d.Notes(beyond))
	all := []Note{}
	for _, s := range d.Stats {
		for _, notes := range said {
			for _, note := range notes[s.Name] {
				all = append(all, Note{s.Name, note})
			}
		}
	}
	return all
}

// checkpointSlack is how many seconds more than the longest window a checkpoint may be
// back: it reaches as far as that where records were lost.
const checkpointSlack = 60

// findings are what a judgement is made of.
type findings struct {
	*observation
	limits    Limits
	clock     time.Time // what everything is compared with
	recording bool

	written int64 // the greatest clock of any record
	rolled  int64 // the least clock of the sources
	closed  int64 // the last second that has closed in all partitions that have stats

	again int64 // how many seconds back a checkpoint may be

	silent, unread, open       partitionList // those to which nothing is written, and those that are behind
	refused, pinned            partitionList // those whose covers mergers do not take, and those whose checkpoints stand still
	known                      int           // how many partitions of events.raw a merger knows, if there are fewer
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
	return second < 0 || *f.age(second) > f.limits.Behind.Seconds()
}

func (f *findings) source(number int, p sourcePartition) {
	f.lostRecords += p.lost()
	silent := !f.recording && f.late(p.written)
	if silent {
		f.silent.add(number, p.written, p.owner)
	}
	// One to which nothing is written has no newer clock.
	if f.written >= 0 && f.late(p.clock) && (!silent || float64(p.written-p.clock) > f.limits.Behind.Seconds()) {
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
	if again := p.again(); !f.recording && again != nil && *again > f.again {
		f.pinned.add(number, p.checkpoint, p.owner)
	}
	if p.told > int(f.layout.All) {
		f.known = p.told
	}
	// A merger that is behind as a whole has taken nothing newer of any partition.
	for i, second := range p.seconds[:min(len(p.seconds), len(f.sources))] {
		clock := f.sources[i].clock
		behind := float64(clock-second) > f.limits.Behind.Seconds() && float64(clock-slices.Max(p.seconds)) <= f.limits.Behind.Seconds()
		if second >= 0 && behind && !slices.Contains(f.refused.numbers, i) {
			f.refused.add(i, second, p.owner)
		}
	}
}

// problems come in the order in which lines come by: what is behind holds up all
// that is after it.
func (f *findings) problems() []Problem {
	found := []Problem{}
	say := func(since int64, what, do string) { found = append(found, Problem{what, at(since), do}) }
	raw, fragments := f.names.Raw(), f.names.Fragments()
	if replaced := (*topics.ReplacedError)(nil); errors.As(f.replaced, &replaced) {
		say(-1, replaced.What, replaced.Do)
	}
	for _, b := range f.tooLarge {
		say(-1, fmt.Sprintf("a batch of %s partition %d at offset %d unpacks to more than %d MiB, and stops who reads it", b.Topic, b.Partition, b.Offset, topics.MaxUnpackedMiB),
			fmt.Sprintf("run `pulse topics --pass %s/%d@%d`, which deletes it and all before it in the partition, and see who may write to the topic (docs/operate.md)", b.Topic, b.Partition, b.Offset))
	}
	f.strange(say)
	f.held(say)
	switch {
	case f.written < 0:
		say(-1, "nothing has been written to "+raw+" yet", "start pulse ingest and tell it what to read: `pulse ingest --help`")
	case len(f.silent.numbers) == len(f.sources):
		say(f.written, "no ingester writes", "check in its log that pulse ingest runs and reaches Kafka")
	case len(f.silent.numbers) > 0:
		say(f.silent.since, fmt.Sprintf("writes to %s %s have stopped", raw, f.silent),
			"check that the brokers run and every partition has a leader, and read the ingesters' logs")
	}
	if f.receivers.Members == 0 {
		say(f.rolled, "no receiver runs", "start pulse receive, with the same --stats")
	} else if len(f.unread.numbers) > 0 {
		say(f.unread.since, fmt.Sprintf("receivers are behind on %s %s", raw, f.unread),
			"read the log of "+f.unread.who("receivers")+"; if its CPU is busy, start another pulse receive")
	}
	if f.mergers.Members == 0 {
		say(f.closed, "no merger runs", "start pulse merge, with the same --stats")
	} else if len(f.open.numbers) > 0 && (len(found) == 0 || float64(f.rolled-f.open.since) > f.limits.Behind.Seconds()) {
		say(f.open.since, fmt.Sprintf("mergers are behind on %s %s", fragments, f.open),
			"read the log of "+f.open.who("mergers")+"; if its CPU is busy, start another pulse merge")
	}
	switch {
	case f.known > 0:
		say(-1, fmt.Sprintf("%s has %d partitions, and its mergers know %d: it was created again with fewer", raw, f.layout.All, f.known),
			"start all roles with a new --prefix (docs/operate.md, Partitions)")
	case len(f.refused.numbers) > 0:
		say(f.refused.since, fmt.Sprintf("mergers refuse what receivers made of %s %s", raw, f.refused),
			"read the log of "+f.refused.who("mergers")+"; if it says nothing of segments, another program has written to "+fragments+": start all roles with a new --prefix")
	}
	if ahead := f.closed + 1 - f.clock.Unix(); f.closed >= 0 && ahead > timing.ClockAhead {
		say(-1, fmt.Sprintf("seconds have closed that are %s ahead of this machine's clock", span(seconds(float64(ahead)))),
			"set the clocks of this machine and of the ingesters' machines; if they are right, another program writes to Pulse's topics")
	} else if len(f.pinned.numbers) > 0 {
		say(f.pinned.since, fmt.Sprintf("a restart of the merger of %s %s would read everything again", fragments, f.pinned),
			"read the log of "+f.pinned.who("mergers")+"; if it drops fragments, check which programs write to "+fragments)
	}
	if f.closed < 0 && len(found) == 0 {
		say(-1, "no second has closed yet", "wait a few seconds and run pulse status again")
	}
	for _, name := range slices.Sorted(maps.Keys(f.ahead)) {
		say(-1, fmt.Sprintf("the clock of the ingester %s is %v ahead of all others and is ignored", name, seconds(float64(f.ahead[name]))),
			"set the clock of its machine, and restart the ingester")
	}
	f.versions(say)
	if f.lostRecords > 0 {
		say(-1, fmt.Sprintf("Kafka deleted %s records of %s before they were read", thousands(f.lostRecords), raw),
			"start the receivers: the seconds of these records will be shown as unknown, all others are exact")
	}
	if f.lostFragments > 0 {
		say(-1, fmt.Sprintf("Kafka deleted %s records of %s before they were read", thousands(f.lostFragments), fragments),
			"start the mergers: seconds will be shown as unknown until every window is complete again")
	}
	if f.layout.Added() > 0 {
		what, do := f.layout.Advice(f.names)
		say(-1, what, "to use them, "+do)
	}
	if n := f.lines.Late + f.lines.Unreadable; n > 0 && float64(n) > f.limits.Discarded*float64(f.lines.In) {
		say(-1, fmt.Sprintf("%s of the newest minute's lines are not counted in any stat: %s late, %s unreadable", percent(n, f.lines.In), thousands(f.lines.Late), thousands(f.lines.Unreadable)),
			"for late lines, find what delays the inputs, or raise the lateness in the definitions; unreadable are lines over 64 KiB, and records that Pulse did not write")
	}
	return found
}

// again is how many seconds a restart would read again; nil: that is not known.
func (p fragmentsPartition) again() *int64 {
	if p.closed < 0 || p.checkpoint < 0 {
		return nil
	}
	seconds := max(p.stands()-p.checkpoint, 0)
	return &seconds
}

// headline is one sentence.
func (s *Status) headline(now time.Time, recording bool) string {
	if s.Well && recording {
		return "all well: the recording has closed up to " + clockTime(*s.Closed, s.At)
	}
	if s.Well {
		return fmt.Sprintf("all well: closed %s ago", span(max(now.Sub(s.Closed.Add(time.Second)), 0)))
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
		return "the " + all + " (none of them owns it)"
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
