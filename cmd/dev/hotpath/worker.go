package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// build makes the program turns of a tree. A layout other than 0 has functions where the linker
// puts them by that seed.
func build(ctx context.Context, tree, to string, layout int) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", fmt.Sprintf("-s -w -buildid= -randlayout=%d", layout), "-o", to, "./cmd/dev/hotpath/turns")
	c.Dir = tree
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// A worker is a process that folds inputs in turns.
type worker struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Scanner
}

func start(ctx context.Context, program, dir string) (*worker, error) {
	w := &worker{cmd: exec.CommandContext(ctx, program, dir)}
	w.cmd.Env = append(os.Environ(), clouds)
	w.cmd.Stderr = os.Stderr
	var err error
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewScanner(stdout)
	return w, w.cmd.Start()
}

// turn gives the CPU time for which the worker folded an input once.
func (w *worker) turn(input string) (time.Duration, error) {
	if _, err := io.WriteString(w.stdin, input+"\n"); err != nil {
		return 0, err
	}
	if !w.out.Scan() {
		return 0, errors.Join(errors.New("a worker ended"), w.out.Err())
	}
	n, err := strconv.ParseInt(strings.TrimSpace(w.out.Text()), 10, 64)
	return time.Duration(n), err
}

func (w *worker) stop() error {
	w.stdin.Close()
	return w.cmd.Wait()
}
