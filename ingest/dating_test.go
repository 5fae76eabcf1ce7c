package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

// TestUndated: of a source most of whose lines have no time it is said once, with one of
// them, or it is an error.
func TestUndated(t *testing.T) {
	const dated, undated = "time=2012-11-22T09:31:34Z n=1\n", "hello there\n"
	for _, test := range []struct {
		name  string
		lines string
		says  string
	}{
		{"half", undated + dated, ""},
		{"more than half", undated + undated + dated, `2 of 3 lines have no time that Pulse knows, such as \"hello there\"`},
		{"none", undated, "1 of 1 lines"},
		{"all", dated, ""},
		{"empty lines", dated + "\n\n\n" + dated + undated, ""},
		{"no lines", "", ""},
		{"at first", strings.Repeat(undated, sampled) + strings.Repeat(dated, 2*sampled), "1000 of 1000 lines"},
		{"later", strings.Repeat(dated, sampled) + strings.Repeat(undated, 2*sampled), ""},
		{"a few at first", strings.Repeat(undated, sampled/2) + strings.Repeat(dated, sampled), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := func(r Reading) (said string, taken int, err error) {
				var out bytes.Buffer
				in := r.Watch(Stdin{From: strings.NewReader(test.lines)}, "pipe", slog.New(slog.NewTextHandler(&out, nil)))
				err = in.Run(context.Background(), func(_ context.Context, b Batch) error {
					taken += len(b.Lines)
					return nil
				})
				return out.String(), taken, err
			}
			said, taken, err := run(Reading{})
			if err != nil || taken < len(strings.TrimRight(test.lines, "\n")) {
				t.Errorf("%d of %d bytes are taken: %v", taken, len(test.lines), err)
			}
			if !strings.Contains(said, test.says) || test.says != "" != strings.Contains(said, "input=pipe") || strings.Count(said, "level=WARN") > 1 {
				t.Errorf("it says %q, want %q", said, test.says)
			}
			said, _, err = run(Reading{Undated: undatedRefused})
			if said != "" || (err != nil) != (test.says != "") {
				t.Errorf("refused: %v; it says %q", err, said)
			}
		})
	}
}
