package minutes

import (
	"bytes"
	"encoding/json"
	"math/bits"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/value"
	"pulse/topics"
)

const (
	minuteSeconds = 60
	allSeconds    = 1<<minuteSeconds - 1 // a bit for each second of a minute

	maxValue = 64 << 10       // bytes of one value; a greater one is passed over
	maxRun   = 14 * 24 * 3600 // seconds: how far back a snapshot of many is followed
)

// A roller rolls up one partition of stats.merged. It knows no Kafka.
type roller struct {
	version string
	keyed   map[string]bool // the stats, and whether their values are by key
	open    map[string]*openMinute
	done    map[string]int64 // the last minute of each stat that was emitted
	next    int64            // offset after the last record
	beyond  int              // points that were left out, since that was told
	marks   map[string]*marker
	parsed  map[string]parsed // the last value of each stat
}

// parsed is a value and its text: most are those of the second before.
type parsed struct {
	text json.RawMessage
	value.Value
}

// An openMinute is a minute of a stat while its seconds come.
type openMinute struct {
	topics.Minute
	min, max value.Value
	seen     uint64 // a bit for each second that has a value or is stale
	last     int64  // the second that Last is of
	first    int64  // offset of its first record
}

func newRoller(all []*stats.Stat, version string) *roller {
	r := &roller{version: version, keyed: map[string]bool{}, open: map[string]*openMinute{}, done: map[string]int64{}, marks: map[string]*marker{}, parsed: map[string]parsed{}}
	for _, s := range all {
		r.keyed[s.Name] = s.Top > 0
		if s.Mark != nil {
			r.marks[s.Name] = &marker{stat: s}
		}
	}
	return r
}

// add takes the next record, and calls emit with each minute that it ends, and marked
// with what its seconds mark.
func (r *roller) add(record *kgo.Record, emit func(topics.Minute), marked func(topics.MarkRecord)) {
	offset := record.Offset
	r.next = offset + 1
	p, err := stats.ParseSnapshot(record.Value)
	if err != nil || !p.Final || p.Version != r.version {
		return
	}
	if topics.Ahead(record, p) {
		r.beyond++
		return
	}
	r.take(p, offset, emit, marked)
}

// take is add for a final snapshot, which may be at an offset.
func (r *roller) take(p stats.Snapshot, offset int64, emit func(topics.Minute), marked func(topics.MarkRecord)) {
	if _, known := r.keyed[p.Stat]; !known || len(p.Value) > maxValue {
		return
	}
	last, ok := r.parsed[p.Stat]
	if !ok || !bytes.Equal(last.text, p.Value) {
		v, err := value.Parse(p.Value)
		if err != nil {
			return
		}
		last = parsed{p.Value, v}
		r.parsed[p.Stat] = last
	}
	if m := r.marks[p.Stat]; m != nil && p.StaleSince == 0 {
		m.add(p, marked)
	}
	first := max(p.First(), p.Time-maxRun)
	for minute := first - first%minuteSeconds; minute <= p.Time; minute += minuteSeconds {
		r.addTo(minute, offset, p, max(first, minute), min(p.Time, minute+minuteSeconds-1), last.Value, emit)
	}
}

// addTo adds the seconds [from, to] of a snapshot to the minute that they are in.
func (r *roller) addTo(minute, offset int64, p stats.Snapshot, from, to int64, v value.Value, emit func(topics.Minute)) {
	done, emitted := r.done[p.Stat]
	o := r.open[p.Stat]
	switch {
	case emitted && minute <= done, o != nil && minute < o.Time:
		return // it came before
	case o != nil && minute > o.Time:
		r.end(o, emit)
		o = nil
	}
	if o == nil {
		o = &openMinute{first: offset, last: -1, Minute: topics.Minute{Stat: p.Stat, Version: r.version, Time: minute}}
		r.open[p.Stat] = o
	}
	seconds := uint64(1)<<(to-from+1) - 1
	fresh := seconds << (from - minute) &^ o.seen
	if fresh == 0 {
		return
	}
	o.seen |= fresh
	if n := bits.OnesCount64(fresh); p.StaleSince != 0 {
		o.Clockless += n
	} else {
		o.add(p, to, n, v, r.keyed[p.Stat])
	}
	if o.seen == allSeconds {
		r.end(o, emit)
	}
}

// add adds so many seconds, up to one, that have the value of a snapshot.
func (o *openMinute) add(p stats.Snapshot, to int64, seconds int, v value.Value, keyed bool) {
	o.Seconds += seconds
	if p.Covered < p.Of {
		o.Uncovered += seconds
	}
	if !bytes.Equal(o.Last, p.Value) { // else it is in the extremes
		o.max = value.Extreme(o.max, v, true)
		if !keyed { // keys come and go: there is no least
			o.min = value.Extreme(o.min, v, false)
		}
	}
	if to > o.last {
		o.Last, o.last = p.Value, to
	}
}

// end emits a minute that is over.
func (r *roller) end(o *openMinute, emit func(topics.Minute)) {
	delete(r.open, o.Stat)
	r.done[o.Stat] = o.Time
	o.Min, o.Max = value.AppendJSON(nil, o.min), value.AppendJSON(nil, o.max)
	emit(o.Minute)
}

// needed is the offset from which a successor has to read.
func (r *roller) needed() int64 {
	least := r.next
	for _, o := range r.open {
		least = min(least, o.first)
	}
	return least
}
