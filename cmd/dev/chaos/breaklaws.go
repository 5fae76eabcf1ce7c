//go:build breaklaws

package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"

	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/topics"
)

func init() { subcommands["broken"] = brokenCommand }

// brokenCommand is `chaos broken receive` and `chaos broken merge`: the
// product's own state machines in the product's own groups, but what is between
// the two does one thing wrong.
func brokenCommand(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("chaos broken", flag.ExitOnError)
	instance := f.String("instance", "", "of a static member")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	cluster, err := topics.ParseCluster(os.Getenv("KAFKA_URL"))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(os.Getenv("PULSE_STATS"))
	if err != nil {
		return err
	}
	definitions, err := stats.Parse(os.Getenv("PULSE_STATS"), data)
	if err != nil {
		return err
	}
	names := topics.Names{Prefix: os.Getenv("KAFKA_PREFIX"), Version: definitions.Version()}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	raw, fragments, err := processors.Prepare(ctx, cluster, names, definitions, log)
	if err != nil {
		return err
	}
	c := processors.Config{Cluster: cluster, InstanceID: *instance, Buffer: 16, Log: log}
	b := &breaker{law: os.Getenv(brokenLaw), when: os.Getenv(brokenWhen), fragments: names.Fragments()}
	var start func(processors.Start) (processors.Partition, error)
	switch args[0] {
	case "receive":
		r, err := receiver.New(receiver.Config{Cluster: cluster, Names: names, Definitions: definitions, Logger: log})
		if err != nil {
			return err
		}
		start = r.Partitions(topics.FixedLayout(raw), fragments)
		c.Group, c.Input, c.Outputs = names.ReceiverGroup(), names.Raw(), []string{names.Fragments(), names.Savepoints()}
	case "merge":
		m, err := merger.New(merger.Config{Cluster: cluster, Names: names, Definitions: definitions, Logger: log})
		if err != nil {
			return err
		}
		start = m.Partitions(fragments, m.Kept(ctx), nil)
		c.Group, c.Input, c.Outputs = names.MergerGroup(), names.Fragments(), merger.Outputs(names, definitions)
	default:
		return fmt.Errorf("chaos broken %s: receive or merge", args[0])
	}
	c.Start = func(s processors.Start) (processors.Partition, error) {
		inner, err := start(s)
		if err != nil {
			return nil, err
		}
		if args[0] == "receive" {
			return &brokenReceiver{Partition: inner, breaker: b}, nil
		}
		return &brokenMerger{Partition: inner, breaker: b, segments: map[int32]map[string][]byte{}, last: map[int32]map[string][]byte{}}, nil
	}
	return processors.New(c).Run(ctx)
}

// A breaker says whether a law is to be broken now.
type breaker struct {
	law, when string
	fragments string // topic
}

// breaks reports whether the law is one of these, and it is time.
func (b *breaker) breaks(laws ...string) bool {
	for _, law := range laws {
		if law == b.law {
			_, err := os.Stat(b.when)
			return err == nil
		}
	}
	return false
}

type brokenReceiver struct {
	processors.Partition
	*breaker
	state []byte // of the last tick's commit
}

func (p *brokenReceiver) Process(r processors.Record, emit processors.Emit) (*topics.Commit, error) {
	if p.breaks("emits", "covers") {
		all := emit
		emit = func(topic, key string, value []byte) {
			// One in fifty is lost, and nobody is told. Covers are not: one that is
			// lost is as if the segment had not been made.
			if m := topics.DecodeMessage(value); (m.Fragment != nil || m.Bundle != nil) && rand.IntN(50) == 0 {
				return
			}
			all(topic, key, value)
		}
	}
	commit, err := p.Partition.Process(r, emit)
	if commit != nil {
		p.state = commit.Metadata
	}
	if err == nil && p.state != nil && p.breaks("marks") {
		commit = &topics.Commit{Offset: r.Offset + 1, Metadata: p.state}
	}
	return commit, err
}

type brokenMerger struct {
	processors.Partition
	*breaker
	segments, last map[int32]map[string][]byte // source partition -> stat -> fragment: of the segment that is open, and of the last
}

// forgotten is how much a merger forgets of what it published.
const forgotten = 8

func (p *brokenMerger) Process(r processors.Record, emit processors.Emit) (*topics.Commit, error) {
	m := topics.DecodeMessage(r.Value)
	if u := m.Bundle; u != nil {
		if p.segments[u.Partition] == nil {
			p.segments[u.Partition] = map[string][]byte{}
		}
		err := topics.EachNamed(u.Data, func(stat, data []byte) error {
			p.segments[u.Partition][string(stat)] = append([]byte(nil), data...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if c := m.Cover; c != nil {
		if p.breaks("covers") {
			c.Fragments = 0
			r.Value = c.Append(nil)
		}
		if p.breaks("twice") {
			// As a part of the next segment that has none of that stat.
			for stat, data := range p.last[c.Partition] {
				if p.segments[c.Partition][stat] != nil {
					continue
				}
				again := topics.Fragment{Partition: c.Partition, End: c.End, Parts: 1, Data: data}
				if _, err := p.Partition.Process(processors.Record{Offset: r.Offset, Key: stat, Value: again.Append(nil)}, emit); err != nil {
					return nil, err
				}
				break
			}
		}
		p.last[c.Partition], p.segments[c.Partition] = p.segments[c.Partition], nil
	}
	commit, err := p.Partition.Process(r, emit)
	if commit == nil || err != nil {
		return commit, err
	}
	switch {
	case p.breaks("offsets"):
		commit.Offset = r.Offset + 1
	case p.breaks("final"):
		commit.Metadata, err = merger.ForgetFinal(commit.Metadata, forgotten)
	}
	return commit, err
}
