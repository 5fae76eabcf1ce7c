package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"pulse/ingest"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/topics"
	"pulse/topics/broker"
)

// runCommand is `pulse run`:
//
//	stdin or recording -> ingester -> +--------+ <-> receiver
//	                                  | broker | <-> merger
//	                                  +--------+  -> web -> browsers
func runCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	var w webFlags
	var replay replayFlags
	f := newFlags(e, "run", "[flags]", `
All roles and an embedded broker in one process. Lines come from a piped
standard input, or from a recording with --replay, or from other processes:
pulse ingest --kafka ADDRESS.

    tail -F access.log | pulse run`)
	w.add(f)
	listen := f.String("kafka-listen", "localhost:9092", "the `address` of the embedded broker")
	data := f.String("data-dir", "pulse-data", "the `folder` of the broker's data; a restart goes on with it. Empty: in memory")
	recording := f.String("replay", "", "send this recording, a `file`")
	replay.add(f)
	format := f.formatFlag()
	r.addPrefix(f)
	r.statsFlag.add(f)
	r.logFlags.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	if err := w.check(); err != nil {
		return err
	}
	role, err := r.openOn(e, topics.Cluster{}) // the broker comes last, when all else is right
	if err != nil {
		return err
	}

	live := *recording == "" && piped(e.Stdin)
	if *format != "" && !live {
		return usagef("--format is for lines from standard input, and there are none")
	}
	if live {
		if err := r.live(role.definitions); err != nil {
			return err
		}
	}

	var replayed *ingest.Opened
	bar := newProgress(io.Discard)
	if *recording != "" {
		if replayed, bar, err = replay.replay(e, role, []string{*recording}); err != nil {
			return err
		}
	} else if replay.given() {
		return usagef("--speed, --original-times and --loop are for --replay")
	}
	defer bar.end()

	b, err := broker.Start(*listen, *data)
	if err != nil {
		return fmt.Errorf("%w (see --kafka-listen and --data-dir)", err)
	}
	defer b.Close()
	role.cluster = topics.Cluster{Brokers: b.Addrs()}
	if err := topics.Ensure(ctx, role.cluster, role.names, role.topicOptions()); err != nil {
		return err
	}
	server, err := w.server(role)
	if err != nil {
		return err
	}
	receive, err := receiver.New(receiver.Config{Cluster: role.cluster, Names: role.names, Definitions: role.definitions, History: defaultHistory, Logger: role.log})
	if err != nil {
		return err
	}
	merge, err := merger.New(merger.Config{Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Logger: role.log})
	if err != nil {
		return err
	}

	role.metrics.receiver(receive)
	role.metrics.merger(merge)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return receive.Run(ctx) })
	group.Go(func() error { return merge.Run(ctx) })
	group.Go(func() error { role.minutes().Run(ctx); return nil })
	group.Go(func() error { return server.Run(ctx) })
	switch {
	case replayed != nil:
		group.Go(func() error {
			return produce(ctx, role, func(out ingest.Output) error { return replayed.Play(ctx, out) })
		})
	case live:
		group.Go(func() error {
			stdin := ingest.Live{Inputs: []ingest.Input{ingest.Stdin{Name: "stdin", Format: *format, From: e.Stdin}}, Backlog: true, Lateness: role.definitions.Lateness}
			return produce(ctx, role, func(out ingest.Output) error { return stdin.Run(ctx, out) })
		})
	default:
		role.log.Info("no lines yet: pipe them in, or send them with pulse ingest", "kafka", b.Addrs()[0])
	}
	fmt.Fprintf(e.Stdout, "\n  dashboard  %s\n  kafka      %s  (kcat -b %[2]s -t %[3]s)\n\n", server.URL(), b.Addrs()[0], role.names.Merged())
	err = group.Wait()
	if disk := b.Err(); err != nil && disk != nil {
		return fmt.Errorf("the broker cannot write: %w; make room, or choose another --data-dir", disk)
	}
	return err
}

// piped reports whether somebody sends lines: r is a pipe or a file, not a
// terminal or the null device. A reader that is no file is one of a test.
func piped(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return r != nil
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}
