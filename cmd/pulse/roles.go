package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pulse/processors/merger"
	"pulse/processors/minutes"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/topics"
	"pulse/web"
)

// role is what the roles that work on Kafka have in common.
type role struct {
	log         *slog.Logger
	cluster     topics.Cluster
	names       topics.Names
	definitions *stats.Definitions
	metrics     metrics
}

// roleFlags are the flags of such a role.
type roleFlags struct {
	logFlags
	kafkaFlags
	statsFlag
	opsFlags
}

func (r *roleFlags) add(f *flags) {
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.opsFlags.add(f)
	r.logFlags.add(f)
}

// open makes of the flags what a role works with.
func (r *roleFlags) open(e *environment) (*role, error) {
	cluster, err := r.cluster()
	if err != nil {
		return nil, usageError{err}
	}
	return r.openOn(e, cluster)
}

// openOn is open for a cluster that no flag names.
func (r *roleFlags) openOn(e *environment, cluster topics.Cluster) (*role, error) {
	log, err := r.logger(e.Stderr)
	if err != nil {
		return nil, err
	}
	if err := topics.CheckPrefix(r.prefix); err != nil {
		return nil, usageError{err}
	}
	definitions, err := r.load()
	if err != nil {
		return nil, err
	}
	names := topics.Names{Prefix: r.prefix, Generation: definitions.Generation()}
	return &role{log, cluster, names, definitions, newMetrics(names.Generation)}, nil
}

// topicOptions are what these definitions ask of topics.
func (r *role) topicOptions() topics.Options {
	return topics.Options{Window: topics.Window(r.definitions)}
}

// startTimeout bounds how long a command that starts waits for an answer from
// Kafka. One that has worked waits for as long as it takes; but who has just
// written down a wrong address should hear of it, and a supervisor tries again.
const startTimeout = 12 * time.Second

// checkTopics fails unless the topics are there and as they have to be.
func (r *role) checkTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := r.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	return r.checkTopicsBy(ctx, admin)
}

// checkTopicsBy is checkTopics by a client that there is. Where only topics of
// other definitions are there it asks about --stats first: topics made for a wrong
// file stay.
func (r *role) checkTopicsBy(ctx context.Context, admin *topics.Admin) error {
	err := admin.Check(ctx, r.names, r.topicOptions())
	if !errors.Is(err, topics.ErrTopics) {
		return err
	}
	others, listErr := admin.Generations(ctx, r.names)
	if listErr != nil || len(others) == 0 || slices.Contains(others, r.names.Generation) {
		return err
	}
	return fmt.Errorf("the definitions here are of generation %s, the topics there of %s: is --stats the file that the roles work by?\nIf they are new ones to roll out: %w",
		r.names.Generation, strings.Join(others, ", "), err)
}

// defaultHistory is what a page shows.
const defaultHistory = web.Window * time.Second

// receiveCommand is `pulse receive`.
func receiveCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	f := newFlags(e, "receive", "[flags]", `
Reads packs of lines, rolls them up per stat and second, and sends the partial
rollups on. Run as many as you like: they share the partitions.`)
	r.add(f)
	var member memberFlags
	member.add(f)
	var history time.Duration
	f.durationVar(&history, "history", defaultHistory, "`how much` of the past definitions that are new beside others publish too")
	if err := f.parse(args); err != nil {
		return err
	}
	instance, err := member.name()
	if err != nil {
		return err
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	if history < 0 {
		return usagef("--history is %v: 0s or more", history)
	}
	p, err := receiver.New(receiver.Config{Cluster: role.cluster, Names: role.names, Definitions: role.definitions, InstanceID: instance, History: history, Logger: role.log})
	if err != nil {
		return err
	}
	role.metrics.receiver(p)
	if err := r.serve(ctx, role, p.Ready); err != nil {
		return err
	}
	defer runtime.KeepAlive(ballast(e.LookupEnv))
	return member.run(ctx, role.cluster, role.names.ReceiverGroup(), instance, p.Run)
}

// mergeCommand is `pulse merge`.
func mergeCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	f := newFlags(e, "merge", "[flags]", `
Joins partial rollups, closes each second when all partitions have come so far,
and publishes a snapshot of each stat. Rolls up minutes for charts of days. Run as
many as you like.`)
	r.add(f)
	var member memberFlags
	member.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	instance, err := member.name()
	if err != nil {
		return err
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	p, err := merger.New(merger.Config{Cluster: role.cluster, Names: role.names, Definitions: role.definitions, InstanceID: instance, Logger: role.log})
	if err != nil {
		return err
	}
	role.metrics.merger(p)
	if err := r.serve(ctx, role, p.Ready); err != nil {
		return err
	}
	return member.run(ctx, role.cluster, role.names.MergerGroup(), instance, func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return p.Run(ctx) })
		group.Go(func() error { role.minutes().Run(ctx); return nil })
		return group.Wait()
	})
}

// minutes is what rolls up minutes beside a merger.
func (r *role) minutes() *minutes.Processor {
	return minutes.New(minutes.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, Logger: r.log})
}

// webFlags are the flags of the dashboard.
type webFlags struct {
	addr          string
	auth          string
	forceHTTPS    bool
	canonicalHost string
}

func (w *webFlags) add(f *flags) {
	f.vars["http-auth"], f.vars["force-https"], f.vars["canonical-host"] = "WEB_AUTH", "FORCE_HTTPS", "CANONICAL_HOST"
	addr := "localhost:8080"
	if port, ok := f.env.LookupEnv("PORT"); ok && port != "" {
		addr = ":" + port
	}
	f.StringVar(&w.addr, "http", addr, "the `address` of the dashboard; $PORT, as platforms set it, is a port on all interfaces")
	f.StringVar(&w.auth, "http-auth", "", "`user:password` that browsers must give")
	f.BoolVar(&w.forceHTTPS, "force-https", false, "send what came to the proxy by plain HTTP to HTTPS")
	f.StringVar(&w.canonicalHost, "canonical-host", "", "send other hosts' requests to this `host`")
}

// check finds what web.New would find too late for a good message.
func (w *webFlags) check() error {
	_, port, err := net.SplitHostPort(w.addr)
	if err != nil {
		return usagef("--http %q is no address: write host:port, say localhost:8080", w.addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return usagef("--http %q has no port from 0 to 65535", w.addr)
	}
	if user, password, _ := strings.Cut(w.auth, ":"); w.auth != "" && (user == "" || password == "") {
		return usagef("--http-auth must be user:password, both not empty")
	}
	return nil
}

func (w *webFlags) server(role *role) (*web.Server, error) {
	return web.New(web.Config{
		Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Addr: w.addr, Logger: role.log,
		Metrics: role.metrics, Auth: w.auth, ForceHTTPS: w.forceHTTPS, CanonicalHost: w.canonicalHost,
	})
}

// webCommand is `pulse web`.
func webCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	var w webFlags
	f := newFlags(e, "web", "[flags]", `
Serves the dashboard. It has /healthz, /readyz and /metrics itself.`)
	w.add(f)
	r.logFlags.add(f)
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	if err := w.check(); err != nil {
		return err
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	server, err := w.server(role)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// topicsCommand is `pulse topics`.
func topicsCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	f := newFlags(e, "topics", "[flags]", `
Checks that the topics are there and as they have to be: partitions, clean-up,
retention, replicas. With --create, those that are missing are made first. With
--remove-generation, what belongs to definitions that nobody uses any more is
deleted.`)
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.logFlags.add(f)
	remove := f.String("remove-generation", "", "delete what other definitions left, by their `generation` as pulse status names it, unless a process runs by it")
	create := f.Bool("create", false, "make the topics that are missing")
	partitions := f.Int("partitions", 0, fmt.Sprintf("the `number` of partitions that each topic has; made with %d where nothing is said", topics.DefaultPartitions))
	replication := f.Int("replication", 0, "the `number` of replicas that each has; 0: the broker's default, any")
	if err := f.parse(args); err != nil {
		return err
	}
	if *create && *remove != "" {
		return usagef("--create and --remove-generation are two things: do one after the other")
	}
	if *partitions < 0 || *partitions > topics.MaxPartitions {
		return usagef("--partitions is %d: from 1 to %d", *partitions, topics.MaxPartitions)
	}
	if *replication < 0 || *replication > 100 {
		return usagef("--replication is %d: from 1 to as many as there are brokers", *replication)
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	options := role.topicOptions()
	options.Partitions, options.Replication = int32(*partitions), int16(*replication)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if *remove != "" {
		return role.removeGeneration(ctx, e, *remove)
	}
	do := topics.Check
	if *create {
		do = topics.Ensure
	}
	if err := do(ctx, role.cluster, role.names, options); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "the topics of generation %s are as they have to be\n", role.names.Generation)
	return nil
}
