package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/chaos/kafka"
	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/broker"
)

// options say how scenarios are run.
type options struct {
	Seed     uint64
	Short    bool
	Rate     int    // lines per second, of all ingesters together
	Brokers  string // a Kafka to use; "": one is started
	Embedded bool   // that one is the embedded broker
	Kafka    kafkaFlags
	Tools    *tools
	Log      io.Writer
}

// A run is a scenario that is being run: a Kafka, Pulse's processes on it, and
// who watches.
type run struct {
	options
	scenario scenario
	chance   *rand.Rand
	dir      string // temporary
	log      *logger
	report   report

	law          string         // that is broken on purpose; "": none is
	patience     time.Duration  // with points that are not final
	pulse, chaos string         // binaries
	kafka        *kafka.Cluster // nil: it is not ours
	proxy        *proxy         // in front of the only broker; nil: none
	addrs        []string
	version      int // of a changed definitions file
	lateness     int64
	file         string // definitions
	definitions  *stats.Definitions
	names        topics.Names
	env          []string
	super        *supervisor
	merged       *merged
	ledger       *ledger
	hook         *hook    // nil: no alerts
	webs         []string // addresses of the dashboards
	ingesters    int      // started so far
	loaded       time.Time
	watchman     watchman
	closers      []func()
}

// runScenario runs one and reports. An error says that it could not be run to
// its end.
func runScenario(ctx context.Context, s scenario, o options) (report, error) {
	r := newRun(s, o)
	defer r.close()
	err := s.run(ctx, r)
	r.report.Took = time.Since(r.report.Started)
	if r.super != nil {
		r.report.Exited, r.report.Exits = r.super.exits()
	}
	return r.report, err
}

func newRun(s scenario, o options) *run {
	return &run{options: o, scenario: s, lateness: 2, patience: patient,
		chance: rand.New(rand.NewPCG(o.Seed, 1)),
		log:    &logger{w: o.Log, name: s.name, start: time.Now()},
		ledger: &ledger{ranges: map[string][][2]int{}},
		report: report{Scenario: s.name, Seed: o.Seed, Rate: o.Rate, Started: time.Now()},
	}
}

func (r *run) close() {
	for _, c := range slices.Backward(r.closers) {
		c()
	}
}

// demand notes a failure unless it holds.
func (r *run) demand(holds bool, format string, args ...any) {
	if holds {
		return
	}
	text := fmt.Sprintf(format, args...)
	r.log.printf("FAILED: %s", text)
	r.report.Failures = append(r.report.Failures, text)
}

// pick chooses between the long and the short form.
func pick[T any](r *run, long, short T) T {
	if r.Short {
		return short
	}
	return long
}

// between is a random time between two, in steps of a hundredth of a second so
// that a schedule reads well.
func (r *run) between(least, most time.Duration) time.Duration {
	const step = 10 * time.Millisecond
	return least + time.Duration(r.chance.Int64N(int64((most-least)/step)+1))*step
}

// prepare makes the temporary folder and gets the binaries.
func (r *run) prepare(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "pulse-chaos-")
	if err != nil {
		return err
	}
	r.dir = dir
	r.closers = append(r.closers, func() { os.RemoveAll(dir) })
	tags := ""
	if r.scenario.broken {
		tags = "breaklaws"
	}
	bin, err := r.Tools.build(ctx, tags)
	r.pulse, r.chaos = filepath.Join(bin, "pulse"), filepath.Join(bin, "chaos")
	return err
}

// tools are the binaries that scenarios run, built once.
type tools struct {
	dir string

	mu    sync.Mutex
	built map[string]error // by tags
}

// build returns the folder of the binaries that were built with tags.
func (t *tools) build(ctx context.Context, tags string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bin := filepath.Join(t.dir, "bin-"+tags)
	if err, ok := t.built[tags]; ok {
		return bin, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", tags, "-o", bin+string(filepath.Separator), "pulse/cmd/pulse", "pulse/cmd/dev/chaos")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building pulse and chaos: %w\n%s", err, out)
	}
	if t.built == nil {
		t.built = map[string]error{}
	}
	t.built[tags] = err
	return bin, err
}

// install gets Kafka's jars, once.
func (t *tools) install(ctx context.Context, libs string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return kafka.Install(ctx, libs)
}

// startKafka starts a Kafka of so many brokers, behind a proxy if that is asked
// for. Scenarios that do nothing to it can use one that is there.
func (r *run) startKafka(ctx context.Context, brokers int, proxied bool) error {
	switch {
	case r.Brokers != "":
		r.addrs = strings.Split(r.Brokers, ",")
		return nil
	case r.Embedded:
		b, err := broker.Start("127.0.0.1:0", filepath.Join(r.dir, "embedded"))
		if err != nil {
			return err
		}
		r.closers = append(r.closers, b.Close)
		r.addrs = b.Addrs()
		return nil
	}
	if err := r.Tools.install(ctx, r.Kafka.libs()); err != nil {
		return err
	}
	c := kafka.Config{Dir: filepath.Join(r.dir, "kafka"), Libs: r.Kafka.libs(), Brokers: brokers}
	if proxied {
		p, err := listen(r.Seed)
		if err != nil {
			return err
		}
		r.proxy = p
		r.closers = append(r.closers, p.close)
		c.Advertise = []string{p.addr()}
	}
	cluster, err := kafka.New(ctx, c)
	if err != nil {
		return err
	}
	if proxied {
		go r.proxy.serve(cluster.Nodes[0].Addr())
	}
	return r.useKafka(ctx, cluster)
}

// useKafka starts brokers and goes on with them.
func (r *run) useKafka(ctx context.Context, cluster *kafka.Cluster) error {
	r.kafka = cluster
	r.closers = append(r.closers, cluster.Close)
	r.addrs = cluster.Addrs()
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	return cluster.Start(ctx)
}

// define writes the definitions and names the topics, and makes them.
func (r *run) define(ctx context.Context, lateness int64) error {
	r.version++
	r.lateness = lateness
	text := definitions(lateness, r.window())
	if r.scenario.name == "kill" {
		text += longStats
	}
	if slices.Contains(withAlerts, r.scenario.name) && r.law == "" {
		r.hook = newHook()
		r.closers = append(r.closers, r.hook.Close)
		text += alertText(r.Rate, r.hook.URL)
	}
	r.file = filepath.Join(r.dir, fmt.Sprintf("stats-%d.yaml", r.version))
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		return err
	}
	parsed, err := stats.Parse(r.file, []byte(text))
	if err != nil {
		return err
	}
	r.definitions = parsed
	r.names = topics.Names{Prefix: fmt.Sprintf("chaos-%s%s-%d-%d.", r.scenario.name, r.law, r.Seed, r.version), Version: parsed.Version()}
	r.setEnv()
	_, _, err = output(ctx, r.pulse, r.env, "topics", "--create")
	if err == nil && r.Brokers != "" {
		prefix, addrs := r.names.Prefix, r.addrs
		r.closers = append(r.closers, func() { removeTopics(addrs, prefix) })
	}
	return err
}

// window is the longest of the definitions, in seconds.
func (r *run) window() int64 { return pick[int64](r, 70, 8) }

func (r *run) setEnv() {
	r.env = []string{"KAFKA_URL=" + strings.Join(r.addrs, ","), "KAFKA_PREFIX=" + r.names.Prefix, "PULSE_STATS=" + r.file, "PULSE_LOG_LEVEL=warn"}
	if r.law != "" {
		r.env = append(r.env, brokenLaw+"="+r.law, brokenWhen+"="+r.breaking())
	}
}

// removeTopics takes away what a run made on somebody's Kafka.
func removeTopics(addrs []string, prefix string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return
	}
	for _, name := range all.Names() {
		if strings.HasPrefix(name, prefix) {
			admin.DeleteTopics(ctx, name)
		}
	}
}

// supervise begins to keep processes, and to follow what they publish.
func (r *run) supervise(ctx context.Context) {
	r.super = &supervisor{log: r.log}
	r.closers = append(r.closers, r.super.close)
	r.watch(ctx)
}

// watch follows stats.merged from its start.
func (r *run) watch(ctx context.Context) {
	r.merged = newMerged(r.names.Version, r.log)
	ctx, cancel := context.WithCancel(ctx)
	m, addrs, topic := r.merged, r.addrs, r.names.Merged()
	if r.proxy != nil {
		addrs = []string{r.kafka.Nodes[0].Addr()} // its metadata lead to the proxy all the same
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := m.follow(ctx, addrs, topic); err != nil {
			r.log.printf("following stats.merged: %v", err)
		}
	})
	r.closers = append(r.closers, func() { cancel(); done.Wait() })
}

// receivers starts some; static ones have an instance id, and come back to their
// partitions at once.
func (r *run) receivers(n int, static bool) { r.role("receiver", "receive", n, static) }

// mergers starts some, as receivers does.
func (r *run) mergers(n int, static bool) { r.role("merger", "merge", n, static) }

func (r *run) role(name, subcommand string, n int, static bool) {
	for range n {
		name := fmt.Sprintf("%s-%d", name, len(r.super.procs))
		args := []string{subcommand}
		if static {
			args = append(args, "--instance", name)
		}
		binary := r.pulse
		if r.law != "" {
			binary, args = r.chaos, append([]string{"broken"}, args...)
		}
		r.keep(name, binary, args...)
	}
}

func (r *run) keep(name, binary string, args ...string) *process {
	env := r.env
	return r.super.keep(name, func(int) *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}, nil)
}

// dashboards starts web processes.
func (r *run) dashboards(n int) error {
	for i := range n {
		addr, err := testkit.FreeAddress()
		if err != nil {
			return err
		}
		r.webs = append(r.webs, addr)
		r.keep(fmt.Sprintf("web-%d", i), r.pulse, "web", "--http", addr)
	}
	return nil
}

// ingest starts an ingester of its own lines, whose clock is ahead by skew.
func (r *run) ingest(rate int, skew time.Duration) *process {
	r.ingesters++
	name := fmt.Sprintf("ingest-%d", r.ingesters)
	seed, prefix, addrs, lateness := r.Seed+uint64(r.ingesters)*1000, r.names.Prefix, strings.Join(r.addrs, ","), r.lateness
	return r.super.keep(name, func(life int) *exec.Cmd {
		return exec.Command(r.chaos, "ingest", "-brokers", addrs, "-prefix", prefix, "-tag", fmt.Sprintf("%s-%d", name, life),
			"-rate", fmt.Sprint(rate), "-seed", fmt.Sprint(seed+uint64(life)), "-lateness", fmt.Sprint(lateness), "-skew", skew.String())
	}, r.ledger.read)
}

// deploy makes the topics and starts two processes of each role, and waits until
// all stats are published.
func (r *run) deploy(ctx context.Context, static bool) error {
	if err := r.define(ctx, 2); err != nil {
		return err
	}
	return r.startRoles(ctx, static)
}

// startRoles is deploy on topics that are there.
func (r *run) startRoles(ctx context.Context, static bool) error {
	r.supervise(ctx)
	r.receivers(2, static)
	r.mergers(2, static)
	if err := r.dashboards(2); err != nil {
		return err
	}
	if r.hook != nil {
		for i := range 2 {
			r.keep(fmt.Sprintf("alert-%d", i), r.pulse, "alert")
		}
	}
	for range 2 {
		r.ingest(r.Rate/2, 0)
	}
	return r.flowing(ctx)
}

// flowing waits until every stat is published, and counts time from then.
func (r *run) flowing(ctx context.Context) error {
	if err := r.published(ctx, 0, patient); err != nil {
		return fmt.Errorf("nothing was published: %w", err)
	}
	r.loaded = time.Now()
	return nil
}

// published waits until a second of every stat has been published.
func (r *run) published(ctx context.Context, second int64, patience time.Duration) error {
	return until(ctx, patience, func() bool { return r.merged.newest(len(r.definitions.All())) >= max(second, 1) })
}

// patient is how long a run waits for what a busy machine does late.
const patient = 3 * time.Minute

// until waits for a condition.
func until(ctx context.Context, patience time.Duration, holds func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// shownSeconds is how much of what a dashboard shows is checked.
const shownSeconds = 240
