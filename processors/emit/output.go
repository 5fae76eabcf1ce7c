package emit

import "flag"

// Outputs are all kinds of places that points can be sent to, in the order in which
// docs and messages give them. To add one, write a file with its sender and its
// Output, and put it here.
var Outputs = []*Output{
	&postOutput,
	&graphiteOutput,
	&remoteWriteOutput,
	&influxOutput,
	&otlpOutput,
	&statsdOutput,
}

// An Output is a kind of place that points can be sent to.
type Output struct {
	Doc string // what is sent, in Markdown
	New func() OutputConfig
}

// An OutputConfig is what a user asks of an output.
type OutputConfig interface {
	// Settings are what fills it. The first one asks for the output.
	Settings() []Setting
	// Senders makes the senders that are asked for. An error is of the settings.
	Senders() ([]Sender, error)
}

// A Setting is a value of an OutputConfig.
type Setting struct {
	Flag     string
	Variable string // its environment variable; PULSE_ and the flag's name if empty
	Help     string // what it is, with its `value` marked as package flag wants it
	Value    flag.Value
}

// A text is a setting of any text.
type text string

func (t *text) String() string     { return string(*t) }
func (t *text) Set(v string) error { *t = text(v); return nil }
