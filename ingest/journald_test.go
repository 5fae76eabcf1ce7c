package ingest

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// exported is an entry as journalctl exports it.
func exported(cursor string, fields ...string) string {
	b := []byte("__CURSOR=" + cursor + "\n")
	for i := 0; i+1 < len(fields); i += 2 {
		if name, text := fields[i], fields[i+1]; strings.Contains(text, "\n") {
			b = append(b, name+"\n"...)
			b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
			b = append(append(b, text...), '\n')
		} else {
			b = append(b, name+"="+text+"\n"...)
		}
	}
	return string(append(b, '\n'))
}

func TestJournalExport(t *testing.T) {
	long := strings.Repeat("x", 2*longestField)
	j := &Journald{Counts: new(JournaldCounts)}
	var got []string
	_, err := j.entries(bufio.NewReader(strings.NewReader("\n"+
		exported("a", "__REALTIME_TIMESTAMP", "1353576694123456", "__SEQNUM", "7", "MESSAGE", "two\nlines\x1b[m", "PRIORITY", "6")+
		exported("b", "COREDUMP", long, "COREDUMP2", long+"\n", "MESSAGE", long)+
		exported("c", "MESSAGE", "cut off")[:20])), func(b Batch) error {
		got = append(got, strings.Split(strings.TrimSuffix(string(b.Lines), "\n"), "\n")...)
		if cursor := string(b.Positions[journalKey]); cursor != "b" {
			t.Errorf("the position is %q", cursor)
		}
		return nil
	})
	want := []string{
		`{"__REALTIME_TIMESTAMP":"1353576694123456","MESSAGE":"two\nlines\u001b[m","PRIORITY":"6"}`,
		`{"COREDUMP":"","COREDUMP2":"","MESSAGE":"` + long + `"}`,
	}
	if !slices.Equal(got, want) || err == nil || j.Cursor != "b" || j.Counts.LeftOut.Load() != 2 {
		t.Errorf("got %.300q up to %q (%v), %d fields left out; want %.300q", got, j.Cursor, err, j.Counts.LeftOut.Load(), want)
	}
}

// FuzzJournalExport: whatever journalctl says, lines are lines.
func FuzzJournalExport(f *testing.F) {
	f.Add([]byte(exported("a", "MESSAGE", "x", "B", "y\n")))
	f.Add([]byte("A\n\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := &Journald{Counts: new(JournaldCounts)}
		_, _ = j.entries(bufio.NewReader(strings.NewReader(string(b))), func(b Batch) error {
			for l := range strings.Lines(string(b.Lines)) {
				if !strings.HasPrefix(l, "{") || !strings.HasSuffix(l, "}\n") {
					t.Errorf("a line is %q", l)
				}
			}
			return nil
		})
	})
}

// TestJournalctl reads a journal that grows, and goes on where another one was.
func TestJournalctl(t *testing.T) {
	testkit.Long(t)
	testkit.Tool(t, "journalctl")
	remote := testkit.Tool(t, "/usr/lib/systemd/systemd-journal-remote")
	folder := t.TempDir()
	written := 0
	write := func(n int) {
		var all strings.Builder
		for range n {
			all.WriteString(exported("x", "__REALTIME_TIMESTAMP", fmt.Sprint(1353576694123456+written), "_BOOT_ID", strings.Repeat("0", 31)+"1",
				"__MONOTONIC_TIMESTAMP", fmt.Sprint(1000+written), "PRIORITY", "6", "_SYSTEMD_UNIT", "shop.service", "MESSAGE", fmt.Sprintf("n=%d\n at x", written)))
			written++
		}
		cmd := exec.Command(remote, "--output="+filepath.Join(folder, "shop.journal"), "-")
		cmd.Stdin = strings.NewReader(all.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	cursor := ""
	read := func() (*taker, func()) {
		config := journaldKind.New().(*journaldConfig)
		config.directory = text(folder)
		if err := config.units.Set("shop.service"); err != nil {
			t.Fatal(err)
		}
		opened, err := config.Open(Opening{Name: "journald", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		if err != nil {
			t.Fatal(err)
		}
		k := &taker{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- opened.Resume(Positions{journalKey: []byte(cursor)}).Run(ctx, func(ctx context.Context, b Batch) error {
				cursor = string(b.Positions[journalKey])
				return k.take(ctx, b)
			})
		}()
		t.Cleanup(func() { cancel() })
		return k, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	lines := func(k *taker, from, to int) {
		t.Helper()
		testkit.Eventually(t, "entries are lines", func() error {
			got := k.taken()
			if len(got) != to-from {
				return fmt.Errorf("got %d lines, want %d", len(got), to-from)
			}
			for i, l := range got {
				if want := fmt.Sprintf(`"MESSAGE":"n=%d\n at x"`, from+i); !strings.Contains(l, want) || !strings.Contains(l, `"__REALTIME_TIMESTAMP":"13535766`) {
					t.Fatalf("line %d is %s", i, l)
				}
			}
			return nil
		})
	}
	write(3)
	k, stop := read()
	lines(k, 0, 3)
	write(4)
	lines(k, 0, 7)
	stop()
	write(2)
	k, stop = read()
	lines(k, 7, 9)
	stop()
}

// TestJournalctlEnds: journalctl ends now and then, as when files rotate; it is started again
// behind the last entry, and an entry that it has cut is read again.
func TestJournalctlEnds(t *testing.T) {
	testkit.Long(t)
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first", exported("a", "MESSAGE", "n=1")+exported("b", "MESSAGE", "n=2")+exported("c", "MESSAGE", "n=3")[:20])
	second := write("second", exported("c", "MESSAGE", "n=3"))
	script := write("journalctl", fmt.Sprintf(`case "$*" in
*--after-cursor=b*) cat %q; exec sleep 60;;
*) cat %q; echo Failed to iterate through journal: Bad message >&2; exit 1;;
esac
`, second, first))
	var said strings.Builder
	j := &Journald{Name: "journald", Command: []string{testkit.Tool(t, "sh"), script}, Counts: new(JournaldCounts), Log: slog.New(slog.NewTextHandler(&said, nil))}
	k := &taker{}
	stop := runInput(t, j, k)
	testkit.Eventually(t, "all entries are taken", func() error { return atLeast(j.Counts.Lines.Load(), 3) })
	stop()
	if got, want := k.taken(), []string{`{"MESSAGE":"n=1"}`, `{"MESSAGE":"n=2"}`, `{"MESSAGE":"n=3"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(said.String(), "Failed to iterate through journal: Bad message") {
		t.Errorf("the log is %q", &said)
	}
}
