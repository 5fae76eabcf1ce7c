package throttle

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"
)

func newLogger() (l *Logger, now *time.Time, written *bytes.Buffer) {
	written, now = &bytes.Buffer{}, &time.Time{}
	handler := slog.NewTextHandler(written, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	return &Logger{Log: slog.New(handler), Every: 10 * time.Second, Now: func() time.Time { return *now }}, now, written
}

// TestWarn: each message is logged at once, then every ten seconds, with how often
// it was meant.
func TestWarn(t *testing.T) {
	l, now, written := newLogger()
	for i := range 25 {
		l.Warn("often", "i", i)
		if i == 3 {
			l.Warn("seldom")
		}
		*now = now.Add(time.Second)
	}
	want := "msg=often i=0 times=1\nmsg=seldom times=1\nmsg=often i=10 times=10\nmsg=often i=20 times=10\n"
	if got := written.String(); got != want {
		t.Errorf("it logged\n%swant\n%s", got, want)
	}
}

func TestChanged(t *testing.T) {
	l, _, written := newLogger()
	for _, text := range []string{"a", "a", "b", "b", "a"} {
		l.Changed("it fails", errors.New(text), "n", 1)
	}
	want := `msg="it fails" n=1 error=a` + "\n" + `msg="it fails" n=1 error=b` + "\n" + `msg="it fails" n=1 error=a` + "\n"
	if got := written.String(); got != want {
		t.Errorf("it logged\n%swant\n%s", got, want)
	}
}
