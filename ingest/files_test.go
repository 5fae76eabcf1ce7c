package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulse/stats/line"
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

const cri = "2012-11-22T09:31:34.123456789Z "

var (
	banner      = strings.Repeat("=", 400) + " =\n" // longer than headSize
	manyBanners = many("= the same at each start =\n", 600)
)

// many is a text so many times, with a blank between if it is a word.
func many(text string, times int) string {
	if strings.HasSuffix(text, "\n") {
		return strings.Repeat(text, times)
	}
	return strings.TrimSuffix(strings.Repeat(text+" ", times), " ")
}

// writeAt writes to a file where a program was in it.
func (f folder) writeAt(name string, at int64, text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.name(name), os.O_WRONLY|os.O_CREATE, 0o600)
	f.do(err)
	_, err = file.WriteAt([]byte(text), at)
	f.do(errors.Join(err, file.Close()))
	f.stamp(name)
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
		{"a quiet file that is renamed, and written to", []string{"a.log"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) { time.Sleep(time.Minute) }, "1"},
			{func(f folder) { f.move("a.log", "a.log.1") }, "1"},
			{add("a.log.1", "2\n"), "1 2"},
		}},
		{"rewritten longer behind the same banner", []string{"a.log"}, []step{
			{add("a.log", banner+"1\n2\n"), "= 1 2"},
			{func(f folder) { f.write("a.log", []byte(banner+"3\n4\n5\n")) }, "= 1 2 = 3 4 5"},
			{add("a.log", "6\n"), "= 1 2 = 3 4 5 6"},
		}},
		{"rewritten behind a banner longer than the window", []string{"a.log"}, []step{
			{add("a.log", manyBanners+"1\n2\n"), many("=", 600) + " 1 2"},
			{func(f folder) { f.write("a.log", []byte(manyBanners+"3\n4\n5\n")) }, many("=", 600) + " 1 2 " + many("=", 600) + " 3 4 5"},
		}},
		{"rewritten so that where it was read to is within a line", []string{"a.log"}, []step{
			{add("a.log", banner+"1\n2\n"), "= 1 2"},
			{func(f folder) { f.write("a.log", []byte(banner+"34567\n8\n")) }, "= 1 2 = 34567 8"},
		}},
		{"rewritten to its size", []string{"a.log"}, []step{
			{add("a.log", banner+"1\n2\n"), "= 1 2"},
			{func(f folder) { f.write("a.log", []byte(banner+"3\n4\n")) }, "= 1 2 = 3 4"},
		}},
		{"rewritten with another banner and the same lines", []string{"a.log"}, []step{
			{add("a.log", "=1\n"+many("tick\n", 2000)), "=1 " + many("tick", 2000)},
			{func(f folder) { f.write("a.log", []byte("=2\n"+many("tick\n", 2001))) }, "=1 " + many("tick", 2000) + " =2 " + many("tick", 2001)},
		}},
		{"rewritten while a line waits for its end", []string{"a.log"}, []step{
			{add("a.log", banner+"1\n2"), "= 1"},
			{func(f folder) { f.write("a.log", []byte(banner+"34\n5\n")) }, "= 1 2 = 34 5"},
		}},
		{"truncated under a program that goes on where it was", []string{"a.log"}, []step{
			{add("a.log", banner+"1\n2\n"), "= 1 2"},
			{func(f folder) {
				f.write("a.log", nil)
				f.writeAt("a.log", int64(len(banner)+4), "3\n")
			}, "= 1 2 3"},
			{func(f folder) { f.writeAt("a.log", int64(len(banner)+6), "4\n") }, "= 1 2 3 4"},
			{func(f folder) { f.write("a.log", nil); f.writeAt("a.log", 1<<34, "5\n") }, "= 1 2 3 4 5"}, // 16 GiB of hole
		}},
		{"allocated first, and written to where the zeros are", []string{"a.log"}, []step{
			{func(f folder) { f.write("a.log", append([]byte("1\n"), make([]byte, 300_000)...)) }, "1"},
			{func(f folder) { f.writeAt("a.log", 2, "2\n3") }, "1 2"},
			{func(f folder) { f.writeAt("a.log", 5, "3\n") }, "1 2 33"},
			{func(f folder) { f.do(os.Truncate(f.name("a.log"), 7)); f.add("a.log", "4\n") }, "1 2 33 4"},
		}},
		{"allocated first, as a hole", []string{"a.log"}, []step{
			{func(f folder) { f.add("a.log", "1\n"); f.do(os.Truncate(f.name("a.log"), 1<<34)) }, "1"},
			{func(f folder) { f.writeAt("a.log", 2, "2\n") }, "1 2"},
		}},
		{"zeros between lines, as after a power failure", []string{"a.log"}, []step{
			{func(f folder) { f.add("a.log", "1\n"+string(make([]byte, 300_000))) }, "1"},
			{add("a.log", "2\n3"), "1 2"},
			{add("a.log", "3\n"), "1 2 33"},
		}},
		{"lines in parts", []string{"*.log"}, []step{
			{func(folder) {}, ""},
			{add("a.log", cri+"stdout P 1\n"+cri+"stderr P a\n"+cri+"stdout P 2\n"), ""},
			{add("a.log", cri+"stderr F b\n"+cri+"stdout F 3\n"+cri+"stdout F 4\n"), "ab 123 4"},
			{add("a.log", cri+"stdout P 5\n"), "ab 123 4"},
			{func(f folder) { f.move("a.log", "a.log.1"); f.add("a.log.1", cri+"stdout F 6\n"+cri+"stderr P c\n") }, "ab 123 4 56"},
			{func(f folder) { time.Sleep(keepGone) }, "ab 123 4 56 c"},
		}},
		{"hard links", []string{"*.log"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) { f.do(os.Link(f.name("a.log"), f.name("b.log"))); f.add("b.log", "2\n") }, "1 2"},
			{func(f folder) { f.remove("a.log"); f.add("b.log", "3\n") }, "1 2 3"},
			{func(f folder) { time.Sleep(keepGone) }, "1 2 3"},
			{add("b.log", "4\n"), "1 2 3 4"},
		}},
		{"removed, and another one begins the same way", []string{"*.log"}, []step{
			{add("a.log", banner+"1\n"), "= 1"},
			{func(f folder) { f.remove("a.log"); f.add("b.log", banner+"2\n") }, "= 1 = 2"},
			{func(f folder) { f.remove("b.log"); f.add("b.log", banner+"3\n4\n") }, "= 1 = 2 = 3 4"},
		}},
		{"plain under a name of compressed ones", []string{"a.log*"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) { f.move("a.log", "a.log.1.gz"); f.add("a.log.1.gz", "2\n"); f.add("a.log", "3\n") }, "1 2 3"},
			{func(f folder) { f.packed("a.log.1.gz", "new", ".gz"); f.move("new", "a.log.1.gz") }, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
		}},
		{"copied and truncated, and the copy matches", []string{"a.log*"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) { f.copy("a.log", "a.log.1") }, "1 2"},
			{add("a.log", "3\n"), "1 2 3"},
			{func(f folder) { f.copy("a.log", "a.log.1"); f.truncate("a.log") }, "1 2 3"},
			{add("a.log", "4\n"), "1 2 3 4"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3 4"},
		}},
		{"copied and truncated before all was read", []string{"a.log"}, []step{
			{add("a.log", "1\n2"), "1"},
			{func(f folder) {
				f.add("a.log", "3\n4\n")
				f.copy("a.log", "a.log.1")
				f.truncate("a.log")
				f.add("a.log", "5\n")
			}, "1 23 4 5"},
		}},
		{"copied and truncated before all was read, and compressed", []string{"a.log"}, []step{
			{add("a.log", "1\n2"), "1"},
			{func(f folder) {
				f.add("a.log", "3\n4\n")
				f.packed("a.log", "a.log.1.gz", ".gz")
				f.truncate("a.log")
				f.add("a.log", "5\n")
			}, "1 23 4 5"},
		}},
		{"copied slowly", []string{"a.log*"}, []step{
			{add("a.log", banner+many("1\n", 9000)), "= " + many("1", 9000)},
			{func(f folder) { f.write("a.log.1", f.read("a.log")[:5000]) }, "= " + many("1", 9000)},
			{func(f folder) { time.Sleep(time.Minute) }, "= " + many("1", 9000)},
			{func(f folder) { f.copy("a.log", "a.log.1") }, "= " + many("1", 9000)},
			{func(f folder) { f.truncate("a.log"); f.add("a.log", "2\n") }, "= " + many("1", 9000) + " 2"},
		}},
		{"replaced by a copy of itself", []string{"a.log"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) { f.copy("a.log", "new"); f.add("new", "3\n"); f.move("new", "a.log") }, "1 2 3"},
			{add("a.log", "4\n"), "1 2 3 4"},
			{func(f folder) { time.Sleep(keepGone) }, "1 2 3 4"},
		}},
		{"two logs that are alike", []string{"*"}, []step{
			{func(f folder) { f.add("messages", "1\n2\n"); f.add("syslog", "1\n2\n") }, "1 2 1 2"},
			{func(f folder) { f.add("messages", "3\n"); f.add("syslog", "3\n") }, "1 2 1 2 3 3"},
		}},
		{"one that begins like another in name and text", []string{"a.log*"}, []step{
			{add("a.log", banner+"1\n"), "= 1"},
			{add("a.log.err", banner), "= 1"}, // it may be a copy that is not whole
			{add("a.log.err", "2\n"), "= 1 = 2"},
			{add("a.log.out", banner), "= 1 = 2"},
			{func(f folder) { time.Sleep(keepPart) }, "= 1 = 2 ="},
		}},
		{"compressed as it is rotated", []string{"a.log*"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) { f.move("a.log", "a.log.1"); f.add("a.log", "3\n") }, "1 2 3"},
			{func(f folder) { f.pack("a.log.1", ".gz") }, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
			{func(f folder) { f.move("a.log.1.gz", "a.log.2.gz"); f.move("a.log", "a.log.1"); f.add("a.log", "4\n") }, "1 2 3 4"},
			{func(f folder) { f.pack("a.log.1", ".zst") }, "1 2 3 4"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3 4"},
		}},
		{"compressed at once, with lines that were not read", []string{"a.log*"}, []step{
			{add("a.log", "1\n"), "1"},
			{func(f folder) { f.add("a.log", "2\n"); f.pack("a.log", ".lz4"); f.add("a.log", "3\n") }, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
		}},
		{"compressed under another name", []string{"*"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) {
				f.packed("a.log", "a-2026-11-27.log.gz", ".gz")
				f.remove("a.log")
				f.add("a.log", "3\n")
			}, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
		}},
		{"compressed slowly", []string{"a.log*"}, []step{
			{add("a.log", many("1\n", 100)+manyBanners), many("1", 100) + " " + many("=", 600)},
			{func(f folder) {
				f.move("a.log", "a.log.1")
				f.write("a.log.1.gz", compressed(f.t, ".gz", f.read("a.log.1"))[:20])
			}, many("1", 100) + " " + many("=", 600)},
			{func(f folder) { f.pack("a.log.1", ".gz") }, many("1", 100) + " " + many("=", 600)},
			{func(f folder) { time.Sleep(time.Minute) }, many("1", 100) + " " + many("=", 600)},
		}},
		{"compressed while it grows", []string{"a.log*"}, []step{
			{add("a.log", "1\n2\n"), "1 2"},
			{func(f folder) { f.packed("a.log", "a.log.gz", ".gz"); f.add("a.log", "3\n") }, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
		}},
		{"compressed by bzip2", []string{"a.log*"}, []step{
			{add("a.log", "1\n2\n3\n"), "1 2 3"},
			{func(f folder) { f.write("a.log.1.bz2", unhex(f.t, bzip2Of123)); f.remove("a.log") }, "1 2 3"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3"},
		}},
		{"compressed files that were there", []string{"a.log*"}, []step{
			{func(f folder) {
				f.add("a.log", dated(at(9), "4")+"\n")
				f.write("a.log.1.gz", compressed(f.t, ".gz", []byte(dated(at(5), "3")))) // without an end
				f.write("a.log.2.bz2", unhex(f.t, bzip2Of123))
			}, "1 2 3 3 4"},
			{func(f folder) { time.Sleep(time.Minute) }, "1 2 3 3 4"},
		}},
		{"a compressed file that is written as lines come", []string{"*.gz"}, []step{
			{func(f folder) { f.write("a.gz", compressed(f.t, ".gz", []byte("1\n"))) }, "1"},
			{func(f folder) { f.add("a.gz", string(compressed(f.t, ".gz", []byte("2\n")))) }, "1 2"},
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
		{"a link to what is rotated elsewhere, as Kubernetes has them", []string{"*.log"}, []step{
			{func(f folder) {
				f.do(os.Mkdir(f.name("pod"), 0o700))
				f.add("pod/0.log", "1\n")
				f.do(os.Symlink("pod/0.log", f.name("a.log")))
			}, "1"},
			{func(f folder) {
				f.add("pod/0.log", "2\n")
				f.move("pod/0.log", "pod/0.log.1")
				f.add("pod/0.log", "3\n")
			}, "1 2 3"},
			{func(f folder) { f.add("pod/0.log.1", "4\n"); f.add("pod/0.log", "5\n") }, "1 2 3 4 5"},
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
						t.Errorf("step %d: got %.300q (%d bytes), want %.300q (%d)", i, got.String(), len(got.String()), s.want, len(s.want))
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
	if err := r.Lines(func(p Piece) error {
		return eachLine(p.Lines, func(l []byte) error {
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

// BenchmarkLook looks at many files of which none has changed.
func BenchmarkLook(b *testing.B) {
	for _, files := range []int{100, 10_000, maxFollowed} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			dir := b.TempDir()
			for i := range files {
				if err := os.WriteFile(fmt.Sprintf("%s/%06d.log", dir, i), []byte("1\n"), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			t := newTails(Files{Globs: []string{dir + "/*.log"}, Positions: Positions{}, Counts: &FileCounts{}, Log: slog.New(slog.DiscardHandler)},
				func(line.Origin, []byte, Positions) error { return nil })
			defer t.close()
			look := func(first bool) {
				if err := t.look(); err != nil {
					b.Fatal(err)
				}
				if _, err := t.read(first); err != nil {
					b.Fatal(err)
				}
			}
			look(true)
			for b.Loop() {
				look(false)
			}
		})
	}
}
