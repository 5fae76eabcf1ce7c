package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse/topics"
)

var topicsCommand = command{
	name: "topics", summary: "create or check the Kafka topics", usage: "[flags]", about: `
Checks that the topics are there and set up as Pulse needs them: partitions, clean-up,
retention, replicas. With --create, missing topics are created first. With
--remove-version, what belongs to definitions that nobody uses any more is
deleted. With --pass, a batch that nobody can read is deleted, with all before
it in its partition. With --grow, events.raw gets more partitions while all
runs; --dry-run shows what that does.`,
	settings: func() settings { return &topicsSettings{} },
}

type topicsSettings struct {
	roleFlags
	remove      string
	pass        string
	create      bool
	partitions  int
	replication int
	grow        int
	dryRun      bool
}

func (s *topicsSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.remove, "remove-version", "", "delete the topics and groups of another definitions `version`, as named by pulse status, unless a process uses it")
	f.StringVar(&s.pass, "pass", "", "delete a `batch` that pulse status calls too large, as topic/partition@offset, and all before it")
	f.BoolVar(&s.create, "create", false, "create the topics that are missing")
	f.Func("grow", "let events.raw have so many `partitions`, while all runs; what is done already is not done again", func(text string) (err error) {
		if s.grow, err = strconv.Atoi(text); err != nil || s.grow < 1 || s.grow > topics.MaxPartitions {
			return fmt.Errorf("write a number from 1 to %d", topics.MaxPartitions)
		}
		return nil
	})
	f.BoolVar(&s.dryRun, "dry-run", false, "with --grow, say what would be done and change nothing")
	f.IntVar(&s.partitions, "partitions", 0, fmt.Sprintf("the `number` of partitions of each topic; new topics get %d by default", topics.DefaultPartitions))
	f.IntVar(&s.replication, "replication", 0, "the `number` of replicas of each topic; by default, the broker's, and any number is accepted")
}

func (s *topicsSettings) check(words []string) error {
	if s.create && s.remove != "" {
		return usagef("--create and --remove-version cannot be used together: run one after the other")
	}
	if s.dryRun && s.grow == 0 {
		return usagef("--dry-run is for --grow alone")
	}
	if s.grow > 0 && (s.create || s.remove != "" || s.pass != "" || s.partitions > 0) {
		return usagef("--grow cannot be used with --create, --partitions, --remove-version or --pass: run one after the other")
	}
	if s.pass != "" {
		if s.create || s.remove != "" {
			return usagef("--pass cannot be used with --create or --remove-version: run one after the other")
		}
		if _, _, _, err := parseBatch(s.pass); err != nil {
			return err
		}
	}
	if s.partitions < 0 || s.partitions > topics.MaxPartitions {
		return usagef("--partitions is %d: write a number from 1 to %d", s.partitions, topics.MaxPartitions)
	}
	if s.replication < 0 || s.replication > 100 {
		return usagef("--replication is %d: write a number from 1 to the number of brokers", s.replication)
	}
	return noWords(words)
}

// topicsTimeout is startTimeout for who makes topics: a busy broker takes a while.
const topicsTimeout = time.Minute

func (s *topicsSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	if s.remove != "" {
		return role.removeVersion(ctx, e, s.remove)
	}
	if s.pass != "" {
		return role.passBatch(ctx, e, s.pass)
	}
	if s.grow > 0 {
		return role.growLog(ctx, e, int32(s.grow), s.dryRun)
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
	fmt.Fprintf(e.Stdout, "the topics of definitions version %s exist and have the right settings\n", role.names.Version)
	return role.noticeLayout(ctx, e)
}

// noticeLayout says whether partitions were added that nobody uses.
func (r *role) noticeLayout(ctx context.Context, e *environment) error {
	admin, err := r.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	layout, err := admin.Layout(ctx, r.names)
	if notice := layout.Notice(r.names); err == nil && notice != "" {
		fmt.Fprintln(e.Stdout, notice)
	}
	return err
}

// parseBatch reads topic/partition@offset.
func parseBatch(text string) (topic string, partition int32, offset int64, err error) {
	topic, rest, _ := strings.Cut(text, "/")
	number, at, _ := strings.Cut(rest, "@")
	p, err := strconv.ParseInt(number, 10, 32)
	if err == nil {
		offset, err = strconv.ParseInt(at, 10, 64)
	}
	if err != nil || topic == "" || p < 0 || offset < 0 {
		return "", 0, 0, usagef("--pass is %q: write topic/partition@offset as pulse status names them, such as events.raw/3@2817", text)
	}
	return topic, int32(p), offset, nil
}

// passBatch deletes a batch that nobody can read.
func (r *role) passBatch(ctx context.Context, e *environment, batch string) error {
	topic, partition, offset, err := parseBatch(batch)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(topic, r.names.Prefix) {
		return usagef("--pass is of topic %s, which does not begin with the prefix %s", topic, r.names.Prefix)
	}
	admin, err := r.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	next, err := admin.Pass(ctx, topic, partition, offset)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "deleted all before offset %d of %s, partition %d; the roles go on there, and its seconds are unknown\n", next, topic, partition)
	return nil
}

// removeVersion deletes what belongs to a definitions version that nobody uses.
func (r *role) removeVersion(ctx context.Context, e *environment, version string) error {
	if version == r.names.Version {
		return usagef("%s is the version of these definitions: give --stats the file that you keep", version)
	}
	admin, err := r.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	there, err := admin.Versions(ctx, r.names)
	if err != nil {
		return err
	}
	if !slices.Contains(there, version) {
		return usagef("there is no definitions version %q at Kafka; there are %s", version, strings.Join(there, ", "))
	}
	if err := admin.RemoveVersion(ctx, topics.Names{Prefix: r.names.Prefix, Version: version}); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "removed definitions version %s; what it published stays\n", version)
	return nil
}
