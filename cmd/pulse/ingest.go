package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"pulse/ingest"
)

// globs is a flag that can be given several times.
type globs []string

func (g *globs) String() string { return strings.Join(*g, ",") }
func (g *globs) Set(v string) error {
	if v == "" {
		return errors.New("it is empty")
	}
	*g = append(*g, v)
	return nil
}

// ingestCommand is `pulse ingest`.
func ingestCommand(ctx context.Context, e *environment, args []string) (err error) {
	var r roleFlags
	var files globs
	f := newFlags(e, "ingest", "[flags]", `
Sends lines to Kafka, from a pipe, files or the network, and ends when they end,
or at a signal, once Kafka has acknowledged all that was read.`)
	r.add(f)
	stdin := f.Bool("stdin", false, "read lines from standard input")
	f.Var(&files, "file", "read the files that match this `pattern`; may be given several times")
	follow := f.Bool("follow", false, "read on when files grow, through rotation, and take up new files that match")
	id := f.String("id", "", "the ingester's `name`, unique among those that run; by default a random one")
	var network inputFlags
	network.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	var inputs []ingest.Input
	if *stdin {
		inputs = append(inputs, ingest.Stdin{From: e.Stdin})
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := r.live(role.definitions); err != nil {
		return err
	}
	if len(files) > 0 {
		inputs = append(inputs, ingest.Files{Globs: files, Follow: *follow, Log: role.log})
	}
	backlog := len(inputs) > 0
	configs, err := network.configs(e)
	if err != nil {
		return err
	}
	if !backlog && len(configs) == 0 {
		return usagef("nothing to read: give --stdin or --file, or one of --drain, --syslog-udp, --syslog-tcp, --syslog-tls, --aorta and --inputs")
	}
	if backlog && len(configs) > 0 {
		return usagef("--stdin and --file may begin with lines of the past, which the other inputs have not: run another pulse ingest for those")
	}
	listening, err := openInputs(configs, role)
	if err != nil {
		return err
	}
	inputs = append(inputs, listening...)
	if err := r.serve(ctx, role, func() bool { return true }); err != nil {
		return err
	}
	return produce(ctx, role, func(out ingest.Output) error {
		return ingest.Live{Inputs: inputs, Ingester: *id, Backlog: backlog, Lateness: role.definitions.Lateness}.Run(ctx, out)
	})
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

// speed is a flag: how many times its own pace a recording is sent at.
type speed uint32

// ownPace is the speed of a recording that is sent as it was written.
const ownPace speed = 1000

func (s *speed) String() string {
	if *s == ingest.MaxSpeed {
		return "max"
	}
	return strconv.FormatFloat(float64(*s)/1000, 'f', -1, 64)
}

func (s *speed) Set(v string) error {
	if v == "max" {
		*s = ingest.MaxSpeed
		return nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 0.001 || n > 1e6 || math.IsNaN(n) {
		return errors.New("a number from 0.001 to 1000000, or max")
	}
	*s = speed(math.Round(n * 1000))
	return nil
}

// replayFlags say how a recording is replayed.
type replayFlags struct {
	speed    speed
	original bool
	loop     bool
}

func (r *replayFlags) add(f *flags) {
	r.speed = ownPace
	f.Var(&r.speed, "speed", "`times` the recording's own pace, from 0.001 to 1000000, or max")
	f.BoolVar(&r.original, "original-times", false, "keep the times of the lines instead of mapping them to now; the topics must hold nothing else")
	f.BoolVar(&r.loop, "loop", false, "begin again at the end")
}

// given reports whether any flag says something else than its default.
func (r *replayFlags) given() bool { return *r != replayFlags{speed: ownPace} }

// replay is the ingester of a recording.
func (r *replayFlags) replay(e *environment, log *slog.Logger, lateness int64, files []string) (*ingest.Replay, *progress, error) {
	if r.loop && (r.original || r.speed == ingest.MaxSpeed) {
		return nil, nil, usagef("--loop needs a --speed that is not max, and no --original-times")
	}
	recording, err := ingest.OpenRecording(files)
	if err != nil {
		return nil, nil, err
	}
	bar := newProgress(e.Stderr)
	return &ingest.Replay{
		Recording: recording, Speed: uint32(r.speed), OriginalTimes: r.original, Loop: r.loop,
		Lateness: lateness, Progress: bar.show, Log: log,
	}, bar, nil
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
	p, bar, err := replay.replay(e, role.log, role.definitions.Lateness, files)
	if err != nil {
		return err
	}
	defer bar.end()
	return produce(ctx, role, func(out ingest.Output) error { return p.Run(ctx, out) })
}
