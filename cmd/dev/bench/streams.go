package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/chaos/kafka"
	"pulse/topics/retry"
)

//go:embed streams/Seconds.java
var secondsProgram []byte

//go:embed streams/pom.xml
var streamsJars []byte

// counted are the stats that the Kafka Streams program counts, in the order of its sums.
var counted = []string{"lines", "requests", "errors", "bytes"}

const countedStats = `
stats:
  - {name: lines, rate: second, over: 1s}
  - {name: requests, rate: second, over: 1s, where: source == "nginx" && http_status != nil}
  - {name: errors, rate: second, over: 1s, where: source == "nginx" && http_status >= 500}
  - {name: bytes, sum: http_bytes, over: 1s, where: source == "nginx"}
`

// sums are of all seconds, by the place in counted.
type sums [4]int64

// streams sends a recording to Pulse and to a program of Kafka Streams that counts four numbers of
// it by hand, by turns. Pulse's stats are all that the definitions have, and then those four.
func streams(ctx context.Context, b *bench) error {
	libs := filepath.Join(filepath.Dir(b.libs), "streams")
	if err := kafka.Copy(ctx, streamsJars, libs); err != nil {
		return err
	}
	program := filepath.Join(b.dir, "Seconds.java")
	few := *b
	few.file = filepath.Join(b.dir, "counted.yaml")
	if err := errors.Join(os.WriteFile(program, secondsProgram, 0o600), os.WriteFile(few.file, []byte(countedStats), 0o600)); err != nil {
		return err
	}
	r, err := b.record(b.lines, dense)
	if err != nil {
		return err
	}
	expected, err := few.evaluate(ctx, r)
	if err != nil {
		return err
	}
	fmt.Println("ns of CPU/line, and MiB at most, by role")
	for range b.rounds {
		fmt.Printf("%-16s", "all stats")
		if err := b.sustain(ctx, r); err != nil {
			return err
		}
		few.number = b.number
		fmt.Printf("%-16s", "four stats")
		if err := few.sustain(ctx, r); err != nil {
			return err
		}
		fmt.Printf("%-16s", "Kafka Streams")
		err := few.stream(ctx, r, expected, program, libs)
		b.number = few.number
		if err != nil {
			return err
		}
	}
	return nil
}

// evaluate is what pulse eval says of the four.
func (b *bench) evaluate(ctx context.Context, r recording) (total sums, err error) {
	out, err := exec.CommandContext(ctx, b.pulse, "eval", "--stats", b.file, r.file).Output()
	if err != nil {
		return total, fmt.Errorf("pulse eval: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var s struct {
			Stat  string
			Value any
		}
		if err := decoder.Decode(&s); err != nil {
			return total, err
		}
		for i, name := range counted {
			if n, ok := s.Value.(float64); ok && s.Stat == name {
				total[i] += int64(n)
			}
		}
	}
	return total, nil
}

// stream is sustain with Kafka Streams in place of receivers, mergers and web.
func (b *bench) stream(ctx context.Context, r recording, expected sums, program, libs string) error {
	d, err := b.deploy(ctx, b.file, b.partitions)
	if err != nil {
		return err
	}
	defer d.close()
	partials, output := d.prefix+"streams.partials", d.prefix+"streams.sums"
	client, err := kgo.NewClient(kgo.SeedBrokers(d.addrs), kgo.ConsumeTopics(output), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	if created, err := kadm.NewClient(client).CreateTopics(ctx, int32(b.partitions), 1, nil, partials, output); err != nil || created.Error() != nil {
		return errors.Join(err, created.Error())
	}
	// The source is compiled at the start.
	java := &process{name: "Kafka Streams", cmd: exec.Command("java", "-Xmx768m", "-Djava.io.tmpdir="+b.dir, "-cp", filepath.Join(libs, "*"),
		program, d.addrs, d.names.Raw(), partials, output)}
	java.cmd.Stderr = &java.stderr
	if err := java.cmd.Start(); err != nil {
		return err
	}
	d.procs = append(d.procs, java) // which is killed at the end
	if err := until(ctx, time.Minute, "Kafka Streams has its partitions", func() bool {
		groups, err := kadm.NewClient(client).DescribeGroups(ctx, output)
		return err == nil && groups[output].State == "Stable"
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, &java.stderr)
	}
	if err := retry.Wait(ctx, 3*time.Second); err != nil {
		return err
	}
	broker, before := b.brokerCPU(), cpuOf(java.cmd.Process.Pid)
	replay := d.run("replay", r.file, "--original-times", "--speed", "max")
	started := time.Now()
	if err := d.finish(replay); err != nil {
		return err
	}
	sent := time.Since(started)
	total, err := readSums(ctx, client, expected[0])
	if err != nil {
		return fmt.Errorf("%w\n%s", err, &java.stderr)
	}
	took := time.Since(started)
	if total != expected {
		return fmt.Errorf("%v by Kafka Streams, %v by pulse eval", total, expected)
	}
	size, err := d.stored(ctx)
	if err != nil {
		return err
	}
	java.look()
	report(r, took, sent, size, []usage{
		usageOf(replay), {name: "broker", cpu: b.brokerCPU() - broker},
		{name: java.name, cpu: cpuOf(java.cmd.Process.Pid) - before, memory: java.memory},
	})
	return nil
}

// readSums reads what seconds have come to, until that are so many lines.
func readSums(ctx context.Context, client *kgo.Client, lines int64) (total sums, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	seconds := map[uint64]sums{}
	for total[0] < lines {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return total, fmt.Errorf("%d of %d lines are counted: %w", total[0], lines, ctx.Err())
		}
		fetches.EachRecord(func(record *kgo.Record) {
			var now sums
			second := binary.BigEndian.Uint64(record.Value)
			for i := range now {
				now[i] = int64(binary.BigEndian.Uint64(record.Value[8*(i+1):]))
				total[i] += now[i] - seconds[second][i]
			}
			seconds[second] = now
		})
	}
	return total, nil
}

// report prints what a recording took.
func report(r recording, took, sent time.Duration, stored int64, used []usage) {
	var roles []string
	var all time.Duration
	for _, u := range used {
		all += u.cpu
		roles = append(roles, fmt.Sprintf("%s %d, %s", u.name, u.cpu.Nanoseconds()/int64(r.lines), u.mebibytes()))
	}
	fmt.Printf("%8.0f lines/s to the last closed second, %8.0f lines/s sent; %d bytes/line kept; all %d ns/line: %s\n",
		float64(r.lines)/took.Seconds(), float64(r.lines)/sent.Seconds(), stored/int64(r.lines), all.Nanoseconds()/int64(r.lines), strings.Join(roles, "; "))
}
