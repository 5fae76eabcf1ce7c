package ingest

import (
	"context"
	"io"

	"pulse/stats/line"
)

var stdinKind = &Kind{
	Name: "stdin", Past: true,
	Docs: []KindDoc{{"`--stdin`", "`input`", "reads no further", "what was on its way"}},
	New:  func() Config { return new(stdinConfig) },
}

type stdinConfig struct {
	read   toggle
	format format
}

func (c *stdinConfig) Settings() []Setting {
	return []Setting{{Flag: "stdin", Help: "read lines from standard input", Value: &c.read}, c.format.setting()}
}

func (c *stdinConfig) Open(o Opening) (*Opened, error) {
	return &Opened{Input: Stdin{Name: o.Name, Format: string(c.format), From: o.Stdin}}, nil
}

// Stdin is an input of the lines that a pipe gives, until its end.
type Stdin struct {
	Name   string // becomes the field input of the lines; none if empty
	Format string // that all lines are in; any if empty
	From   io.Reader
}

// Run implements Input. A read that From blocks in when ctx ends is left
// behind.
func (s Stdin) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	origin, err := line.NewOrigin(fieldInput, s.Name, line.FormatField, s.Format)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- Lines(s.From)(func(lines []byte) error {
			return take(ctx, Batch{Lines: lines, Origin: origin})
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}
