package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

// revisionsWithin is how long after its second a live point's revisions are looked for.
const revisionsWithin = 2 * time.Hour

// printRevisions prints what stats.merged has of a point, in the order in which it came.
func printRevisions(ctx context.Context, w io.Writer, admin *topics.Admin, names topics.Names, stat string, at int64) error {
	topic := names.Merged()
	second := time.Unix(at, 0)
	// The records of a recording are of another time than its seconds.
	recent, err := admin.Written(ctx, topic, second, second.Add(revisionsWithin))
	if err != nil {
		return err
	}
	all, err := admin.Readable(ctx, topic)
	if err != nil {
		return err
	}
	for _, section := range []topics.Section{recent, all} {
		n := 0
		err := admin.Read(ctx, topic, section, func(r *kgo.Record) bool {
			var s stats.Snapshot
			if string(r.Key) != stat || json.Unmarshal(r.Value, &s) != nil || at < s.First() || at > s.Time {
				return true
			}
			n++
			printRevision(w, s, r.Timestamp, names.Version)
			return true
		})
		if err != nil || n > 0 {
			return err
		}
	}
	fmt.Fprintln(w, "  stats.merged has no such point: it has not closed, or is past its retention")
	return nil
}

func printRevision(w io.Writer, s stats.Snapshot, published time.Time, version string) {
	final, of := "", ""
	if s.Final {
		final = ", final"
	}
	if s.Version != version {
		of = ", of definitions version " + s.Version
	}
	fmt.Fprintf(w, "  revision %d%s: %s, published %s%s\n", s.Revision, final, shown(s), published.UTC().Format(time.RFC3339Nano), of)
}

// origins are where the lines of a window came from.
type origins struct {
	ingesters map[string]*sent
	spans     map[int32]*segments
	late      []string // the first few that came too late
	expired   bool     // retention may have taken some
}

// sent is what an ingester sent of them.
type sent struct{ lines, late, packs int }

// segments are those of a partition that have such lines.
type segments struct {
	lines, late, n int
	first, last    int64 // offsets of the records
}

// maxLateLines bounds the late lines that are shown.
const maxLateLines = 3

// findOrigins reads what of events.raw may have lines of the seconds [from, to].
func findOrigins(ctx context.Context, admin *topics.Admin, r *role, stat string, from, to int64) (*origins, error) {
	inTime, err := program.Compile(r.definitions)
	if err != nil {
		return nil, err
	}
	patient := *r.definitions
	patient.Lateness = int64(stats.MaxLateness / time.Second)
	anyTime, err := program.Compile(&patient)
	if err != nil {
		return nil, err
	}
	counted, err := inTime.NewMatcher(stat)
	if err != nil {
		return nil, usageError{err}
	}
	all, err := anyTime.NewMatcher(stat)
	if err != nil {
		return nil, usageError{err}
	}
	topic := r.names.Raw()
	whole, err := admin.Readable(ctx, topic)
	if err != nil {
		return nil, err
	}
	fetcher, err := admin.Fetcher(ctx, topic)
	if err != nil {
		return nil, err
	}
	// A line may be ahead of its record's clock, and ingesters' clocks of one another.
	const slack = timing.LineAhead + timing.ClockAhead
	o := &origins{ingesters: map[string]*sent{}, spans: map[int32]*segments{}}
	section := topics.Section{}
	for partition, span := range whole {
		begin, begins, err := fetcher.First(ctx, partition, span, from-slack)
		if err != nil {
			return nil, err
		}
		o.expired = o.expired || span.From > 0 && begins
		section[partition] = begin
	}
	last := to + patient.Lateness + slack
	open := map[int32]bool{} // partitions whose segment has such lines already
	err = admin.Read(ctx, topic, section, func(record *kgo.Record) bool {
		h, err := topics.ParseRawHeader(topics.Lookup(record.Headers))
		switch {
		case err != nil:
			return true
		case h.Tick != nil:
			open[record.Partition] = false
			return true
		case h.Second() > last:
			return true
		}
		pack := program.Pack{Lines: record.Value, Second: h.Second(), Floor: h.Second(), Map: h.Map, Runs: h.Runs(), Recorded: h.Recorded()}
		lines, came := 0, []string(nil)
		times := map[string]int{}
		counted.Match(pack, from, to, func(_ int64, line []byte) bool {
			lines++
			times[string(line)]++
			return true
		})
		all.Match(pack, from, to, func(_ int64, line []byte) bool {
			if times[string(line)]--; times[string(line)] < 0 {
				came = append(came, string(line))
			}
			return true
		})
		if lines+len(came) > 0 {
			o.add(h.Ingester, record, lines, came, !open[record.Partition])
			open[record.Partition] = true
		}
		return true
	})
	return o, err
}

// add notes a record's lines.
func (o *origins) add(ingester string, r *kgo.Record, lines int, late []string, begins bool) {
	from := o.ingesters[ingester]
	if from == nil {
		from = &sent{}
		o.ingesters[ingester] = from
	}
	from.lines, from.late, from.packs = from.lines+lines, from.late+len(late), from.packs+1
	span := o.spans[r.Partition]
	if span == nil {
		span = &segments{first: r.Offset}
		o.spans[r.Partition] = span
	}
	span.lines, span.late, span.last = span.lines+lines, span.late+len(late), r.Offset
	if begins {
		span.n++
	}
	o.late = append(o.late, late[:min(len(late), maxLateLines-len(o.late))]...)
}

func (o *origins) print(w io.Writer) {
	if len(o.ingesters) == 0 {
		fmt.Fprintln(w, "no line of events.raw is in its window")
	}
	byLines := func(a, b string) int {
		return cmp.Or(cmp.Compare(o.ingesters[b].lines, o.ingesters[a].lines), cmp.Compare(a, b))
	}
	for _, name := range slices.SortedFunc(maps.Keys(o.ingesters), byLines) {
		from := o.ingesters[name]
		fmt.Fprintf(w, "ingester %s: %s in %s%s\n", name, plural(from.lines, "line"), plural(from.packs, "pack"), tooLate(from.late))
	}
	for _, partition := range slices.Sorted(maps.Keys(o.spans)) {
		span := o.spans[partition]
		fmt.Fprintf(w, "partition %d: %s in %s, offsets %d to %d%s\n",
			partition, plural(span.lines, "line"), plural(span.n, "segment"), span.first, span.last, tooLate(span.late))
	}
	for _, text := range o.late {
		fmt.Fprintf(w, "  too late: %s\n", text)
	}
	if o.expired {
		fmt.Fprintln(w, "retention may have taken some of its lines from events.raw")
	}
}

func tooLate(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; and %d that came too late", n)
}
