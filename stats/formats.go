package stats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
)

// Bounds on the samples of a format.
const (
	maxSamples      = 100
	maxSampleFields = 100
)

var (
	formatKeys = []string{"name", "pattern", "regexp", "columns", "names", "in", "time", "zone", "where", "samples"}
	sampleKeys = []string{"line", "time", "fields"}

	// formKeys are those of formatKeys that say what a line looks like.
	formKeys = []string{"pattern", "regexp", "columns"}
	columns  = []string{format.W3C, "csv", "tsv", format.LTSV}
)

// parseFormats reads the line formats of a file.
func (p *parser) parseFormats(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	elements := p.sequence(n, "formats")
	if len(elements) > format.MaxFormats {
		p.errorf(n, "there are %d formats, at most %d are allowed", len(elements), format.MaxFormats)
		return
	}
	for _, e := range elements {
		before := len(p.errs)
		f, samples := p.parseFormat(e, d.Formats)
		if len(p.errs) == before {
			d.Formats = append(d.Formats, f)
			d.Samples = append(d.Samples, samples)
		}
	}
}

// parseFormat reads a format that stands after others, and its samples.
func (p *parser) parseFormat(n *yaml.Node, others []*format.Format) (*format.Format, []Sample) {
	given := p.mapping(n, "a format", formatKeys)
	f := &format.Format{}
	if name := given["name"]; name != nil {
		f.Name = p.formatName(name, others)
	} else if n.Kind == yaml.MappingNode {
		p.errorf(n, "this format has no name: add one, for example name: app")
	}
	p.parseForm(f, n, given)
	if in := given["in"]; in != nil {
		f.In = p.formatIn(f, in, others)
	}
	p.parseTime(f, given)
	if where := given["where"]; where != nil {
		f.Where, _ = p.condition(where)
	}
	f.Text = f.Name
	for _, key := range formatKeys[1 : len(formatKeys)-2] {
		if v := given[key]; v != nil && v.Kind == yaml.ScalarNode {
			f.Text += fmt.Sprintf("\n%s: %q", key, v.Value)
		}
	}
	f.Text += fmt.Sprintf("\nnames: %q %v\nwhere: %s", f.Names, f.Captures, condition.Format(f.Where))
	var samples []Sample
	if list := given["samples"]; list != nil {
		samples = p.parseSamples(list)
	}
	return f, samples
}

func (p *parser) formatName(n *yaml.Node, others []*format.Format) string {
	name, ok := p.text(n, "a format's name", MaxName)
	switch {
	case !ok:
	case !nameSyntax.MatchString(name):
		p.errorf(n, "the format name %q is not valid: use only letters, digits and . _ - /", name)
	case line.CheckFormat(name) == nil || name == "unparsed":
		p.errorf(n, "%s is a built-in format: choose another name", name)
	case slices.ContainsFunc(others, func(o *format.Format) bool { return o.Name == name }):
		p.errorf(n, "the format %s is defined twice", name)
	}
	return name
}

// parseForm reads what a format's lines look like.
func (p *parser) parseForm(f *format.Format, n *yaml.Node, given map[string]*yaml.Node) {
	forms := slices.DeleteFunc(slices.Clone(formKeys), func(key string) bool { return given[key] == nil })
	if len(forms) != 1 {
		if n.Kind == yaml.MappingNode {
			p.errorf(n, "a format has exactly one of %s: this one has %s", list(formKeys), max(list(forms), "none"))
		}
		return
	}
	form := given[forms[0]]
	if names := given["names"]; names != nil && forms[0] != "columns" {
		p.errorf(names, "names works with columns only: a %s names its own captures", forms[0])
	}
	if forms[0] == "columns" {
		p.parseColumns(f, form, given)
		return
	}
	text, ok := p.text(form, forms[0], format.MaxText)
	if !ok {
		return
	}
	parse := format.ParsePattern
	if forms[0] == "regexp" {
		parse = format.ParseRegexp
	}
	var err *format.Error
	if f.Match, f.Captures, err = parse(text); err != nil {
		p.textError(form, err.Offset, err.Message)
	}
}

// parseColumns reads a format of columns.
func (p *parser) parseColumns(f *format.Format, n *yaml.Node, given map[string]*yaml.Node) {
	kind, ok := p.text(n, "columns", MaxName)
	if !ok {
		return
	}
	if !slices.Contains(columns, kind) {
		p.errorf(n, "columns must be one of %s, not %s%s", list(columns), kind, nearest(kind, columns))
		return
	}
	var names []string
	list := given["names"]
	if list != nil {
		names = p.columnNames(list)
	}
	switch kind {
	case format.LTSV:
		f.Columns = kind
		if list != nil {
			p.errorf(list, "ltsv takes no names: each column carries its own")
		}
	case format.W3C:
		const most = 64
		f.Columns, f.Names = kind, names
		if len(names) > 0 && (names[0] != "date" || len(names) > most) {
			p.errorf(list, "names of w3c must be those of the log's #Fields line: they begin with date, and there are at most %d", most)
		}
		if in := given["in"]; in != nil {
			p.errorf(in, "w3c reads whole lines: remove in")
		}
	default:
		if len(names) == 0 {
			if list == nil {
				p.errorf(n, "%s needs names: a list with the name of each column, _ to skip one", kind)
			}
			return
		}
		var err *format.Error
		if f.Match, f.Captures, err = format.NewColumns(kind, names); err != nil {
			p.errorf(list, "%s", err.Message)
		}
	}
}

func (p *parser) columnNames(n *yaml.Node) (names []string) {
	elements := p.sequence(n, "names")
	if n.Kind == yaml.SequenceNode && (len(elements) == 0 || len(elements) > format.MaxCaptures) {
		p.errorf(n, "names has from 1 to %d names, not %d", format.MaxCaptures, len(elements))
		return nil
	}
	for _, e := range elements {
		if name, ok := p.text(e, "a column's name", MaxName); ok {
			names = append(names, name)
		}
	}
	return names
}

// formatIn gives the field whose text a format reads.
func (p *parser) formatIn(f *format.Format, n *yaml.Node, others []*format.Format) string {
	field := p.fieldName(n, "in")
	var known []string
	for _, o := range others {
		known = append(known, captureNames(o)...)
	}
	for _, given := range line.Givens {
		known = append(known, given.Name)
	}
	switch near := nearest(field, known); {
	case field == "line" || field == "unparsed":
		p.errorf(n, "in must name a field of another format: remove it to read whole lines")
	case slices.Contains(captureNames(f), field):
		p.errorf(n, "this format reads the field %s and also captures it: rename the capture", field)
	case field != "" && near != "" && !slices.Contains(known, field):
		p.errorf(n, "no format above this one has the field %s%s", field, near)
	}
	return field
}

// captureNames are the fields that a format is known to give.
func captureNames(f *format.Format) (names []string) {
	for _, c := range f.Captures {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	return append(names, f.Names...)
}

// parseTime reads how a format's times are written.
func (p *parser) parseTime(f *format.Format, given map[string]*yaml.Node) {
	f.TimedBy(nil)
	has := f.Columns != "" || slices.ContainsFunc(f.Captures, func(c format.Capture) bool { return c.Name == format.TimeField })
	zone := given["zone"]
	if zone != nil {
		if name, ok := p.text(zone, "zone", MaxName); ok {
			var err error
			if f.Zone, err = line.ParseZone(name); err != nil {
				p.errorf(zone, "%v", err)
			}
		}
	}
	n := given["time"]
	if n != nil && f.Columns == format.W3C {
		p.errorf(n, "w3c takes its time from the columns date and time: remove time")
		return
	}
	for _, n := range []*yaml.Node{n, zone} {
		if n != nil && !has && len(f.Captures) > 0 {
			p.errorf(n, "this format has no capture named time: write <time> where the line's time is")
			return
		}
	}
	if n == nil {
		return
	}
	if text, ok := p.text(n, "time", MaxName); ok {
		layout, err := format.ParseLayout(text)
		if err != nil {
			p.textError(n, err.Offset, err.Message)
			return
		}
		f.TimedBy(layout)
	}
}

// condition reads a condition.
func (p *parser) condition(n *yaml.Node) (condition.Node, string) {
	text, ok := p.text(n, "where", condition.MaxLength)
	if !ok {
		return nil, ""
	}
	p.defines.Derive = nil // a format is told by where lines are from
	if p.derivable {
		p.defines.Derive = p.deriveIn(n)
	}
	cond, err := condition.Parse(text, p.defines)
	var e *condition.Error
	if errors.As(err, &e) {
		p.textError(n, e.Offset, e.Message)
	}
	return cond, strings.TrimSpace(text)
}

// A Sample is a line that a format must read, and what it gives.
type Sample struct {
	Text         string
	Time         int64 // of the line, in Unix nanoseconds; -1: any, or none
	Fields       []SampleField
	Line, Column int // where the file has it
}

// A SampleField is a field of a Sample, and its value as the file has it.
type SampleField struct {
	Name, Value  string
	Missing      bool // the line must not have it
	Line, Column int
}

func (p *parser) parseSamples(n *yaml.Node) (samples []Sample) {
	elements := p.sequence(n, "samples")
	if len(elements) > maxSamples {
		p.errorf(n, "there are %d samples, at most %d are allowed", len(elements), maxSamples)
		return nil
	}
	for _, e := range elements {
		given := p.mapping(e, "a sample", sampleKeys)
		s := Sample{Time: -1, Line: e.Line, Column: e.Column}
		if text := given["line"]; text != nil {
			s.Text, _ = p.text(text, "line", line.MaxLen)
			if s.Text = strings.TrimSuffix(s.Text, "\n"); strings.Contains(s.Text, "\n") {
				p.errorf(text, "a sample must be a single line")
			}
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this sample has no line: add line: with an example")
		}
		if at := given["time"]; at != nil {
			s.Time = p.sampleTime(at)
		}
		if fields := given["fields"]; fields != nil {
			s.Fields = p.sampleFields(fields)
		}
		samples = append(samples, s)
	}
	return samples
}

func (p *parser) sampleTime(n *yaml.Node) int64 {
	text, ok := p.text(n, "time", MaxName)
	if !ok {
		return -1
	}
	t, err := parseRFC3339(text)
	if err != nil {
		p.errorf(n, "time must look like 2012-11-22T09:31:34.123Z, not %s", text)
	}
	return t
}

func (p *parser) sampleFields(n *yaml.Node) (fields []SampleField) {
	if n.Kind != yaml.MappingNode || len(n.Content)/2 > maxSampleFields {
		p.errorf(n, "fields must be a mapping of at most %d field names to values, not %s", maxSampleFields, describe(n))
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], p.resolve(n.Content[i+1])
		name := p.fieldName(key, "fields")
		if value.Kind != yaml.ScalarNode {
			p.errorf(value, "the value of %s must be a text or a number, not %s", name, describe(value))
			continue
		}
		fields = append(fields, SampleField{Name: name, Value: value.Value, Missing: value.Tag == "!!null", Line: key.Line, Column: key.Column})
	}
	return fields
}
