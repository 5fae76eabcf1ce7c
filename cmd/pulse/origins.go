package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/program"
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
			if string(r.Key) != stat {
				return true
			}
			s, err := stats.ParseSnapshot(r.Value)
			if err != nil || at < s.First() || at > s.Time {
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
	segment        int64 // the last one
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
	log, err := admin.RawLog(ctx, r.names.Raw(), patient.Lateness)
	if err != nil {
		return nil, err
	}
	o := &origins{ingesters: map[string]*sent{}, spans: map[int32]*segments{}}
	for _, partition := range log.Partitions {
		section, err := log.Section(ctx, partition, from, to)
		if err != nil {
			return nil, err
		}
		o.expired = o.expired || section.Expired
		for {
			packs, err := section.Next(ctx)
			if err != nil {
				return nil, err
			}
			if packs == nil {
				break
			}
			for _, p := range packs {
				pack := p.Pack(p.Record.Value, -1)
				if lines, late := countedOf(pack, counted, all, from, to); lines+len(late) > 0 {
					o.add(p, lines, late)
				}
			}
		}
	}
	return o, nil
}

// countedOf gives how many lines of a pack count at the seconds [from, to], and those that
// are not among them but among all.
func countedOf(p program.Pack, counted, all *program.Matcher, from, to int64) (lines int, late []string) {
	times := map[string]int{}
	counted.Match(p, from, to, func(_ int64, line []byte) bool {
		lines++
		times[string(line)]++
		return true
	})
	all.Match(p, from, to, func(_ int64, line []byte) bool {
		if times[string(line)]--; times[string(line)] < 0 {
			late = append(late, string(line))
		}
		return true
	})
	return lines, late
}

// add notes a record's lines.
func (o *origins) add(p topics.RawPack, lines int, late []string) {
	from := o.ingesters[p.Ingester]
	if from == nil {
		from = &sent{}
		o.ingesters[p.Ingester] = from
	}
	from.lines, from.late, from.packs = from.lines+lines, from.late+len(late), from.packs+1
	span := o.spans[p.Record.Partition]
	if span == nil {
		span = &segments{first: p.Record.Offset, segment: -1}
		o.spans[p.Record.Partition] = span
	}
	span.lines, span.late, span.last = span.lines+lines, span.late+len(late), p.Record.Offset
	if p.Segment != span.segment {
		span.segment = p.Segment
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
