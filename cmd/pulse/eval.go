package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/ingest"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/line"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/watermark"
	"pulse/topics"
)

// evalCommand is `pulse eval`: what Kafka and all roles would say, said in one
// process. It is how definitions are tried out, and the oracle of the tests.
func evalCommand(ctx context.Context, e *environment, args []string) error {
	var l logFlags
	var k kafkaFlags
	var s statsFlag
	f := newFlags(e, "eval", "[LOG...] [flags]", `
Prints the final snapshots that Pulse would publish for recordings (or standard
input, -), one JSON object a line: every stat, every second from the first line's to
the last's. No Kafka is needed, unless --raw reads the topic events.raw as it
stands, clocks included. The last line on standard error is one JSON object that
accounts for the lines.`)
	s.add(f)
	lateness := int64(-1) // the file's
	f.Func("lateness", "instead of the definitions file's: how `long` a second waits for lines, a whole number of seconds", func(text string) error {
		var d time.Duration
		if err := (*duration)(&d).Set(text); err != nil {
			return err
		}
		if d < 0 || d > stats.MaxLateness || d%time.Second != 0 {
			return fmt.Errorf("a whole number of seconds from 0s to %v", stats.MaxLateness)
		}
		lateness = int64(d / time.Second)
		return nil
	})
	people := f.Bool("table", false, "for people: each stat with its last value and a sparkline")
	format := f.formatFlag()
	raw := f.Bool("raw", false, "read the topic events.raw")
	k.add(f)
	l.add(f)
	files, err := f.parseWords(args)
	if err != nil {
		return err
	}
	log, err := l.logger(e.Stderr)
	if err != nil {
		return err
	}
	if len(files) == 1 && files[0] == "-" {
		files = nil
	}
	if *raw && *format != "" {
		return usagef("--format is for recordings: the topic events.raw says which format lines are in")
	}
	if *raw && len(files) > 0 {
		return usagef("--raw reads the topic events.raw, not %s", files[0])
	}
	definitions, err := s.load()
	if err != nil {
		return err
	}
	if lateness >= 0 {
		changed := *definitions
		changed.Lateness = lateness
		definitions = &changed
	}

	var out interface {
		write(stats.Snapshot)
		flush() error
	} = newSnapshotWriter(e.Stdout)
	if *people {
		out = newTable(e.Stdout, definitions)
	}
	evaluator, err := oracle.New(definitions, out.write)
	if err != nil {
		return err
	}
	bar := newProgress(e.Stderr)
	switch {
	case *raw:
		cluster, bad := k.cluster()
		if bad = errors.Join(bad, topics.CheckPrefix(k.prefix)); bad != nil {
			return usageError{bad}
		}
		names := topics.Names{Prefix: k.prefix, Generation: definitions.Generation()}
		err = evalRaw(ctx, evaluator, cluster, names, bar)
	case len(files) > 0:
		var recording *ingest.Recording
		if recording, err = ingest.OpenRecording(files); err == nil {
			total := recording.Size()
			err = evalRecording(ctx, evaluator, *format, recording.Lines, recording.Modified(), definitions.Lateness, func(done, lines int64) { bar.show(done, total, lines) })
		}
	default:
		err = evalRecording(ctx, evaluator, *format, ingest.Lines(e.Stdin), time.Now(), definitions.Lateness, func(done, lines int64) { bar.show(done, 0, lines) })
	}
	bar.end()
	if err := errors.Join(err, out.flush()); err != nil {
		return err
	}
	counts := evaluator.Counts()
	if counts.Unreadable > 0 {
		log.Warn("lines are in no stat, being longer than 64 KiB (or, with --raw, in records that are no packs): have the sender split them",
			"unreadable", counts.Unreadable, "lines", counts.Lines)
	}
	if float64(counts.Late) > receiver.LateShare*float64(counts.Lines) {
		log.Warn("lines are in no stat, being later than the lateness of the definitions: read a log that is out of order with a longer --lateness, say 60s",
			"late", counts.Late, "lines", counts.Lines, "lateness", time.Duration(definitions.Lateness)*time.Second)
	}
	return printCounts(e.Stderr, counts)
}

// evalRecording feeds the packs and clocks that a replay would send, with the format
// of the lines, if they have one.
func evalRecording(ctx context.Context, e *oracle.Evaluator, format string, source ingest.Source, undated time.Time, lateness int64, progress func(done, lines int64)) error {
	origin, err := line.NewOrigin(line.FormatField, format)
	if err != nil {
		return err
	}
	runs := []line.Run{{Lines: math.MaxInt64, From: origin}}
	packer := ingest.NewPacker("eval", topics.RecordingPrefix+"eval", 1, func(r ingest.Record) error {
		defer r.Done(nil)
		second := r.Header.Second()
		if r.Header.Tick != nil {
			e.Advance(second)
		} else {
			e.Pack(program.Pack{Lines: r.Value, Second: second, Floor: second, Runs: runs})
		}
		return ctx.Err()
	})
	var done int64
	counted := func(yield func([]byte) error) error {
		return source(func(lines []byte) error {
			done += int64(len(lines))
			progress(done, packer.Lines())
			return yield(lines)
		})
	}
	if err := ingest.PackRecording(counted, packer, undated, lateness); err != nil {
		return err
	}
	e.Close(-1)
	return nil
}

// rawPartition is what is known of a partition of events.raw so far. Which
// records count, and at which second, is the receiver's rule, written down here
// a second time: an oracle that shared the receiver's code would share its
// mistakes.
type rawPartition struct {
	watermark *watermark.Watermark
	domain    string // that of its first record
	earliest  int64  // the least second of the packs before the first tick; -1 before one
}

// evalRaw feeds the topic events.raw, from where it starts to where it ends now.
func evalRaw(ctx context.Context, e *oracle.Evaluator, cluster topics.Cluster, names topics.Names, bar *progress) error {
	var partitions []*rawPartition
	least := func() int64 {
		w := partitions[0].watermark.Second()
		for _, p := range partitions {
			w = min(w, p.watermark.Second())
		}
		return w
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	count, err := topics.PartitionCount(starting, cluster, names.Raw())
	if err != nil {
		return err
	}
	for range count {
		partitions = append(partitions, &rawPartition{watermark: watermark.New(), earliest: -1})
	}
	var bytes int64
	admin, err := cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	all, err := admin.Readable(starting, names.Raw())
	if err != nil {
		return err
	}
	err = admin.Read(ctx, names.Raw(), all, func(r *kgo.Record) bool {
		evalRecord(e, partitions[r.Partition], r, count)
		if w := least(); len(r.Value) == 0 && w >= 0 {
			e.Advance(w)
		}
		bytes += int64(len(r.Value))
		bar.show(bytes, 0, int64(e.Counts().Lines))
		return true
	})
	if err != nil {
		return err
	}
	e.Close(-1)
	return nil
}

// evalRecord feeds one record of a partition.
func evalRecord(e *oracle.Evaluator, p *rawPartition, r *kgo.Record, partitions int32) {
	header, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
	if err != nil || header.Tick != nil && len(r.Value) > 0 {
		e.Undecodable(r.Value, max(p.watermark.Second(), p.earliest, 0))
		return
	}
	if p.domain == "" {
		p.domain = header.Domain
	}
	t := header.Tick
	if p.domain != header.Domain || t != nil && t.Partitions != partitions {
		return
	}
	second := header.Second()
	if t == nil {
		if p.watermark.Second() < 0 && (p.earliest < 0 || second < p.earliest) {
			p.earliest = second
		}
		e.Pack(program.Pack{Lines: r.Value, Second: second, Floor: max(second, p.watermark.Second()), Map: header.Map, Runs: header.Runs()})
		return
	}
	_, _, gaps := p.watermark.Tick(watermark.Tick{Ingester: header.Ingester, Clock: second, Since: t.Since, Leaving: t.Leaving})
	for _, g := range gaps {
		e.Gap(g.From, g.To)
	}
}

// printCounts prints the account of the lines.
func printCounts(w io.Writer, c aggregate.LineCounts) error {
	account, err := json.Marshal(struct {
		Lines      uint64 `json:"lines"`
		Counted    uint64 `json:"counted"`
		Late       uint64 `json:"late"`
		Unreadable uint64 `json:"unreadable"`
	}{c.Lines, c.Counted, c.Late, c.Unreadable})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", account)
	return err
}

// A snapshotWriter writes snapshots as JSON lines. What goes wrong is told by
// flush.
type snapshotWriter struct {
	w   *bufio.Writer
	buf []byte
}

func newSnapshotWriter(w io.Writer) *snapshotWriter {
	return &snapshotWriter{w: bufio.NewWriterSize(w, 64<<10)}
}

func (s *snapshotWriter) write(snapshot stats.Snapshot) {
	s.buf = append(snapshot.AppendJSON(s.buf[:0]), '\n')
	s.w.Write(s.buf) // a bufio.Writer keeps its error for Flush
}

func (s *snapshotWriter) flush() error { return s.w.Flush() }
