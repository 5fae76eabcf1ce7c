package main

import (
	"context"
	"sync"

	"pulse/ingest"
	"pulse/web"
)

// A recording is one that this process reads into the log: how far it has come, for the page.
type recording struct {
	mu    sync.Mutex
	state web.Recording
}

// isRecorded reports whether opened inputs are a recording, or files, that are read once.
func isRecorded(all []asked, opened []*ingest.Opened) bool {
	return len(opened) == 1 && !opened[0].Endless && (all[0].kind.Name == "replay" || all[0].kind.Name == "file" && opened[0].Resume == nil)
}

// Recording is what is known by now.
func (r *recording) Recording() web.Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// read notes how much of it has been read.
func (r *recording) read(done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Read = float64(done) / float64(max(total, 1))
}

// watched is run, of which it is noted what it sends and when it ends.
func (r *recording) watched(run func(context.Context, ingest.Output) error) func(context.Context, ingest.Output) error {
	return func(ctx context.Context, out ingest.Output) error {
		err := run(ctx, noting{out, r})
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.state.Ended = true
		}
		return err
	}
}

// noting is an Output that notes of which seconds the lines are that go there.
type noting struct {
	ingest.Output
	recording *recording
}

func (s noting) Produce(ctx context.Context, r ingest.Record) error {
	second, lines := r.Header.Second(), r.Lines > 0
	err := s.Output.Produce(ctx, r)
	if err != nil || !lines {
		return err
	}
	s.recording.mu.Lock()
	defer s.recording.mu.Unlock()
	if s.recording.state.From == 0 {
		s.recording.state.From = second
	}
	s.recording.state.To = max(s.recording.state.To, second)
	return nil
}
