package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

// rollout: every process is restarted one by one with a changed
// definitions file. What has not changed is exact through it and has no gap, what
// is new or changed comes with its history, dashboards change once and mix
// nothing, and the older definitions version can be removed when nobody runs by it.
func rollout(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.define(ctx, 2); err != nil {
		return err
	}
	const history = 5 * time.Second
	r.env = append(r.env, "PULSE_HISTORY="+history.String())
	// A past that is longer than what the new definitions version reads of it: the longest
	// window, which is that of an internal stat, its history, and a margin.
	if err := r.prelude(ctx, topics.Window(r.definitions)+history+50*time.Second); err != nil {
		return err
	}
	if err := r.startRoles(ctx, false); err != nil {
		return err
	}
	before := r.versionNow()
	if err := r.changeFile(ctx); err != nil {
		return err
	}
	changed := r.unlike(before)
	r.env = append(r.env, "PULSE_HISTORY="+history.String())
	r.watch(ctx)
	seen := &pageWatch{run: r, before: before, changed: changed}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()

	r.log.printf("definitions version %s begins beside %s", r.names.Version, before.names.Version)
	started := time.Now()
	if err := r.restartWith("receiver", "receive", 1); err != nil {
		return err
	}
	if err := r.restartWeb(0); err != nil {
		return err
	}
	var pages sync.WaitGroup
	pages.Go(func() { seen.follow(watching, r.webs[0]) })
	// Before a merger has the changed file nobody publishes by it.
	if err := until(ctx, patient, func() bool { return seen.older.Load() > 0 }); err != nil {
		return fmt.Errorf("the restarted dashboard does not show the older definitions version: %w", err)
	}
	if err := r.restartWith("merger", "merge", 1); err != nil {
		return err
	}
	if _, _, err := output(ctx, r.pulse, r.env, "topics", "--remove-version", before.names.Version); err == nil {
		r.demand(false, "a definitions version at work was removed")
	}
	caught := func() bool {
		newest := r.merged.newest(len(r.definitions.All()))
		return newest > 0 && newest >= before.merged.newest(len(before.definitions.All()))-r.lateness
	}
	if err := until(ctx, patient, caught); err != nil {
		return fmt.Errorf("the new definitions version does not catch up: %w", err)
	}
	r.report.note("the new definitions version had caught up %.1f s after the first process was restarted", time.Since(started).Seconds())
	if err := r.restartWeb(1); err != nil {
		return err
	}
	if err := r.restartWith("receiver", "receive", 1); err != nil {
		return err
	}
	if err := r.restartWith("merger", "merge", 1); err != nil {
		return err
	}
	r.report.Faults += 6
	sleep(ctx, pick(r, 30*time.Second, 4*time.Second))
	ended := time.Now()
	r.measure(ended)
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	err := r.checkRollout(ctx, before, changed, ended)
	cancel()
	pages.Wait()
	seen.verdict()
	if err != nil {
		return err
	}
	if _, _, err := output(ctx, r.pulse, r.env, "topics", "--remove-version", before.names.Version); err != nil {
		r.demand(false, "the older definitions version was not removed: %v", err)
	}
	r.noExits()
	return nil
}

// A definitions version is what a run worked by.
type version struct {
	names       topics.Names
	definitions *stats.Definitions
	env         []string
	merged      *merged
}

func (r *run) versionNow() version {
	return version{r.names, r.definitions, r.env, r.merged}
}

// changeFile goes on with a definitions file in which one stat means another
// thing and one is new.
func (r *run) changeFile(ctx context.Context) error {
	text := strings.Replace(definitions(r.lateness, r.window()), "status >= 500", "status >= 404", 1) +
		"  - {name: slowest, max: service, where: router, over: 4s}\n"
	r.file = filepath.Join(r.dir, "changed.yaml")
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		return err
	}
	parsed, err := stats.Parse(r.file, []byte(text))
	if err != nil {
		return err
	}
	r.definitions, r.names.Version = parsed, parsed.Version()
	r.setEnv()
	_, _, err = output(ctx, r.pulse, r.env, "topics", "--create")
	return err
}

// unlike are the stats that mean another thing than in a definitions version, or are new.
func (r *run) unlike(before version) map[string]bool {
	was, changed := before.definitions.StatHashes(), map[string]bool{}
	for name, meaning := range r.definitions.StatHashes() {
		if was[name] != meaning {
			changed[name] = true
		}
	}
	return changed
}

// restartWith ends so many of the older processes of a role, and starts as many
// with the file of now.
func (r *run) restartWith(name, subcommand string, n int) error {
	for _, p := range r.super.running(name + "-")[:n] {
		r.log.printf("%s is restarted with the changed file", p.name)
		if err := p.stop(syscall.SIGTERM); err != nil {
			return err
		}
		r.keep("new-"+p.name, r.pulse, subcommand)
	}
	return nil
}

func (r *run) restartWeb(i int) error {
	p := r.super.running(fmt.Sprintf("web-%d", i))[0]
	r.log.printf("%s is restarted with the changed file", p.name)
	if err := p.stop(syscall.SIGTERM); err != nil {
		return err
	}
	r.keep("new-"+p.name, r.pulse, "web", "--http", r.webs[i])
	return nil
}

// prelude writes seconds of the past to events.raw, as an ingester that runs as
// long, and leaves.
func (r *run) prelude(ctx context.Context, length time.Duration) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.DefaultProduceTopic(r.names.Raw()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	const partitions = topics.DefaultPartitions
	end := time.Now().Unix()
	first := end - int64(length/time.Second)
	l := load{tag: "prelude"}
	sent := 0
	var records []*kgo.Record
	for second := first; second < end; second++ {
		var lines bytes.Buffer
		for range 20 {
			l.write(&lines, r.chance, time.Unix(second, 0), sent)
			sent++
		}
		h := topics.RawHeader{Ingester: "prelude", Clock: second * 1000, Domain: topics.WallDomain}
		records = append(records, &kgo.Record{Partition: int32(second % partitions), Headers: h.Headers(), Value: bytes.TrimSuffix(lines.Bytes(), []byte("\n"))})
		h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: first, Partitions: partitions, Leaving: second+1 == end}
		for p := range int32(partitions) {
			records = append(records, &kgo.Record{Partition: p, Headers: h.Headers()})
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

// checkRollout compares what both definitions versions published with what each
// definitions file makes of events.raw.
func (r *run) checkRollout(ctx context.Context, before version, changed map[string]bool, since time.Time) error {
	raw, err := readRaw(ctx, r.addrs, r.names.Raw())
	if err != nil {
		return fmt.Errorf("reading events.raw: %w", err)
	}
	r.report.Lines, r.report.Acked = raw.lines, r.ledger.lines()
	r.report.Lost = r.ledger.missing(raw.has)
	r.demand(r.report.Lost == 0, "%d lines that were acknowledged are not in events.raw", r.report.Lost)

	whole, err := r.oracle(ctx)
	if err != nil {
		return err
	}
	r.report.Counts = whole.counts
	r.report.Open = whole.until(raw.least - r.lateness)
	first := r.merged.first()
	own, older := &oracle{values: map[point]string{}}, &oracle{values: map[point]string{}}
	begins := first
	for key, value := range whole.values {
		begins = min(begins, key.second)
		switch {
		case key.second >= first:
			own.values[key] = value
		case !changed[key.stat]:
			older.values[key] = value
		}
	}
	r.await(ctx, own, since)
	r.report.verdict = compare(own, r.merged)
	r.demand(r.report.verdict.ok(), "of %d points of the new definitions version %d are wrong, %d missing, %d conflicting", r.report.Points, r.report.Wrong, r.report.Missing, r.report.Conflicting)
	v := compare(older, before.merged)
	r.demand(v.ok(), "of %d points before the new definitions version %d are wrong, %d missing, %d conflicting", v.Points, v.Wrong, v.Missing, v.Conflicting)
	r.demand(first > begins+10, "the new definitions version began with the log: that it begins later was not tried")
	r.report.note("the new definitions version publishes from %d s before its first process on, %d s after the log's beginning", r.loaded.Unix()-first, first-begins)
	stdout, stderr, err := output(ctx, r.pulse, before.env, "eval", "--raw")
	if err != nil {
		return err
	}
	all, err := readOracle(stdout, stderr)
	if err != nil {
		return err
	}
	wrong := 0
	before.merged.mu.Lock()
	for key, p := range before.merged.points {
		if want, ok := all.values[key]; ok && p.final && p.values[p.last] != want {
			wrong++
		}
	}
	before.merged.mu.Unlock()
	r.demand(wrong == 0, "%d final points of the older definitions version are wrong", wrong)
	return r.checkWeb(ctx, own)
}

// first is the least second that was published.
func (m *merged) first() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	least := int64(-1)
	for key := range m.points {
		if least < 0 || key.second < least {
			least = key.second
		}
	}
	return least
}

// A pageWatch asks a dashboard again and again of which definitions version the points
// are that it shows.
type pageWatch struct {
	run     *run
	before  version
	changed map[string]bool

	older   atomic.Int64 // answers whose newest point is of it
	changes int
	wrong   []string
	longest time.Duration // without a newer second, since the first answer
}

func (w *pageWatch) follow(ctx context.Context, addr string) {
	newest, moved := int64(0), time.Time{}
	was := "" // the definitions version of the newest point
	for sleep(ctx, 50*time.Millisecond) {
		for _, stat := range []string{"requests", "errors", "slowest"} {
			points, err := askSnapshots(ctx, 5*time.Second, addr, stat, "")
			if err != nil || len(points) == 0 {
				continue
			}
			last := points[len(points)-1]
			if stat == "requests" {
				if last.Time > newest {
					if !moved.IsZero() {
						w.longest = max(w.longest, time.Since(moved))
					}
					newest, moved = last.Time, time.Now()
				}
				if last.Version == w.before.names.Version {
					w.older.Add(1)
				}
				if was != "" && last.Version != was {
					w.changes++
				}
				was = last.Version
			}
			for i, p := range points {
				switch {
				case w.changed[stat] && p.Version != w.run.names.Version:
					w.complain("%s, which has changed, at %d is of definitions version %s", stat, p.Time, p.Version)
				case i > 0 && p.Version != points[i-1].Version && p.Version == w.before.names.Version:
					w.complain("%s at %d is of the older definitions version, and of the newer one before", stat, p.Time)
				}
			}
		}
	}
}

func (w *pageWatch) complain(format string, args ...any) {
	if len(w.wrong) < maxComplaints {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

func (w *pageWatch) verdict() {
	r := w.run
	r.demand(len(w.wrong) == 0, "a dashboard mixes definitions versions: %s", strings.Join(w.wrong, "; "))
	r.demand(w.changes == 1, "a dashboard changed definitions versions %d times, not once", w.changes)
	r.report.note("a restarted dashboard changed definitions versions once, its longest time without a newer second was %.1f s", w.longest.Seconds())
}

// askSnapshots asks a dashboard for the points of a stat. The query is as in a URL.
func askSnapshots(ctx context.Context, within time.Duration, addr, stat, query string) ([]stats.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/api/stats/%s?%s", addr, url.PathEscape(stat), query), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return nil, fmt.Errorf("%s: %s", response.Status, text)
	}
	var answer struct {
		Points []stats.Snapshot `json:"points"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer.Points, err
}
