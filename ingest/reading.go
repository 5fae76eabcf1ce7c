package ingest

import (
	"strings"

	"pulse/stats/line"
)

// A Reading says how lines are read where their look does not. It is part of their
// origin.
type Reading struct {
	Format  string // that all lines are in; any if empty
	Zone    string // of times that have none; UTC if empty
	Columns string // of W3C lines, as their line #Fields has them
	Unwrap  string // the envelope of lines, one of line.UnwrapField; the recognized ones if empty
	Join    string // which lines belong to the one before: 'start: REGEXP', indent or traceback; none if empty
	Undated string // "refuse": a source most of whose lines have no time is an error

	// Formats has the formats of a definitions file, by which lines may be dated; nil: none.
	Formats *line.Schema
}

// Refuses reports whether a source most of whose lines have no time is an error.
func (r Reading) Refuses() bool { return r.Undated == undatedRefused }

// Origin returns an origin with these keys and values, and what the Reading says.
func (r Reading) Origin(pairs ...string) (line.Origin, error) {
	columns := strings.FieldsFunc(r.Columns, func(c rune) bool { return c == ' ' || c == ',' })
	return line.NewOrigin(append(pairs, line.FormatField, r.Format, line.ZoneField, r.Zone, line.ColumnsField, strings.Join(columns, ","), line.UnwrapField, r.Unwrap)...)
}

// Settings are those of a Reading.
func (r *Reading) Settings() []Setting {
	return []Setting{
		{Flag: "format", Value: checked{&r.Format, line.CheckFormat},
			Help: "the `format` of all lines, one of docs/formats.md; by default Pulse recognizes each line's format"},
		r.zone(),
		{Flag: "columns", Value: checked{&r.Columns, func(string) error { return nil }},
			Help: "the `names` of the columns of W3C lines, as in a line #Fields"},
		r.unwrap(),
		r.join(),
		{Flag: "undated", Value: checked{&r.Undated, checkUndated},
			Help: "the `policy` when most lines of a source have no time: count them and warn (count, the default), or fail (refuse)"},
	}
}

func (r *Reading) join() Setting {
	return Setting{Flag: "join", Value: checked{&r.Join, checkJoinRule},
		Help: "the `rule` by which lines are of the event before them: 'start: REGEXP' (those that do not match), indent, or traceback"}
}

func (r *Reading) unwrap() Setting {
	return Setting{Flag: "unwrap", Value: checked{&r.Unwrap, line.CheckUnwrap},
		Help: "the `envelope` that lines are in: json:FIELD for a member of JSON; cri, docker and journald are recognized"}
}

func (r *Reading) zone() Setting {
	check := func(name string) error {
		_, err := line.ParseZone(name)
		return err
	}
	return Setting{Flag: "zone", Value: checked{&r.Zone, check},
		Help: "the time `zone` of times without one, such as UTC (the default), +02:00 or Europe/Berlin"}
}

// A checked is a setting of a text that must pass a check.
type checked struct {
	text  *string
	check func(string) error
}

func (c checked) String() string {
	if c.text == nil { // as package flag asks for a zero value
		return ""
	}
	return *c.text
}

func (c checked) Set(v string) error {
	if err := c.check(v); err != nil {
		return err
	}
	*c.text = v
	return nil
}
