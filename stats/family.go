package stats

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// each makes a family of stats of one: for each value of a list, or of several
// lists each with each, {name} stands for the value in all its texts, and
// {name:lower} and {name:dashes} for the value in small letters, and with - for
// each _.

// maxMemberNodes bounds what YAML's aliases can make of one stat.
const maxMemberNodes = 10_000

var (
	placeholder     = regexp.MustCompile(`\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}`)
	placeholderName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

var placeholderForms = map[string]func(string) string{
	"":       func(s string) string { return s },
	"lower":  strings.ToLower,
	"dashes": func(s string) string { return strings.ReplaceAll(s, "_", "-") },
}

// A loop is one of the lists of an each.
type loop struct {
	name   string
	values []string
}

// members gives the stats that an element of stats stands for, as nodes.
func (p *parser) members(n *yaml.Node) []*yaml.Node {
	each := valueOf(n, "each")
	if each == nil {
		return []*yaml.Node{n}
	}
	loops := p.parseEach(p.resolve(each))
	if loops == nil {
		return nil
	}
	total := 1
	for _, l := range loops {
		if total *= len(l.values); total > MaxStats {
			p.errorf(each, "each gives more than %d stats", MaxStats)
			return nil
		}
	}
	if !p.namesDiffer(valueOf(n, "name"), loops) {
		total = 1 // so that what names it is not wrong too
	}
	var members []*yaml.Node
	values := make(map[string]string, len(loops))
	for i := range total {
		for j, rest := len(loops)-1, i; j >= 0; j-- {
			l := loops[j]
			values[l.name] = l.values[rest%len(l.values)]
			rest /= len(l.values)
		}
		before, nodes := len(p.errs), 0
		members = append(members, p.member(n, values, &nodes))
		if len(p.errs) > before {
			break // the others have the same
		}
	}
	return members
}

// namesDiffer reports whether the name of a family has each list of several
// values in it, and notes those that it lacks.
func (p *parser) namesDiffer(name *yaml.Node, loops []loop) bool {
	if name == nil {
		return true // that is another error
	}
	name = p.resolve(name)
	if name.Kind != yaml.ScalarNode {
		return true
	}
	var lacks []string
	for _, l := range loops {
		in := func(match []string) bool { return match[1] == l.name }
		if len(l.values) > 1 && !slices.ContainsFunc(placeholder.FindAllStringSubmatch(name.Value, -1), in) {
			lacks = append(lacks, "{"+l.name+"}")
		}
	}
	if len(lacks) > 0 {
		p.errorf(name, "the name lacks %s: each makes several stats, which need different names", list(lacks))
	}
	return len(lacks) == 0
}

// valueOf gives the value of a key of a mapping, nil if there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (p *parser) parseEach(n *yaml.Node) []loop {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.errorf(n, "each is a mapping of names to lists, such as {status: [500, 503]}, not %s", describe(n))
		return nil
	}
	var loops []loop
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || !placeholderName.MatchString(key.Value):
			p.errorf(key, "a name of each has small letters, digits and _ only, not %s", describe(key))
			return nil
		case slices.ContainsFunc(loops, func(l loop) bool { return l.name == key.Value }):
			p.errorf(key, "%s is given twice", key.Value)
			return nil
		}
		l := loop{name: key.Value, values: p.texts(p.resolve(n.Content[i+1]), "a list of each")}
		if l.values == nil {
			return nil
		}
		loops = append(loops, l)
	}
	return loops
}

// texts gives the elements of a list of different texts, which may be one text
// with commas. It gives nil if something is wrong.
func (p *parser) texts(n *yaml.Node, what string) []string {
	var texts []string
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		for text := range strings.SplitSeq(n.Value, ",") {
			if text = strings.TrimSpace(text); text != "" {
				texts = append(texts, text)
			}
		}
	} else {
		for _, e := range p.sequence(n, what) {
			text, ok := p.text(e, "an element of "+what, MaxName)
			if !ok {
				return nil
			}
			texts = append(texts, text)
		}
		if n.Kind != yaml.SequenceNode {
			return nil
		}
	}
	if len(texts) == 0 {
		p.errorf(n, "%s is empty", what)
		return nil
	}
	seen := make(map[string]bool, len(texts))
	for _, text := range texts {
		if seen[text] {
			p.errorf(n, "%s has %s twice", what, text)
			return nil
		}
		seen[text] = true
	}
	return texts
}

// member copies a stat, without its each, with values for its placeholders.
func (p *parser) member(n *yaml.Node, values map[string]string, nodes *int) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := *n
	c.Content = nil
	if *nodes++; *nodes > maxMemberNodes {
		if *nodes == maxMemberNodes+1 {
			p.errorf(n, "a stat of each has more than %d values", maxMemberNodes)
		}
		return &c
	}
	if s, ok := p.sources[n]; ok {
		p.sources[&c] = s
	}
	if n.Kind == yaml.ScalarNode {
		p.replace(&c, placeholder, func(match []string) string {
			value, ok := values[match[1]]
			if !ok {
				p.errorf(n, "each has no %s%s", match[1], didYouMean(match[1], keys(values)))
			}
			form, ok := placeholderForms[match[2]]
			if !ok {
				p.errorf(n, "a value has the forms {%s}, {%s:lower} and {%s:dashes}, not %s", match[1], match[1], match[1], match[0])
				return ""
			}
			return form(value)
		})
	}
	for i := 0; i < len(n.Content); i++ {
		if n.Kind == yaml.MappingNode && i%2 == 0 && n.Content[i].Value == "each" && *nodes == 1 {
			i++
			continue
		}
		c.Content = append(c.Content, p.member(n.Content[i], values, nodes))
	}
	return &c
}

func keys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
