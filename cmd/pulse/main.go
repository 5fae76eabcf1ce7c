// Pulse turns a stream of log lines into a live operations dashboard. Each
// role of it is a subcommand of this one binary:
//
//	sources -> pulse ingest -> [events.raw] -> pulse receive -> [stats.fragments]
//	        -> pulse merge -> [stats.merged, merger-table] -> pulse web -> browsers
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
	"syscall"

	"pulse/stats"
)

// Exit codes, as `pulse help` lists them.
const (
	exitOK          = 0
	exitFailed      = 1 // something went wrong while running
	exitUsage       = 2 // the command line or the environment is wrong
	exitDefinitions = 3 // the definitions file is wrong
	exitBehind      = 4 // pulse status: something is behind
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once: after the first the default
	// action is back.
	context.AfterFunc(ctx, stop)

	e := &environment{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv}
	os.Exit(e.main(ctx, os.Args[1:]))
}

// environment is what a command has of the world outside, so that tests can
// run one as a user would.
type environment struct {
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	LookupEnv func(string) (string, bool)
}

// command is one subcommand.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, e *environment, args []string) error
}

// commands in the order in which `pulse help` lists them.
func commands() []command {
	return []command{
		{"run", "all roles and an embedded broker in one process", runCommand},
		{"ingest", "lines from a pipe, files or the network into Kafka", ingestCommand},
		{"replay", "a recording into Kafka, at any pace", replayCommand},
		{"tail", "print lines as they come into Kafka", tailCommand},
		{"receive", "roll lines up into fragments", receiveCommand},
		{"merge", "close each second and publish snapshots", mergeCommand},
		{"web", "the dashboard", webCommand},
		{"emit", "each stat's final values to other systems", emitCommand},
		{"topics", "create or check the topics", topicsCommand},
		{"eval", "try definitions on logs, without Kafka", evalCommand},
		{"validate", "check a definitions file", validateCommand},
		{"test", "run the tests of a definitions file", testCommand},
		{"status", "what is behind, since when, and who owns what", statusCommand},
		{"version", "what this binary was built from", versionCommand},
		{"health", "ask a role whether it is well, for container health checks", healthCommand},
	}
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
			return e.exit(c.name, c.run(ctx, e, args[1:]))
		}
	}
	fmt.Fprintf(e.Stderr, "pulse: there is no command %q; `pulse help` lists them\n", args[0])
	return exitUsage
}

// exit prints err and gives the exit code that tells its kind.
func (e *environment) exit(command string, err error) int {
	var usage usageError
	var unusable definitionsError
	var definitions stats.Errors
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errBehind):
		return exitBehind // it has said so
	case errors.As(err, &usage):
		fmt.Fprintf(e.Stderr, "pulse %s: %v\n`pulse %[1]s --help` lists its flags\n", command, err)
		return exitUsage
	case errors.As(err, &definitions):
		fmt.Fprintln(e.Stderr, err)
		return exitDefinitions
	case errors.As(err, &unusable):
		fmt.Fprintf(e.Stderr, "pulse %s: %v\n", command, err)
		return exitDefinitions
	default:
		fmt.Fprintf(e.Stderr, "pulse %s: %v\n", command, err)
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
environment; 3 wrong definitions file; 4 status: something is behind.
`)
}
