package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
	"pulse/stats/program"
)

var parseCommand = command{
	name: "parse", summary: "show what lines give: format, time, fields, and the stats that count them", usage: "[LOG...] [flags]", about: `
Prints a JSON object for each line of logs (or standard input, -): its format, its
time, all its fields, those that definitions derive, and which stats count it. With
--why it says why a stat does not count a line:

  pulse parse --stats stats.yaml --why errors app.log | jq -r .why`,
	settings: func() settings { return &parseSettings{} },
}

type parseSettings struct {
	statsFlag
	reading ingest.Reading
	why     string
	files   []string // none: standard input
}

func (s *parseSettings) add(f *flags) {
	s.statsFlag.add(f)
	f.StringVar(&s.why, "why", "", "say why the `stat` of this name does not count a line")
	f.readingVars(&s.reading)
}

func (s *parseSettings) check(words []string) error {
	if s.files = words; len(words) == 1 && words[0] == "-" {
		s.files = nil
	}
	return nil
}

func (s *parseSettings) run(ctx context.Context, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	compiled, err := program.Compile(withDerived(definitions))
	if err != nil {
		return err
	}
	origin, err := s.reading.Origin()
	if err != nil {
		return err
	}
	written, source := time.Now(), ingest.Lines(newInterruptible(ctx, e.Stdin))
	if len(s.files) > 0 {
		recording, err := ingest.OpenRecording(s.files)
		if err != nil {
			return err
		}
		recording.Origin, recording.Formats = origin, definitions.Dating()
		written, source = recording.Modified(), recording.Lines
	}
	out := bufio.NewWriter(e.Stdout)
	p := &lineParser{definitions: definitions, why: s.why, origin: origin, near: written.Unix(), explainer: compiled.NewExplainer(written.Unix()), out: json.NewEncoder(out)}
	p.out.SetEscapeHTML(false)
	err = source(func(lines []byte) error {
		for text := range bytes.Lines(lines) {
			if text = bytes.TrimRight(text, "\r\n"); len(text) == 0 {
				continue
			}
			if err := p.print(text); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return err
}

// withDerived is definitions by which all derived fields are wanted.
func withDerived(d *stats.Definitions) *stats.Definitions {
	all := *d
	all.Stats = slices.Clip(d.Stats)
	for _, f := range d.Derived {
		has := &condition.Compare{Field: f.Name, Op: condition.Has}
		all.Stats = append(all.Stats, &stats.Stat{Name: "pulse.derived." + f.Name, Kind: "count", Window: 1, Cond: has})
	}
	return &all
}

// A parsedLine is what a line gives.
type parsedLine struct {
	Line    string         `json:"line"`
	Format  string         `json:"format"`
	Time    string         `json:"time,omitempty"`
	Fields  map[string]any `json:"fields"`
	Derived map[string]any `json:"derived,omitempty"`
	Stats   []string       `json:"stats"`
	Why     *string        `json:"why,omitempty"`
}

// A lineParser prints lines with what they give.
type lineParser struct {
	definitions *stats.Definitions
	why         string
	origin      line.Origin
	near        int64
	explainer   *program.Explainer
	out         *json.Encoder

	names   map[string]bool // of the schema
	schema  *line.Schema
	scanner *line.Scanner
	event   line.Event
	buffer  []byte
}

func (p *lineParser) print(text []byte) error {
	if len(text) > line.MaxLen {
		return p.out.Encode(parsedLine{Line: string(text[:100]) + "…", Format: "unreadable", Stats: []string{}})
	}
	if err := p.want(text); err != nil {
		return err
	}
	p.buffer = append(append(p.buffer[:0], text...), make([]byte, line.Padding)...)
	p.scanner.From(p.origin)
	p.scanner.Parse(&p.event, p.buffer, 0, len(text))
	l := parsedLine{Line: string(text), Format: string(p.schema.AppendShape(nil, p.event.Shape())), Fields: map[string]any{}, Derived: map[string]any{}}
	if second, nanos, ok := p.event.Time(); ok {
		l.Time = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
	}
	for name := range p.names {
		if v, ok := p.event.Constant(p.schema.Slot(name)); ok && name != "line" {
			l.Fields[name] = jsonValue(v)
		}
	}
	p.explainer.Parse(p.origin, text)
	for _, f := range p.definitions.Derived {
		if v, ok := p.explainer.Field(f.Name); ok {
			l.Derived[f.Name] = jsonValue(v)
		}
	}
	if l.Stats = p.explainer.Stats(); l.Stats == nil {
		l.Stats = []string{}
	}
	if p.why != "" {
		why, err := p.explainer.Why(p.why)
		if err != nil {
			return usagef("--why: %w", err)
		}
		if why == "" {
			why = "it counts"
		}
		l.Why = &why
	}
	return p.out.Encode(l)
}

// mostNames is how many fields are looked for at once: formats may read some more.
const mostNames = line.MaxFields - format.MaxFormats

// want makes a scanner for all fields that a line may have.
func (p *lineParser) want(text []byte) error {
	more := false
	names := line.Names(text)
	for _, name := range names {
		more = more || !p.names[name]
	}
	if !more && p.scanner != nil {
		return nil
	}
	if len(p.names)+len(names) > mostNames || p.names == nil {
		p.names = map[string]bool{} // those of lines before are not of this one
		for _, given := range line.Givens {
			p.names[given.Name] = true
		}
		for _, f := range p.definitions.Formats {
			for _, c := range f.Captures {
				p.names[c.Name] = true
			}
			for _, name := range f.Names {
				p.names[name] = true
			}
		}
		for name := range p.origin.Fields() {
			p.names[name] = true
		}
		delete(p.names, "")
	}
	for _, name := range names {
		if len(p.names) < mostNames {
			p.names[name] = true
		}
	}
	var fields []line.Field
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		fields = append(fields, line.Field{Name: name})
	}
	schema, err := line.NewSchemaOf(p.definitions.Formats, fields...)
	if err != nil {
		return fmt.Errorf("this line has too many fields: %w", err)
	}
	p.schema, p.scanner = schema, schema.NewScanner()
	p.scanner.NearRecorded(p.near)
	return nil
}

// jsonValue is a field's value as JSON has it.
func jsonValue(v condition.Constant) any {
	switch v.Type {
	case condition.Num:
		return json.Number(v.Num.String())
	case condition.Bool:
		return v.Bool
	}
	return v.Text
}
