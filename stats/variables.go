package stats

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Lookup gives the value of an environment variable, and whether it is set.
type Lookup func(name string) (value string, ok bool)

// ${NAME} in a text is the value of an environment variable, ${NAME:-default}
// has what serves where it is not set or empty, and $${ is ${ itself.
var variable = regexp.MustCompile(`\$\$\{|\$\{([^}]*)\}?`)

var variableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$`)

// maxVariable bounds the value of a variable, in bytes.
const maxVariable = 4 << 10

// A source is where a node's value comes from, if it is not as the file has it.
type source struct {
	node     *yaml.Node // as it was before
	replaced []replacement
}

// A replacement is a piece of a value: where it was, and where it is.
type replacement struct {
	from, fromEnd int
	to, toEnd     int
}

// replace replaces what re finds in a node's value, and remembers where it was.
// A plain scalar gets the type that its new value looks like, and so does one
// that is replaced whole, since YAML wants quotes around many of those.
func (p *parser) replace(n *yaml.Node, re *regexp.Regexp, with func(match []string) string) {
	found := re.FindAllStringSubmatchIndex(n.Value, -1)
	if found == nil {
		return
	}
	before := *n
	s := source{node: &before}
	var b strings.Builder
	at := 0
	for _, m := range found {
		b.WriteString(n.Value[at:m[0]])
		match := make([]string, len(m)/2)
		for i := range match {
			if m[2*i] >= 0 {
				match[i] = n.Value[m[2*i]:m[2*i+1]]
			}
		}
		to := b.Len()
		b.WriteString(with(match))
		s.replaced = append(s.replaced, replacement{m[0], m[1], to, b.Len()})
		at = m[1]
	}
	b.WriteString(n.Value[at:])
	whole := len(found) == 1 && found[0][0] == 0 && found[0][1] == len(n.Value)
	n.Value = b.String()
	if whole || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		n.Style, n.Tag = 0, ""
		n.Tag = n.ShortTag()
	}
	if outer, ok := p.sources[n]; ok {
		p.sources[s.node] = outer
	}
	p.sources[n] = s
}

// origin gives the node as the file has it, and where a byte of its value is.
func (p *parser) origin(n *yaml.Node, offset int) (*yaml.Node, int) {
	for {
		s, ok := p.sources[n]
		if !ok {
			return n, offset
		}
		shift := 0
		for _, r := range s.replaced {
			if offset < r.to {
				break
			}
			if offset < r.toEnd {
				offset, shift = r.from, 0
				break
			}
			shift = r.fromEnd - r.toEnd
		}
		n, offset = s.node, offset+shift
	}
}

// expandVariables replaces the variables of all texts under a node.
func (p *parser) expandVariables(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		p.replace(n, variable, func(match []string) string { return p.variable(n, match) })
	}
	for _, c := range n.Content {
		p.expandVariables(c) // an alias has no content, and what it names is elsewhere
	}
}

func (p *parser) variable(n *yaml.Node, match []string) string {
	if match[0] == "$${" {
		return "${"
	}
	m := variableName.FindStringSubmatch(match[1])
	if m == nil || !strings.HasSuffix(match[0], "}") {
		p.errorf(n, "%s is not a variable: write ${NAME}, ${NAME:-default}, or $${ for the text ${", match[0])
		return "x"
	}
	value, ok := p.lookup(m[1])
	if value == "" {
		if !strings.Contains(match[1], ":-") {
			if !ok {
				p.errorf(n, "the environment variable %s is not set: set it, or write ${%s:-default}", m[1], m[1])
				return m[1] // so that one mistake is one error
			}
			return ""
		}
		value = m[2]
	}
	if len(value) > maxVariable {
		p.errorf(n, "the environment variable %s has %d bytes, at most %d are allowed", m[1], len(value), maxVariable)
		return m[1]
	}
	// In a condition these would end the text that the variable is in.
	if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' || strings.ContainsRune("\"'`\\", r) }); i >= 0 {
		p.errorf(n, "the environment variable %s has a quote, a backslash or a control character, which the file cannot use", m[1])
		return m[1]
	}
	return value
}
