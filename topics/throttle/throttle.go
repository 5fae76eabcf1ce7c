// Package throttle logs what may come with every record or request, so that it can
// be neither missed nor drown the rest.
package throttle

import (
	"log/slog"
	"sync"
	"time"
)

// A Logger logs each message once in a while. It is for any number of goroutines.
type Logger struct {
	Log   *slog.Logger     // nil: slog.Default
	Every time.Duration    // between two of the same message; 0: a minute
	Now   func() time.Time // nil: time.Now

	mu   sync.Mutex
	said map[string]said
}

// said is what a message was last logged with.
type said struct {
	at    time.Time
	times int    // it was meant since then
	text  string // of its error
}

// Warn logs a message, which is one of a few that the program knows, with how
// often it was meant since it was logged last. What it is logged with is of this
// time.
func (l *Logger) Warn(message string, args ...any) {
	now := l.now()
	l.mu.Lock()
	last, known := l.said[message]
	last.times++
	due := !known || now.Sub(last.at) >= l.every()
	times := last.times
	if due {
		last = said{at: now}
	}
	l.keep(message, last)
	l.mu.Unlock()
	if due {
		l.log().Warn(message, append(args, "times", times)...)
	}
}

// Changed logs a message if its error is another than the last time.
func (l *Logger) Changed(message string, err error, args ...any) {
	text := err.Error()
	l.mu.Lock()
	last, known := l.said[message]
	l.keep(message, said{text: text})
	l.mu.Unlock()
	if !known || last.text != text {
		l.log().Warn(message, append(args, "error", err)...)
	}
}

func (l *Logger) keep(message string, s said) {
	if l.said == nil {
		l.said = map[string]said{}
	}
	l.said[message] = s
}

func (l *Logger) log() *slog.Logger {
	if l.Log == nil {
		return slog.Default()
	}
	return l.Log
}

func (l *Logger) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

func (l *Logger) every() time.Duration {
	if l.Every == 0 {
		return time.Minute
	}
	return l.Every
}
