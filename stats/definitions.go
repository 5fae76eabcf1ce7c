package stats

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pulse/stats/aggregate"
	"pulse/stats/alert"
	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/format"
	"pulse/stats/formula"
	"pulse/stats/line"
	"pulse/stats/mark"
)

// LinesStat is the name of the internal stat, which accounts for every line:
// in, counted, late, unreadable, ahead. Every program has it, and names that
// start with "pulse." are refused in a file.
const LinesStat = "pulse.lines"

// LinesKind is the kind of LinesStat. It cannot be written in a file.
const LinesKind = "lines"

// Definitions is what a definitions file says: the stats, in its order, and
// the dashboard's pages.
type Definitions struct {
	Lateness int64 // seconds that a line's second stays open for it after it ended
	Stats    []*Stat
	Pages    []Page // empty if the file has none
	Alerts   []*alert.Rule
	Routes   []alert.Route
	Tests    []Test // cases that `pulse test` runs

	Derived []*derive.Field  // each after those that it is made of
	Formats []*format.Format // tried before those of Pulse, in this order
	Samples [][]Sample       // of each of Formats; see CheckSamples

	Source Source // what they were parsed from
}

// A Source is a definitions file as it was parsed: the same text and variables are the same
// definitions.
type Source struct {
	File      string // its name
	Text      string
	Variables map[string]string // those that it refers to and that were set
}

// Parse parses it once more.
func (s Source) Parse() (*Definitions, error) {
	return ParseEnv(s.File, []byte(s.Text), func(name string) (string, bool) {
		value, ok := s.Variables[name]
		return value, ok
	})
}

// Revise parses another text of the file. It may refer to the environment variables that this
// one refers to and to no others: what they are is not for those to see who write the text, and
// not known here.
func (s Source) Revise(text string) (*Definitions, error) {
	var more Errors
	d, err := ParseEnv(s.File, []byte(text), func(name string) (string, bool) {
		value, ok := s.Variables[name]
		if at := strings.Index(text, "${"+name); !ok && !strings.Contains(s.Text, "${"+name) && at >= 0 {
			line := text[strings.LastIndexByte(text[:at], '\n')+1 : at]
			more = append(more, &Error{File: s.File, Line: strings.Count(text[:at], "\n") + 1, Column: utf8.RuneCountInString(line) + 1,
				Message: fmt.Sprintf("the environment variable %s is not one that the definitions at work refer to: write it into the file by hand", name)})
		}
		return value, ok
	})
	if len(more) > 0 {
		return nil, more
	}
	return d, err
}

// A Stat is one number, or one set of quantiles, that lines roll up to.
type Stat struct {
	Name  string
	Title string // Name, if the file gives none
	Unit  string // shown after the value; "/s" and "/min" for rates, if the file gives none
	Help  string

	Link string // where the panel leads; "" if nowhere

	Kind      string           // one of Kinds; LinesKind for LinesStat
	Field     string           // the field that is aggregated; "" for rate, ratio and lines
	Per       int64            // rate: the seconds of its unit, 1 or 60; else 0
	Quantiles []float64        // quantiles: which, as the file orders them; else nil
	Buckets   []float64        // histogram: the bounds, ascending; apdex: satisfied and tolerated; else nil
	GroupBy   []string         // fields whose texts are the key, or name the part; nil if there is no key
	Top       int              // how many keys the value has; 0 if it is not by key
	Rank      float64          // quantiles: that by which keys are the greatest; 0: by how many numbers they have
	RankLines bool             // keys with most lines are the greatest, and not those with the greatest values
	Of        []string         // ratio, value: the names of the stats that it is made of, in the order in which it names them; slo: good and total; else nil
	Formula   *formula.Formula // value, slo: how; else nil
	burn      string           // slo: the text of the formula of its burn rates
	Window    int64            // seconds of the trailing window; of the last- kinds after which a part expires
	Expire    int64            // of delta: seconds before the window in which a part's number still counts as the one before; 0 of others

	Where string         // the condition as the file writes it; "" if every line counts
	Cond  condition.Node // what Where means, with the defines expanded; nil if every line counts

	Warn, Crit *float64 // thresholds of the page; nil if not given
	Reversed   bool     // whether values below the thresholds are the bad ones

	Subject Subject // what is folded into it; that of stats which a file writes is SubjectLines

	Mark *mark.Kind // of a stat that marks come from, which the file writes under marks; else nil
}

// minute is of what windows of more than a day are made, in seconds.
const minute = 60

// Long reports whether the stat's window is one of more than a day. Such a window is of
// whole minutes, those that are over: see End.
func (s *Stat) Long() bool { return s.Window > aggregate.Day }

// End is the last second of the window that a value at a second is of: that second, and of
// a long window the last one at or before it that ends a minute.
func (s *Stat) End(second int64) int64 {
	if s.Long() {
		return second - (second+1)%minute
	}
	return second
}

// Next is the first second after one at which the window is another.
func (s *Stat) Next(second int64) int64 {
	if s.Long() {
		return s.End(second) + minute
	}
	return second + 1
}

// Lookback is how many seconds, up to the one that it is of, a value depends on.
func (s *Stat) Lookback() int64 {
	if s.Long() {
		return s.Window + minute - 1
	}
	return s.Window + s.Expire
}

// A Page is one page of the dashboard: rows of names of stats.
type Page struct {
	Title string
	Rows  [][]string
}

// A Test is a case of a definitions file: lines, and what they give.
type Test struct {
	Name   string
	Lines  []byte // whole lines, LF between them
	Expect []Expectation
}

// An Expectation is a final value of a stat, or a state of an alert.
type Expectation struct {
	Stat         string // "": it is of an alert
	Alert        alert.Subject
	State        alert.State
	Time         int64           // -1: the last second
	Value        json.RawMessage // numbers that are equal are the same, however they are written
	Line, Column int             // where the file has it
}

// All gives the stats of the file and then the internal ones, LinesStat last. The
// index of a stat here is its number in a program.Program.
func (d *Definitions) All() []*Stat { return append(slices.Clip(d.Stats), internalStats...) }

// Named returns the stat of that name, or an error that suggests the nearest name.
func (d *Definitions) Named(name string) (*Stat, error) {
	all := d.All()
	if i := slices.IndexFunc(all, func(s *Stat) bool { return s.Name == name }); i >= 0 {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return nil, fmt.Errorf("there is no stat %.80q%s", name, nearest(name, names))
}

// Dating is what lines' own times are read by where nothing else of them is wanted; nil: by
// the formats of Pulse alone.
func (d *Definitions) Dating() *line.Schema {
	if len(d.Formats) == 0 {
		return nil
	}
	s, err := line.NewSchemaOf(d.Formats)
	if err != nil {
		panic(err) // the fields that formats read are not too many
	}
	return s
}

// An Error is one thing that is wrong with a definitions file.
type Error struct {
	File         string
	Line, Column int // from 1; 0 if the file as a whole is meant
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors is all that is wrong with a definitions file, in the file's order.
type Errors []*Error

// Error has one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}
