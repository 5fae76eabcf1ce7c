package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A supervisor keeps processes running, as systemd or compose would: one that
// ends is started again.
type supervisor struct {
	ctx    context.Context
	binary string
	env    []string
	logs   io.Writer

	mu    sync.Mutex
	procs []*process
	wg    sync.WaitGroup
}

// A process is one that is kept running.
type process struct {
	name   string
	mu     sync.Mutex
	cmd    *exec.Cmd
	killed bool // by us: its end is not an exit by itself
	exits  int  // ends by itself
}

// keep starts a process and keeps it running until the supervisor's context ends.
func (s *supervisor) keep(name string, args ...string) {
	p := &process{name: name}
	s.mu.Lock()
	s.procs = append(s.procs, p)
	s.mu.Unlock()
	s.wg.Go(func() {
		for s.ctx.Err() == nil {
			cmd := s.command(name, args...)
			if err := cmd.Start(); err != nil {
				fmt.Fprintf(s.logs, "%s does not start: %v\n", name, err)
				return
			}
			p.mu.Lock()
			p.cmd, p.killed = cmd, false
			p.mu.Unlock()
			err := cmd.Wait()
			p.mu.Lock()
			if !p.killed && s.ctx.Err() == nil {
				p.exits++
				fmt.Fprintf(s.logs, "%s ended by itself: %v\n", name, err)
			}
			p.cmd = nil
			p.mu.Unlock()
		}
	})
}

// command is a pulse process that ends politely with the supervisor's context.
func (s *supervisor) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stderr = &prefixed{prefix: name + ": ", to: s.logs}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}

// kill ends a process chosen by chance with SIGKILL and returns its name; ""
// if none was running.
func (s *supervisor) kill(chance *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[chance.IntN(len(s.procs))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return ""
	}
	p.killed = true
	p.cmd.Process.Kill()
	return p.name
}

// exits counts the ends that were not ours.
func (s *supervisor) exits() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.procs {
		p.mu.Lock()
		n += p.exits
		p.mu.Unlock()
	}
	return n
}

// prefixed writes whole lines, each behind the name of who said it.
type prefixed struct {
	prefix string
	to     io.Writer
	rest   []byte
}

func (w *prefixed) Write(b []byte) (int, error) {
	for _, c := range b {
		if w.rest = append(w.rest, c); c == '\n' {
			fmt.Fprintf(w.to, "%s%s", w.prefix, w.rest)
			w.rest = w.rest[:0]
		}
	}
	return len(b), nil
}
