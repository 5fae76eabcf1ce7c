package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// diskSize is that of the file system that fills. A fresh broker with Pulse's
// topics takes a few megabytes of it, and a minute of load no more.
const diskSize = "192m"

// full lets the broker's disk be full for a while. A broker
// that cannot write ends, and nothing that it acknowledged is gone when there is
// room again.
func full(ctx context.Context, r *run) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	disk := filepath.Join(r.dir, "kafka") // where startKafka has the broker's data
	if err := r.mount(ctx, disk); err != nil {
		return err
	}
	if err := r.startKafka(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	node := r.kafka.Nodes[0]
	var slowest time.Duration
	for i := range pick(r, 5, 1) {
		sleep(ctx, pick(r, 10*time.Second, 3*time.Second))
		r.report.Faults++
		r.log.printf("disk full %d", i+1)
		ballast := filepath.Join(disk, "ballast")
		if err := fill(ballast); err != nil {
			return err
		}
		if err := until(ctx, patient, func() bool { return !node.Running() }); err != nil {
			return fmt.Errorf("the broker's disk is full, and it goes on: %w", err)
		}
		sleep(ctx, pick(r, r.between(5*time.Second, 15*time.Second), 2*time.Second))
		r.log.printf("there is room again")
		if err := os.Remove(ballast); err != nil {
			return err
		}
		after, err := r.start(ctx, node)
		if err != nil {
			return fmt.Errorf("after the disk was full: %w", err)
		}
		slowest = max(slowest, after)
	}
	r.report.note("the broker ended each time; caught up at most %.1f s after it took records again", slowest.Seconds())
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	r.demand(r.Short || slowest <= caughtUp, "caught up %v after the broker took records again, at most %v", slowest, caughtUp)
	return nil
}

// mount makes a small file system at a folder, in memory, until the run closes.
func (r *run) mount(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size="+diskSize, "pulse-chaos", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mounting a small file system (only root may, on Linux; `unshare --map-root-user --mount` makes one of anybody): %w\n%s", err, out)
	}
	// Kafka has ended by then: what was started later is closed before.
	r.closers = append(r.closers, func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			r.log.printf("umount: %v: %s", err, out)
		}
	})
	return nil
}

// fill writes a file until there is no room for more.
func fill(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 64<<10); ; {
		switch _, err := f.Write(block); {
		case errors.Is(err, syscall.ENOSPC):
			return nil
		case err != nil:
			return err
		}
	}
}
