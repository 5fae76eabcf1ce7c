package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/line"
	"pulse/topics"
	"pulse/topics/retry"
)

// How many lines a second of a recording has: of one that is caught up with, and
// of one that stands for a stream at full speed, where the stats' cost for each
// second is small beside that for each line.
const (
	sparse = 20_000
	dense  = 500_000
)

// sustained sends a recording while all roles run, so that the broker, the
// ingester and they share the machine.
func sustained(ctx context.Context, b *bench) error {
	r, err := b.record(b.lines, dense)
	if err != nil {
		return err
	}
	fmt.Println("ns of CPU/line, and MiB at most, by role")
	for range b.rounds {
		for _, base := range b.base {
			other := *b
			other.pulse = base
			fmt.Printf("%-14s", filepath.Base(base))
			err := other.sustain(ctx, r)
			b.number = other.number
			if err != nil {
				return err
			}
		}
		if b.base != nil {
			fmt.Printf("%-14s", "now")
		}
		if err := b.sustain(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sustain(ctx context.Context, r recording) error {
	d, err := b.deploy(ctx, b.file, b.partitions)
	if err != nil {
		return err
	}
	defer d.close()
	for _, role := range append(slices.Repeat([]string{"receive"}, b.receivers), "merge", "web") {
		args := []string{role}
		if role == "web" {
			args = append(args, "--http", "127.0.0.1:0")
		}
		if _, err := d.begin(args...); err != nil {
			return err
		}
	}
	if err := retry.Wait(ctx, time.Duration(2+b.receivers)*time.Second); err != nil { // they have joined their groups
		return err
	}
	broker, reader := b.brokerCPU(), ownCPU()
	before := make([]time.Duration, len(d.procs)) // what starting and joining took
	for i, p := range d.procs {
		before[i] = cpuOf(p.cmd.Process.Pid)
	}
	replay := d.run("replay", r.file, "--original-times", "--speed", "max")
	started := time.Now()
	if err := d.finish(replay); err != nil {
		return err
	}
	sent := time.Since(started)
	if err := until(ctx, 5*time.Minute, "all seconds are final", func() bool { return d.watch.reached(r.last, true) }); err != nil {
		return err
	}
	took := time.Since(started)
	broker, reader = b.brokerCPU()-broker, ownCPU()-reader
	used, err := d.end()
	if err != nil {
		return err
	}
	for i := range used {
		used[i].cpu -= before[i]
	}
	if n := b.receivers; n > 1 {
		each := usage{name: fmt.Sprintf("%d receivers", n)}
		most := time.Duration(0)
		for _, u := range used[:n] {
			each.cpu, each.memory = each.cpu+u.cpu, max(each.memory, u.memory)
			most = max(most, u.cpu)
		}
		each.name += fmt.Sprintf(", the busiest %.2f of their mean,", float64(most)*float64(n)/float64(each.cpu))
		used = slices.Replace(used, 0, n, each)
	}
	used = append([]usage{usageOf(replay), {name: "broker", cpu: broker}}, used...)
	used = append(used, usage{name: "this program", cpu: reader})
	size, err := d.stored(ctx)
	if err != nil {
		return err
	}
	report(r, took, sent, size, used)
	return nil
}

// receivers starts one, two and four after the recording has been sent.
func receivers(ctx context.Context, b *bench) error {
	r, err := b.record(b.lines, dense)
	if err != nil {
		return err
	}
	fmt.Printf("%9s  %9s  %22s  %16s\n", "receivers", "lines/s", "lines per CPU-second", "most CPU of one")
	for _, n := range []int{1, 2, 4} {
		d, err := b.deploy(ctx, b.file, b.partitions)
		if err != nil {
			return err
		}
		err = func() error {
			defer d.close()
			if err := d.finish(d.run("replay", r.file, "--original-times", "--speed", "max")); err != nil {
				return err
			}
			for range n {
				if _, err := d.begin("receive"); err != nil {
					return err
				}
			}
			if _, err := d.begin("merge"); err != nil {
				return err
			}
			// Joining the groups and growing to their size is before that.
			warm := r.first + (r.last-r.first)/4
			if err := until(ctx, 5*time.Minute, "a quarter of the seconds is closed", func() bool { return d.watch.reached(warm, false) }); err != nil {
				return err
			}
			started, before := time.Now(), make([]time.Duration, n)
			for i := range before {
				before[i] = cpuOf(d.procs[i].cmd.Process.Pid)
			}
			if err := until(ctx, 5*time.Minute, "all seconds are final", func() bool { return d.watch.reached(r.last, true) }); err != nil {
				return err
			}
			took := time.Since(started)
			used, err := d.end()
			if err != nil {
				return err
			}
			var cpu, most time.Duration
			for i, u := range used[:n] {
				cpu, most = cpu+u.cpu-before[i], max(most, u.cpu-before[i])
			}
			lines := float64(r.lines) * float64(r.last-warm) / float64(r.last+1-r.first)
			fmt.Printf("%9d  %9.0f  %22.0f  %14.0f %%\n", n, lines/took.Seconds(), lines/cpu.Seconds(), 100*most.Seconds()/cpu.Seconds())
			return nil
		}()
		if err != nil {
			return err
		}
	}
	fmt.Println("\nof the last three quarters of the seconds")
	return nil
}

// latency feeds lines at a rate, as they are written.
func latency(ctx context.Context, b *bench) error {
	const enough = 50_000
	r, err := b.record(enough, sparse)
	if err != nil {
		return err
	}
	lines, err := r.read()
	if err != nil {
		return err
	}
	fmt.Printf("%8s  %8s  %8s  %s\n", "lines/s", "p50 s", "p99 s", "role: % of a CPU, MiB at most")
	for _, rate := range b.rates {
		d, err := b.deploy(ctx, b.file, b.partitions)
		if err != nil {
			return err
		}
		err = func() error {
			defer d.close()
			ingest, stop, err := d.live(ctx, lines, rate)
			if err != nil {
				return err
			}
			for _, args := range [][]string{{"receive"}, {"merge"}, {"web", "--http", "127.0.0.1:0"}} {
				if _, err := d.begin(args...); err != nil {
					return err
				}
			}
			if err := until(ctx, time.Minute, "seconds close in time", func() bool { return d.watch.least() >= time.Now().Unix()-2 }); err != nil {
				return fmt.Errorf("%w\n%s", err, &ingest.stderr)
			}
			from := time.Now().Unix() + 1
			if err := retry.Wait(ctx, b.each); err != nil {
				return err
			}
			to := time.Now().Unix() - 3
			lags := d.watch.lags(from, to)
			ingest.look()
			stop()
			ran := time.Since(time.Unix(from, 0))
			if err := ingest.cmd.Wait(); err != nil {
				return fmt.Errorf("pulse ingest: %w\n%s", err, &ingest.stderr)
			}
			used, err := d.end()
			if err != nil {
				return err
			}
			var roles []string
			for _, u := range append([]usage{usageOf(ingest)}, used...) {
				roles = append(roles, fmt.Sprintf("%s: %.0f, %s", u.name, 100*u.cpu.Seconds()/ran.Seconds(), u.mebibytes()))
			}
			fmt.Printf("%8d  %8.3f  %8.3f  %s\n", rate, rank(lags, 0.5).Seconds(), rank(lags, 0.99).Seconds(), strings.Join(roles, "; "))
			return nil
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the recording's lines.
func (r recording) read() (lines [][]byte, err error) {
	f, err := os.Open(r.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines, scanner.Err()
}

// live starts an ingester that is fed at a rate until stop is called.
func (d *deployment) live(ctx context.Context, lines [][]byte, rate int) (p *process, stop func(), err error) {
	p = d.run("ingest", "--stdin")
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		if err := feed(ctx, in, lines, rate); err != nil {
			fmt.Fprintln(os.Stderr, "bench: feeding:", err)
		}
	}()
	return p, func() {
		cancel()
		<-fed
		in.Close()
	}, nil
}

// lags are from a line's acceptance to the publication of its second by every
// stat, of lines that come evenly.
func (w *watch) lags(from, to int64) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lags []time.Duration
	for second := from; second <= to; second++ {
		closed, ok := w.closed[second]
		if !ok {
			continue
		}
		for i := range 100 {
			lags = append(lags, closed.Sub(time.Unix(second, int64(i)*1e7)))
		}
	}
	slices.Sort(lags)
	return lags
}

// rank is the nearest rank of ascending durations; 0 of none.
func rank(ascending []time.Duration, q float64) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	return ascending[min(int(q*float64(len(ascending))), len(ascending)-1)]
}

// backlog has all that came during a stop read by one process of each role.
func backlog(ctx context.Context, b *bench) error {
	const minute = 60
	r, err := b.record(minute*sparse, sparse)
	if err != nil {
		return err
	}
	lines, err := r.read()
	if err != nil {
		return err
	}
	d, err := b.deploy(ctx, b.file, b.partitions)
	if err != nil {
		return err
	}
	defer d.close()
	rounds := int64(b.stop / time.Minute)
	last, err := d.repeat(ctx, lines, rounds)
	if err != nil {
		return err
	}
	broker, started := b.brokerCPU(), time.Now()
	for _, args := range [][]string{{"receive"}, {"merge"}, {"web", "--http", "127.0.0.1:0"}} {
		if _, err := d.begin(args...); err != nil {
			return err
		}
	}
	if err := until(ctx, time.Hour, "all seconds are final", func() bool { return d.watch.reached(last, true) }); err != nil {
		return err
	}
	took := time.Since(started)
	broker = b.brokerCPU() - broker
	used, err := d.end()
	if err != nil {
		return err
	}
	all := float64(len(lines)) * float64(rounds)
	fmt.Printf("%.0f lines, %v at %d a second, were caught up with in %.1f s: %.0f lines/s, %.1f times real time\n", all, b.stop, sparse, took.Seconds(), all/took.Seconds(), b.stop.Seconds()/took.Seconds())
	for _, u := range append(used, usage{name: "broker", cpu: broker}) {
		fmt.Printf("%-8s  %5.0f ns of CPU/line, %s MiB at most\n", u.name, float64(u.cpu.Nanoseconds())/all, u.mebibytes())
	}
	return nil
}

// repeat writes lines to events.raw, so many times one after the other in their own
// time, as an ingester that leaves, and returns the last second.
func (d *deployment) repeat(ctx context.Context, lines [][]byte, rounds int64) (last int64, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(d.addrs), kgo.DefaultProduceTopic(d.names.Raw()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	type pack struct {
		second int64
		lines  []byte
	}
	var packs []pack
	for _, l := range lines {
		text, _, _ := bytes.Cut(l, []byte(" "))
		t, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			return 0, err
		}
		n := len(packs)
		if n == 0 || packs[n-1].second != t.Unix() || len(packs[n-1].lines)+len(l) >= topics.MaxPack {
			packs, n = append(packs, pack{second: t.Unix()}), n+1
		}
		packs[n-1].lines = append(append(packs[n-1].lines, l...), '\n')
	}
	first := packs[0].second
	length := packs[len(packs)-1].second + 1 - first
	h := topics.RawHeader{Ingester: "past", Domain: topics.RecordingPrefix + "bench"}
	var failed atomic.Pointer[error]
	produce := func(p int32, value []byte) {
		client.Produce(ctx, &kgo.Record{Partition: p, Headers: h.Headers(), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	tick := func(second int64, leaving bool) {
		h.Clock, h.Tick = second*1000, &topics.RawTick{Partitions: int32(d.partitions), Leaving: leaving}
		for p := range int32(d.partitions) {
			produce(p, nil)
		}
		h.Tick = nil
	}
	clock, sent := first, 0
	for round := range rounds {
		h.Map = line.Mapping{From: 0, To: round * length * 1e9}
		for _, p := range packs {
			if second := p.second + round*length; second != clock {
				clock = second
				tick(clock, false)
			}
			h.Clock = clock * 1000
			produce(int32(sent%d.partitions), p.lines)
			sent++
		}
	}
	tick(clock+10, true) // final, whatever the lateness of the definitions is here
	if err := client.Flush(ctx); err != nil {
		return 0, err
	}
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return clock, nil
}

// logged is what lines have between their time and their message.
const logged = "10.1.2.3 local7.info app[12] - web.1@example.com -"

// mergers measures what a merger uses while it keeps up with a stream that every
// stat counts in.
func mergers(ctx context.Context, b *bench) error {
	// Two ingesters, each of which makes ten packs a second, so that every source
	// partition has lines in every second.
	const sources, ingesters = 16, 2
	const windows = 75 * time.Second // the longest are full
	type stream struct {
		name, file string
		lines      [][]byte
		rate       int // of each ingester
	}
	r, err := b.record(50_000, sparse)
	if err != nil {
		return err
	}
	recorded, err := r.read()
	if err != nil {
		return err
	}
	streams := []stream{{filepath.Base(b.file), b.file, recorded, sparse}}
	all := make([][]byte, 5000) // every stat counts them
	for i := range all {
		all[i] = fmt.Appendf(nil, "- %s bytes=%d host=h%d", logged, i*7919%5000, i*13%300)
	}
	for _, count := range []int{161, 1000} {
		s := stream{fmt.Sprintf("%d stats, each of all lines", count), filepath.Join(b.dir, fmt.Sprintf("mergers-%d.yaml", count)), all, 1600}
		if err := os.WriteFile(s.file, definitions(count, "rate: second", "rate: minute", "sum: bytes", "mean: bytes", "max: bytes", "unique: host", "quantiles: bytes, at: [0.5, 0.95, 0.99]"), 0o600); err != nil {
			return err
		}
		streams = append(streams, s)
	}
	fmt.Printf("%-30s  %22s  %20s  %s\n", "definitions", "merger's CPU ms/second", "receiver's", "merger's MiB at most")
	for _, s := range streams {
		d, err := b.deploy(ctx, s.file, sources)
		if err != nil {
			return err
		}
		err = func() (err error) {
			defer d.close()
			var ingest [ingesters]*process
			var stop [ingesters]func()
			for i := range ingest {
				if ingest[i], stop[i], err = d.live(ctx, s.lines, s.rate); err != nil {
					return err
				}
			}
			receive, err := d.begin("receive")
			if err != nil {
				return err
			}
			merge, err := d.begin("merge")
			if err != nil {
				return err
			}
			if err := until(ctx, time.Minute, "seconds close in time", func() bool { return d.watch.least() >= time.Now().Unix()-2 }); err != nil {
				return fmt.Errorf("%w\n%s", err, &ingest[0].stderr)
			}
			if err := retry.Wait(ctx, windows); err != nil { // what they take they have
				return err
			}
			used := []time.Duration{cpuOf(merge.cmd.Process.Pid), cpuOf(receive.cmd.Process.Pid)}
			started := time.Now()
			if err := retry.Wait(ctx, b.each); err != nil {
				return err
			}
			took := time.Since(started).Seconds()
			for i, p := range []*process{merge, receive} {
				used[i] = cpuOf(p.cmd.Process.Pid) - used[i]
			}
			merge.look()
			for i, p := range ingest {
				stop[i]()
				if err := p.cmd.Wait(); err != nil {
					return fmt.Errorf("pulse ingest: %w\n%s", err, &p.stderr)
				}
			}
			if _, err := d.end(); err != nil {
				return err
			}
			fmt.Printf("%-30s  %22.1f  %20.1f  %s\n", s.name, 1000*used[0].Seconds()/took, 1000*used[1].Seconds()/took, usageOf(merge).mebibytes())
			return nil
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// definitions are so many stats, of kinds by turns.
func definitions(count int, kinds ...string) []byte {
	text := []byte("lateness: 2s\nstats:\n")
	for i := range count {
		text = fmt.Appendf(text, "  - {name: stat-%d, %s}\n", i, kinds[i%len(kinds)])
	}
	return text
}

// recovery kills a merger whose windows are full, and starts it again at once.
func recovery(ctx context.Context, b *bench) error {
	const count, over, sources = 1000, 300, 16
	kinds := []string{"rate: second", "sum: bytes", "mean: bytes", "max: bytes"}
	for i := range kinds {
		kinds[i] += fmt.Sprintf(", over: %ds", over)
	}
	file := filepath.Join(b.dir, "recovery.yaml")
	if err := os.WriteFile(file, definitions(count, kinds...), 0o600); err != nil {
		return err
	}
	d, err := b.deploy(ctx, file, sources)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.past(ctx, over+10, sources); err != nil {
		return err
	}
	line := fmt.Appendf(nil, "- %s bytes=1", logged)
	_, stop, err := d.live(ctx, [][]byte{line}, 1000)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := d.begin("receive"); err != nil {
		return err
	}
	merge, err := d.begin("merge", "--instance", "merger")
	if err != nil {
		return err
	}
	started := time.Now()
	if err := until(ctx, 5*time.Minute, "the past is read", func() bool { return d.watch.least() >= time.Now().Unix()-2 }); err != nil {
		return err
	}
	fmt.Printf("%d s of the past were read in %.1f s\n", over+10, time.Since(started).Seconds())
	for range 3 {
		if err := retry.Wait(ctx, 3*time.Second); err != nil {
			return err
		}
		merge.cmd.Process.Kill()
		merge.cmd.Wait()
		d.procs = slices.DeleteFunc(d.procs, func(p *process) bool { return p == merge })
		killed := d.watch.least()
		started := time.Now()
		if merge, err = d.begin("merge", "--instance", "merger"); err != nil {
			return err
		}
		if err := until(ctx, time.Minute, "a second has been published again", func() bool { return d.watch.least() > killed }); err != nil {
			return err
		}
		fmt.Printf("published again %.2f s after its start", time.Since(started).Seconds())
		if err := until(ctx, time.Minute, "it has caught up", func() bool { return d.watch.least() >= time.Now().Unix()-2 }); err != nil {
			return err
		}
		fmt.Printf(", caught up %.2f s after it\n", time.Since(started).Seconds())
	}
	return nil
}

// past writes so many seconds up to now to events.raw, as an ingester that leaves.
func (d *deployment) past(ctx context.Context, seconds int64, sources int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(d.addrs), kgo.DefaultProduceTopic(d.names.Raw()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	end := time.Now().Unix()
	var records []*kgo.Record
	for second := end - seconds; second < end; second++ {
		for p := range sources {
			h := topics.RawHeader{Ingester: "past", Clock: second * 1000, Domain: topics.WallDomain}
			lines := fmt.Appendf(nil, "%s %s bytes=%d", time.Unix(second, 0).UTC().Format(time.RFC3339), logged, p)
			records = append(records, &kgo.Record{Partition: p, Headers: h.Headers(), Value: lines})
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: end - seconds, Partitions: sources, Leaving: second+1 == end}
			records = append(records, &kgo.Record{Partition: p, Headers: h.Headers()})
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}
