package topics

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulse/cmd/dev/testkit"
)

// TestLeaveWithin stops what ends with an error, what takes a while, and what waits for brokers.
func TestLeaveWithin(t *testing.T) {
	failed := errors.New("failed")
	for _, test := range []struct {
		name   string
		takes  time.Duration // after it is told to stop
		fails  error
		waited time.Duration
		says   string
	}{
		{"at once", 0, nil, 0, ""},
		{"an error", time.Second, failed, time.Second, ""},
		{"in time", LeaveTimeout - 1, nil, LeaveTimeout - 1, ""},
		{"no broker", time.Hour, failed, LeaveTimeout, "does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				said := new(testkit.Transcript)
				began := time.Now()
				err := LeaveWithin(ctx, slog.New(slog.NewTextHandler(said, nil)), func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(test.takes)
					return test.fails
				})
				if waited := time.Since(began) - time.Minute; waited != test.waited {
					t.Errorf("it took %v after it was told to stop, want %v", waited, test.waited)
				}
				if want := test.fails; (test.says == "") != (err == want) {
					t.Errorf("error %v, want %v", err, want)
				}
				if text := said.String(); !strings.Contains(text, test.says) || test.says == "" && text != "" {
					t.Errorf("it says %q, want %q", text, test.says)
				}
				time.Sleep(time.Hour) // until it has ended
			})
		})
	}
}
