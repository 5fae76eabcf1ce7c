package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pulse/topics"
)

var topicsCommand = command{
	name: "topics", summary: "create or check the topics", usage: "[flags]", about: `
Checks that the topics are there and as they have to be: partitions, clean-up,
retention, replicas. With --create, those that are missing are made first. With
--remove-generation, what belongs to definitions that nobody uses any more is
deleted.`,
	settings: func() settings { return &topicsSettings{} },
}

type topicsSettings struct {
	roleFlags
	remove      string
	create      bool
	partitions  int
	replication int
}

func (s *topicsSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.remove, "remove-generation", "", "delete what other definitions left, by their `generation` as pulse status names it, unless a process runs by it")
	f.BoolVar(&s.create, "create", false, "make the topics that are missing")
	f.IntVar(&s.partitions, "partitions", 0, fmt.Sprintf("the `number` of partitions that each topic has; made with %d where nothing is said", topics.DefaultPartitions))
	f.IntVar(&s.replication, "replication", 0, "the `number` of replicas that each has; 0: the broker's default, any")
}

func (s *topicsSettings) check(words []string) error {
	if s.create && s.remove != "" {
		return usagef("--create and --remove-generation are two things: do one after the other")
	}
	if s.partitions < 0 || s.partitions > topics.MaxPartitions {
		return usagef("--partitions is %d: from 1 to %d", s.partitions, topics.MaxPartitions)
	}
	if s.replication < 0 || s.replication > 100 {
		return usagef("--replication is %d: from 1 to as many as there are brokers", s.replication)
	}
	return noWords(words)
}

func (s *topicsSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if s.remove != "" {
		return role.removeGeneration(ctx, e, s.remove)
	}
	options := role.topicOptions()
	options.Partitions, options.Replication = int32(s.partitions), int16(s.replication)
	do := topics.Check
	if s.create {
		do = topics.Ensure
	}
	if err := do(ctx, role.cluster, role.names, options); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "the topics of generation %s are as they have to be\n", role.names.Generation)
	return nil
}

// removeGeneration deletes what belongs to a generation that nobody uses.
func (r *role) removeGeneration(ctx context.Context, e *environment, generation string) error {
	if generation == r.names.Generation {
		return usagef("generation %s is that of these definitions: give --stats the file that stays", generation)
	}
	there, err := topics.Generations(ctx, r.cluster, r.names)
	if err != nil {
		return err
	}
	if !slices.Contains(there, generation) {
		return usagef("there is no generation %q; there are %s", generation, strings.Join(there, ", "))
	}
	if err := topics.RemoveGeneration(ctx, r.cluster, topics.Names{Prefix: r.names.Prefix, Generation: generation}); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "generation %s is removed; what it published stays\n", generation)
	return nil
}
