package stats

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/line"
)

// parseDerived reads the derived fields of a file.
func (p *parser) parseDerived(d *Definitions, n *yaml.Node) {
	p.derivable = true
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.errorf(n, "derive must be a mapping of field names to expressions, not %s", describe(n))
		return
	}
	taken := map[string]string{}
	for _, given := range line.Givens {
		taken[given.Name] = "lines have"
	}
	for _, f := range d.Formats {
		for _, name := range captureNames(f) {
			taken[name] = "the format " + f.Name + " gives"
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], p.resolve(n.Content[i+1])
		name := key.Value
		switch by := taken[name]; {
		case key.Kind != yaml.ScalarNode || !condition.IsName(name) || len(name) > MaxName:
			p.errorf(key, "the name of a derived field has only letters, digits and _, does not begin with a digit, and is not a reserved word: %s does not work", describe(key))
		case by != "":
			p.errorf(key, "%s is a field that %s: a derived field needs another name", name, by)
		case p.defined[name]:
			p.errorf(key, "%s is already a define: choose another name", name)
		case p.derived[name] != nil:
			p.errorf(key, "%s is defined twice", name)
		default:
			if text, ok := p.text(value, "an expression", derive.MaxText); ok {
				p.derive(value, name, text)
			}
		}
	}
}

// derive reads a derived field.
func (p *parser) derive(n *yaml.Node, name, text string) {
	p.defines.Derive = p.deriveIn(n)
	f, err := derive.Parse(name, text, p.defines)
	if at := (*condition.Error)(nil); errors.As(err, &at) {
		p.textError(n, at.Offset, at.Message)
		return
	}
	p.addDerived(n, f)
}

func (p *parser) addDerived(n *yaml.Node, f *derive.Field) {
	p.derived[f.Name] = n
	p.fields = append(p.fields, f)
	if len(p.fields) == derive.MaxFields+1 {
		p.errorf(n, "there are more than %d derived fields, including unnamed expressions", derive.MaxFields)
	}
}

// derivedField gives the derived field of a name, nil if there is none.
func (p *parser) derivedField(name string) *derive.Field {
	if i := slices.IndexFunc(p.fields, func(f *derive.Field) bool { return f.Name == name }); i >= 0 {
		return p.fields[i]
	}
	return nil
}

// deriveIn derives what stands in a condition of a node, of no name but its text.
func (p *parser) deriveIn(n *yaml.Node) func(text string) error {
	return func(text string) error {
		if p.derived[text] != nil {
			return nil
		}
		f, err := derive.Parse(text, text, p.defines)
		if err == nil {
			p.addDerived(n, f)
		}
		return err
	}
}

// orderDerived puts the derived fields into the order in which they can be derived.
func (p *parser) orderDerived() []*derive.Field {
	ordered, at, err := derive.Order(p.fields)
	if err != nil {
		p.errorf(p.derived[at.Name], "%v: a derived field must be made of other fields", err)
		return nil
	}
	return ordered
}

// writeDerived writes what the derived fields mean that a stat goes by.
func (d *Definitions) writeDerived(w io.Writer, s *Stat) {
	wanted := append([]string{s.Field}, s.GroupBy...)
	wanted = append(wanted, condition.Fields(s.Cond)...)
	for _, f := range slices.Backward(d.Derived) { // those that it is made of stand before it
		if slices.Contains(wanted, f.Name) {
			wanted = append(wanted, f.Fields...)
			fmt.Fprintf(w, "%q = %q\n", f.Name, f.Source)
		}
	}
}
