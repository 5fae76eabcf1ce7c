package ingest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFilesJoined stops the following of files between any two batches and goes on, while
// events are open: none is split, and none comes twice.
func TestFilesJoined(t *testing.T) {
	add := func(name, text string) func(folder) { return func(f folder) { f.add(name, text) } }
	for _, test := range []struct {
		name  string
		steps []func(folder)
		want  string
	}{
		{"lines come", []func(folder){add("a.log", "1\n 2\n"), add("a.log", " 3\n4\n"), add("a.log", " 5\n6\n")}, "1| 2| 3, 4| 5"},
		{"two streams", []func(folder){
			add("a.log", cri+"stdout F 1\n"+cri+"stderr F a\n"+cri+"stdout F  2\n"),
			add("a.log", cri+"stdout P  3\n"+cri+"stderr F  b\n"+cri+"stdout F 4\n"),
			add("a.log", cri+"stderr F c\n"+cri+"stdout F 5\n"),
		}, "a| b, 1| 2| 34"},
		{"renamed and compressed", []func(folder){add("a.log", "1\n 2\n"), func(f folder) {
			f.add("a.log", " 3\n4\n")
			f.pack("a.log", ".gz")
		}}, "1| 2| 3, 4"},
		{"copied and truncated", []func(folder){add("a.log", "1\n 2\n"), func(f folder) {
			f.add("a.log", " 3\n4\n")
			f.copy("a.log", "a.log.1")
			f.write("a.log", []byte("5\n6\n"))
		}}, "1| 2| 3, 5"},
		{"two files by their clocks", []func(folder){func(f folder) {
			f.add("a.log", dated(at(1), "1")+"\n x\n"+dated(at(3), "3")+"\n y\n"+dated(at(5), "5")+"\n")
			f.add("b.log", dated(at(2), "2")+"\n z\n"+dated(at(4), "4")+"\n v\n")
		}, add("b.log", " w\n"+dated(at(6), "6")+"\n")}, "1| x, 2| z, 3| y, 4| v| w"},
	} {
		for batches := 1; batches <= 3; batches++ {
			t.Run(fmt.Sprint(test.name, ", ", batches), func(t *testing.T) {
				f := folder{t, t.TempDir()}
				synctest.Test(t, func(t *testing.T) {
					positions := Positions{}
					var got []string
					for _, step := range test.steps {
						step(f)
						for i := range 8 {
							each(t, f, Reading{Join: "indent"}, positions, batches+i%2, func(l []byte) {
								text := strings.ReplaceAll(string(l), lineBreak, "|")
								if i := strings.LastIndex(text, " F "); i >= 0 {
									text = text[i+len(" F "):]
								}
								if i := strings.LastIndexByte(text[:strings.IndexByte(text+"|", '|')], ' '); i >= 0 {
									text = text[i+1:]
								}
								got = append(got, text)
							})
						}
					}
					if strings.Join(got, ", ") != test.want {
						t.Errorf("got %q, want %q; the positions are %s", got, test.want, positions)
					}
				})
			})
		}
	}
}

// TestFilesJoinedInTime has the last event of a file, after a second.
func TestFilesJoinedInTime(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.add("a.log", "1\n 2\n")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*eventTime)
		defer cancel()
		var got []byte
		err := Files{Globs: []string{f.name("*.log")}, Reading: Reading{Join: "indent"}, Follow: true, Log: slog.New(slog.DiscardHandler)}.Run(ctx,
			func(_ context.Context, b Batch) error { got = append(got, b.Lines...); return nil })
		if want := "1" + lineBreak + " 2\n"; err != nil || string(got) != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	})
}

// The lines of a request are joined, those of each process apart.
func TestDrainJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDrain(t, io.Discard), &taker{}
		d.Reading.Join = "traceback"
		body := frame("<13>1 - - app web.1 - Exception in thread \"a\" A") + frame("<13>1 - - app web.2 - ok") + frame("<13>1 - - app web.1 - \tat B")
		if status := send(t, d, k, post(body, "Logplex-Msg-Count", "3")); status != http.StatusNoContent {
			t.Fatalf("answered %d", status)
		}
		synctest.Wait()
		want := []string{"<13>1 - - app web.1 - Exception in thread \"a\" A" + lineBreak + "\tat B", "<13>1 - - app web.2 - ok"}
		if got := k.taken(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := d.memory.used.Load(); got != 0 {
			t.Errorf("%d bytes are still held", got)
		}
	})
}

// Lines are joined by connection, also those of one sender.
func TestSyslogJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, k := newPipes(), &taker{}
		s := NewSyslog("syslog", listener, nil, slog.New(slog.DiscardHandler))
		s.Reading.Join = "indent"
		defer runInput(t, s, k)()
		a, b := listener.dial(), listener.dial()
		io.WriteString(a, "a\n")
		io.WriteString(b, "b\n")
		io.WriteString(a, " c\n")
		io.WriteString(b, " d\n")
		time.Sleep(2 * eventTime)
		io.WriteString(a, "e\n f")
		a.Close()
		synctest.Wait()
		got := k.taken()
		slices.Sort(got)
		if want := []string{"a" + lineBreak + " c", "b" + lineBreak + " d", "e" + lineBreak + " f"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if lines, used := s.Counts.Lines.Load(), s.events.used.Load(); lines != 6 || used != 0 {
			t.Errorf("%d lines are counted and %d bytes held, want 6 and 0", lines, used)
		}
	})
}
