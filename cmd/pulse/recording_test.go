package main

import (
	"context"
	"errors"
	"testing"

	"pulse/ingest"
	"pulse/topics"
	"pulse/web"
)

// TestRecordingKnown: of a recording is known what was sent of it, and that it has ended; of
// one that begins again nothing is.
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
	r.read(10, 100)
	is(web.Recording{})
}

// nowhere takes all records.
type nowhere struct{ ingest.Output }

func (nowhere) Produce(context.Context, ingest.Record) error { return nil }
