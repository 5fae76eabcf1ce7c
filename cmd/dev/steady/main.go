// Steady runs a command many times beside busy loops and tells how often it
// succeeded, and how long it took: `make test-steady`. A suite that is bound to
// the wall clock fails here before it fails on somebody's machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// busyVariable makes a process of this program a busy loop.
const busyVariable = "PULSE_STEADY_BUSY"

func main() {
	if os.Getenv(busyVariable) != "" {
		busy(os.Stdin)
		return
	}
	var o options
	flag.IntVar(&o.runs, "n", 20, "how `often` the command is run")
	flag.IntVar(&o.loops, "loops", 4, "how `many` busy loops run beside it")
	flag.StringVar(&o.failures, "failures", "bin/steady.log", "the `file` that gets the output of runs that failed")
	flag.Parse()
	o.command = flag.Args()
	if o.runs < 1 || o.loops < 0 || len(o.command) == 0 {
		fmt.Fprintln(os.Stderr, "usage: steady [-n 20] [-loops 4] [-failures FILE] COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	green, err := o.run(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
		os.Exit(1)
	}
	if !green {
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	runs, loops int
	failures    string // a file
	command     []string
}

// run prints a line for each run and one for all of them, and reports whether
// every run was green.
func (o options) run(ctx context.Context, out io.Writer) (bool, error) {
	stop, err := startLoops(o.loops)
	if err != nil {
		return false, err
	}
	defer stop()
	failures, err := os.Create(o.failures)
	if err != nil {
		return false, err
	}
	defer failures.Close()
	var took []time.Duration
	green := 0
	for i := range o.runs {
		begun := time.Now()
		output, err := runOnce(ctx, o.command)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		took = append(took, time.Since(begun))
		color := "green"
		if err != nil {
			color = "red"
			if _, err := fmt.Fprintf(failures, "=== run %d: %v\n%s\n", i+1, err, output); err != nil {
				return false, err
			}
		} else {
			green++
		}
		fmt.Fprintf(out, "%3d %-5s %3.0f s\n", i+1, color, took[i].Seconds())
	}
	fmt.Fprintln(out, summary(green, o.loops, took))
	if green < o.runs {
		fmt.Fprintf(out, "the output of what failed is in %s\n", o.failures)
	}
	return green == o.runs, nil
}

// runOnce runs the command and returns all that it printed. The command gets
// SIGTERM when ctx ends, and so do the processes that it started.
func runOnce(ctx context.Context, command []string) ([]byte, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	return c.CombinedOutput()
}

// summary is the last line: all that there is to say.
func summary(green, loops int, took []time.Duration) string {
	took = slices.Sorted(slices.Values(took))
	return fmt.Sprintf("%d of %d green beside %d busy loops; %.0f to %.0f s, median %.0f s",
		green, len(took), loops, took[0].Seconds(), took[len(took)-1].Seconds(), took[len(took)/2].Seconds())
}

// startLoops starts so many busy loops, processes of this program. They end when
// their standard input does, and so with this process in whatever way it ends.
func startLoops(n int) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var pipes []io.Closer
	var loops []*exec.Cmd
	stop = func() {
		for _, p := range pipes {
			p.Close()
		}
		for _, l := range loops {
			l.Wait()
		}
	}
	for range n {
		c := exec.Command(self)
		c.Env = append(os.Environ(), busyVariable+"=1", "GOMAXPROCS=1")
		stdin, err := c.StdinPipe()
		if err == nil {
			pipes = append(pipes, stdin)
			if err = c.Start(); err == nil {
				loops = append(loops, c)
			}
		}
		if err != nil {
			stop()
			return nil, errors.Join(errors.New("starting a busy loop"), err)
		}
	}
	return stop, nil
}

// busy keeps a CPU busy until r ends.
func busy(r io.Reader) {
	var ended atomic.Bool
	go func() {
		io.Copy(io.Discard, r)
		ended.Store(true)
	}()
	for !ended.Load() {
	}
}
