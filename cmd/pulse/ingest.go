package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/ingest"
	"pulse/topics"
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
	id := f.String("id", "", "the ingester's `name`, unique among those that run; by default random, or with --follow and --kafka-topic always the same")
	topic := f.String("kafka-topic", "", "read the topic with this `name`, which others fill with a line in each record")
	field := f.String("kafka-field", "", "the records of --kafka-topic are JSON: the `name` of the field with the line, say message")
	format := f.formatFlag()
	var network inputFlags
	network.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	var inputs []ingest.Input
	pipe, file := "stdin", "file"
	if *stdin && len(files) > 0 {
		pipe, file = "", "" // a backlog's lines have one origin
	}
	if *stdin {
		inputs = append(inputs, ingest.Stdin{Name: pipe, Format: *format, From: e.Stdin})
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := r.live(role.definitions); err != nil {
		return err
	}
	if len(files) > 0 && !*follow {
		inputs = append(inputs, ingest.Files{Name: file, Format: *format, Globs: files, Log: role.log})
	}
	var exact func(ingest.Positions) ingest.Input
	var fixed string // the id
	kafka := &ingest.KafkaCounts{}
	switch {
	case *topic != "":
		exact = func(p ingest.Positions) ingest.Input {
			return ingest.Kafka{Name: "kafka", Topic: *topic, Format: *format, Field: *field, Cluster: role.cluster, Positions: p, Counts: kafka, Log: role.log}
		}
		fixed = fixedID("kafka", []string{*topic})
	case *field != "":
		return usagef("--kafka-field is for --kafka-topic")
	case len(files) > 0 && *follow:
		exact = func(p ingest.Positions) ingest.Input {
			return ingest.Files{Name: "file", Format: *format, Globs: files, Follow: true, Positions: p, Log: role.log}
		}
		fixed = followID(files)
	}
	if exact != nil && (*stdin || *topic != "" && len(files) > 0) {
		return usagef("--stdin, --file --follow and --kafka-topic go on after a restart each in its own way: run a pulse ingest for each")
	}
	backlog := len(inputs) > 0 || exact != nil
	configs, err := network.configs(e)
	if err != nil {
		return err
	}
	if !backlog && len(configs) == 0 {
		return usagef("nothing to read: give --stdin, --file or --kafka-topic, or one of --drain, --syslog-udp, --syslog-tcp, --syslog-tls, --aorta and --inputs")
	}
	if *format != "" && !backlog {
		return usagef("--format is for --stdin, --file and --kafka-topic; a drain's source has it among its fields")
	}
	if backlog && len(configs) > 0 {
		return usagef("--stdin, --file and --kafka-topic may begin with lines of the past, which the other inputs have not: run another pulse ingest for those")
	}
	listening, err := openInputs(configs, role)
	if err != nil {
		return err
	}
	inputs = append(inputs, listening...)
	if err := r.serve(ctx, role, func() bool { return true }); err != nil {
		return err
	}
	if drains := drainsOf(inputs); *id != "" && len(drains) > 0 {
		// Requests are known again by the next ingester with the id.
		x := &ingest.Exact{
			Cluster: role.cluster, Names: role.names, ID: *id, Log: role.log, Once: true,
			Live: func(p ingest.Positions) ingest.Live {
				for _, d := range drains {
					d.Restore(p)
				}
				return ingest.Live{Inputs: inputs, Lateness: role.definitions.Lateness}
			},
		}
		role.metrics.producer(x)
		return x.Run(ctx)
	}
	if exact != nil {
		if *topic != "" {
			(inputMetrics{role.metrics, prometheus.Labels{"input": "kafka"}}).records(kafka)
		}
		x := &ingest.Exact{
			Cluster: role.cluster, Names: role.names, ID: cmp.Or(*id, fixed), Log: role.log,
			Live: func(p ingest.Positions) ingest.Live {
				return ingest.Live{Inputs: []ingest.Input{exact(p)}, Backlog: true, Lateness: role.definitions.Lateness}
			},
		}
		role.metrics.producer(x)
		return x.Run(ctx)
	}
	return produce(ctx, role, func(out ingest.Output) error {
		return ingest.Live{Inputs: inputs, Ingester: *id, Backlog: backlog, Lateness: role.definitions.Lateness}.Run(ctx, out)
	})
}

// drainsOf are the drains among inputs.
func drainsOf(inputs []ingest.Input) (drains []*ingest.Drain) {
	for _, input := range inputs {
		if d, ok := input.(*ingest.Drain); ok {
			drains = append(drains, d)
		}
	}
	return drains
}

// followID is the id of an ingester of files that nobody gave one: it says which
// files, on which host.
func followID(files globs) string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	folder, err := os.Getwd() // patterns may be relative to it
	if err != nil {
		folder = ""
	}
	return fixedID(host, append([]string{folder}, files...))
}

// fixedID is an id that begins with a name and is the same for the same input.
func fixedID(name string, input []string) string {
	suffix := fmt.Sprintf("-%08x", crc32.ChecksumIEEE([]byte(strings.Join(input, "\x00"))))
	return name[:min(len(name), topics.MaxIngester-len(suffix))] + suffix
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
