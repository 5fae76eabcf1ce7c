package stats

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/internal/suggest"
)

// Bounds on the tests of a definitions file.
const (
	maxTests     = 1000
	maxTestLines = 64 << 10 // bytes of the lines of one
	maxExpected  = 1000     // expectations of one
	maxDepth     = 10       // levels of an expected value
)

var (
	testKeys        = []string{"name", "lines", "expect"}
	expectationKeys = []string{"stat", "time", "value", "alert", "key", "state"}
)

// parseTests reads the cases of a file.
func (p *parser) parseTests(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	elements := p.sequence(n, "tests")
	if len(elements) > maxTests {
		p.errorf(n, "there are %d tests, at most %d are allowed", len(elements), maxTests)
		return
	}
	var known []string
	for _, s := range d.All() {
		known = append(known, s.Name)
	}
	slices.Sort(known)
	for _, e := range elements {
		given := p.mapping(e, "a test", testKeys)
		var t Test
		if name := given["name"]; name != nil {
			t.Name, _ = p.text(name, "name", MaxName)
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this test has no name: give it one")
		}
		if lines := given["lines"]; lines != nil {
			text, _ := p.text(lines, "lines", maxTestLines)
			t.Lines = []byte(text)
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this test has no lines: give it some under lines")
		}
		if expect := given["expect"]; expect != nil {
			t.Expect = p.parseExpect(d, expect, known)
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this test expects nothing: give it a list, such as [{stat: NAME, value: 1}]")
		}
		d.Tests = append(d.Tests, t)
	}
}

func (p *parser) parseExpect(d *Definitions, n *yaml.Node, known []string) []Expectation {
	elements := p.sequence(n, "expect")
	if len(elements) > maxExpected {
		p.errorf(n, "there are %d expectations, at most %d are allowed", len(elements), maxExpected)
		return nil
	}
	var all []Expectation
	for _, e := range elements {
		given := p.mapping(e, "an expectation", expectationKeys)
		x := Expectation{Time: -1, Line: e.Line, Column: e.Column}
		if given["alert"] != nil {
			p.expectState(d, &x, given)
		} else {
			p.require(e, given, "this expectation", "stat", "value")
		}
		if stat := given["stat"]; stat != nil && x.Alert.Alert == "" {
			x.Stat, _ = p.text(stat, "stat", MaxName)
			if refs := p.refs[x.Stat]; len(refs) == 1 {
				x.Stat = refs[0]
			}
			if _, ok := slices.BinarySearch(known, x.Stat); !ok && x.Stat != "" {
				p.errorf(stat, "there is no stat %s%s", x.Stat, nearest(x.Stat, known))
			}
		}
		if at := given["time"]; at != nil {
			if text, ok := p.text(at, "time", MaxName); ok {
				t, err := time.Parse(time.RFC3339, text)
				if err != nil || t.Nanosecond() != 0 || t.Unix() < 0 {
					p.errorf(at, "time must be a whole second such as 2012-11-22T09:31:34Z, not %s", text)
				}
				x.Time = t.Unix()
			}
		}
		if value := given["value"]; value != nil {
			x.Value = p.json(nil, value, 0)
		}
		all = append(all, x)
	}
	return all
}

// nearest is the end of a message about an unknown name.
func nearest(name string, known []string) string {
	if near := suggest.Nearest(name, slices.Values(known)); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// json appends a node as JSON.
func (p *parser) json(b []byte, n *yaml.Node, depth int) json.RawMessage {
	if depth > maxDepth || len(b) > maxTestLines {
		p.errorf(n, "this value is too large")
		return b
	}
	n = p.resolve(n)
	switch n.Kind {
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, c := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = p.json(b, c, depth+1)
		}
		return append(b, ']')
	case yaml.MappingNode:
		b = append(b, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSON(b, n.Content[i].Value), ':')
			b = p.json(b, n.Content[i+1], depth+1)
		}
		return append(b, '}')
	}
	switch n.Tag {
	case "!!null":
		return append(b, "null"...)
	case "!!int", "!!float":
		f, _ := p.number(n, "a value")
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	case "!!bool":
		var is bool
		_ = n.Decode(&is) // it looks like one
		return strconv.AppendBool(b, is)
	}
	return appendJSON(b, n.Value)
}

func appendJSON(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string cannot fail
	return append(b, text...)
}
