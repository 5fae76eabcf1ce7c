package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// collected are the lines that an input gave so far, in order.
type collected struct {
	mu    sync.Mutex
	lines []string
}

func (c *collected) take(_ context.Context, b Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return eachLine(b.Lines, func(l []byte) error {
		c.lines = append(c.lines, string(l[strings.LastIndexByte(string(l), ' ')+1:]))
		return nil
	})
}

func (c *collected) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, " ")
}

// folder is a folder of files that a test changes.
type folder struct {
	t    *testing.T
	path string
}

func (f folder) name(name string) string { return filepath.Join(f.path, name) }

func (f folder) add(name, text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.name(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) do(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestFilesFollow changes files step by step; after each step the input has
// had time to look.
func TestFilesFollow(t *testing.T) {
	type step struct {
		do   func(f folder)
		want string // of all so far
	}
	add := func(name, text string) func(folder) { return func(f folder) { f.add(name, text) } }
	tests := []struct {
		name  string
		globs []string
		steps []step
	}{
		{"lines come", []string{"a.log"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{add("a.log", "3\n"), "1 2 3"},
		}},
		{"a last line waits for its end", []string{"a.log"}, []step{
			{add("a.log", "1\n2"), "1"},
			{add("a.log", "2"), "1"},
			{add("a.log", "2\n"), "1 222"},
		}},
		{"the file comes later, and another", []string{"*.log"}, []step{
			{func(folder) {}, ""},
			{add("a.log", "1\n"), "1"},
			{add("b.log", "2\n"), "1 2"},
			{add("c.txt", "3\n"), "1 2"},
		}},
		{"rotation by renaming", []string{"a.log"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) {
				f.add("a.log", "2\n")
				f.do(os.Rename(f.name("a.log"), f.name("a.log.1")))
				f.add("a.log", "4\n")
				f.add("a.log.1", "3\n") // by one who has not been told yet
			}, "1 2 3 4"},
			{add("a.log.1", "5\n"), "1 2 3 4 5"},
			{add("a.log", "6\n"), "1 2 3 4 5 6"},
			{func(f folder) {
				f.do(os.Rename(f.name("a.log.1"), f.name("a.log.2")))
				f.do(os.Rename(f.name("a.log"), f.name("a.log.1")))
				f.add("a.log", "7\n")
			}, "1 2 3 4 5 6 7"},
		}},
		{"rotation by renaming to a name that matches", []string{"a.log*"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) {
				f.do(os.Rename(f.name("a.log"), f.name("a.log.1")))
				f.add("a.log", "2\n")
			}, "1 2"},
			{add("a.log", "3\n"), "1 2 3"},
		}},
		{"rotation by copying and truncating", []string{"a.log"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) { f.do(os.Truncate(f.name("a.log"), 0)) }, "1 2"},
			{add("a.log", "3\n"), "1 2 3"},
			{func(f folder) { f.do(os.Truncate(f.name("a.log"), 0)); f.add("a.log", "4\n") }, "1 2 3 4"},
			{func(f folder) { f.do(os.Truncate(f.name("a.log"), 0)); f.add("a.log", "5\n6\n7\n8\n") }, "1 2 3 4 5 6 7 8"},
		}},
		{"a line that truncation cut", []string{"a.log"}, []step{
			{add("a.log", "1\n2"), "1"},
			{func(f folder) { f.do(os.Truncate(f.name("a.log"), 0)); f.add("a.log", "3\n") }, "1 2 3"},
		}},
		{"a file that is removed", []string{"a.log"}, []step{
			{add("a.log", "1\n2"), "1"},
			{func(f folder) { f.do(os.Remove(f.name("a.log"))) }, "1"},
			{func(f folder) { time.Sleep(keepGone) }, "1 2"},
			{add("a.log", "3\n"), "1 2 3"},
		}},
		{"a symbolic link that moves on", []string{"current"}, []step{
			{func(f folder) { f.add("a.log", "1\n"); f.do(os.Symlink("a.log", f.name("current"))) }, "1"},
			{func(f folder) {
				f.add("a.log", "2\n")
				f.add("b.log", "3\n")
				f.do(os.Remove(f.name("current")))
				f.do(os.Symlink("b.log", f.name("current")))
			}, "1 2 3"},
		}},
		{"one file under two names", []string{"a.log", "*.log"}, []step{
			{func(f folder) { f.add("a.log", "1\n"); f.do(os.Link(f.name("a.log"), f.name("b.log"))) }, "1"},
		}},
		{"a folder that matches", []string{"*.log"}, []step{
			{func(f folder) { f.do(os.Mkdir(f.name("x.log"), 0o700)); f.add("a.log", "1\n") }, "1"},
		}},
		{"several files of the past, in the order of their clocks", []string{"*.log"}, []step{
			{func(f folder) {
				f.add("a.log", dated(at(1), "1")+"\n"+dated(at(3), "3")+"\n")
				f.add("b.log", dated(at(2), "2")+"\n"+dated(at(4), "4")+"\n")
			}, "1 2 3 4"},
			{func(f folder) {
				f.add("a.log", dated(at(9), "9")+"\n")
				f.add("b.log", dated(at(8), "8")+"\n")
			}, "1 2 3 4 9 8"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := folder{t, t.TempDir()}
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var globs []string
				for _, glob := range test.globs {
					globs = append(globs, f.name(glob))
				}
				var got collected
				ended := make(chan error)
				if test.steps[0].want != "" {
					test.steps[0].do(f) // is there before it begins
				}
				go func() { ended <- Files{Globs: globs, Follow: true}.Run(ctx, got.take) }()
				for i, s := range test.steps {
					if i > 0 {
						s.do(f)
					}
					time.Sleep(2 * pollEvery)
					synctest.Wait()
					if got.String() != s.want {
						t.Errorf("step %d: got %q, want %q", i, got.String(), s.want)
					}
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestFilesWhole(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("b.log", dated(at(1), "1")+"\n"+dated(at(4), "4")) // without a line feed
	f.add("a.log", dated(at(2), "2")+"\n"+dated(2_147_483_647*second, "2038")+"\n"+dated(at(3), "3")+"\n"+dated(at(5), "5")+"\n")
	var got collected
	if err := (Files{Globs: []string{f.name("*.log")}}).Run(t.Context(), got.take); err != nil {
		t.Fatal(err)
	}
	if want := "1 2 2038 3 4 5"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	for _, glob := range []string{f.name("none*"), "[", f.path} {
		if err := (Files{Globs: []string{glob}}).Run(t.Context(), got.take); err == nil {
			t.Errorf("%q is read without an error", glob)
		}
	}
	if err := (Files{Globs: []string{"["}, Follow: true}).Run(t.Context(), got.take); err == nil {
		t.Error("a pattern that is none is followed without an error")
	}
}

// TestMergedKeepsEachOrder merges recordings whose lines are out of order.
func TestMergedKeepsEachOrder(t *testing.T) {
	f := folder{t, t.TempDir()}
	var names []string
	const each = 600
	for file := range 5 {
		var b strings.Builder
		for i := range each {
			s := float64(i/3) - float64(i*7919%60)
			b.WriteString(dated(at(100+s), fmt.Sprintf("%d.%d", file, i)) + "\n")
		}
		name := fmt.Sprintf("%d.log", file)
		f.add(name, b.String())
		names = append(names, f.name(name))
	}
	r, err := OpenRecording(names)
	if err != nil {
		t.Fatal(err)
	}
	next := make(map[int]int)
	clock := newTimeline(0)
	late := 0
	if err := r.Lines(func(lines []byte) error {
		return eachLine(lines, func(l []byte) error {
			var file, i int
			if _, err := fmt.Sscanf(string(l[strings.LastIndexByte(string(l), ' '):]), "%d.%d", &file, &i); err != nil {
				return err
			}
			if i != next[file] {
				return fmt.Errorf("file %d: line %d comes where %d should", file, i, next[file])
			}
			next[file]++
			// No line is farther behind the clock of all than behind its own file's.
			return clock.add(l, func(clock int64, l []byte) error {
				if clock-at(100+float64(i/3)-float64(i*7919%60)) > 61*second {
					late++
				}
				return nil
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	for file := range 5 {
		if next[file] != each {
			t.Errorf("file %d: %d lines of %d", file, next[file], each)
		}
	}
	if late > 0 {
		t.Errorf("%d lines are farther behind than in their own files", late)
	}
}
