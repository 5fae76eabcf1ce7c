package main

import (
	"bufio"
	"context"
	"encoding/json"
	"slices"
	"time"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/line"
	"pulse/stats/program"
	"pulse/stats/survey"
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
	logSettings
	why string
}

func (s *parseSettings) add(f *flags) {
	s.logSettings.add(f)
	f.StringVar(&s.why, "why", "", "say why the `stat` of this name does not count a line")
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
	l, err := s.open(ctx, e, definitions)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.Stdout)
	p := &lineParser{
		reader:      survey.NewReader(definitions.Formats, l.written.Unix()),
		definitions: definitions, why: s.why, explainer: compiled.NewExplainer(l.written.Unix()), out: json.NewEncoder(out),
	}
	p.out.SetEscapeHTML(false)
	err = eachLogLine(ctx, l.lines, p.print)
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
	reader      *survey.Reader
	definitions *stats.Definitions
	why         string
	explainer   *program.Explainer
	out         *json.Encoder
}

func (p *lineParser) print(from line.Origin, text []byte) error {
	if len(text) > line.MaxLen {
		return p.out.Encode(parsedLine{Line: string(text[:100]) + "…", Format: "unreadable", Stats: []string{}})
	}
	if err := p.reader.Read(from, text); err != nil {
		return err
	}
	l := parsedLine{Line: string(text), Format: p.reader.Format(), Fields: map[string]any{}, Derived: map[string]any{}}
	if second, nanos, ok := p.reader.Time(); ok {
		l.Time = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
	}
	p.reader.Each(func(name string, v condition.Constant) { l.Fields[name] = jsonValue(v) })
	p.explainer.Parse(from, text)
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
