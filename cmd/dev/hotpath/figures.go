package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"pulse/cmd/dev/traffic"
)

// figures measures this tree alone, and prints Markdown.
type figures struct {
	root  string
	pulse string // the binary whose eval is timed
	bytes int64  // of the log that it evaluates
	turns int    // of each input
	out   io.Writer
}

// evalRuns is how often eval is timed.
const evalRuns = 5

func (f *figures) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "pulse-hotpath-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := f.folding(ctx, dir); err != nil {
		return err
	}
	return f.eval(ctx, dir)
}

// folding prints what the lines of each input cost.
func (f *figures) folding(ctx context.Context, dir string) (err error) {
	program := filepath.Join(dir, "turns")
	if err := build(ctx, f.root, program, 0); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := in.write(f.root, dir); err != nil {
			return err
		}
	}
	w, err := start(ctx, program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	fmt.Fprintln(f.out, "| folding, one thread | lines | ns per line, median of turns | least, quartiles | lines per CPU-second |\n| --- | --- | --- | --- | --- |")
	for _, in := range inputs {
		var all []time.Duration
		for range f.turns {
			spent, err := w.turn(in.name)
			if err != nil {
				return err
			}
			all = append(all, spent)
		}
		slices.Sort(all)
		at := func(q int) float64 { return float64(all[q*(len(all)-1)/4]) / float64(in.lines) }
		fmt.Fprintf(f.out, "| %s | %s | %.0f | %.0f, %.0f to %.0f | %.2f M |\n", in.name, in.doc, at(2), at(0), at(1), at(3), 1e3/at(2))
	}
	return nil
}

// eval prints how long `pulse eval` takes for a long log with eleven stats.
func (f *figures) eval(ctx context.Context, dir string) error {
	definitions := filepath.Join(dir, "router-11.yaml")
	path := filepath.Join(dir, "long.log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()
	// About 230 bytes a line; what is above the bytes is cut off with its last line.
	err = traffic.Write(log, traffic.Options{Kind: "router", Lines: int(f.bytes / 200), Rate: 5000, Seed: 1, Start: time.Date(2012, 11, 22, 9, 0, 0, 0, time.UTC)})
	if err = errors.Join(err, log.Truncate(f.bytes)); err != nil {
		return err
	}
	var wall, cpu []time.Duration
	for range evalRuns {
		c := exec.CommandContext(ctx, f.pulse, "eval", "--stats", definitions, path)
		begun := time.Now()
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		wall = append(wall, time.Since(begun))
		cpu = append(cpu, c.ProcessState.UserTime()+c.ProcessState.SystemTime())
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	fmt.Fprintf(f.out, "\n| pulse eval, %d MB of router lines, eleven stats | median of %d | spread |\n| --- | --- | --- |\n", f.bytes/1e6, evalRuns)
	for _, figure := range []struct {
		name string
		all  []time.Duration
	}{{"by the wall", wall}, {"CPU", cpu}} {
		fmt.Fprintf(f.out, "| %s | %.2f s | %.2f to %.2f |\n", figure.name, figure.all[evalRuns/2].Seconds(), figure.all[0].Seconds(), figure.all[evalRuns-1].Seconds())
	}
	return nil
}
