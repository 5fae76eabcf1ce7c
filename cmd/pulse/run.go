package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"pulse/ingest"
	"pulse/topics"
	"pulse/topics/broker"
)

// All in one process:
//
//	stdin or recording -> ingester -> +--------+ <-> receiver
//	                                  | broker | <-> merger
//	                                  +--------+  -> web -> browsers
var runCommand = command{
	name: "run", summary: "run all roles and an embedded broker in one process", usage: "[flags]", about: `
Runs all roles and an embedded broker in one process. Lines come from a piped
standard input, or from a recording with --replay, or from other processes:
pulse ingest --kafka ADDRESS.

    tail -F access.log | pulse run`,
	settings: func() settings { return &runSettings{} },
}

type runSettings struct {
	roleFlags
	web       webFlags
	listen    string
	data      string
	max       byteSize
	drop      bool
	recording string
	replay    replayFlags
}

func (s *runSettings) add(f *flags) {
	s.web.add(f)
	f.StringVar(&s.listen, "kafka-listen", "localhost:9092", "the `address` of the embedded broker")
	f.StringVar(&s.data, "data-dir", "pulse-data", "the `folder` for the broker's data, which a restart continues with; empty: keep data in memory")
	s.max = 2 << 30
	f.Var(&s.max, "data-max", "the most `bytes` of records that the broker keeps, such as 500MiB; 0: no limit")
	f.BoolVar(&s.drop, "drop-damaged", false, "drop what is damaged in --data-dir and go on; by default, Pulse names the damage and ends")
	f.StringVar(&s.recording, "replay", "", "replay this recording, a `file`")
	s.replay.add(f)
	s.addPrefix(f)
	s.addSession(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
}

func (s *runSettings) check(words []string) error {
	if err := s.web.check(); err != nil {
		return err
	}
	if err := topics.CheckPrefix(s.prefix); err != nil {
		return usageError{err}
	}
	if s.recording == "" && s.replay.given() {
		return usagef("--speed, --original-times and --loop need --replay")
	}
	return noWords(words)
}

func (s *runSettings) run(ctx context.Context, e *environment) error {
	role, err := s.openOn(e, topics.Cluster{}) // the broker comes last, when all else is right
	if err != nil {
		return err
	}
	bar := newProgress(e.Stderr)
	defer bar.end()
	send, err := s.ingester(e, role, bar)
	if err != nil {
		return err
	}
	b, err := broker.Options{Max: int64(s.max), DropDamaged: s.drop, Log: role.log}.Start(s.listen, s.data)
	switch damage := (*broker.DamageError)(nil); {
	case errors.As(err, &damage):
		return fmt.Errorf("%w\neverything else is intact. Restore the files from a copy, or continue without what is lost: pulse run --drop-damaged", err)
	case err != nil:
		return fmt.Errorf("%w (see --kafka-listen and --data-dir)", err)
	}
	defer b.Close()
	role.log.Info("the broker keeps the records", "folder", s.data, "at most", s.max.String())
	role.cluster = topics.Cluster{Brokers: b.Addrs(), Session: s.session}
	role.metrics.broker(b)
	if err := topics.Ensure(ctx, role.cluster, role.names, role.topicOptions()); err != nil {
		return err
	}
	if err := s.runRoles(ctx, e, role, send); err != nil {
		if disk := b.Err(); disk != nil {
			return fmt.Errorf("the embedded broker cannot write its data: %w; free some disk space, or choose another --data-dir", disk)
		}
		return err
	}
	return nil
}

// A byteSize is the value of a flag.
type byteSize int64

var byteUnits = []struct {
	name string
	size byteSize
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func (b *byteSize) String() string {
	for _, u := range byteUnits {
		if *b > 0 && *b%u.size == 0 {
			return strconv.FormatInt(int64(*b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Set implements flag.Value.
func (b *byteSize) Set(text string) error {
	unit := byteSize(1)
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = number, u.size
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		return errors.New("write bytes, such as 500MiB, 2GiB or 0")
	}
	*b = byteSize(n) * unit
	return nil
}

// An ingester sends lines to an output, until they end or ctx does.
type ingester func(ctx context.Context, to ingest.Output) error

// ingester wires up what lines come from; nil: other processes send them.
func (s *runSettings) ingester(e *environment, role *role, bar *progress) (ingester, error) {
	live := s.recording == "" && piped(e.Stdin)
	switch {
	case s.replay.Reading != (ingest.Reading{}) && !live && s.recording == "":
		return nil, usagef("--format, --zone, --columns and --undated need lines from standard input or --replay, and nothing is piped in")
	case live:
		reading := s.replay.Reading
		reading.Formats = role.definitions.Dating()
		stdin := reading.Watch(ingest.Stdin{Name: "stdin", Reading: reading, From: e.Stdin}, "", role.log)
		return ingest.Live{Inputs: []ingest.Input{stdin}, Backlog: true, Lateness: role.definitions.Lateness, Formats: reading.Formats}.Run, s.live(role.definitions)
	case s.recording != "":
		s.replay.Files = []string{s.recording}
		opened, err := s.replay.open(role, bar)
		if err != nil {
			return nil, err
		}
		return opened.Play, nil
	}
	return nil, nil
}

// runRoles wires up the roles, on the broker that is there by now, and runs them.
func (s *runSettings) runRoles(ctx context.Context, e *environment, role *role, send ingester) error {
	server, err := s.web.server(role)
	if err != nil {
		return err
	}
	receiver, err := role.receiver("", defaultHistory)
	if err != nil {
		return err
	}
	merger, err := role.merger("")
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return receiver.Run(ctx) })
	group.Go(func() error { return merger.Run(ctx) })
	group.Go(func() error { role.minutes().Run(ctx); return nil })
	group.Go(func() error { return server.Run(ctx) })
	kafka := role.cluster.Brokers[0]
	if send != nil {
		group.Go(func() error { return role.produce(ctx, send) })
	} else {
		role.log.Info("no lines yet: pipe them in, or send them with pulse ingest", "kafka", kafka)
	}
	fmt.Fprintf(e.Stdout, "\n  dashboard  %s\n  kafka      %s  (kcat -b %[2]s -t %[3]s)\n\n", server.URL(), kafka, role.names.Merged())
	return group.Wait()
}

// piped reports whether somebody sends lines: r is a pipe or a file, not a
// terminal or the null device. A reader that is not a file is one of a test.
func piped(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return r != nil
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}
