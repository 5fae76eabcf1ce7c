package ingest

import (
	"bytes"
	"regexp"
)

// A trace is what an event is within, of the lines that runtimes print of an error.
type trace uint8

const (
	noTrace     trace = iota
	anyTrace          // frames follow, which are known by their look: Java's, Ruby's, .NET's, PHP's
	pythonTrace       // after a Traceback: up to the first line that is not indented
	goTrace           // of a panic
	nodeSource        // the line of code that threw
	rustPanic         // its message follows; so it is with Dart
	headedTrace       // the name of an exception alone, whose frames may follow
)

const pythonTraceback = "Traceback (most recent call last):"

// traceOf tells what begins with the first line of an event.
func traceOf(text []byte) trace {
	switch {
	case len(text) == 0:
		return noTrace
	case bytes.HasSuffix(text, []byte(pythonTraceback)):
		if isBlank(text[0]) { // of a group of exceptions, all indented
			return anyTrace
		}
		return pythonTrace
	case bytes.HasPrefix(text, []byte("PHP Fatal error: ")):
		return anyTrace
	case bytes.HasPrefix(text, []byte("panic: ")), bytes.HasPrefix(text, []byte("fatal error: ")), bytes.HasPrefix(text, []byte("SIGQUIT: ")), isGoroutine(text):
		return goTrace
	case bytes.HasPrefix(text, []byte("thread '")) && bytes.Contains(text, []byte(" panicked at ")):
		if bytes.HasSuffix(text, []byte(":")) {
			return rustPanic
		}
		return anyTrace // as older Rust has it, with the message
	case string(text) == "Unhandled exception:":
		return rustPanic
	case text[len(text)-1]-'0' <= 9 && bytes.Contains(text, []byte("s:")) && nodeThrows.Match(text), bytes.HasPrefix(text, []byte("node:internal/")):
		return nodeSource
	case isException(text):
		return headedTrace
	}
	return noTrace
}

var (
	nodeThrows = regexp.MustCompile(`^[^\s:][^\s]*\.[cm]?[jt]s:\d+$`)
	goFrame    = regexp.MustCompile(`^(?:[\w./~%*-]+\.)?[\w.()*\[\]{}·-]+\(.*\)$`)
	rubyFrame  = regexp.MustCompile("^\\S+:\\d+:in [`'].*'$")
	phpFrame   = regexp.MustCompile(`^#\d+ `)
)

// betweenPython are the lines between the tracebacks of two exceptions in Python.
var betweenPython = [][]byte{
	[]byte("During handling of the above exception, another exception occurred:"),
	[]byte("The above exception was the direct cause of the following exception:"),
}

// continues reports whether a text is of an event, as a line of a trace, and what the event
// is within then.
func (e *event) continues(text []byte) (bool, trace) {
	if len(text) == 0 { // traces have such lines
		return true, e.Trace
	}
	if isBlank(text[0]) { // it is a frame, a line of code, a cause
		return true, e.within()
	}
	switch e.Trace {
	case pythonTrace: // the exception, after the frames
		if e.Lines > 1 || isException(text) {
			return true, anyTrace
		}
	case rustPanic:
		return true, anyTrace
	case goTrace:
		if isGoTrace(text) {
			return true, goTrace
		}
	case nodeSource:
		if isException(text) || text[0] == '[' {
			return true, anyTrace
		}
	}
	switch text[0] {
	case 'C', 'S', 'D', 'T', 'N', 'W', 'L', 'n', 's', '}', ']', '#', '^', '-', '[', '*', '"':
		if e.Trace != noTrace && isLink(text) || e.Trace == noTrace && isHead(text) && e.tellsError() {
			return true, e.within()
		}
		if bytes.HasPrefix(text, []byte(pythonTraceback)) && (e.linked() || e.Trace == noTrace && e.tellsError()) {
			return true, pythonTrace
		}
	case 'g':
		if isGoroutine(text) {
			return true, goTrace
		}
	}
	if text[len(text)-1] == '\'' && rubyFrame.Match(text) && (e.Trace != noTrace || e.tellsError()) {
		return true, anyTrace
	}
	next := traceOf(text)
	// What logs an error with its exception writes a line of its own before it.
	if next == headedTrace && e.Trace == noTrace && e.Lines == 1 && e.tellsError() {
		return true, anyTrace
	}
	return false, next
}

// within is what an event is within after a line that is indented.
func (e *event) within() trace {
	if e.Trace == noTrace || e.Trace == headedTrace {
		return anyTrace
	}
	return e.Trace
}

// isHead reports whether a text after a line that tells of an error begins its trace: PHP's,
// Laravel's, Elixir's.
func isHead(text []byte) bool {
	return hasPrefix(text, "Stack trace:", "[stacktrace]", "** (")
}

// isLink reports whether a text in a trace leads to another exception, or ends the trace.
func isLink(text []byte) bool {
	if isHead(text) || hasPrefix(text, "Caused by: ", "Wrapped by: ", "Suppressed: ", "stack backtrace:", "note: ", "Next ", "Node.js v",
		"--- End of ", "Last message", "State: ") {
		return true
	}
	for _, between := range betweenPython {
		if bytes.Equal(text, between) {
			return true
		}
	}
	return text[0] == '}' && len(text) <= 2 || text[0] == ']' && len(text) <= 2 || bytes.HasPrefix(text, []byte(`"}`)) && len(text) <= 3 || phpFrame.Match(text)
}

func hasPrefix(text []byte, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if bytes.HasPrefix(text, []byte(prefix)) {
			return true
		}
	}
	return false
}

// linked reports whether an event ends with a line between two tracebacks.
func (e *event) linked() bool {
	for _, between := range betweenPython {
		if bytes.HasSuffix(e.Text, between) {
			return true
		}
	}
	return false
}

// tellsError reports whether the only line of an event is about an error, so that a trace
// after it is of that.
func (e *event) tellsError() bool {
	for _, word := range [...]string{"ERROR", "rror", "xception", "FATAL", "atal", "CRITICAL", "critical", "SEVERE", "WARN", "arning", "panic", "PANIC", "ailed", "EMERG", "ALERT", "raceback", "ailure"} {
		if bytes.Contains(e.Text, []byte(word)) {
			return true
		}
	}
	return false
}

func isGoroutine(text []byte) bool {
	return bytes.HasPrefix(text, []byte("goroutine ")) && bytes.HasSuffix(text, []byte("]:"))
}

// isGoTrace reports whether a text is of what Go prints of a panic.
func isGoTrace(text []byte) bool {
	if hasPrefix(text, "goroutine ", "created by ", "[signal ", "panic: ", "exit status ", "...additional frames elided", "PC=", "runtime stack:") {
		return true
	}
	return goFrame.Match(text)
}

// isException reports whether a text begins with the name of an exception, and a colon or
// its end:
//
//	java.lang.IllegalStateException: text
//	ZeroDivisionError (text):
//	Exception in thread "main" java.io.IOException: text
func isException(text []byte) bool {
	if hasPrefix(text, `Exception in thread "`, "Unhandled exception", "Uncaught ") {
		return true
	}
	end := 0
	for end < len(text) && isNamed(text[end]) {
		end++
	}
	name := text[:end]
	if end < len(text) && text[end] != ':' && text[end] != ' ' {
		return false
	}
	if rest := text[end:]; len(rest) > 1 && rest[0] == ' ' && rest[1] != '(' && rest[1] != '[' {
		return false
	}
	for _, suffix := range [...]string{"Exception", "Error", "Throwable", "KeyboardInterrupt", "SystemExit", "Failure"} {
		if bytes.HasSuffix(name, []byte(suffix)) {
			return true
		}
	}
	return false
}

func isNamed(c byte) bool {
	return c|0x20-'a' < 26 || c-'0' <= 9 || c == '.' || c == '_' || c == '$'
}
