package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"pulse/ingest"
)

var replayCommand = command{
	name: "replay", summary: "send a recording to Kafka, at any pace", usage: "FILE... [flags]", about: `
Sends a recording to Kafka. Its times are mapped to now (the first line's at its
own pace, the last line's at --speed max) unless --original-times is given.`,
	settings: func() settings { return &replaySettings{} },
}

type replaySettings struct {
	roleFlags
	replay replayFlags
	aorta  aortaFlags
}

func (s *replaySettings) add(f *flags) {
	s.replay.add(f)
	s.kafkaFlags.add(f)
	s.addCompression(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	s.aorta.add(f)
}

func (s *replaySettings) check(words []string) error {
	if s.replay.Files = words; len(words) == 0 {
		return usagef("no recording is given: name one or more files")
	}
	return s.aorta.check()
}

func (s *replaySettings) run(ctx context.Context, e *environment) error {
	if s.aorta.address != "" {
		return s.serveAorta(ctx, e)
	}
	role, err := s.open(e)
	if err != nil {
		return err
	}
	bar := newProgress(e.Stderr)
	defer bar.end()
	opened, err := s.replay.open(role, bar)
	if err != nil {
		return err
	}
	return role.produce(ctx, opened.Play)
}

// replayFlags say how a recording is replayed.
type replayFlags struct{ *ingest.ReplayConfig }

// add adds all of them but the one that names the recording.
func (r *replayFlags) add(f *flags) {
	r.ReplayConfig = ingest.NewReplayConfig()
	for _, s := range r.Settings()[1:] {
		f.Var(s.Value, s.Flag, s.Help)
	}
}

// open opens the recording to be sent.
func (r *replayFlags) open(role *role, bar *progress) (*ingest.Opened, error) {
	opened, err := r.Open(ingest.Opening{Lateness: role.definitions.Lateness, Formats: role.definitions.Dating(), Progress: bar.show, Log: role.log})
	if wrong := (ingest.AskedError{}); errors.As(err, &wrong) {
		err = usageError{err}
	}
	return opened, err
}

// aortaFlags are those of a recording that is served, not sent to Kafka.
type aortaFlags struct{ address, secret string }

func (a *aortaFlags) add(f *flags) {
	f.vars["aorta-secret"] = "AORTA_SECRET"
	f.StringVar(&a.address, "serve-aorta", "", "serve the recording on this `address` to clients that know --aorta-secret, instead of sending it to Kafka")
	f.StringVar(&a.secret, "aorta-secret", "", "the `secret` that clients of --serve-aorta must send")
}

func (a *aortaFlags) check() error {
	if a.address != "" && a.secret == "" {
		return usagef("--serve-aorta needs --aorta-secret")
	}
	return nil
}

// serveAorta serves the recording until ctx ends.
func (s *replaySettings) serveAorta(ctx context.Context, e *environment) error {
	log, err := s.logger(e.Stderr)
	if err != nil {
		return err
	}
	definitions, err := s.load()
	if err != nil {
		return err
	}
	recording, err := ingest.OpenRecording(s.replay.Files)
	if err != nil {
		return err
	}
	s.replay.Reading.Formats = definitions.Dating()
	recording.Reading = s.replay.Reading
	if recording.Origin, err = s.replay.Reading.Origin(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.aorta.address)
	if err != nil {
		return fmt.Errorf("--serve-aorta: %w: choose another address", err)
	}
	fmt.Fprintf(e.Stdout, "aorta %s\n", listener.Addr())
	return ingest.AortaServer{
		Recording: recording, Secret: s.aorta.secret, Speed: uint32(s.replay.Speed),
		OriginalTimes: bool(s.replay.OriginalTimes), Loop: bool(s.replay.Loop), Log: log,
	}.Run(ctx, listener)
}
