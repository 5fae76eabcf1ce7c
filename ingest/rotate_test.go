package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

func (f folder) move(from, to string)  { f.t.Helper(); f.do(os.Rename(f.name(from), f.name(to))) }
func (f folder) remove(name string)    { f.t.Helper(); f.do(os.Remove(f.name(name))) }
func (f folder) copy(from, to string)  { f.t.Helper(); f.write(to, f.read(from)) }
func (f folder) truncate(name string)  { f.t.Helper(); f.write(name, nil) }
func (f folder) has(name string) bool  { _, err := os.Stat(f.name(name)); return err == nil }
func (f folder) pack(name, ext string) { f.t.Helper(); f.packed(name, name+ext, ext); f.remove(name) }

// A rotation is a log that is written and rotated in every way while it is followed, now
// and then by a follower that is killed and started again.
type rotation struct {
	folder
	random *rand.Rand
	glob   string

	banner string // that each file begins with
	sparse bool   // the program does not append: it goes on where it was
	at     int64  // where that is
	late   string // a file that was renamed, and is still written to

	lines   int      // written so far
	half    string   // the rest of the last one
	rotated []string // what a.log became, the newest first, without their numbers' order

	following bool
	stop      func()
	positions Positions
	got       []string
	batches   atomic.Int64 // the follower is killed after so many more
	dead      atomic.Bool  // it was killed

	mu    sync.Mutex
	story []string // what happened, for who reads of a failure
}

func (r *rotation) tell(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.story = append(r.story, fmt.Sprintf(format, args...))
}

// follow starts a follower where the last one was killed.
func (r *rotation) follow() {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan error, 1)
	r.batches.Store(r.random.Int64N(6))
	if r.random.IntN(2) == 0 {
		r.batches.Store(1 << 30)
	}
	r.dead.Store(false)
	killed := errors.New("killed")
	files := Files{Globs: []string{r.name(r.glob)}, Follow: true, Positions: maps.Clone(r.positions),
		Log: slog.New(slog.DiscardHandler), descriptors: 2 + 100*r.random.IntN(2)}
	r.tell("a follower starts at %s", r.positions)
	go func() {
		ended <- files.Run(ctx, func(_ context.Context, b Batch) error {
			if r.batches.Add(-1) < 0 {
				r.tell("  the follower is killed")
				r.dead.Store(true)
				return killed
			}
			text := strings.TrimRight(string(b.Lines), "x\n")
			r.tell("  taken up to %q, with %s", text[strings.LastIndexByte(text, '\n')+1:], b.Positions)
			for key, value := range b.Positions {
				if r.positions[key] = value; value == nil {
					delete(r.positions, key)
				}
			}
			return eachLine(b.Lines, func(l []byte) error {
				if !isEmpty(l) {
					r.got = append(r.got, string(l))
				}
				return nil
			})
		})
	}()
	r.following = true
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, killed) {
			r.t.Error(err)
		}
		r.following = false
	}
}

// wait lets a follower read all there is.
func (r *rotation) wait(d time.Duration) {
	r.tell("%v go by", d)
	time.Sleep(d)
	synctest.Wait()
	for r.following && r.dead.Load() {
		r.stop()
		r.follow()
		time.Sleep(pollEvery) // it sees what there is before it has another name
		synctest.Wait()
	}
}

func (r *rotation) settle() {
	for range 8 {
		r.batches.Store(1 << 30)
		r.wait(3 * pollEvery)
	}
}

// append writes lines, of which the last may have to wait for its end.
func (r *rotation) append() {
	name := "a.log"
	if r.late != "" && r.half == "" && r.random.IntN(2) == 0 {
		name = r.late
	}
	var b strings.Builder
	if !r.has(name) || len(r.read(name)) == 0 {
		b.WriteString(r.banner)
	}
	b.WriteString(r.half)
	r.half = ""
	for range 1 + r.random.IntN(30) {
		fmt.Fprintf(&b, "line %d%s\n", r.lines, strings.Repeat("x", r.random.IntN(300)))
		r.lines++
	}
	text := b.String()
	if cut := r.random.IntN(200); cut < 5 && name == "a.log" {
		text, r.half = text[:len(text)-1-cut], text[len(text)-1-cut:]
	}
	r.tell("%s is written up to line %d", name, r.lines-1)
	r.put(name, text)
}

// finish ends the last line, and what was rotated is not written to any more.
func (r *rotation) finish() {
	if r.half != "" {
		r.put("a.log", r.half)
	}
	r.half, r.late = "", ""
}

// put writes to a file, as programs do that append and those that do not.
func (r *rotation) put(name, text string) {
	if name != "a.log" || !r.sparse {
		r.add(name, text)
	} else {
		r.writeAt(name, r.at, text)
		r.at += int64(len(text))
	}
	r.stamp(name)
}

// shift makes room for what a.log is rotated to.
func (r *rotation) shift() string {
	for i := len(r.rotated); i > 0; i-- {
		old := r.rotated[i-1]
		ext := filepath.Ext(old)
		if ext != ".gz" && ext != ".zst" && ext != ".lz4" {
			ext = ""
		}
		r.rotated[i-1] = fmt.Sprintf("a.log.%d%s", i+1, ext)
		r.move(old, r.rotated[i-1])
	}
	r.rotated = slices.Insert(r.rotated, 0, "a.log.1")
	return "a.log.1"
}

func (r *rotation) step() {
	step := r.random.IntN(9)
	if step > 2 {
		r.finish()
	}
	switch step {
	case 0, 1, 2:
		r.append()
	case 3: // renamed; the program goes on writing there for a while
		r.late = r.shift()
		r.move("a.log", r.late)
		r.add("a.log", "")
		r.at = 0
		r.tell("renamed")
	case 4: // copied and truncated
		r.copy("a.log", r.shift())
		r.truncate("a.log")
		r.tell("copied and truncated")
	case 5: // compressed
		if i := slices.IndexFunc(r.rotated, func(name string) bool { return strings.Count(name, ".") == 2 }); i >= 0 {
			ext := []string{".gz", ".zst", ".lz4"}[r.random.IntN(3)]
			name := r.rotated[i]
			r.tell("%s is compressed: %s", name, ext)
			if r.random.IntN(2) == 0 { // slowly
				whole := compressed(r.t, ext, r.read(name))
				r.write(name+ext, whole[:len(whole)*r.random.IntN(100)/100])
				r.wait(pollEvery * time.Duration(r.random.IntN(8)))
				r.write(name+ext, whole)
				r.remove(name)
			} else {
				r.pack(name, ext)
			}
			r.rotated[i] = name + ext
		}
	case 6: // the oldest is deleted
		if n := len(r.rotated); n > 0 && r.following {
			r.settle()
			r.tell("%s is removed", r.rotated[n-1])
			r.remove(r.rotated[n-1])
			r.rotated = r.rotated[:n-1]
		}
	case 7:
		if r.following && r.glob != "a.log" {
			r.stop()
			r.tell("the follower stops")
		} else if !r.following {
			r.follow()
		}
	case 8:
		r.wait(15 * time.Second)
	}
}

// TestFilesRotated writes and rotates a log at random: each line comes once.
func TestFilesRotated(t *testing.T) {
	for seed := range seeds(2, 60) {
		for _, glob := range []string{"a.log*", "a.log"} {
			t.Run(fmt.Sprint(seed, " ", glob), func(t *testing.T) {
				r := &rotation{folder: folder{t, t.TempDir()}, random: rand.New(rand.NewPCG(seed, 1)), glob: glob, positions: Positions{}}
				r.banner = strings.Repeat("=== the same at each start\n", []int{0, 3, 20, 500}[r.random.IntN(4)])
				r.sparse = r.random.IntN(4) == 0
				synctest.Test(t, func(t *testing.T) {
					r.folder.t = t
					r.add("a.log", "")
					r.follow()
					r.wait(pollEvery)
					for range 40 {
						r.step()
						if r.random.IntN(3) > 0 || glob == "a.log" {
							r.wait(pollEvery * time.Duration(1+r.random.IntN(3)))
						}
					}
					r.finish()
					if !r.following {
						r.follow()
					}
					r.settle()
					r.wait(15 * time.Second)
					r.settle()
					r.stop()
				})
				times := map[string]int{}
				for _, l := range r.got {
					if !strings.HasPrefix(l, "===") {
						times[strings.TrimRight(l, "x")]++
					}
				}
				for n := range r.lines {
					l := fmt.Sprint("line ", n)
					if times[l] != 1 {
						t.Errorf("%q came %d times", l, times[l])
					}
					delete(times, l)
				}
				for l, n := range times {
					t.Errorf("%.80q came %d times", l, n)
				}
				if t.Failed() {
					t.Log(strings.Join(r.story, "\n"))
				}
			})
		}
	}
}

// followed follows files until the test's end, in a synctest's bubble.
func followed(t *testing.T, f Files) (got *collected) {
	got = &collected{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f.Follow = true
	go func() { ended <- f.Run(ctx, got.take) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	time.Sleep(2 * pollEvery)
	synctest.Wait()
	return got
}

// TestFilesUnread: what matches and is not read is said once, and counted.
func TestFilesUnread(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, dir}
		f.add("a.log", "1\n")
		f.write("b.log.xz", []byte("\xfd7zXZ\x00 and so on"))
		f.write("c.log.gz", append(compressed(t, ".gz", []byte(many("2\n", 50_000)))[:60], "broken broken"...))
		f.do(os.Mkdir(f.name("d.log"), 0o700))
		f.do(syscall.Mkfifo(f.name("e.log"), 0o600))
		f.write("f.log.zst", nil) // will be something
		for _, ext := range []string{".gz", ".zst", ".lz4"} {
			whole := compressed(t, ext, []byte(many("2\n", 50_000)))
			f.write("g.cut.log"+ext, whole[:len(whole)/2])
			f.write("h.garbage.log"+ext, append(slices.Clone(whole[:4]), bytes.Repeat([]byte("garbage"), 100)...))
		}
		var log strings.Builder
		counts := &FileCounts{}
		got := followed(t, Files{Globs: []string{f.name("*")}, Counts: counts, Log: slog.New(slog.NewTextHandler(&log, nil))})
		time.Sleep(time.Minute)
		synctest.Wait()
		if !strings.HasPrefix(got.String(), "1") && !strings.HasSuffix(got.String(), "1") {
			t.Errorf("got %.80q", got)
		}
		if followed, unread, leftOut := counts.Followed.Load(), counts.Unread.Load(), counts.LeftOut.Load(); followed != 10 || unread != 0 || leftOut != 8 {
			t.Errorf("%d files are followed, %d cannot be read and %d are left out, want 10, 0 and 8", followed, unread, leftOut)
		}
		for name, says := range map[string]string{
			"g.cut.log.gz": "damaged", "g.cut.log.zst": "damaged", "g.cut.log.lz4": "damaged",
			"h.garbage.log.gz": "damaged", "h.garbage.log.zst": "damaged", "h.garbage.log.lz4": "damaged",
			"b.log.xz": "compressed by xz", "c.log.gz": "damaged", "d.log": "directory", "e.log": "--stdin",
		} {
			lines := 0
			for l := range strings.Lines(log.String()) {
				if strings.Contains(l, name) && strings.Contains(l, says) {
					lines++
				}
			}
			if lines != 1 {
				t.Errorf("of %s it is said %d times that %q: %s", name, lines, says, log.String())
			}
		}
		f.write("g.cut.log.gz", compressed(t, ".gz", []byte(many("2\n", 50_000))))
		time.Sleep(time.Minute)
		synctest.Wait()
		if leftOut := counts.LeftOut.Load(); leftOut != 7 {
			t.Errorf("when one of 8 is whole, %d files are left out", leftOut)
		}
	})
}

// TestFilesSaid: who makes things that are no files fills neither the log nor memory.
func TestFilesSaid(t *testing.T) {
	f := folder{t, t.TempDir()}
	var log strings.Builder
	tails := newTails(Files{Globs: []string{f.name("*.log")}, Counts: &FileCounts{}, Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	defer tails.close()
	for i := range maxSaid + 50 {
		f.do(os.Mkdir(f.name(fmt.Sprintf("%d.log", i)), 0o700))
	}
	f.do(tails.look())
	f.do(tails.look())
	if lines := strings.Count(log.String(), "\n"); lines != maxSaid+1 || len(tails.said) != maxSaid || !strings.Contains(log.String(), "further files") {
		t.Errorf("%d warnings are given, and %d names remembered", lines, len(tails.said))
	}
}

// TestFilesStale: a file whose handle fails, as handles of files on the network do, is
// opened again; it is neither read anew nor the end of all.
func TestFilesStale(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("a.log", "1\n")
	var got collected
	var log strings.Builder
	files := Files{Globs: []string{f.name("a.log")}, Counts: &FileCounts{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	tails := newTails(files, func(_ line.Origin, lines []byte, _ Positions) error {
		return got.take(t.Context(), Batch{Lines: lines})
	})
	defer tails.close()
	turn := func() {
		t.Helper()
		f.do(tails.look())
		_, err := tails.read(false)
		f.do(err)
	}
	turn()
	f.add("a.log", "2\n")
	f.do(tails.open[0].file.Close())
	turn()
	turn()
	if got.String() != "1 2" || files.Counts.Unread.Load() != 0 || strings.Count(log.String(), "retrying") != 1 {
		t.Errorf("got %q, want the second line too; %d files are unread, and it is said: %s", &got, files.Counts.Unread.Load(), log.String())
	}
}

// TestFilesMany: of more files than may be open at a time each one is read, whichever of
// them grow, and through rotation.
func TestFilesMany(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, dir}
		const files = 50
		name := func(i int) string { return fmt.Sprintf("%02d.log", i) }
		var want []string
		add := func(i int, text string) {
			want = append(want, fmt.Sprint(i, ".", text))
			f.add(name(i), want[len(want)-1]+"\n")
		}
		for i := range files {
			add(i, "a")
		}
		counts := &FileCounts{}
		got := followed(t, Files{Globs: []string{f.name("*.log")}, Counts: counts, Log: slog.New(slog.DiscardHandler), descriptors: 3})
		for i := range files {
			switch i % 4 {
			case 0:
				add(i, "b")
			case 1: // rotated while it is closed, with a line that was not read
				add(i, "c")
				f.move(name(i), name(i)+".1")
				add(i, "d")
			case 2:
				f.remove(name(i))
				add(i, "e")
			}
		}
		time.Sleep(2 * pollEvery)
		for i := range files {
			add(i, "f")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		lines := strings.Fields(got.String())
		slices.Sort(lines)
		slices.Sort(want)
		if !slices.Equal(lines, want) {
			t.Errorf("got %q, want %q", lines, want)
		}
		if open := openIn(t, dir); open > 3 {
			t.Errorf("%d files are open, and 3 may be", open)
		}
		if followed := counts.Followed.Load(); followed != files {
			t.Errorf("%d files are followed, want %d", followed, files)
		}
	})
}

// openIn counts the files of a folder that the process has open.
func openIn(t *testing.T, dir string) (open int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir) {
			open++
		}
	}
	return open
}

// TestFilesMost follows as many files as there may be, and more.
func TestFilesMost(t *testing.T) {
	testkit.Long(t)
	f := folder{t, t.TempDir()}
	const more = 10
	for i := range maxFollowed + more {
		f.do(os.WriteFile(f.name(fmt.Sprintf("%06d.log", i)), fmt.Appendf(nil, "%s n=%d\n", time.Now().Format(time.RFC3339), i), 0o600))
	}
	var lines atomic.Int64
	counts := &FileCounts{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		files := Files{Globs: []string{f.name("*.log")}, Follow: true, Positions: Positions{}, Counts: counts, Log: slog.New(slog.DiscardHandler)}
		ended <- files.Run(ctx, func(_ context.Context, b Batch) error { lines.Add(countLines(b.Lines)); return nil })
	}()
	testkit.Eventually(t, "all files are read", func() error { return atLeast(lines.Load(), maxFollowed) })
	t.Logf("the first lines took %v", time.Since(began))
	if followed, unread := counts.Followed.Load(), counts.Unread.Load(); followed != maxFollowed || unread != more {
		t.Errorf("%d files are followed and %d are not read, want %d and %d", followed, unread, maxFollowed, more)
	}
	for i := range 20 {
		f.add(fmt.Sprintf("%06d.log", i*1000), "again\n")
	}
	began = time.Now()
	testkit.Eventually(t, "what grows is read", func() error { return atLeast(lines.Load(), maxFollowed+20) })
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("what grew took %v; the heap is %d MiB", time.Since(began), memory.HeapInuse>>20)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
