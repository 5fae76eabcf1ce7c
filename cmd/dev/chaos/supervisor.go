package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// restartAfter is how long a supervisor waits before it starts a process again:
// as long as systemd does.
const restartAfter = 100 * time.Millisecond

// A supervisor keeps processes running, as systemd or compose would: one that
// ends is started again.
type supervisor struct {
	log *logger

	mu    sync.Mutex
	procs []*process
	wg    sync.WaitGroup
}

// A process is one that is kept running. Its lives are numbered from 1.
type process struct {
	name    string
	command func(life int) *exec.Cmd
	output  func(io.Reader) // takes what it prints; nil: nothing does
	log     *logger

	mu       sync.Mutex
	cmd      *exec.Cmd      // nil: it does not run now
	stdin    io.WriteCloser // of cmd
	life     int
	wanted   bool          // to be started again when it ends
	expected bool          // its end was asked for
	exits    int           // ends that were not
	gone     chan struct{} // closed when it has ended and is not started again
	changed  chan struct{} // closed at the next start or end
}

// keep starts a process and keeps it running.
func (s *supervisor) keep(name string, command func(life int) *exec.Cmd, output func(io.Reader)) *process {
	p := &process{name: name, command: command, output: output, log: s.log, wanted: true, gone: make(chan struct{}), changed: make(chan struct{})}
	s.mu.Lock()
	s.procs = append(s.procs, p)
	s.mu.Unlock()
	s.wg.Go(p.run)
	return p
}

// run starts the process again and again.
func (p *process) run() {
	defer close(p.gone)
	for {
		err := p.start()
		if err == nil {
			err = p.wait()
		}
		p.mu.Lock()
		if !p.expected {
			p.exits++
			p.log.printf("%s ended by itself: %v", p.name, err)
		}
		again := p.wanted
		p.mu.Unlock()
		if !again {
			return
		}
		time.Sleep(restartAfter)
	}
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life++
	p.expected = !p.wanted // it was stopped between two lives
	cmd := p.command(p.life)
	cmd.Stderr = &prefixed{prefix: p.name + ": ", to: p.log}
	// A group of its own: a Ctrl-C is for chaos, which then ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if p.output != nil {
		r, w := io.Pipe()
		cmd.Stdout = w
		go p.output(r)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.stdin = cmd, stdin
	p.notify()
	if !p.wanted {
		cmd.Process.Kill()
	}
	return nil
}

func (p *process) wait() error {
	err := p.cmd.Wait() // nobody else changes cmd while it runs
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.cmd.Stdout.(*io.PipeWriter); ok {
		w.Close()
	}
	p.cmd = nil
	p.notify()
	return err
}

func (p *process) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// signal sends the process a signal and reports whether it runs.
func (p *process) signal(s syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		p.expected = true
	}
	p.cmd.Process.Signal(s)
	return true
}

// stop ends the process by a signal for good, and waits for its end; after half
// a minute it is killed, and that is told.
func (p *process) stop(s syscall.Signal) error {
	p.mu.Lock()
	p.wanted, p.expected = false, true
	p.mu.Unlock()
	p.signal(s)
	return p.ended()
}

// finish lets a process end that does so when its input ends.
func (p *process) finish() error {
	p.mu.Lock()
	p.wanted, p.expected = false, true
	if p.stdin != nil {
		p.stdin.Close()
	}
	p.mu.Unlock()
	return p.ended()
}

func (p *process) ended() error {
	select {
	case <-p.gone:
		return nil
	case <-time.After(patient):
	}
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGKILL)
	<-p.gone
	return fmt.Errorf("%s did not end within %v and was killed", p.name, patient)
}

// running returns the processes whose names begin so, and that are kept running.
func (s *supervisor) running(prefix string) []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*process
	for _, p := range s.procs {
		p.mu.Lock()
		if p.wanted && strings.HasPrefix(p.name, prefix) {
			found = append(found, p)
		}
		p.mu.Unlock()
	}
	return found
}

// each does something with the processes whose names begin so, with all at
// once, and returns the first error.
func (s *supervisor) each(prefix string, do func(*process) error) error {
	procs := s.running(prefix)
	errs := make([]error, len(procs))
	var wg sync.WaitGroup
	for i, p := range procs {
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// close ends all processes at once.
func (s *supervisor) close() {
	s.each("", func(p *process) error {
		p.signal(syscall.SIGCONT)
		return p.stop(syscall.SIGKILL)
	})
	s.wg.Wait()
}

// exits names the processes that ended by themselves, with how often.
func (s *supervisor) exits() (names []string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.procs {
		p.mu.Lock()
		if p.exits > 0 {
			names = append(names, fmt.Sprintf("%s ×%d", p.name, p.exits))
			n += p.exits
		}
		p.mu.Unlock()
	}
	slices.Sort(names)
	return names, n
}

// memory is the resident memory of a process in bytes; 0 where the system does
// not tell.
func (p *process) memory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	out, err := exec.Command("ps", "-o", "rss=", "-p", fmt.Sprint(p.cmd.Process.Pid)).Output()
	if err != nil {
		return 0
	}
	var kib int64
	fmt.Sscan(string(out), &kib)
	return kib << 10
}

// A logger writes lines of several goroutines. W takes each line at once.
type logger struct {
	w     io.Writer
	name  string
	start time.Time
}

func (l *logger) printf(format string, args ...any) {
	line := fmt.Sprintf("%-9s %7.2f  ", l.name, time.Since(l.start).Seconds()) + fmt.Sprintf(format, args...) + "\n"
	io.WriteString(l.w, line) // a log that cannot be written is no reason to stop
}

// prefixed writes whole lines, each behind the name of who said it.
type prefixed struct {
	prefix string
	to     *logger
	rest   []byte
}

func (w *prefixed) Write(b []byte) (int, error) {
	for _, c := range b {
		if c == '\n' {
			w.to.printf("%s%s", w.prefix, w.rest)
			w.rest = w.rest[:0]
			continue
		}
		w.rest = append(w.rest, c)
	}
	return len(b), nil
}

// output runs a command to its end and returns what it printed.
func output(ctx context.Context, binary string, env []string, args ...string) (stdout, stderr []byte, err error) {
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w\n%s", binary, args[0], err, complaints.String())
	}
	return out.Bytes(), complaints.Bytes(), nil
}
