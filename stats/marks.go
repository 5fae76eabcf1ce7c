package stats

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"pulse/stats/mark"
	"pulse/stats/value"
)

// MaxMarks is how many kinds of marks a file has at most.
const MaxMarks = 20

// MarkPrefix begins the names of the stats that marks come from.
const MarkPrefix = "marks."

var markKeys = []string{"name", "where", "text", "link"}

// parseMarks reads the marks of a file, and gives the stats that they add to it: a mark
// is there in each second in which lines meet its condition, one for each text.
func (p *parser) parseMarks(n *yaml.Node) (all []*Stat) {
	if n == nil {
		return nil
	}
	elements := p.sequence(n, "marks")
	if len(elements) > MaxMarks {
		p.errorf(n, "there are %d marks, at most %d are allowed", len(elements), MaxMarks)
		return nil
	}
	for _, e := range elements {
		s := p.parseMark(e)
		if s.Mark.Name == "" {
			continue // said
		}
		if p.byName[s.Name] != nil || slices.ContainsFunc(all, func(o *Stat) bool { return o.Name == s.Name }) {
			p.errorf(valueOf(e, "name"), "there is already a stat %s: choose another name", s.Name)
			continue
		}
		p.byName[s.Name] = s
		all = append(all, s)
	}
	return all
}

func (p *parser) parseMark(n *yaml.Node) *Stat {
	s := &Stat{Kind: "count", Window: 1, Mark: &mark.Kind{}}
	given := p.mapping(n, "a mark", markKeys)
	p.require(n, given, "this mark", "name", "where")
	if name := given["name"]; name != nil {
		if s.Mark.Name, _ = p.text(name, "name", MaxName-len(MarkPrefix)); s.Mark.Name != "" && !nameSyntax.MatchString(s.Mark.Name) {
			p.errorf(name, "a mark's name has letters, digits and . _ - / only, not %q", s.Mark.Name)
		}
	}
	s.Name, s.Title = MarkPrefix+s.Mark.Name, s.Mark.Name
	if where := given["where"]; where != nil {
		s.Cond, s.Where = p.condition(where)
	}
	if text := given["text"]; text != nil {
		s.GroupBy, s.Top = []string{p.fieldName(text, "text")}, mark.MaxMinute
	}
	if link := given["link"]; link != nil {
		s.Mark.Link, _ = p.text(link, "link", MaxLink)
		p.checkAddress(link, "link", s.Mark.Link)
	}
	return s
}

// Marks gives what is marked in a snapshot of a stat of marks: see mark.Kind.Of.
func (s *Stat) Marks(p Snapshot) (marks []mark.Mark, more uint64, err error) {
	v, err := value.Parse(p.Value)
	if err != nil {
		return nil, 0, err
	}
	for one := range p.Seconds(p.First(), p.Time) {
		at, beyond := s.Mark.Of(one.Time, v)
		marks, more = append(marks, at...), more+beyond
	}
	return marks, more, nil
}
