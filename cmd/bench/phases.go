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
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// lastSecond is that of the recording's last line, and of those behind it that
// the replay makes final.
func (b *bench) lastSecond() int64 {
	return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Unix() + int64(b.seconds) - 2
}

// partitions is how many topics have, but where a phase says another number.
const partitions = 8

// sustained sends the recording while all roles run, so that the broker, the
// ingester and they share the machine.
func sustained(ctx context.Context, b *bench) error {
	d, err := b.deploy(ctx, b.file, partitions)
	if err != nil {
		return err
	}
	defer d.close()
	for _, role := range []string{"receive", "merge", "web"} {
		args := []string{role}
		if role == "web" {
			args = append(args, "--http", "127.0.0.1:0")
		}
		if _, err := d.begin(args...); err != nil {
			return err
		}
	}
	if err := sleep(ctx, 3*time.Second); err != nil { // they have joined their groups
		return err
	}
	replay := d.run("replay", b.recording, "--original-times", "--speed", "max")
	started := time.Now()
	if err := d.finish(replay); err != nil {
		return err
	}
	sent := time.Since(started)
	if err := until(ctx, 5*time.Minute, "all seconds are final", func() bool { return d.watch.reached(b.lastSecond(), true) }); err != nil {
		return err
	}
	took := time.Since(started)
	used, err := d.end()
	if err != nil {
		return err
	}
	used = append([]usage{usageOf(replay)}, used...)
	fmt.Printf("%.0f lines/s from ingest to the last closed second (%.1f s; all were sent after %.1f s)\n\n", float64(b.lines)/took.Seconds(), took.Seconds(), sent.Seconds())
	fmt.Printf("%-8s  %12s  %10s  %10s\n", "role", "ns of CPU/line", "CPU s", "MiB at most")
	for _, u := range used {
		fmt.Printf("%-8s  %14.0f  %10.2f  %11s\n", u.name, float64(u.cpu.Nanoseconds())/float64(b.lines), u.cpu.Seconds(), u.mebibytes())
	}
	return nil
}

// receivers starts one, two and four after the recording has been sent.
func receivers(ctx context.Context, b *bench) error {
	fmt.Printf("%9s  %9s  %22s  %16s  %20s\n", "receivers", "lines/s", "lines per CPU-second", "most CPU of one", "times real time")
	for _, n := range []int{1, 2, 4} {
		d, err := b.deploy(ctx, b.file, partitions)
		if err != nil {
			return err
		}
		err = func() error {
			defer d.close()
			if err := d.finish(d.run("replay", b.recording, "--original-times", "--speed", "max")); err != nil {
				return err
			}
			started := time.Now()
			for range n {
				if _, err := d.begin("receive"); err != nil {
					return err
				}
			}
			if _, err := d.begin("merge"); err != nil {
				return err
			}
			if err := until(ctx, 5*time.Minute, "all seconds are final", func() bool { return d.watch.reached(b.lastSecond(), true) }); err != nil {
				return err
			}
			took := time.Since(started)
			used, err := d.end()
			if err != nil {
				return err
			}
			var cpu, most time.Duration
			for _, u := range used[:n] {
				cpu, most = cpu+u.cpu, max(most, u.cpu)
			}
			fmt.Printf("%9d  %9.0f  %22.0f  %14.0f %%  %20.1f\n", n, float64(b.lines)/took.Seconds(), float64(b.lines)/cpu.Seconds(), 100*most.Seconds()/cpu.Seconds(), b.seconds/took.Seconds())
			return nil
		}()
		if err != nil {
			return err
		}
	}
	fmt.Println("\nfrom the start of the processes on: joining the groups is part of it")
	return nil
}

// latency feeds lines at a rate, as they are written.
func latency(ctx context.Context, b *bench) error {
	lines, err := b.firstLines(50_000)
	if err != nil {
		return err
	}
	fmt.Printf("%8s  %8s  %8s  %s\n", "lines/s", "p50 s", "p99 s", "role: % of a CPU, MiB at most")
	for _, rate := range b.rates {
		d, err := b.deploy(ctx, b.file, partitions)
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
			if err := sleep(ctx, b.each); err != nil {
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

// firstLines are those of the recording, so many at most.
func (b *bench) firstLines(most int) (lines [][]byte, err error) {
	f, err := os.Open(b.recording)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for len(lines) < most && scanner.Scan() {
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

// recovery kills a merger whose windows are full, and starts it again at once.
func recovery(ctx context.Context, b *bench) error {
	const count, over, sources = 1000, 300, 16
	var text strings.Builder
	text.WriteString("lateness: 2s\nstats:\n")
	kinds := []string{"rate: second", "sum: bytes", "mean: bytes", "max: bytes"}
	for i := range count {
		fmt.Fprintf(&text, "  - {name: stat-%d, %s, over: %ds}\n", i, kinds[i%len(kinds)], over)
	}
	file := filepath.Join(b.dir, "recovery.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
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
	line := []byte("- source=x bytes=1")
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
		if err := sleep(ctx, 3*time.Second); err != nil {
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
			lines := fmt.Appendf(nil, "%s source=x bytes=%d", time.Unix(second, 0).UTC().Format(time.RFC3339), p)
			records = append(records, &kgo.Record{Partition: p, Headers: h.Headers(), Value: lines})
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Since: end - seconds, Partitions: sources, Leaving: second+1 == end}
			records = append(records, &kgo.Record{Partition: p, Headers: h.Headers()})
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
