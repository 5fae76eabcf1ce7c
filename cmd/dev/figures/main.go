// Figures keeps what measurements print, which is Markdown, in a file: by commit, the newest
// first, with the date, the machine and the command.
//
//	go run ./cmd/dev/figures -into docs/figures.md "go run ./cmd/dev/hotpath -figures"
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// marker is the line after which the figures of commits begin.
const marker = "<!-- the newest first, written by make bench -->"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	into := flag.String("into", "docs/figures.md", "the `file`")
	flag.Parse()
	if err := run(ctx, *into, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, into string, commands []string) error {
	if len(commands) == 0 {
		return errors.New("no command is given: figures [-into FILE] COMMAND, one or more")
	}
	text, err := os.ReadFile(into)
	if err != nil {
		return err
	}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	entry := entry{date: time.Now(), commit: strings.TrimSpace(string(commit)), machine: machine()}
	for _, command := range commands {
		c := exec.CommandContext(ctx, "sh", "-c", command) // #nosec G204 -- the user's own
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		entry.parts = append(entry.parts, part{command, string(bytes.TrimSpace(out))})
	}
	after, err := insert(string(text), entry.String())
	if err != nil {
		return fmt.Errorf("%s: %w", into, err)
	}
	return os.WriteFile(into, []byte(after), 0o644) // #nosec G306 -- a document
}

// An entry is what was measured of a commit.
type entry struct {
	date            time.Time
	commit, machine string
	parts           []part
}

// A part is what a command printed.
type part struct{ command, out string }

func (e entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s, %s\n\n%s.\n", e.date.UTC().Format("2006-01-02 15:04"), e.commit, e.machine)
	for _, p := range e.parts {
		fmt.Fprintf(&b, "\n`%s`:\n\n%s\n", p.command, p.out)
	}
	return b.String()
}

// insert puts an entry before those of other commits.
func insert(text, entry string) (string, error) {
	before, after, found := strings.Cut(text, marker+"\n")
	if !found {
		return "", fmt.Errorf("the line %s is missing", marker)
	}
	return before + marker + "\n\n" + entry + after, nil
}

// machine describes where this runs.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if average, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = fmt.Sprintf(", load %s at the start", strings.Fields(string(average))[0])
	}
	return fmt.Sprintf("%s, %d CPUs, %s, %s%s", model, runtime.NumCPU(), runtime.GOOS, runtime.Version(), load)
}
