package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pulse/ingest"
	"pulse/topics"
	"pulse/web"
)

// TestRecordingKnown: of a recording is known what was sent of it, and that it has ended.
func TestRecordingKnown(t *testing.T) {
	r := &recording{}
	is := func(want web.Recording) {
		t.Helper()
		if got := r.Recording(); got != want {
			t.Errorf("the recording is %+v, want %+v", got, want)
		}
	}
	r.read(25, 100)
	is(web.Recording{Read: 0.25})
	send := func(out ingest.Output, second, lines int64) {
		t.Helper()
		if err := out.Produce(t.Context(), ingest.Record{Header: topics.RawHeader{Clock: second * 1000}, Lines: lines}); err != nil {
			t.Fatal(err)
		}
	}
	failure := errors.New("failure")
	if err := r.watched(func(context.Context, ingest.Output) error { return failure })(t.Context(), nowhere{}); err != failure {
		t.Fatal(err)
	}
	_ = r.watched(func(_ context.Context, out ingest.Output) error {
		send(out, 99, 0) // a tick
		send(out, 100, 2)
		send(out, 107, 1)
		is(web.Recording{From: 100, To: 107, Read: 0.25})
		send(out, 110, 0)
		r.read(100, 100)
		return nil
	})(t.Context(), nowhere{})
	is(web.Recording{From: 100, To: 107, Read: 1, Ended: true})
}

// TestEndlessIsNoRecording: of a recording that begins again at its end there is no share that
// is on the page, and no end, from its start on.
func TestEndlessIsNoRecording(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(file, []byte("2026-01-02T03:04:05Z a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, loop := range []string{"false", "true"} {
		c := ingest.NewReplayConfig()
		for _, s := range c.Settings() {
			if value := map[string]string{"replay": file, "loop": loop}[s.Flag]; value != "" {
				if err := s.Value.Set(value); err != nil {
					t.Fatal(err)
				}
			}
		}
		opened, err := c.Open(ingest.Opening{})
		if err != nil {
			t.Fatal(err)
		}
		all := []asked{{kind: &ingest.Kind{Name: "replay"}, config: c}}
		if got, want := isRecorded(all, []*ingest.Opened{opened}), loop == "false"; got != want {
			t.Errorf("with --loop=%s it is a recording that ends: %v, want %v", loop, got, want)
		}
	}
}

// nowhere takes all records.
type nowhere struct{ ingest.Output }

func (nowhere) Produce(context.Context, ingest.Record) error { return nil }
