package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"pulse/stats"
	"pulse/topics"
)

// flags is a flag.FlagSet in which each flag also has an environment variable:
// PULSE_ and its name, or the name it has had elsewhere (KAFKA_URL, PORT). The
// command line wins over the environment, the environment over the default.
type flags struct {
	*flag.FlagSet
	env  *environment
	vars map[string]string // flag -> variable
}

// newFlags has the flags of a command; usage is what follows its name, about a
// sentence or two on what it does.
func newFlags(e *environment, command, usage, about string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(command, flag.ContinueOnError), env: e, vars: map[string]string{}}
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(e.Stdout, "usage: pulse %s %s\n\n%s\n\nflags:\n", command, usage, strings.TrimSpace(about))
		f.VisitAll(func(fl *flag.Flag) {
			kind, help := flag.UnquoteUsage(fl)
			fmt.Fprintf(e.Stdout, "  --%s", fl.Name)
			if kind != "" {
				fmt.Fprintf(e.Stdout, " %s", kind)
			}
			fmt.Fprintf(e.Stdout, "\n        %s", strings.ReplaceAll(help, "\n", "\n        "))
			if fl.DefValue != "" && fl.DefValue != "false" && fl.DefValue != "0" {
				fmt.Fprintf(e.Stdout, " (default %s)", fl.DefValue)
			}
			fmt.Fprintf(e.Stdout, " [$%s]\n", f.variable(fl.Name))
		})
	}
	return f
}

// variable is the environment variable of a flag.
func (f *flags) variable(name string) string {
	if v := f.vars[name]; v != "" {
		return v
	}
	return "PULSE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// parse sets the flags from the environment and then from args.
func (f *flags) parse(args []string) error {
	if err := f.parseEnv(); err != nil {
		return err
	}
	return f.parseArgs(args)
}

// parseMixed is parse for a command whose words may stand before its flags too;
// it returns the words.
func (f *flags) parseMixed(args []string) (words []string, err error) {
	if err := f.parseEnv(); err != nil {
		return nil, err
	}
	for {
		if err := f.parseArgs(args); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, f.Arg(0)), f.Args()[1:]
	}
}

func (f *flags) parseEnv() error {
	var errs []error
	f.VisitAll(func(fl *flag.Flag) {
		value, ok := f.env.LookupEnv(f.variable(fl.Name))
		if !ok || value == "" {
			return
		}
		if err := fl.Value.Set(value); err != nil {
			errs = append(errs, fmt.Errorf("$%s is %q: %w", f.variable(fl.Name), value, err))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

func (f *flags) parseArgs(args []string) error {
	err := f.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}

// noArgs refuses words after the flags.
func (f *flags) noArgs() error {
	if f.NArg() > 0 {
		return usagef("unexpected %q after the flags", f.Arg(0))
	}
	return nil
}

// logFlags are the flags of how a role speaks to its operator.
type logFlags struct {
	level  slog.Level
	format string
}

func (l *logFlags) add(f *flags) {
	f.TextVar(&l.level, "log-level", slog.LevelInfo, "the least `level` that is logged: debug, info, warn or error")
	f.StringVar(&l.format, "log-format", "text", "`text` or json")
}

func (l *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: l.level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format is %q: text or json", l.format)
}

// kafkaFlags say where Kafka is and what Pulse's topics are called there.
type kafkaFlags struct {
	brokers string
	prefix  string
}

func (k *kafkaFlags) add(f *flags) {
	f.vars["kafka"], f.vars["prefix"] = "KAFKA_URL", "KAFKA_PREFIX"
	f.StringVar(&k.brokers, "kafka", "localhost:9092", "the brokers, a comma list of `host:port`")
	k.addPrefix(f)
}

func (k *kafkaFlags) addPrefix(f *flags) {
	f.vars["prefix"] = "KAFKA_PREFIX"
	f.StringVar(&k.prefix, "prefix", "", "put before the name of every topic and group, for teams that share a cluster")
}

func (k *kafkaFlags) cluster() (topics.Cluster, error) { return topics.ParseCluster(k.brokers) }

// statsFlag names the definitions file.
type statsFlag struct{ file string }

func (s *statsFlag) add(f *flags) {
	f.StringVar(&s.file, "stats", "", "the definitions `file`; without it a set that suits any log serves")
}

// load reads the definitions, or takes the built-in ones.
func (s *statsFlag) load() (*stats.Definitions, error) {
	if s.file == "" {
		return stats.Builtin(), nil
	}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the definitions: %w", err)
	}
	return stats.Parse(s.file, data)
}
