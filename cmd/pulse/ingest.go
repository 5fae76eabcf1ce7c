package main

import (
	"context"
	"errors"
	"time"

	"pulse/ingest"
	"pulse/topics"
)

var ingestCommand = command{
	name: "ingest", summary: "send lines from a pipe, files or the network to Kafka", usage: "[flags]", about: `
Sends lines to Kafka, from a pipe, files or the network, and ends when they end,
or at a signal, once Kafka has acknowledged all that was read.`,
	reloads: true, settings: func() settings { return &ingestSettings{} },
}

type ingestSettings struct {
	roleFlags
	inputs inputFlags
	id     string
}

func (s *ingestSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addCompression(f)
	s.inputs.add(f)
	addID(f, &s.id)
}

func addID(f *flags, id *string) {
	f.StringVar(id, "id", "", "the ingester's `name`, unique among running ingesters; by default random, or with --follow and --kafka-topic fixed")
}

func (s *ingestSettings) check(words []string) error { return noWords(words) }

func (s *ingestSettings) run(ctx context.Context, e *environment) error {
	all, err := s.inputs.asked(e)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return s.inputs.nothing()
	}
	role, err := s.open(e)
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
		if err := s.live(role.definitions); err != nil {
			return err
		}
	}
	if err := s.serve(ctx, role, func() bool { return allReady(opened) }); err != nil {
		return err
	}
	go s.inputs.reloading(ctx, e, role.log, opened)
	return role.runInputs(ctx, s.id, all[0].kind.Past, opened)
}

// produce lets run send to events.raw, and returns when Kafka has all of it.
func (r *role) produce(ctx context.Context, run func(context.Context, ingest.Output) error) error {
	producer, err := ingest.NewProducer(ctx, r.cluster, r.names, r.log)
	if err != nil {
		return err
	}
	r.metrics.producer(producer)
	if r.recording != nil {
		run = r.recording.watched(run)
	}
	err = producer.Run(ctx, run)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // a signal is not a failure
	}
	// What was accepted is Kafka's before the process ends, unless Kafka is away
	// for longer than a supervisor would wait.
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if errors.Is(err, topics.ErrReplaced) {
		cancel() // nobody reads what the new topic would get
	}
	return errors.Join(err, producer.Close(flush))
}

// flushTimeout bounds how long an ingester that ends waits for acknowledgements.
const flushTimeout = 10 * time.Second

// produceExactly lets x send to events.raw in transactions.
func (r *role) produceExactly(ctx context.Context, x *ingest.Transactional) error {
	r.metrics.producer(x)
	return x.Run(ctx)
}
