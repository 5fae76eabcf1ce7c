// Pulse turns a stream of log lines into a live operations dashboard. Each
// role of it is a subcommand of this one binary:
//
//	sources -> pulse ingest -> [events.raw] -> pulse receive -> [stats.fragments]
//	        -> pulse merge -> [stats.merged, merger-table] -> pulse web -> browsers
//	                                         -> pulse alert -> [stats.alerts]
//
// pulse run has all of them, and a broker, in one process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"pulse/stats"

	"golang.org/x/term"
)

// Exit codes, as `pulse help` lists them.
const (
	exitOK          = 0
	exitFailed      = 1 // something went wrong while running
	exitUsage       = 2 // the command line or the environment is wrong
	exitDefinitions = 3 // the definitions file is wrong
	exitBehind      = 4 // pulse status: something is behind; pulse diff: values differ
)

func main() {
	runtime.MemProfileRate = 0 // nobody reads the profile, and its table is touched all over: 1 MB
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	var hangups chan os.Signal
	switch {
	case signal.Ignored(syscall.SIGHUP): // as under nohup
	case reloads(os.Args[1:]) && !onAnyTerminal():
		hangups = make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
	default: // the terminal is gone
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	// A second signal ends the process at once: after the first the default
	// action is back.
	context.AfterFunc(ctx, stop)

	e := &environment{Stdin: os.Stdin, Stdout: onTerminal(os.Stdout), Stderr: os.Stderr, LookupEnv: os.LookupEnv, Hangup: hangups}
	os.Exit(e.main(ctx, os.Args[1:]))
}

// environment is what a command has of the world outside, so that tests can
// run one as a user would.
type environment struct {
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	LookupEnv func(string) (string, bool)
	// Hangup asks roles to read their files again; nil: nobody does.
	Hangup <-chan os.Signal
}

// commands in the order in which `pulse help` lists them.
func commands() []command {
	return []command{
		runCommand, topCommand, ingestCommand, replayCommand, tailCommand, explainCommand, markCommand, receiveCommand, mergeCommand, webCommand, emitCommand, alertCommand, silenceCommand,
		topicsCommand, evalCommand, diffCommand, whyCommand, grafanaCommand, rulesCommand, incidentCommand, fieldsCommand, parseCommand, validateCommand, schemaCommand, testCommand, statusCommand, versionCommand, healthCommand,
	}
}

// A command is one subcommand. Its flags and words make settings; these are
// checked; then what they ask for is wired up and run.
type command struct {
	name     string
	summary  string // one line of `pulse help`
	usage    string // what follows the name: words and [flags]
	about    string // a sentence or two of `pulse NAME --help`
	reloads  bool   // it reads its files again at SIGHUP
	settings func() settings
}

// reloads reports whether a command line is of a command that does.
func reloads(args []string) bool {
	return len(args) > 0 && slices.ContainsFunc(commands(), func(c command) bool { return c.name == args[0] && c.reloads })
}

// onAnyTerminal reports whether somebody sits before a terminal, which hangs up when it is
// closed.
func onAnyTerminal() bool {
	return slices.ContainsFunc([]*os.File{os.Stdin, os.Stdout, os.Stderr}, func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) })
}

// settings are what a command's flags and words say.
type settings interface {
	// add declares the flags.
	add(f *flags)
	// check says what cannot be meant. Words are what is not a flag.
	check(words []string) error
	// run wires up what the settings ask for and runs it, until it is done or ctx is.
	run(ctx context.Context, e *environment) error
}

func (c *command) main(ctx context.Context, e *environment, args []string) error {
	s := c.settings()
	f := newFlags(e, c)
	s.add(f)
	words, err := f.parse(args)
	if err != nil {
		return err
	}
	if err := s.check(words); err != nil {
		return err
	}
	return s.run(ctx, e)
}

// noWords is the check of words by a command that has none.
func noWords(words []string) error {
	if len(words) > 0 {
		return usagef("unexpected argument %q: this command takes only flags", words[0])
	}
	return nil
}

// oneWord is the check of words by a command that has one, which is what.
func oneWord(words []string, what string) (string, error) {
	if len(words) != 1 {
		return "", usagef("give exactly one %s", what)
	}
	return words[0], nil
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// main runs the command that args name and returns the exit code.
func (e *environment) main(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		e.help(e.Stdout)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	if args[0] == "-version" || args[0] == "--version" {
		args = []string{"version"}
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return e.exit(c.name, c.main(ctx, e, args[1:]))
		}
	}
	fmt.Fprintf(e.Stderr, "pulse: unknown command %q; `pulse help` lists the commands\n", args[0])
	return exitUsage
}

// exit prints err and gives the exit code that tells its kind.
func (e *environment) exit(command string, err error) int {
	stderr := e.Stderr
	if f, ok := stderr.(*os.File); ok {
		stderr = onTerminal(f) // an error may have words of others
	}
	var usage usageError
	var unusable definitionsError
	var definitions stats.Errors
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errBehind), errors.Is(err, errDiffers):
		return exitBehind // it has said so
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "pulse %s: %v\n`pulse %[1]s --help` lists its flags\n", command, err)
		return exitUsage
	case errors.As(err, &definitions):
		fmt.Fprintln(stderr, err)
		return exitDefinitions
	case errors.As(err, &unusable):
		fmt.Fprintf(stderr, "pulse %s: %v\n", command, err)
		return exitDefinitions
	default:
		fmt.Fprintf(stderr, "pulse %s: %v\n", command, err)
		return exitFailed
	}
}

func (e *environment) help(w io.Writer) {
	fmt.Fprint(w, `Pulse turns a stream of log lines into a live operations dashboard.

usage: pulse COMMAND [flags]

`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, `
To try it:      tail -F access.log | pulse run
A command's flags and their environment variables: pulse COMMAND --help

Exit codes: 0 done; 1 failed while running; 2 wrong command line or
environment; 3 wrong definitions file; 4 status: something is behind; diff:
values differ.
`)
}
