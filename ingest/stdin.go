package ingest

import (
	"context"
	"io"
)

var stdinKind = &Kind{
	Name: "stdin", Past: true,
	Docs: []KindDoc{{"`--stdin`", "`input`", "reads no further", "what was in transit"}},
	New:  func() Config { return new(stdinConfig) },
}

type stdinConfig struct {
	read    toggle
	reading Reading
}

func (c *stdinConfig) Settings() []Setting {
	return append([]Setting{{Flag: "stdin", Help: "read lines from standard input", Value: &c.read}}, c.reading.Settings()...)
}

func (c *stdinConfig) Open(o Opening) (*Opened, error) {
	c.reading.Formats = o.Formats
	in := &countedInput{Input: c.reading.Watch(Stdin{Name: o.Name, Reading: c.reading, From: o.Stdin}, o.Name, o.Log)}
	return &Opened{Input: in, Counters: in.counters()}, nil
}

// Stdin is an input of the lines that a pipe gives, until its end.
type Stdin struct {
	Name    string // becomes the field input of the lines; none if empty
	Reading Reading
	From    io.Reader
}

// Run implements Input. A read that From blocks in when ctx ends is left
// behind.
func (s Stdin) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	origin, err := s.Reading.Origin(fieldInput, s.Name)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		from, events := origin, s.Reading.live(ctx, origin, nil, take)
		err := Lines(s.From, origin)(func(p Piece) error {
			if p.From != from {
				if err := events.end(nil); err != nil {
					return err
				}
				from, events = p.From, s.Reading.live(ctx, p.From, nil, take)
			}
			return events.add(p.Lines)
		})
		if err == nil {
			err = events.end(nil)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}
