package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"pulse/ingest"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/web"
)

// All in one process:
//
//	inputs -> ingester -> +--------+ <-> receiver
//	                      | broker | <-> merger
//	                      +--------+  -> web -> browsers, alert
var runCommand = command{
	name: "run", summary: "run all roles and an embedded broker in one process", usage: "[flags]", about: `
Runs all roles and an embedded broker in one process. Lines come from the inputs
that flags ask for, as with pulse ingest; without any from a piped standard input, or
from other processes: pulse ingest --kafka ADDRESS.

    tail -F access.log | pulse run
    pulse run --file '/var/log/nginx/*.log' --follow`,
	reloads: true, settings: func() settings { return &runSettings{} },
}

type runSettings struct {
	roleFlags
	web    webFlags
	alerts alertFlags
	listen string
	data   string
	max    byteSize
	drop   bool
	inputs inputFlags
	id     string

	history time.Duration
}

func (s *runSettings) add(f *flags) {
	s.web.add(f)
	s.alerts.add(f)
	f.StringVar(&s.listen, "kafka-listen", "localhost:9092", "the `address` of the embedded broker")
	f.StringVar(&s.data, "data-dir", "pulse-data", "the `folder` for the broker's data, which a restart continues with; empty: keep data in memory")
	s.max = 2 << 30
	f.Var(&s.max, "data-max", "the most `bytes` of records that the broker keeps, such as 500MiB; 0: no limit")
	f.BoolVar(&s.drop, "drop-damaged", false, "drop what is damaged in --data-dir and go on; by default, Pulse names the damage and ends")
	s.inputs.add(f)
	addID(f, &s.id)
	addHistory(f, &s.history)
	s.addPrefix(f)
	s.addSession(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
}

func (s *runSettings) check(words []string) error {
	if err := s.web.check(); err != nil {
		return err
	}
	if err := s.alerts.check(); err != nil {
		return err
	}
	if err := checkHistory(s.history); err != nil {
		return err
	}
	if err := topics.CheckPrefix(s.prefix); err != nil {
		return usageError{err}
	}
	if len(words) > 0 {
		return usagef("%q is not a flag: --replay %[1]s sends a recording as if it happened now, --file %[1]s reads a log by its own times, and --file %[1]s --follow goes on as it grows", words[0])
	}
	return nil
}

func (s *runSettings) run(ctx context.Context, e *environment) error {
	asked, err := s.asked(e)
	if err != nil {
		return err
	}
	role, err := s.openOn(e, topics.Cluster{}) // the broker comes last, when all else is right
	if err != nil {
		return err
	}
	if err := s.web.open(role.log); err != nil {
		return err
	}
	role.metrics = newMetrics()
	role.metrics.process()
	bar := newProgress(e.Stderr)
	defer bar.end()
	known := &recording{}
	opened, err := openInputs(e, role, asked, func(done, total, lines int64) {
		bar.show(done, total, lines)
		known.read(done, total)
	})
	if err != nil {
		return err
	}
	if isRecorded(asked, opened) {
		role.recording = known
	}
	if len(opened) > 0 && opened[0].Play == nil {
		if err := s.live(role.definitions); err != nil {
			return err
		}
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
	if err := ensureOwn(ctx, role); err != nil {
		return err
	}
	if err := s.runAll(ctx, e, role, asked, opened); err != nil {
		if disk := b.Err(); disk != nil {
			return fmt.Errorf("the embedded broker cannot write its data: %w; free some disk space, or choose another --data-dir", disk)
		}
		return err
	}
	return nil
}

// ensureOwn makes a role's topics on the embedded broker.
func ensureOwn(ctx context.Context, role *role) error {
	options := role.topicOptions()
	// Each partition costs the same in every second, also in a quiet one, and more of them
	// than CPUs share nothing out.
	options.First = int32(min(runtime.GOMAXPROCS(0), topics.DefaultPartitions))
	return topics.Ensure(ctx, role.cluster, role.names, options)
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

// asked are the inputs that flags ask for; without any it is what is piped in. If there is
// nothing, other processes send lines.
func (s *runSettings) asked(e *environment) ([]asked, error) {
	if !s.inputs.given() && piped(e.Stdin) {
		if err := s.inputs.flags.Set("stdin", "true"); err != nil {
			return nil, err
		}
	}
	return s.inputs.asked(e)
}

// runAll runs the inputs and, again after each reload, the roles, on the broker that is there
// by now.
func (s *runSettings) runAll(ctx context.Context, e *environment, role *role, asked []asked, opened []*ingest.Opened) error {
	group, ctx := errgroup.WithContext(ctx)
	percent := plainPercent
	if role.recording != nil {
		percent = plentyPercent
	}
	go beThrifty(ctx, e.LookupEnv, percent)
	if len(opened) > 0 {
		group.Go(func() error { return role.runInputs(ctx, s.id, asked[0].kind.Past, opened) })
	} else {
		role.log.Info("no lines yet: pipe them in, or send them with pulse ingest", "kafka", role.cluster.Brokers[0])
	}
	usable := func(ctx context.Context, d *stats.Definitions) error {
		if d.Lateness != role.definitions.Lateness {
			return errors.New("the lateness has changed, which the inputs go by as well: start pulse run again")
		}
		next := s.roleOf(role.log, role.cluster, d)
		if err := s.alerts.usable(next, e); err != nil {
			return err
		}
		return ensureOwn(ctx, next)
	}
	// What cannot go on in this process could not start in the next one either, but for the
	// lateness, which is changed by hand.
	group.Go(func() error {
		return s.reloading(ctx, role.log, func() { reloadInputs(role.log, opened); s.web.reload(role.log) }, usable, func(ctx context.Context) error {
			definitions, err := s.load()
			if err != nil {
				return err
			}
			next := s.roleOf(role.log, role.cluster, definitions)
			next.recording = role.recording
			return s.runRoles(ctx, e, next, role.metrics, s.saved(definitions, usable, none))
		})
	})
	return group.Wait()
}

// runRoles wires up the roles and runs them. Process has the metrics of all else.
func (s *runSettings) runRoles(ctx context.Context, e *environment, role *role, process metrics, file web.DefinitionsFile) error {
	server, err := s.web.server(role, prometheus.Gatherers{process, role.metrics}, file)
	if err != nil {
		return err
	}
	receiver, err := role.receiver("", s.history)
	if err != nil {
		return err
	}
	merger, err := role.merger("")
	if err != nil {
		return err
	}
	var alerts *alertRole
	if len(role.definitions.Alerts) > 0 {
		if alerts, err = s.alerts.wire(role, e); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return receiver.Run(ctx) })
	group.Go(func() error { return merger.Run(ctx) })
	group.Go(func() error { role.minutes().Run(ctx); return nil })
	group.Go(func() error { role.fill(ctx, s.history); return nil })
	group.Go(func() error { return server.Run(ctx) })
	if alerts != nil {
		group.Go(func() error { return alerts.run(ctx) })
	}
	fmt.Fprintf(e.Stdout, "\n  dashboard  %s\n  kafka      %s  (kcat -b %[2]s -t %[3]s)\n\n", server.URL(), role.cluster.Brokers[0], role.names.Merged())
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
