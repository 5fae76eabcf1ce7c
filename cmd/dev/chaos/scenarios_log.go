package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/chaos/kafka"
	"pulse/stats/timing"
)

// late replays recordings out of order: what is late follows from the file alone.
func late(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	file := filepath.Join(r.dir, "recording.log")
	lines, seconds := r.recording(pick(r, 200_000, 20_000), 180)
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		return err
	}
	for _, lateness := range []int64{0, 2, 10, 60, 180} {
		if err := r.define(ctx, lateness); err != nil {
			return err
		}
		r.supervise(ctx)
		r.receivers(2, true)
		r.mergers(2, true)
		if _, _, err := output(ctx, r.pulse, r.env, "replay", file, "--original-times", "--speed", "max"); err != nil {
			return err
		}
		stdout, stderr, err := output(ctx, r.pulse, r.env, "eval", file)
		if err != nil {
			return err
		}
		alone, err := readOracle(stdout, stderr)
		if err != nil {
			return err
		}
		want := lateLines(seconds, lateness)
		r.demand(alone.counts.Late == want, "at a lateness of %d s eval says that %d lines are late, by the file it is %d", lateness, alone.counts.Late, want)
		if err := r.check(ctx, time.Now()); err != nil {
			return err
		}
		r.demand(r.report.Counts == alone.counts, "at a lateness of %d s events.raw accounts for %+v, the file for %+v", lateness, r.report.Counts, alone.counts)
		v := compare(alone, r.merged)
		r.demand(v.ok() && r.report.Open == 0, "at a lateness of %d s, by the file: %d wrong, %d missing, %d not final", lateness, v.Wrong, v.Missing, r.report.Open)
		r.report.note("lateness %d s: %d of %d late", lateness, alone.counts.Late, alone.counts.Lines)
		r.super.close()
	}
	return nil
}

// recording makes lines of one second after the other, a third of them back by
// up to so many seconds, and returns their seconds too.
func (r *run) recording(n, disorder int) (lines []byte, seconds []int64) {
	var out bytes.Buffer
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := load{tag: "recording"}
	for i := range n {
		at := start.Add(time.Duration(i) * 10 * time.Millisecond)
		if r.chance.IntN(3) == 0 {
			at = at.Add(-time.Duration(r.chance.IntN(disorder*1000)) * time.Millisecond)
		}
		before := out.Len()
		l.write(&out, r.chance, at, i)
		if stamp, _, _ := strings.Cut(string(out.Bytes()[before:]), " "); stamp != "panic:" && stamp != "too" {
			t, err := time.Parse("2006-01-02T15:04:05.000000-07:00", stamp)
			if err != nil {
				panic(err) // write wrote it
			}
			seconds = append(seconds, t.Unix())
		}
	}
	return out.Bytes(), seconds
}

// lateLines counts the lines that are late by the rule alone: the clock is the
// greatest time so far.
func lateLines(seconds []int64, lateness int64) (late int64) {
	clock := int64(0)
	for _, s := range seconds {
		clock = max(clock, s)
		if s+1+lateness <= clock {
			late++
		}
	}
	return late
}

// cold kills everything and starts it on a copy of the broker's data.
func cold(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	sleep(ctx, pick(r, time.Minute, 10*time.Second))
	r.log.printf("everything is killed, the broker too")
	r.report.Faults++
	r.measure(time.Now())
	before := r.merged
	r.super.close()
	r.kafka.Close()
	from, to := filepath.Join(r.dir, "kafka"), filepath.Join(r.dir, "kafka-copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	if err := os.RemoveAll(from); err != nil {
		return err
	}
	cluster, err := kafka.New(ctx, kafka.Config{Dir: to, Libs: r.Kafka.libs()})
	if err != nil {
		return err
	}
	r.log.printf("and started on a copy")
	if err := r.useKafka(ctx, cluster); err != nil {
		return err
	}
	r.setEnv()
	r.supervise(ctx)
	r.receivers(2, true)
	r.mergers(2, true)
	r.webs = nil
	if err := r.dashboards(1); err != nil {
		return err
	}
	back := time.Now()
	r.ingest(r.Rate, 0)
	if err := r.published(ctx, back.Unix(), patient); err != nil {
		return fmt.Errorf("on the copy not all stats are published: %w", err)
	}
	r.report.note("all stats published %.1f s after the start on the copy", time.Since(back).Seconds())
	sleep(ctx, 5*time.Second)
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	if err := r.check(ctx, time.Now()); err != nil {
		return err
	}
	differ := 0
	before.mu.Lock() // their followers may still be about to end
	defer before.mu.Unlock()
	r.merged.mu.Lock()
	defer r.merged.mu.Unlock()
	for key, was := range before.points {
		now := r.merged.points[key]
		for revision, value := range was.values {
			if now == nil || now.values[revision] != value {
				differ++
			}
		}
	}
	r.demand(differ == 0, "%d snapshots are not on the copy as they were", differ)
	return nil
}

// clocks has ingesters with wrong clocks.
func clocks(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.define(ctx, 2); err != nil {
		return err
	}
	r.supervise(ctx)
	r.receivers(2, true)
	r.mergers(2, true)
	rate := r.Rate / 3
	right := r.ingest(rate, 0)
	if err := r.flowing(ctx); err != nil {
		return err
	}
	length := pick(r, 15*time.Second, 5*time.Second)
	// Each comes, ticks for a while beside one whose clock is right, and goes:
	// by itself, or by a crash after which it is another.
	for _, skew := range []time.Duration{500 * time.Millisecond, -500 * time.Millisecond, 2 * time.Second, -2 * time.Second, time.Hour, -time.Hour} {
		r.report.Faults++
		r.log.printf("an ingester whose clock is ahead by %v", skew)
		wrong := r.ingest(rate, skew)
		sleep(ctx, length/2)
		if r.chance.IntN(2) == 0 {
			r.log.printf("SIGKILL %s: it comes again with another id", wrong.name)
			wrong.signal(syscall.SIGKILL)
		}
		receiver := r.victim([]string{"receiver"})
		r.log.printf("SIGKILL %s, between two ingesters' ticks", receiver.name)
		receiver.signal(syscall.SIGKILL)
		sleep(ctx, length/2)
		// At once, for the right one goes on: what it has beyond is open.
		if err := wrong.stop(syscall.SIGTERM); err != nil {
			return err
		}
	}
	// The clock that was an hour ahead was never the only one, so it moved
	// nothing: seconds close as before.
	if err := r.published(ctx, time.Now().Unix(), patient); err != nil {
		return fmt.Errorf("after the wrong clocks have gone not all stats are published: %w", err)
	}
	ahead := r.merged.newest(len(r.definitions.All())) - time.Now().Unix()
	r.demand(ahead <= 5, "seconds have closed that are %d s ahead: a clock that was wrong was believed", ahead)
	none := pick(r, time.Minute, 12*time.Second)
	r.log.printf("no ingester for %v", none)
	r.report.Faults++
	r.measure(time.Now())
	if err := right.stop(syscall.SIGKILL); err != nil {
		return err
	}
	sleep(ctx, none)
	r.ingest(rate, 0)
	if err := r.published(ctx, time.Now().Unix()+2, patient); err != nil {
		return fmt.Errorf("after a time without ingesters not all stats are published: %w", err)
	}
	sleep(ctx, 5*time.Second)
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	if err := r.check(ctx, time.Now()); err != nil {
		return err
	}
	least := int(none/time.Second) - 3
	r.demand(r.report.Stale >= least*len(r.definitions.Stats), "%d points are stale: no clock ran for %v", r.report.Stale, none)
	return nil
}

// lost lets retention take raw records that no receiver has
// read. What is not known is not shown as a number.
func lost(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	sleep(ctx, pick(r, 30*time.Second, 3*time.Second))
	r.log.printf("the receivers are killed, for good")
	if err := r.super.each("receiver", func(p *process) error { return p.stop(syscall.SIGKILL) }); err != nil {
		return err
	}
	sleep(ctx, pick(r, 30*time.Second, 5*time.Second))
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	whole, err := r.oracle(ctx)
	if err != nil {
		return err
	}
	gone, err := r.truncate(ctx)
	if err != nil {
		return err
	}
	r.report.Faults += 2
	r.report.note("%d raw records deleted unread", gone)
	r.log.printf("%d raw records deleted unread; receivers start again", gone)
	back := time.Now()
	r.receivers(2, true)
	r.ingest(r.Rate, 0)
	known := map[string]int64{} // stat -> from when on its windows do not reach back to what was lost
	for _, s := range r.definitions.All() {
		known[s.Name] = back.Unix() + timing.Unsettled + s.Lookback()
	}
	if err := r.published(ctx, back.Unix()+timing.Unsettled+r.window()+r.lateness+2, patient); err != nil {
		return fmt.Errorf("after records were lost not all stats are published: %w", err)
	}
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	// Until the records were deleted the whole log is the oracle, and any point
	// may be unknown; when no window reaches back there, what is left is.
	raw, err := readRaw(ctx, r.addrs, r.names.Raw())
	if err != nil {
		return err
	}
	rest, err := r.oracle(ctx)
	if err != nil {
		return err
	}
	rest.until(raw.least - r.lateness)
	for key := range rest.values {
		if key.second < known[key.stat] {
			delete(rest.values, key)
		}
	}
	r.await(ctx, rest, back)
	r.report.verdict = compare(rest, r.merged)
	r.demand(r.report.verdict.ok(), "of %d points after the loss %d are wrong, %d missing, %d conflicting", r.report.Points, r.report.Wrong, r.report.Missing, r.report.Conflicting)
	unknown, wrong, missing := 0, 0, 0
	r.merged.mu.Lock()
	defer r.merged.mu.Unlock()
	for key, want := range whole.values {
		switch p := r.merged.points[key]; {
		case p == nil || !p.final:
			missing++
		case p.values[p.last] == want:
		case p.values[p.last] == stale:
			unknown++
		default:
			if wrong++; wrong <= maxComplaints {
				r.log.printf("wrong: %s at %d is %s, with all lines it is %s", key.stat, key.second, p.values[p.last], want)
			}
		}
	}
	r.report.note("of %d points before the loss %d are shown as unknown", len(whole.values), unknown)
	r.demand(wrong == 0, "%d points are wrong in silence", wrong)
	r.demand(missing == 0, "%d points were never published", missing)
	r.demand(unknown > 0, "no point is unknown, although records were lost")
	return nil
}

// truncate deletes half of what the receivers have not read of events.raw, as
// retention does when they are behind, and returns how many records.
func (r *run) truncate(ctx context.Context) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topic := r.names.Raw()
	read, err := admin.FetchOffsetsForTopics(ctx, r.names.ReceiverGroup(), topic)
	if err != nil {
		return 0, err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	gone, delete := int64(0), kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		if from, ok := read.Lookup(topic, end.Partition); ok && from.At >= 0 && end.Offset > from.At {
			n := (end.Offset - from.At + 1) / 2
			gone += n
			delete.AddOffset(topic, end.Partition, from.At+n, -1)
		}
	})
	deleted, err := admin.DeleteRecords(ctx, delete)
	if err == nil {
		err = deleted.Error()
	}
	return gone, err
}
