package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/topics"
)

// flags is a flag.FlagSet in which each flag also has an environment variable:
// PULSE_ and its name, or the name it has had elsewhere (KAFKA_URL, PORT). The
// command line wins over the environment, the environment over the default.
type flags struct {
	*flag.FlagSet
	env   *environment
	vars  map[string]string // flag -> variable
	usage string
	about string
}

func newFlags(e *environment, c *command) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(c.name, flag.ContinueOnError), env: e, vars: map[string]string{}}
	f.usage, f.about = c.usage, strings.TrimSpace(c.about)
	f.SetOutput(io.Discard)
	f.Usage = func() {} // it would come with every mistake too
	return f
}

// help prints what `pulse COMMAND --help` shows.
func (f *flags) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s\n\n%s\n", strings.TrimSpace("pulse "+f.Name()+" "+f.usage), f.about)
	heading := "\nflags, and the environment variables that set them too:\n"
	f.VisitAll(func(fl *flag.Flag) {
		kind, help := flag.UnquoteUsage(fl)
		if kind != "" {
			kind = " " + kind
		}
		fmt.Fprintf(w, "%s  --%s%s [$%s]\n        %s", heading, fl.Name, kind, f.variable(fl.Name), help)
		if isSecret(fl.Name) {
			fmt.Fprint(w, "; @FILE reads it from a file")
		}
		heading = ""
		if fl.DefValue != "" && fl.DefValue != "false" && fl.DefValue != "0" && fl.DefValue != "0s" {
			fmt.Fprintf(w, " (default %s)", fl.DefValue)
		}
		fmt.Fprintln(w)
	})
}

// variable is the environment variable of a flag.
func (f *flags) variable(name string) string {
	if v := f.vars[name]; v != "" {
		return v
	}
	return "PULSE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// parse sets the flags from args, and those that are not there from the
// environment. It returns the other words, which may stand before flags too.
func (f *flags) parse(args []string) (words []string, err error) {
	f.VisitAll(func(fl *flag.Flag) {
		if isSecret(fl.Name) {
			fl.Value = &secretValue{Value: fl.Value}
		}
	})
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.help(f.env.Stdout)
			return nil, err
		}
		if err != nil {
			return nil, usageError{errors.New(oneDash.ReplaceAllString(err.Error(), "$1--$2"))}
		}
		if f.NArg() == 0 {
			f.warnOfSecrets()
			return words, f.parseEnv()
		}
		words, args = append(words, f.Arg(0)), f.Args()[1:]
	}
}

func (f *flags) parseEnv() error {
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	var errs []error
	f.VisitAll(func(fl *flag.Flag) {
		value, ok := f.env.LookupEnv(f.variable(fl.Name))
		if !ok || value == "" || given[fl.Name] {
			return
		}
		if err := fl.Value.Set(value); err != nil {
			if !mayBeSecret.MatchString(fl.Name) {
				err = fmt.Errorf("%q: %w", value, err)
			}
			errs = append(errs, fmt.Errorf("$%s: %w", f.variable(fl.Name), err))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// mayBeSecret are the flags whose values have passwords, tokens or keys in them, and
// are in no message.
var mayBeSecret = regexp.MustCompile(`auth|token|password|secret|key|sources|urls|heartbeat|^aorta$|^influx$|^remote-write$`)

// keyFiles are those of them that name files.
var keyFiles = []string{"http-key", "http-token-file", "tls-key", "kafka-client-cert-key"}

// isSecret reports whether a flag's value must not show in a list of processes.
func isSecret(name string) bool {
	return mayBeSecret.MatchString(name) && !slices.Contains(keyFiles, name)
}

// A secretValue is what must not show in a list of processes: the variable keeps it out,
// and so does @FILE, which is what a file has but for the line's end.
type secretValue struct {
	flag.Value
	shown bool // it was given as it is
}

func (s *secretValue) String() string {
	if s.Value == nil { // package flag asks a zero value
		return ""
	}
	return s.Value.String()
}

func (s *secretValue) Set(text string) error {
	file, ok := strings.CutPrefix(text, "@")
	s.shown = !ok
	if !ok {
		return s.Value.Set(text)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return s.Value.Set(strings.TrimRight(string(b), "\r\n"))
}

// warnOfSecrets says which secrets stand on the command line.
func (f *flags) warnOfSecrets() {
	f.Visit(func(fl *flag.Flag) {
		if s, ok := fl.Value.(*secretValue); ok && s.shown {
			fmt.Fprintf(f.env.Stderr, "pulse: all users of this machine can read --%s in the list of processes: give $%s, or --%[1]s @FILE\n", fl.Name, f.variable(fl.Name))
		}
	})
}

// oneDash is a flag as package flag writes it, in the messages that it has.
var oneDash = regexp.MustCompile(`((?:defined|argument): |for (?:flag )?)-([a-z][a-z0-9-]*(?:$|: ))`)

// durationVar is that of flag.FlagSet, with a message that says what to write.
func (f *flags) durationVar(d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	f.Var((*duration)(d), name, usage)
}

type duration time.Duration

func (d *duration) String() string { return short(time.Duration(*d)) }

func (d *duration) Set(text string) error {
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("write a number with its unit, such as 2s, 500ms or 1h30m")
	}
	*d = duration(parsed)
	return nil
}

// short writes a duration without the units that are 0: 5m, where its String is 5m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// readingVars are what is said of how lines are read.
func (f *flags) readingVars(r *ingest.Reading) {
	for _, s := range r.Settings() {
		f.Var(s.Value, s.Flag, s.Help)
	}
}

// logFlags are the flags of how a role speaks to its operator.
type logFlags struct {
	level  slog.Level
	format string
}

func (l *logFlags) add(f *flags) {
	l.level = slog.LevelInfo
	f.Var((*level)(&l.level), "log-level", "the lowest `level` to log: debug, info, warn or error")
	f.StringVar(&l.format, "log-format", "text", "the `format` of the log: text or json")
}

type level slog.Level

func (l *level) String() string { return strings.ToLower(slog.Level(*l).String()) }

func (l *level) Set(text string) error {
	if (*slog.Level)(l).UnmarshalText([]byte(text)) != nil {
		return errors.New("write debug, info, warn or error")
	}
	return nil
}

func (l *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: l.level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format is %q: write text or json", l.format)
}

// kafkaFlags say where Kafka is and what Pulse's topics are called there.
type kafkaFlags struct {
	brokers  string
	prefix   string
	session  time.Duration
	packed   choice // compression of packs
	security topics.Security
}

func (k *kafkaFlags) add(f *flags) {
	f.vars["kafka"] = "KAFKA_URL"
	f.StringVar(&k.brokers, "kafka", "localhost:9092", "the Kafka brokers, a comma-separated list of `host:port`, or with TLS kafka+ssl://host:port")
	for _, s := range []struct {
		name, variable string
		value          *string
		help           string
	}{
		{"kafka-trusted-cert", "KAFKA_TRUSTED_CERT", &k.security.TrustedCert,
			"the `certificates` to trust instead of the system's, as PEM text or a file; brokers' host names are then not checked"},
		{"kafka-client-cert", "KAFKA_CLIENT_CERT", &k.security.ClientCert, "the client `certificate` to show to brokers, as PEM text or a file"},
		{"kafka-client-cert-key", "KAFKA_CLIENT_CERT_KEY", &k.security.ClientKey, "the private `key` of --kafka-client-cert, as PEM text or a file"},
		{"kafka-sasl-username", "KAFKA_SASL_USERNAME", &k.security.User, "the `user` name for SASL"},
		{"kafka-sasl-mechanism", "KAFKA_SASL_MECHANISM", &k.security.Mechanism, "the SASL `mechanism`: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (the default)"},
	} {
		f.vars[s.name] = s.variable
		f.StringVar(s.value, s.name, "", s.help)
	}
	f.vars["kafka-sasl-password"] = "KAFKA_SASL_PASSWORD"
	f.StringVar(&k.security.Password, "kafka-sasl-password", "", "its `password`")
	k.addPrefix(f)
}

// addSession adds the flag of commands that join a consumer group.
func (k *kafkaFlags) addSession(f *flags) {
	k.session = topics.DefaultSession
	f.Var((*session)(&k.session), "kafka-session", "how long Kafka waits for a process's heartbeat before it gives its partitions to others, a `duration`")
}

// addCompression adds the flag of commands that write packs to a Kafka that was given.
func (k *kafkaFlags) addCompression(f *flags) {
	k.packed = choice{topics.Compressions[0], topics.Compressions}
	f.vars["kafka-compression"] = "KAFKA_COMPRESSION"
	f.Var(&k.packed, "kafka-compression", "how lines are compressed for Kafka, a `codec`: lz4, none, snappy or zstd")
}

// A choice is one of a few words.
type choice struct {
	word string
	of   []string
}

func (c *choice) String() string { return c.word }

func (c *choice) Set(word string) error {
	if !slices.Contains(c.of, word) {
		return fmt.Errorf("write one of %s", strings.Join(c.of, ", "))
	}
	c.word = word
	return nil
}

func (k *kafkaFlags) addPrefix(f *flags) {
	f.vars["prefix"] = "KAFKA_PREFIX"
	f.StringVar(&k.prefix, "prefix", "", "a `prefix` for all topic and group names, so that several installations can share a Kafka cluster")
}

// A session is the duration of a consumer group's sessions.
type session time.Duration

// Brokers refuse sessions that are shorter or longer by default.
const (
	minSession = topics.DefaultSession
	maxSession = 30 * time.Minute
)

func (s *session) String() string { return (*duration)(s).String() }

func (s *session) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < minSession || d > maxSession {
		return fmt.Errorf("write a duration from %s to %s", short(minSession), short(maxSession))
	}
	*s = session(d)
	return nil
}

func (k *kafkaFlags) cluster() (topics.Cluster, error) {
	c, err := topics.ParseCluster(k.brokers)
	if err != nil {
		return c, err
	}
	if err := topics.CheckPrefix(k.prefix); err != nil {
		return c, err
	}
	c.Session, c.Compression = k.session, k.packed.word
	return c.Secure(k.security)
}

// statsFlag names the definitions file.
type statsFlag struct {
	file string
	env  *environment

	text   []byte             // of the file that was read last
	loaded *stats.Definitions // nil: it was not read yet
	news   chan struct{}      // has one when the page has saved the file
}

func (s *statsFlag) add(f *flags) {
	s.env, s.news = f.env, make(chan struct{}, 1)
	f.StringVar(&s.file, "stats", "", "the definitions `file`; by default, definitions that suit any log")
}

// load reads the definitions once, or takes the built-in ones.
func (s *statsFlag) load() (*stats.Definitions, error) {
	if s.file == "" {
		return stats.Builtin(), nil
	}
	if s.loaded != nil {
		return s.loaded, nil
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return nil, definitionsError{fmt.Errorf("cannot read the definitions: %w", err)}
	}
	definitions, err := stats.ParseEnv(s.file, text, s.env.LookupEnv)
	if err == nil {
		s.text, s.loaded = text, definitions
	}
	return definitions, err
}

// live says what is wrong with definitions for lines that come as they are
// written: of a clock that goes on by itself the last lines of a second come when
// it is over.
func (s *statsFlag) live(d *stats.Definitions) error {
	if d.Lateness < 1 {
		return definitionsError{fmt.Errorf("%s: lateness: 0s is for recordings only: live lines need at least 1s", s.file)}
	}
	return nil
}

func (e *environment) readDefinitions(file string) (*stats.Definitions, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, definitionsError{fmt.Errorf("cannot read the definitions: %w", err)}
	}
	return stats.ParseEnv(file, data, e.LookupEnv)
}

// definitionsError is a definitions file that cannot be used here, though its
// text may be right.
type definitionsError struct{ error }
