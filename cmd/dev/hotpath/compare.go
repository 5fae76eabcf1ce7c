package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// tolerated is by how much of its speed an input may get slower without a word, in percent.
const tolerated = 5

// A comparison is of this tree with another commit.
type comparison struct {
	root  string
	base  string        // the other commit; "": the one before, or of a changed tree HEAD
	spend time.Duration // measuring, once
	force bool          // measure what is equal too
	out   io.Writer
}

// run compares, and fails if an input got slower by more than what is tolerated or what
// the commit's message states. What seems so is measured again before.
func (c *comparison) run(ctx context.Context) error {
	base, why := c.findBase(ctx)
	if base == "" {
		fmt.Fprintf(c.out, "hotpath: nothing is compared: %s\n", why)
		return nil
	}
	stated := 0
	if c.base == "" && !c.changed(ctx) {
		message, err := c.git(ctx, "log", "-1", "--format=%B")
		if err != nil {
			return err
		}
		stated = statedSlower(message)
	}
	dir, err := os.MkdirTemp("", "pulse-hotpath-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := c.build(ctx, base, dir)
	if err != nil {
		return err
	}
	if programs == nil {
		fmt.Fprintf(c.out, "hotpath: nothing is compared: %s cannot run this measurement\n", base)
		return nil
	}
	same, err := equalFiles(programs[0], programs[1])
	if err != nil {
		return err
	}
	if same && !c.force {
		fmt.Fprintf(c.out, "hotpath: the hot path is that of %s, byte for byte\n", base)
		return nil
	}
	suspects := inputs
	for _, in := range suspects {
		if err := in.write(c.root, dir); err != nil {
			return err
		}
	}
	limit := max(tolerated, stated)
	for range 2 {
		found, err := c.measure(ctx, programs, dir, suspects)
		if err != nil {
			return err
		}
		print(c.out, base, suspects, found)
		suspects = slices.DeleteFunc(slices.Clone(suspects), func(in input) bool { return found[in.name].lost() <= float64(limit) })
		if len(suspects) == 0 {
			return nil
		}
	}
	var names []string
	for _, in := range suspects {
		names = append(names, in.name)
	}
	return fmt.Errorf("%s: slower than %s by more than %d %%: if that is wanted, state it in the commit's message as a line \"Slower: N %%, why\"",
		strings.Join(names, ", "), base, limit)
}

var slower = regexp.MustCompile(`(?m)^Slower: *(\d{1,2}) ?%`)

// statedSlower gives by how much a commit's message says that the hot path may get slower,
// in percent.
func statedSlower(message string) int {
	m := slower.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // of two digits
	return n
}

// findBase gives the commit to compare with, or why there is not one.
func (c *comparison) findBase(ctx context.Context) (base, why string) {
	base = c.base
	if base == "" {
		base = "HEAD^"
		if c.changed(ctx) {
			base = "HEAD"
		}
	}
	id, err := c.git(ctx, "rev-parse", "--verify", "--quiet", "--short=12", base+"^{commit}")
	if err != nil {
		return "", fmt.Sprintf("there is no commit %s here (a clone without history, or no clone)", base)
	}
	return strings.TrimSpace(id), ""
}

// changed reports whether files that git knows have changes that are not committed.
func (c *comparison) changed(ctx context.Context) bool {
	status, err := c.git(ctx, "status", "--porcelain", "--untracked-files=no")
	return err == nil && status != ""
}

func (c *comparison) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = c.root
	out, err := cmd.Output()
	return string(out), err
}

// build makes the programs of the base and of this tree; nil if the base is too old. Both
// are of this tree's main package.
func (c *comparison) build(ctx context.Context, base, dir string) ([]string, error) {
	tree := filepath.Join(dir, "base")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return nil, err
	}
	archive := filepath.Join(dir, "base.tar")
	if _, err := c.git(ctx, "archive", "-o", archive, base); err != nil {
		return nil, fmt.Errorf("git archive %s: %w", base, err)
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", tree).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tar: %w\n%s", err, out)
	}
	const main = "cmd/dev/hotpath/turns"
	if err := os.RemoveAll(filepath.Join(tree, main)); err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(tree, main), os.DirFS(filepath.Join(c.root, main))); err != nil {
		return nil, err
	}
	programs := []string{filepath.Join(dir, "old"), filepath.Join(dir, "new")}
	if err := build(ctx, tree, programs[0]); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		fmt.Fprintf(c.out, "hotpath: %s: %v\n", base, err)
		return nil, nil
	}
	return programs, build(ctx, c.root, programs[1])
}

func equalFiles(a, b string) (bool, error) {
	first, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	second, err := os.ReadFile(b)
	return bytes.Equal(first, second), err
}

// times are the CPU times of an input, of the old program and of the new one by turns.
type times [2][]time.Duration

// lost is how much of the old program's speed the new one lost, in percent: by the least
// times, since whatever else the machine does only adds to them.
func (t times) lost() float64 {
	return 100 * (1 - float64(slices.Min(t[0]))/float64(slices.Min(t[1])))
}

// starts is how often both programs are started anew, so that where in memory a process
// happens to have its data is not taken for its speed.
const starts = 10

// measure lets both programs fold each input, by turns.
func (c *comparison) measure(ctx context.Context, programs []string, dir string, of []input) (map[string]times, error) {
	all := map[string]times{}
	for range starts {
		if err := c.turns(ctx, programs, dir, of, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *comparison) turns(ctx context.Context, programs []string, dir string, of []input, all map[string]times) (err error) {
	workers := make([]*worker, len(programs))
	for i, program := range programs {
		if workers[i], err = start(ctx, program, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, workers[i].stop()) }()
	}
	until := time.Now().Add(c.spend / starts)
	for round := 0; round < 2 || time.Now().Before(until); round++ {
		for _, in := range of {
			t := all[in.name]
			for i := range workers {
				which := (i + round) % len(workers) // who is first takes turns too
				spent, err := workers[which].turn(in.name)
				if err != nil {
					return err
				}
				t[which] = append(t[which], spent)
			}
			all[in.name] = t
		}
	}
	return nil
}

func print(out io.Writer, base string, of []input, found map[string]times) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "ns per line\t%s\tthis tree\tspeed\tpairs\t\n", base)
	for _, in := range of {
		t := found[in.name]
		perLine := func(d time.Duration) float64 { return float64(d) / float64(in.lines) }
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%+.1f %%\t%d\t\n", in.name, perLine(slices.Min(t[0])), perLine(slices.Min(t[1])), -t.lost(), len(t[0]))
	}
	w.Flush()
}
