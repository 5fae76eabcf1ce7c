package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"pulse/ingest"
)

// ingestCommand is `pulse ingest`.
func ingestCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	var inputs inputFlags
	f := newFlags(e, "ingest", "[flags]", `
Sends lines to Kafka, from a pipe, files or the network, and ends when they end,
or at a signal, once Kafka has acknowledged all that was read.`)
	r.add(f)
	inputs.add(f)
	id := f.String("id", "", "the ingester's `name`, unique among those that run; by default random, or with --follow and --kafka-topic always the same")
	if err := f.parse(args); err != nil {
		return err
	}
	all, err := inputs.asked(e)
	if err != nil {
		return err
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	bar := newProgress(e.Stderr)
	defer bar.end()
	opened, err := openInputs(e, role, all, bar.show)
	if err != nil {
		return err
	}
	if opened[0].Play == nil {
		if err := r.live(role.definitions); err != nil {
			return err
		}
	}
	if err := r.serve(ctx, role, func() bool { return true }); err != nil {
		return err
	}
	return runInputs(ctx, role, *id, all[0].kind.Past, opened)
}

// produce lets run send to events.raw, and returns when Kafka has all of it.
func produce(ctx context.Context, role *role, run func(ingest.Output) error) error {
	producer, err := ingest.NewProducer(ctx, role.cluster, role.names, role.log)
	if err != nil {
		return err
	}
	role.metrics.producer(producer)
	err = run(producer)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // a signal is not a failure
	}
	// What was accepted is Kafka's before the process ends, unless Kafka is away
	// for longer than a supervisor would wait.
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return errors.Join(err, producer.Close(flush))
}

// flushTimeout bounds how long an ingester that ends waits for acknowledgements.
const flushTimeout = 10 * time.Second

// replayFlags say how a recording is replayed.
type replayFlags struct{ *ingest.ReplayConfig }

// add adds all of them but the one that names the recording.
func (r *replayFlags) add(f *flags) {
	r.ReplayConfig = ingest.NewReplayConfig()
	for _, s := range r.Settings()[1:] {
		f.Var(s.Value, s.Flag, s.Help)
	}
}

// given reports whether any flag says something else than its default.
func (r *replayFlags) given() bool {
	return r.Speed != ingest.NewReplayConfig().Speed || bool(r.OriginalTimes) || bool(r.Loop)
}

// replay opens a recording to be sent.
func (r *replayFlags) replay(e *environment, role *role, files []string) (*ingest.Opened, *progress, error) {
	r.Files = files
	bar := newProgress(e.Stderr)
	opened, err := r.Open(ingest.Opening{Lateness: role.definitions.Lateness, Progress: bar.show, Log: role.log})
	if wrong := (ingest.AskedError{}); errors.As(err, &wrong) {
		err = usageError{err}
	}
	return opened, bar, err
}

// aortaFlags are those of a recording that is served, not sent to Kafka.
type aortaFlags struct{ address, secret string }

func (a *aortaFlags) add(f *flags) {
	f.vars["aorta-secret"] = "AORTA_SECRET"
	f.StringVar(&a.address, "serve-aorta", "", "do not send to Kafka, but serve the recording on this `address` to each client that says --aorta-secret")
	f.StringVar(&a.secret, "aorta-secret", "", "the `secret` of --serve-aorta")
}

// serve serves a recording until ctx ends.
func (a *aortaFlags) serve(ctx context.Context, e *environment, l *logFlags, r *replayFlags, files []string) error {
	log, err := l.logger(e.Stderr)
	if err != nil {
		return err
	}
	if a.secret == "" {
		return usagef("--serve-aorta needs --aorta-secret")
	}
	recording, err := ingest.OpenRecording(files)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", a.address)
	if err != nil {
		return fmt.Errorf("--serve-aorta: %w: choose another address", err)
	}
	fmt.Fprintf(e.Stdout, "aorta %s\n", listener.Addr())
	return ingest.AortaServer{
		Recording: recording, Secret: a.secret, Speed: uint32(r.Speed), OriginalTimes: bool(r.OriginalTimes), Loop: bool(r.Loop), Log: log,
	}.Run(ctx, listener)
}

// replayCommand is `pulse replay`.
func replayCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	var replay replayFlags
	f := newFlags(e, "replay", "FILE... [flags]", `
Sends a recording to Kafka. Its times are mapped to now (the first line's at its
own pace, the last line's at --speed max) unless --original-times is given.`)
	replay.add(f)
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.logFlags.add(f)
	var aorta aortaFlags
	aorta.add(f)
	files, err := f.parseWords(args)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return usagef("no recording is named")
	}
	if aorta.address != "" {
		return aorta.serve(ctx, e, &r.logFlags, &replay, files)
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	opened, bar, err := replay.replay(e, role, files)
	if err != nil {
		return err
	}
	defer bar.end()
	return runInputs(ctx, role, "", true, []*ingest.Opened{opened})
}
