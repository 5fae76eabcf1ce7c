package stats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// errorf notes an error at a node; nil is the file as a whole.
func (p *parser) errorf(n *yaml.Node, format string, args ...any) {
	if n == nil {
		p.errorAt(0, 0, fmt.Sprintf(format, args...))
		return
	}
	p.errorAt(n.Line, n.Column, fmt.Sprintf(format, args...))
}

func (p *parser) errorAt(line, column int, message string) {
	e := &Error{File: p.file, Line: line, Column: column, Message: message}
	// A mapping that aliases repeat is wrong once.
	if len(p.errs) < maxErrors && !slices.ContainsFunc(p.errs, func(o *Error) bool { return *o == *e }) {
		p.errs = append(p.errs, e)
	}
}

// document gives the root of the only document, or nil.
func (p *parser) document() *yaml.Node {
	if len(p.data) > MaxFileSize {
		p.errorf(nil, "the file is too large: it has %d bytes, at most %d are read", len(p.data), MaxFileSize)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(p.data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && doc.Content[0].Tag == "!!null":
		p.errorf(nil, "the file is empty: write at least one stat under the key stats")
		return nil
	case err != nil:
		p.yamlError(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		p.errorf(&second, "a second YAML document begins here: write only one in a file")
	} else if !errors.Is(err, io.EOF) {
		p.yamlError(err)
	}
	p.expandVariables(&doc)
	return p.resolve(doc.Content[0])
}

var yamlLine = regexp.MustCompile(`^(?:line (\d+): )?((?s).*)$`)

// maxYAMLLines is how far behind the start of what could not be read the line is
// sought that is wrong.
const maxYAMLLines = 100

// yamlError notes what the YAML parser could not read. Its own line is where
// what it was reading begins, or one less; the line that it cannot read is the
// first up to which the file is wrong in the same way.
func (p *parser) yamlError(err error) {
	m := yamlLine.FindStringSubmatch(strings.TrimPrefix(err.Error(), "yaml: "))
	line, _ := strconv.Atoi(m[1])
	lines := bytes.SplitAfter(bytes.TrimSuffix(p.data, []byte("\n")), []byte("\n"))
	line = min(max(line, 1), len(lines))
	for at := line; at <= min(line+maxYAMLLines, len(lines)); at++ {
		var doc yaml.Node
		if again := yaml.Unmarshal(bytes.Join(lines[:at], nil), &doc); again != nil && strings.HasSuffix(again.Error(), m[2]) {
			line = at
			break
		}
	}
	text := lines[line-1]
	rest := bytes.TrimLeft(text, " ")
	why := m[2]
	switch { // what does not show
	case bytes.HasPrefix(rest, []byte("\t")):
		why = "the line is indented by a tab: write spaces"
	case bytes.Contains(text, []byte("\u00a0")):
		why += "; the line has a no-break space (U+00A0): write a space"
	}
	p.errorAt(line, 1+utf8.RuneCount(text)-utf8.RuneCount(rest), "this is not valid YAML: "+why)
}

// resolve follows an alias and refuses tags, of which none has a meaning here.
func (p *parser) resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(n.Tag, "!!") {
		p.errorf(n, "YAML reads %s as a tag: put quotes around the whole text", n.Tag)
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.Tag, Line: n.Line, Column: n.Column} // as was meant
	}
	return n
}

// mapping gives the values of a mapping by key and notes keys it must not have.
func (p *parser) mapping(n *yaml.Node, what string, keys []string) map[string]*yaml.Node {
	return p.mappingWith(n, what, keys, func(key string) string { return didYouMean(key, keys) })
}

// mappingWith is mapping with what the message about an unknown key says at its
// end.
func (p *parser) mappingWith(n *yaml.Node, what string, keys []string, hint func(key string) string) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		p.errorf(n, "%s must be a mapping with keys %s, not %s", what, list(keys), describe(n))
		return values
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			p.errorf(key, "a key of %s must be a word, not %s", what, describe(key))
		case key.Tag == "!!merge":
			p.errorf(key, "YAML's merge key << is not supported: name what stats share under define")
		case !slices.Contains(keys, key.Value):
			p.errorf(key, "%s has no key %s%s", what, key.Value, hint(key.Value))
		case values[key.Value] != nil:
			p.errorf(key, "%s is given twice", key.Value)
		default:
			values[key.Value] = p.resolve(n.Content[i+1])
		}
	}
	return values
}

// sequence gives the elements of a list.
func (p *parser) sequence(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		p.errorf(n, "%s must be a list, not %s", what, describe(n))
		return nil
	}
	elements := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		elements[i] = p.resolve(c)
	}
	return elements
}

// text gives a scalar's text.
func (p *parser) text(n *yaml.Node, what string, limit int) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.errorf(n, "%s must be a text, not %s", what, describe(n))
	case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
		p.errorf(n, "%s is empty: write a text", what)
	case len(n.Value) > limit:
		p.errorf(n, "%s has %d bytes, at most %d are allowed", what, len(n.Value), limit)
	default:
		return n.Value, true
	}
	return "", false
}

// number gives a scalar's number.
func (p *parser) number(n *yaml.Node, what string) (float64, bool) {
	var f float64
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || n.Decode(&f) != nil ||
		math.IsNaN(f) || math.IsInf(f, 0) {
		p.errorf(n, "%s must be a number, not %s", what, describe(n))
		return 0, false
	}
	return f, true
}

// boolean reads true or false; what is neither is false.
func (p *parser) boolean(n *yaml.Node, what string) (on bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&on) != nil {
		p.errorf(n, "%s must be true or false, not %s", what, describe(n))
	}
	return on
}

// seconds gives a duration in whole seconds.
func (p *parser) seconds(n *yaml.Node, what string, least, most time.Duration) int64 {
	return p.secondsUpTo(n, what, least, most, "")
}

// secondsUpTo is seconds that says more about a duration that is too long.
func (p *parser) secondsUpTo(n *yaml.Node, what string, least, most time.Duration, beyond string) int64 {
	s, ok := p.text(n, what, MaxName)
	if !ok {
		return int64(least / time.Second)
	}
	d, err := parseDuration(s)
	switch {
	case err != nil && n.Tag == "!!int":
		p.errorf(n, "%s needs a unit: write %ss, or use m, h or d", what, s)
	case err != nil:
		p.errorf(n, "%s must be a duration such as 10s, 5m, 1h or 30d, not %q", what, s)
	case d > most:
		p.errorf(n, "%s must be from %s to %s, not %s%s", what, short(least), short(most), s, beyond)
	case d < least:
		p.errorf(n, "%s must be from %s to %s, not %s", what, short(least), short(most), s)
	case d%time.Second != 0:
		p.errorf(n, "%s must be whole seconds, not %s", what, s)
	default:
		return int64(d / time.Second)
	}
	return int64(least / time.Second)
}

// maxDays is how many days a duration is written with; far more than any bound.
const maxDays = 100_000

// parseDuration is time.ParseDuration, with whole days before all else: 1d12h.
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > maxDays {
		return 0, fmt.Errorf("%q is not a number of days", days)
	}
	var d time.Duration
	if rest != "" {
		d, err = time.ParseDuration(rest)
		if d < 0 {
			return 0, fmt.Errorf("%q is negative", rest)
		}
	}
	return time.Duration(n)*24*time.Hour + d, err
}

// short writes a duration without the zeros that time.Duration's String has.
func short(d time.Duration) string {
	switch {
	case d > 24*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// list writes words as a sentence has them.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// describe says what a node is, for messages about what it should be.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" || n.Value == "" {
		return "nothing"
	}
	if len(n.Value) > 50 {
		return "a long text"
	}
	return strconv.Quote(n.Value)
}

// didYouMean is the end of a message about a word that is not known.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return near
	}
	return " (there are " + list(known) + ")"
}
