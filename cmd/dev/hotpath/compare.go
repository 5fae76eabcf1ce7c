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
	root    string
	base    string        // the other commit; "": the one before, or of a changed tree HEAD
	spend   time.Duration // measuring, once
	layouts int           // 0: as the linker lays both out; else in how many layouts both are measured
	force   bool          // measure what is equal too
	out     io.Writer
}

// run compares, and fails if an input got slower by more than what is tolerated or what
// the commit's message states. Without a commit that can be compared it fails if one was asked
// for; else that is said: a first commit, or a clone without history, has none before it.
func (c *comparison) run(ctx context.Context) error {
	base, err := c.findBase(ctx)
	if err != nil {
		return c.without(err)
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
	trees, err := c.trees(ctx, base, dir)
	if err != nil {
		return err
	}
	if c.layouts > 0 {
		return c.byLayout(ctx, base, trees, dir)
	}
	programs, err := c.build(ctx, trees, dir, 0)
	if err != nil {
		return c.without(err)
	}
	same, err := equalFiles(programs[0], programs[1])
	if err != nil {
		return err
	}
	if same && !c.force {
		fmt.Fprintf(c.out, "hotpath: the hot path is that of %s, byte for byte\n", base)
		return nil
	}
	if err := c.write(dir); err != nil {
		return err
	}
	return judge(inputs, base, stated, func(of []input) (map[string]times, error) {
		found, err := c.measure(ctx, programs, dir, of)
		if err == nil {
			print(c.out, base, of, found)
		}
		return found, err
	})
}

// write writes the inputs.
func (c *comparison) write(dir string) error {
	for _, in := range inputs {
		if err := in.write(c.root, dir); err != nil {
			return err
		}
	}
	return nil
}

// errNoBase is that there is nothing to compare with.
var errNoBase = errors.New("nothing is compared")

// without is what comes of errors: that there is no base is one only if a base was given.
func (c *comparison) without(err error) error {
	if !errors.Is(err, errNoBase) || c.base != "" {
		return err
	}
	fmt.Fprintf(c.out, "hotpath: %v\n", err)
	return nil
}

// judge measures inputs, and once more those that seem to have lost more of their speed than
// what is tolerated and what is stated, in percent. It fails if one has both times.
func judge(of []input, base string, stated int, measure func([]input) (map[string]times, error)) error {
	limit := max(tolerated, stated)
	for range 2 {
		found, err := measure(of)
		if err != nil {
			return err
		}
		of = slices.DeleteFunc(slices.Clone(of), func(in input) bool { return found[in.name].lost() <= float64(limit) })
		if len(of) == 0 {
			return nil
		}
	}
	var names []string
	for _, in := range of {
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

// findBase gives the commit to compare with, or errNoBase.
func (c *comparison) findBase(ctx context.Context) (string, error) {
	base := c.base
	if base == "" {
		base = "HEAD^"
		if c.changed(ctx) {
			base = "HEAD"
		}
	}
	id, err := c.git(ctx, "rev-parse", "--verify", "--quiet", "--short=12", base+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%w: there is no commit %s here (a misspelled one, a clone without history, or no clone)", errNoBase, base)
	}
	return strings.TrimSpace(id), nil
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

// trees are the base's files and this tree. Both have this tree's main package.
func (c *comparison) trees(ctx context.Context, base, dir string) ([2]string, error) {
	tree := filepath.Join(dir, "base")
	trees := [2]string{tree, c.root}
	if err := os.Mkdir(tree, 0o700); err != nil {
		return trees, err
	}
	archive := filepath.Join(dir, "base.tar")
	if _, err := c.git(ctx, "archive", "-o", archive, base); err != nil {
		return trees, fmt.Errorf("git archive %s: %w", base, err)
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", tree).CombinedOutput(); err != nil {
		return trees, fmt.Errorf("tar: %w\n%s", err, out)
	}
	const main = "cmd/dev/hotpath/turns"
	if err := os.RemoveAll(filepath.Join(tree, main)); err != nil {
		return trees, err
	}
	return trees, os.CopyFS(filepath.Join(tree, main), os.DirFS(filepath.Join(c.root, main)))
}

// build makes the programs of the base and of this tree; errNoBase: the base cannot run this
// measurement.
func (c *comparison) build(ctx context.Context, trees [2]string, dir string, layout int) ([]string, error) {
	programs := []string{filepath.Join(dir, "old"), filepath.Join(dir, "new")}
	if err := build(ctx, trees[0], programs[0], layout); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: the other commit cannot run this measurement: %v", errNoBase, err)
	}
	return programs, build(ctx, trees[1], programs[1], layout)
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

// byLayout measures both in several layouts. Where the linker puts functions makes the same
// code faster or slower by some percent, which says nothing about a change.
func (c *comparison) byLayout(ctx context.Context, base string, trees [2]string, dir string) error {
	all := map[string]times{} // the least of each layout
	for layout := range c.layouts {
		programs, err := c.build(ctx, trees, dir, 1+layout)
		if err != nil {
			return c.without(err)
		}
		if layout == 0 {
			if err := c.write(dir); err != nil {
				return err
			}
		}
		found, err := c.measure(ctx, programs, dir, inputs)
		if err != nil {
			return err
		}
		for name, t := range found {
			least := all[name]
			for i := range t {
				least[i] = append(least[i], slices.Min(t[i]))
			}
			all[name] = least
		}
	}
	printLayouts(c.out, base, inputs, all)
	return nil
}

// printLayouts prints means, and from where to where the layouts are.
func printLayouts(out io.Writer, base string, of []input, found map[string]times) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "ns per line, mean of layouts\t%s\tthis tree\tspeed\t\n", base)
	for _, in := range of {
		var means [2]float64
		var cells [2]string
		for i, least := range found[in.name] {
			for _, d := range least {
				means[i] += float64(d) / float64(in.lines) / float64(len(least))
			}
			cells[i] = fmt.Sprintf("%.1f (%.1f to %.1f)", means[i], float64(slices.Min(least))/float64(in.lines), float64(slices.Max(least))/float64(in.lines))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%+.1f %%\t\n", in.name, cells[0], cells[1], 100*(means[0]/means[1]-1))
	}
	w.Flush()
}
