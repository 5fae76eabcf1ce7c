package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

// eval is how definitions are tried out, and the oracle of the tests: what Kafka
// and all roles would say, said in one process.
var evalCommand = command{
	name: "eval", summary: "try definitions on logs, without Kafka", usage: "[LOG...] [flags]", about: `
Prints the final snapshots that Pulse would publish for recordings (or standard
input, -), one JSON object a line: every stat, every second from the first line's to
the last's; in long pauses a stat's seconds of one value are one object, which has
"since". No Kafka is needed, unless --raw reads the topic events.raw as it
stands, clocks included. With --whole each stat is printed once, over the whole log:
its mean rate, its sum, quantiles of all its numbers; in a table also with how many
lines or numbers it is of, and their least, mean and greatest. With --alerts the states that
its alerts come into are printed instead, and with --marks what lines mark. The last line on standard error
is one JSON object that accounts for the lines.`,
	settings: func() settings { return &evalSettings{lateness: -1} },
}

type evalSettings struct {
	logFlags
	kafkaFlags
	logSettings
	selection
	lateness int64 // in seconds; -1: the file's
	people   bool
	whole    bool
	raw      bool
	alerts   bool
	marks    bool
}

func (s *evalSettings) add(f *flags) {
	s.logSettings.add(f)
	f.Func("lateness", "how long a second waits for late lines, a `duration` in whole seconds; by default, the lateness in the definitions file", s.setLateness)
	f.BoolVar(&s.people, "table", false, "print a table for people: each stat with its last value and a sparkline")
	f.BoolVar(&s.whole, "whole", false, "print each stat once, over the whole log")
	f.BoolVar(&s.alerts, "alerts", false, "print what the alerts in the definitions file would have said; with --table, how often each fired and when")
	f.BoolVar(&s.marks, "marks", false, "print what the marks in the definitions file find, instead of snapshots")
	s.selection.add(f)
	f.BoolVar(&s.raw, "raw", false, "read the topic events.raw instead of files")
	s.kafkaFlags.add(f)
	s.logFlags.add(f)
}

func (s *evalSettings) setLateness(text string) error {
	var d time.Duration
	if err := (*duration)(&d).Set(text); err != nil {
		return err
	}
	if d < 0 || d > stats.MaxLateness || d%time.Second != 0 {
		return fmt.Errorf("write whole seconds from 0s to %s", short(stats.MaxLateness))
	}
	s.lateness = int64(d / time.Second)
	return nil
}

func (s *evalSettings) check(words []string) error {
	if err := s.logSettings.check(words); err != nil {
		return err
	}
	if s.raw && s.reading != (ingest.Reading{}) {
		return usagef("--format, --zone, --columns, --unwrap, --join and --undated are for recordings: the topic events.raw says how its lines are read")
	}
	if s.raw && len(s.files) > 0 {
		return usagef("--raw reads the topic events.raw, not %s", s.files[0])
	}
	if s.whole && s.given() {
		return usagef("--stat, --from, --to and --last cannot be used with --whole")
	}
	if s.alerts && (s.whole || s.given()) {
		return usagef("--whole, --stat, --from, --to and --last cannot be used with --alerts: a state follows from all points before it")
	}
	if s.marks && (s.whole || s.alerts || s.given()) {
		return usagef("--whole, --alerts, --stat, --from, --to and --last cannot be used with --marks")
	}
	return s.selection.check()
}

func (s *evalSettings) run(ctx context.Context, e *environment) error {
	log, err := s.logger(e.Stderr)
	if err != nil {
		return err
	}
	definitions, err := s.load()
	if err != nil {
		return err
	}
	if s.lateness >= 0 {
		changed := *definitions
		changed.Lateness = s.lateness
		definitions = &changed
	}
	if err := s.of(definitions); err != nil {
		return err
	}
	if s.alerts && len(definitions.Alerts) == 0 {
		return usagef("there are no alerts in %s: write them under the key alerts (docs/alerts.md)", cmp.Or(s.file, "the built-in definitions"))
	}
	if s.marks && !slices.ContainsFunc(definitions.Stats, func(s *stats.Stat) bool { return s.Mark != nil }) {
		return usagef("there are no marks in %s: write them under the key marks (docs/definitions.md)", cmp.Or(s.file, "the built-in definitions"))
	}
	print, printed := e.Stdout, func() error { return nil }
	if s.reading.Refuses() { // which the last line decides
		held, err := newHeldOutput()
		if err != nil {
			return err
		}
		defer held.Close()
		print, printed = held, func() error { return held.release(e.Stdout) }
	}
	found, finish, err := s.output(print, definitions)
	if err != nil {
		return err
	}
	evaluator, named := evaluator(found), (*namer)(nil)
	if s.file != "" { // the built-in stats are of any log
		named = newNamer(found, definitions)
		evaluator = named
	}
	datings, err := s.evaluate(ctx, e, evaluator, definitions)
	found.Stop()
	if err == nil || !s.whole && !s.people && s.last == 0 { // of a part of a log that would not be true
		err = errors.Join(err, finish())
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted: what was printed does not include the rest of the log")
	}
	if err != nil {
		return err
	}
	counts := evaluator.Counts()
	warnOfCounts(log, counts)
	warnOfLate(log, counts, definitions.Lateness, evaluator.Notices().Lateness, datings)
	if named != nil {
		named.warn(log, definitions)
	}
	undated := datings.Check(s.reading, log)
	if undated == nil {
		undated = printed()
	}
	if read := counts.Counted + counts.Late; s.raw && 2*counts.Undated > read {
		log.Warn("more than half of the lines have no time that Pulse knows, and count when they arrived", "undated", counts.Undated, "lines", read)
	}
	return errors.Join(printCounts(e.Stderr, counts), undated)
}

// A heldOutput is what is printed if all goes well, in a file that has no name.
type heldOutput struct{ *os.File }

func newHeldOutput() (heldOutput, error) {
	f, err := os.CreateTemp("", "pulse-eval-")
	if err != nil {
		return heldOutput{}, err
	}
	return heldOutput{f}, os.Remove(f.Name())
}

func (h heldOutput) release(w io.Writer) error {
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, h.File)
	return err
}

// output makes what is to be fed, and what prints the end of what it found.
func (s *evalSettings) output(w io.Writer, d *stats.Definitions) (parallel, func() error, error) {
	if s.whole {
		whole, err := oracle.NewWhole(d)
		if err != nil {
			return nil, nil, err
		}
		if !s.people {
			return oracle.NewParallel(whole), func() error { return printWhole(w, whole, d) }, nil
		}
		all, err := newSummaries(whole, d)
		return all, func() error { return printWholeTable(w, all, d) }, err
	}
	var out snapshotSink
	switch {
	case s.alerts:
		out = newAlertSink(w, d, s.people)
	case s.marks:
		out = newMarkSink(w, d, s.people)
	case s.people:
		out = newTable(w, d)
	default:
		out = newSnapshotWriter(w)
	}
	if s.given() {
		out = &selected{selection: s.selection, sink: out}
	}
	evaluator, err := oracle.New(d, out.write)
	if err != nil {
		return nil, nil, err
	}
	return oracle.NewParallel(evaluator), out.flush, nil
}

// evaluate feeds what the settings name, and says which lines of files have times.
func (s *evalSettings) evaluate(ctx context.Context, e *environment, evaluator evaluator, d *stats.Definitions) (ingest.Datings, error) {
	bar := newProgress(e.Stderr)
	defer bar.end()
	if s.raw {
		cluster, err := s.cluster()
		if err != nil {
			return nil, usageError{err}
		}
		return nil, evalRaw(ctx, evaluator, cluster, topics.Names{Prefix: s.prefix, Version: d.Version()}, bar)
	}
	l, err := s.open(ctx, e, d)
	if err != nil {
		return nil, err
	}
	return evalLog(ctx, evaluator, l, d.Lateness, func(done, lines int64) { bar.show(done, l.size, lines) })
}

// warnOfCounts says why lines are in no stat if many are, and that some are at another time than theirs.
func warnOfCounts(log *slog.Logger, c aggregate.LineCounts) {
	if c.Unreadable > 0 {
		log.Warn("lines are not counted in any stat because they are longer than 64 KiB (or, with --raw, in records that Pulse did not write): have the sender split them",
			"unreadable", c.Unreadable, "lines", c.Lines)
	}
	if read := c.Counted + c.Late; 2*(c.Unparsed+c.Half) > read {
		log.Warn("more than half of the lines give no fields: see the stat pulse.formats for the formats that Pulse recognized, and docs/formats.md for those it knows",
			"unparsed", c.Unparsed, "half understood", c.Half, "lines", c.Lines)
	}
	if c.Ahead > 0 {
		log.Warn("lines are counted at the time of the lines before them because no other line is near their own time: look for wrong dates",
			"ahead", c.Ahead, "lines", c.Lines)
	}
}

// warnOfLate says what to do about a log that is out of order: all its lines count with a
// lateness of needed seconds. If the log's clock leapt, the line by which it did may have a
// wrong date.
func warnOfLate(log *slog.Logger, c aggregate.LineCounts, lateness, needed int64, datings ingest.Datings) {
	if float64(c.Late) <= timing.LateShare*float64(c.Lines) {
		return
	}
	do := "sort the log by time first, since --lateness is at most " + short(stats.MaxLateness)
	if most := int64(stats.MaxLateness / time.Second); needed <= most {
		do = fmt.Sprintf("for all of them to count, run it again with --lateness %ds", needed)
	}
	attributes := []any{"late", c.Late, "lines", c.Lines, "by", time.Duration(needed) * time.Second, "lateness", time.Duration(lateness) * time.Second}
	if l, ok := datings.Leap(); ok {
		do += "; if the line that is quoted has a wrong date, take it out, with those that agree with it"
		attributes = append(attributes, "line", string(l))
	}
	log.Warn("the log is out of order: lines are not counted in any stat because they come after lines with later times; "+do, attributes...)
}

// evalLog feeds the packs and clocks that a replay would send, and says which lines have
// times.
func evalLog(ctx context.Context, e evaluator, l openedLog, lateness int64, progress func(done, lines int64)) (ingest.Datings, error) {
	packer := ingest.NewPacker("eval", topics.RecordingPrefix+"eval", 1, func(r ingest.Record) error {
		defer r.Done(nil)
		second := r.Header.Second()
		switch t := r.Header.Tick; {
		case t == nil:
			runs, err := topics.ParseOrigins(r.Header.Origins)
			if err != nil {
				return err // cannot be: they were just made
			}
			e.Pack(program.Pack{Lines: r.Value, Second: second, Floor: second, Runs: runs, Recorded: true})
		case !t.Leaving: // the last tick is of no second of the recording
			e.Advance(second)
		}
		return ctx.Err()
	})
	var done int64
	counted := func(yield func(ingest.Piece) error) error {
		return l.lines(func(p ingest.Piece) error {
			done += int64(len(p.Lines))
			progress(done, packer.Lines())
			return yield(p)
		})
	}
	datings, err := ingest.PackRecording(counted, l.formats, packer, l.written, lateness)
	if err != nil {
		return nil, err
	}
	e.Close(-1)
	return datings, nil
}

// evalRaw feeds the topic events.raw, from where it starts to where it ends now.
func evalRaw(ctx context.Context, e evaluator, cluster topics.Cluster, names topics.Names, bar *progress) error {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var read, lines int64
	admin, err := cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := topics.PartitionCount(starting, cluster, names.Raw()); err != nil {
		return err // that says what to do
	}
	all, err := admin.RawSection(starting, names)
	if err != nil {
		return err
	}
	start, err := admin.RawLogStart(starting, names, all)
	if err != nil {
		return err
	}
	feed := start.Feed(e, len(all))
	err = admin.Read(ctx, names.Raw(), all, func(r *kgo.Record) bool {
		feed.Feed(r.Partition, r)
		read += int64(len(r.Value))
		lines += int64(bytes.Count(r.Value, []byte{'\n'}))
		bar.show(read, 0, lines)
		return true
	})
	if err != nil {
		return err
	}
	e.Close(-1)
	return nil
}

// printCounts prints the account of the lines.
func printCounts(w io.Writer, c aggregate.LineCounts) error {
	account, err := json.Marshal(struct {
		Lines      uint64 `json:"lines"`
		Counted    uint64 `json:"counted"`
		Late       uint64 `json:"late"`
		Unreadable uint64 `json:"unreadable"`
		Ahead      uint64 `json:"ahead"`
		Undated    uint64 `json:"undated"`
		Unparsed   uint64 `json:"unparsed"`
		Half       uint64 `json:"half"`
	}{c.Lines, c.Counted, c.Late, c.Unreadable, c.Ahead, c.Undated, c.Unparsed, c.Half})
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
