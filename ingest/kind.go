package ingest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"pulse/stats/line"
	"pulse/topics"
)

// A Kind is a kind of input. Each is in the file of its input, with all that a
// user can ask it for; to add one, write such a file and put it into the list
// Kinds.
type Kind struct {
	// Name is what it is called: in an inputs file, in the field input of its
	// lines if they are given no other name, and in messages.
	Name string
	// Past says that its lines may be of the past. It then has a clock of its own,
	// and runs apart from inputs that take what is written now.
	Past bool
	// Docs are its rows of the table in docs/inputs.md.
	Docs []KindDoc
	// New returns a config of it with its defaults.
	New func() Config
}

// A KindDoc is a row of a table, in Markdown: what it is called, the fields that its
// lines have from it, what it does when Kafka does not keep up, and what is lost
// when the ingester is killed.
type KindDoc struct{ Title, Origin, Busy, Lost string }

// Kinds are all kinds of inputs, in the order in which docs and help list them.
var Kinds = []*Kind{
	stdinKind,
	filesKind,
	kafkaKind,
	journaldKind,
	drainKind,
	otlpKind,
	otlpGRPCKind,
	lokiKind,
	elasticsearchKind,
	httpLinesKind,
	syslogUDPKind,
	syslogTCPKind,
	syslogTLSKind,
	aortaKind,
	replayKind,
}

// A Config is what a user asks of one input.
type Config interface {
	// Settings are what fills it. The first one asks for the input.
	Settings() []Setting
	// Open makes the input of it. One that listens does so from now on.
	Open(o Opening) (*Opened, error)
}

// A Setting is a value of a Config. Kinds may share the flag of one.
type Setting struct {
	// Flag is its flag, and Key what it is called in an inputs file: Flag if
	// empty.
	Flag, Key string
	// Variable is its environment variable; PULSE_ and the flag's name if empty.
	Variable string
	// Help says what it is, with its `value` marked as package flag wants it.
	Help string
	// Value is where it goes. One that a text cannot say in full is a
	// yaml.Unmarshaler too.
	Value flag.Value
}

// InFile is what the setting is called in an inputs file.
func (s Setting) InFile() string {
	if s.Key != "" {
		return s.Key
	}
	return s.Flag
}

// Asked reports whether a config's own setting has a value.
func Asked(c Config) bool {
	value := c.Settings()[0].Value.String()
	return value != "" && value != "false"
}

// An AskedError is of a config whose settings cannot be meant.
type AskedError struct{ message string }

func (e AskedError) Error() string { return e.message }

func asked(format string, args ...any) error { return AskedError{fmt.Sprintf(format, args...)} }

// An Opening is what inputs are opened with.
type Opening struct {
	// Name becomes the field input of the lines; none if empty.
	Name string
	// Stdin is what Stdin reads.
	Stdin io.Reader
	// Cluster is where Kafka's topics are. It is looked at when the input begins.
	Cluster *topics.Cluster
	// Names are those of Pulse's own topics there.
	Names topics.Names
	// Lateness is that of the definitions, in seconds.
	Lateness int64
	// Formats has the definitions' formats, by which lines may be dated; nil: none.
	Formats *line.Schema
	// Progress is told how far a recording has come; nil: nobody asks.
	Progress func(done, total, lines int64)
	// Log gets what an operator should know.
	Log *slog.Logger
}

// An Opened is an input that is ready to run, in one of three ways.
type Opened struct {
	// Input reads on from where its sender is.
	Input Input
	// Resume, instead, makes an input that goes on at positions, for an ingester that keeps them
	// of its own. ID is then the ingester's if it is given none: the same at each
	// start.
	Resume func(Positions) Input
	ID     string
	// Play, instead, is an ingester of its own.
	Play func(context.Context, Output) error
	// Endless says of Play that it begins again at its end.
	Endless bool

	// Ready, if not nil, reports whether all that was asked for is read.
	Ready func() bool
	// Restore, with Input, gives it what it is to remember of the one before it.
	Restore func(Positions)
	// Reload reads its certificate again; nil if it has none. With an error the one that
	// there is stays.
	Reload func() error
	// Addr is where it listens; nil if it does not.
	Addr net.Addr
	// Counters are what it counts, and Gauges what may shrink too.
	Counters, Gauges []Counter
}

// A Counter is what an input counts, as a metric.
type Counter struct {
	Name, Help string
	Value      *atomic.Int64
}

// What several kinds count.
const (
	linesMetric       = "pulse_input_lines_total"
	linesHelp         = "Lines read from an input."
	connectionsMetric = "pulse_input_connections_total"
	connectionsHelp   = "Connections opened to an input."
	overMetric        = "pulse_input_refused_connections_total"
	overHelp          = "Connections closed at once because there were too many."
)

// A countedInput is an input whose lines are counted as they are taken.
type countedInput struct {
	Input
	lines atomic.Int64
}

func (c *countedInput) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	return c.Input.Run(ctx, func(ctx context.Context, b Batch) error {
		lines := int64(bytes.Count(b.Lines, []byte{'\n'}))
		if n := len(b.Lines); n > 0 && b.Lines[n-1] != '\n' {
			lines++
		}
		err := take(ctx, b)
		if err == nil {
			c.lines.Add(lines)
		}
		return err
	})
}

func (c *countedInput) counters() []Counter { return []Counter{{linesMetric, linesHelp, &c.lines}} }

// A text is a setting of any text.
type text string

func (t *text) String() string     { return string(*t) }
func (t *text) Set(v string) error { *t = text(v); return nil }

// A toggle is a setting that is on or off.
type toggle bool

func (t *toggle) String() string   { return strconv.FormatBool(bool(*t)) }
func (t *toggle) IsBoolFlag() bool { return true }
func (t *toggle) Set(v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return errors.New("write true or false")
	}
	*t = toggle(on)
	return nil
}

// A list is a setting that can be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(v string) error {
	if v == "" {
		return errors.New("it is empty: write a value")
	}
	*l = append(*l, v)
	return nil
}
