package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

// A deployment is Pulse's processes on topics of their own, and who reads along.
type deployment struct {
	*bench
	prefix string
	file   string
	names  topics.Names
	procs  []*process
	watch  *watch
	close  func()
}

// A process is one of them.
type process struct {
	name   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	memory int64 // the most that was resident when look was called, in bytes
}

// look notes how much memory the process has had. What the system says when it
// has ended is at least what this program had when it started it.
func (p *process) look() {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return // another system than Linux
	}
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(rest, &p.memory)
		p.memory <<= 10
	}
}

// deploy makes topics with so many partitions, and reads along from now on.
func (b *bench) deploy(ctx context.Context, file string, partitions int) (*deployment, error) {
	b.number++
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	definitions, err := stats.ParseEnv(file, text, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	d := &deployment{bench: b, prefix: fmt.Sprintf("bench-%d.", b.number), file: file}
	d.names = topics.Names{Prefix: d.prefix, Version: definitions.Version()}
	if err := d.finish(d.run("topics", "--create", "--partitions", fmt.Sprint(partitions))); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addrs), kgo.ConsumeTopics(d.names.Merged()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	d.watch = &watch{stats: len(definitions.All()), newest: map[string]int64{}, final: map[string]int64{}, closed: map[int64]time.Time{}}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { d.watch.read(ctx, client) })
	d.close = func() {
		for _, p := range d.procs {
			p.cmd.Process.Kill()
			p.cmd.Wait() // it may have ended
		}
		cancel()
		reading.Wait()
		client.Close()
	}
	return d, nil
}

// run starts a pulse command.
func (d *deployment) run(args ...string) *process {
	p := &process{name: args[0], cmd: exec.Command(d.pulse, args...)}
	p.cmd.Env = append(os.Environ(), "KAFKA_URL="+d.addrs, "KAFKA_PREFIX="+d.prefix, "PULSE_STATS="+d.file, "PULSE_LOG_LEVEL=warn")
	p.cmd.Stderr = &p.stderr
	return p
}

// finish runs a command to its end.
func (d *deployment) finish(p *process) error {
	if err := p.cmd.Run(); err != nil {
		return fmt.Errorf("pulse %s: %w\n%s", p.name, err, &p.stderr)
	}
	return nil
}

// begin starts a role that runs until it is ended.
func (d *deployment) begin(args ...string) (*process, error) {
	p := d.run(args...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	d.procs = append(d.procs, p)
	return p, nil
}

// end ends all roles, and says what each has used.
func (d *deployment) end() ([]usage, error) {
	var all []usage
	for _, p := range d.procs {
		p.look()
		p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range d.procs {
		if err := p.cmd.Wait(); err != nil {
			return nil, fmt.Errorf("pulse %s: %w\n%s", p.name, err, &p.stderr)
		}
		all = append(all, usageOf(p))
	}
	d.procs = nil
	return all, nil
}

// stored is how many bytes the lines take in all replicas.
func (d *deployment) stored(ctx context.Context) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(d.addrs, ",")...))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	raw := d.names.Raw()
	dirs, err := kadm.NewClient(client).DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return 0, err
	}
	size := int64(0)
	dirs.Each(func(dir kadm.DescribedLogDir) {
		dir.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if p.Topic == raw {
				size += p.Size
			}
		})
	})
	return size, nil
}

// usage is what a process has used.
type usage struct {
	name   string
	cpu    time.Duration
	memory int64
}

// mebibytes is the memory, as far as it is known.
func (u usage) mebibytes() string {
	if u.memory == 0 {
		return "-"
	}
	return fmt.Sprint(u.memory >> 20)
}

func usageOf(p *process) usage {
	return usage{name: p.name, cpu: p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), memory: p.memory}
}

// brokerCPU is what the brokers have used.
func (b *bench) brokerCPU() (all time.Duration) {
	for _, n := range b.brokers {
		all += cpuOf(n.PID())
	}
	return all
}

// cpuOf is what a process has used so far; 0 on another system than Linux.
func cpuOf(pid int) (used time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may have spaces; utime and stime are the 12th and
	// 13th field after it, in hundredths of a second.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	for _, f := range fields[11:13] {
		n, _ := strconv.Atoi(f)
		used += time.Duration(n) * 10 * time.Millisecond
	}
	return used
}

// ownCPU is what this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A watch reads stats.merged.
type watch struct {
	stats int // how many there are

	mu     sync.Mutex
	newest map[string]int64 // stat -> the newest second
	final  map[string]int64 // stat -> the newest final second
	closed map[int64]time.Time
	last   int64 // the newest second of all
}

func (w *watch) read(ctx context.Context, client *kgo.Client) {
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		w.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if json.Unmarshal(r.Value, &s) != nil {
				return
			}
			stat := string(r.Key)
			w.newest[stat] = max(w.newest[stat], s.Time)
			if s.Final {
				w.final[stat] = max(w.final[stat], s.Time)
			}
			if s.Revision == 0 && s.StaleSince == 0 && !s.Final {
				w.closed[s.Time] = now // the last stat's counts; as final it comes once more
				w.last = max(w.last, s.Time)
			}
		})
		w.mu.Unlock()
	}
}

// reached reports whether every stat has been published up to a second, finally.
func (w *watch) reached(second int64, final bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.newest
	if final {
		of = w.final
	}
	if len(of) < w.stats {
		return false
	}
	for _, s := range of {
		if s < second {
			return false
		}
	}
	return true
}

// least is the newest second up to which every stat has been published; 0 before
// there is one.
func (w *watch) least() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.newest) < w.stats {
		return 0
	}
	least := w.last
	for _, s := range w.newest {
		least = min(least, s)
	}
	return least
}

// until waits for a condition.
func until(ctx context.Context, patience time.Duration, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("after %v not yet: %s", patience, what))
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// feed writes lines at a rate to a pulse that reads standard input, each with the
// time of its writing in place of the one it begins with.
func feed(ctx context.Context, w io.Writer, lines [][]byte, rate int) error {
	const pause = 10 * time.Millisecond
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	start, sent := time.Now(), 0
	var out []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		out = out[:0]
		for due := int(time.Since(start).Seconds() * float64(rate)); sent < due; sent++ {
			_, rest, _ := bytes.Cut(lines[sent%len(lines)], []byte(" "))
			out = time.Now().UTC().AppendFormat(out, "2006-01-02T15:04:05.000000-07:00 ")
			out = append(append(out, rest...), '\n')
		}
		if _, err := w.Write(out); err != nil {
			if errors.Is(err, syscall.EPIPE) || ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
