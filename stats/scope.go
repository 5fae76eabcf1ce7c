package stats

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"pulse/stats/condition"
)

// A scope makes several stats of each, one for each value of a field, which
// meets only lines with that value. The default value's keeps the plain name;
// another's has the value, without a suffix, and a dot before it.
type scope struct {
	field    string
	values   []string
	standard string // the default value
	prefix   string // before the names of all
	strip    string // a suffix of values that names do without
}

var scopeKeys = []string{"field", "values", "default", "prefix", "strip"}

// parseScope reads the file's scope; nil if it has none.
func (p *parser) parseScope(n *yaml.Node) *scope {
	if n == nil {
		return nil
	}
	before := len(p.errs)
	given := p.mapping(n, "scope", scopeKeys)
	s := &scope{}
	for _, key := range []string{"field", "values"} {
		if given[key] == nil && n.Kind == yaml.MappingNode {
			p.errorf(n, "scope has no %s: it has a field, and the values that each have stats of their own", key)
		}
	}
	if field := given["field"]; field != nil {
		s.field = p.fieldName(field, "field")
	}
	if values := given["values"]; values != nil {
		s.values = p.texts(values, "values")
	}
	for _, t := range []struct {
		key string
		to  *string
	}{{"default", &s.standard}, {"prefix", &s.prefix}, {"strip", &s.strip}} {
		// Each may be empty, where a variable that is not set gives it.
		if v := given[t.key]; v != nil && v.Tag != "!!null" && v.Value != "" {
			*t.to, _ = p.text(v, t.key, MaxName)
		}
	}
	if len(p.errs) > before {
		return nil
	}
	if s.standard == "" {
		s.standard = s.values[0]
	}
	if !slices.Contains(s.values, s.standard) {
		p.errorf(given["default"], "default is one of the values, %s, not %s", list(s.values), s.standard)
		return nil
	}
	return s
}

// prefixOf is what is before the names of a value's stats.
func (s *scope) prefixOf(value string) string {
	if value == s.standard {
		return s.prefix
	}
	return s.prefix + s.short(value) + "."
}

func (s *scope) short(value string) string { return strings.TrimSuffix(value, s.strip) }

// stats gives a stat once for each value, the default's first.
func (s *scope) stats(base *Stat) []*Stat {
	var all []*Stat
	for _, value := range s.values {
		c := *base
		c.Name = s.prefixOf(value) + base.Name
		if c.Title == base.Name {
			c.Title = c.Name
		} else if value != s.standard {
			c.Title = s.short(value) + " " + base.Title
		}
		if !c.OfStats() {
			is := &condition.Compare{Field: s.field, Op: condition.Eq, Const: condition.Constant{Type: condition.Text, Text: value}}
			c.Cond = both(is, base.Cond)
			c.Where = is.String()
			if base.Where != "" {
				c.Where += " && (" + base.Where + ")"
			}
		}
		if value == s.standard {
			all = slices.Insert(all, 0, &c)
		} else {
			all = append(all, &c)
		}
	}
	return all
}

// isScoped reads the option scope of a stat or a page, and says whether there is
// one for each value.
func (p *parser) isScoped(n *yaml.Node, what string) bool {
	scoped := p.scope != nil
	if n != nil {
		own := true
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&own) != nil {
			p.errorf(n, "scope is false for %s that there is once, not %s", what, describe(n))
		}
		scoped = scoped && own
	}
	return scoped
}

// pagesOfOthers gives pages, which have the default value's stats, again for
// each other value: with its stats alone, and its name in the title. A page
// without any of them there is once.
func (p *parser) pagesOfOthers(pages []Page) []Page {
	if len(pages) == 0 {
		return nil
	}
	variants := make(map[string][]*Stat) // by the name of the first, the default value's
	for _, all := range p.variants {
		if len(all) == len(p.scope.values) {
			variants[all[0].Name] = all
		}
	}
	var others []Page
	variant := 0
	for _, value := range p.scope.values {
		if value == p.scope.standard {
			continue
		}
		variant++
		for _, page := range pages {
			other := Page{Title: p.scope.short(value) + " " + page.Title}
			for _, names := range page.Rows {
				var row []string
				for _, name := range names {
					if all := variants[name]; all != nil {
						row = append(row, all[variant].Name)
					}
				}
				if len(row) > 0 {
					other.Rows = append(other.Rows, row)
				}
			}
			if len(other.Rows) > 0 {
				others = append(others, other)
			}
		}
	}
	return others
}

// both gives the condition that a and b hold, as condition.Parse would.
func both(a condition.Node, b condition.Node) condition.Node {
	switch b := b.(type) {
	case nil:
		return a
	case *condition.And:
		if len(b.Nodes) == 0 {
			return a
		}
		return &condition.And{Nodes: append([]condition.Node{a}, b.Nodes...)}
	case *condition.Or:
		if len(b.Nodes) == 0 {
			return b
		}
	}
	return &condition.And{Nodes: []condition.Node{a, b}}
}
