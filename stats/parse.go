package stats

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/condition"
	"pulse/stats/internal/suggest"
)

// Bounds on a definitions file.
const (
	MaxFileSize = 1 << 20 // bytes
	MaxStats    = 10_000
	MaxDefines  = 1_000
	MaxPanels   = 10_000 // names on all pages together
	MaxName     = 200    // bytes of a name or a title
	MaxHelp     = 2_000  // bytes of a help text
	MaxUnit     = 20     // bytes of a unit
	MaxAt       = 20     // quantiles of a stat

	MaxComparisons = 1 << 20 // of all stats together, with the defines expanded

	MaxOver     = 24 * time.Hour
	MaxLateness = time.Hour

	maxErrors = 100 // that are reported
)

// Defaults of what a file leaves out.
const (
	DefaultLateness = 2 // seconds

	defaultOver          = 60 // seconds
	defaultOverPerSecond = 10
	defaultOverPerMinute = 70
)

var defaultAt = []float64{0.5, 0.95, 0.99}

// The keys of each mapping in a file, in the order in which messages and
// suggestions give them.
var (
	fileKeys = []string{"lateness", "define", "stats", "pages"}
	kindKeys = []string{"rate", "mean", "max", "min", "sum", "quantiles", "unique"}
	statKeys = slices.Concat([]string{"name"}, kindKeys,
		[]string{"at", "over", "where", "title", "unit", "warn", "crit", "reversed", "help"})
	pageKeys = []string{"title", "rows"}
)

// headerFields are fields that many lines have in their header. A define of
// such a name would change what the name means in a condition.
var headerFields = []string{"source", "level", "ps", "slot", "instance_id", "cloud", "msg", "line", "unparsed"}

// Parse reads a definitions file, whose name is for the messages alone. An
// error is of type Errors and has all that is wrong with the file.
func Parse(file string, data []byte) (*Definitions, error) {
	p := &parser{file: file, data: data}
	d := p.parse()
	if len(p.errs) > 0 {
		slices.SortStableFunc(p.errs, func(a, b *Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, p.errs
	}
	return d, nil
}

// A parser reads one file and collects what is wrong with it.
type parser struct {
	file    string
	data    []byte
	defines *condition.Defines
	defined map[string]bool
	size    int // comparisons so far
	errs    Errors
}

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

func (p *parser) parse() *Definitions {
	d := &Definitions{Lateness: DefaultLateness}
	root := p.document()
	if root == nil {
		return d
	}
	top := p.mapping(root, "the file", fileKeys)
	if n := top["lateness"]; n != nil {
		d.Lateness = p.seconds(n, "lateness", 0, MaxLateness)
	}
	p.parseDefines(top["define"])
	byName := p.parseStats(d, top["stats"])
	if top["stats"] == nil && len(p.errs) == 0 {
		p.errorf(root, "there are no stats: a file has at least one, under the key stats")
	}
	p.parsePages(d, top["pages"], byName)
	return d
}

// document gives the root of the only document, or nil.
func (p *parser) document() *yaml.Node {
	if len(p.data) > MaxFileSize {
		p.errorf(nil, "the file has %d bytes, at most %d are read", len(p.data), MaxFileSize)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(p.data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && doc.Content[0].Tag == "!!null":
		p.errorf(nil, "the file is empty: it has at least one stat, under the key stats")
		return nil
	case err != nil:
		p.yamlError(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		p.errorf(&second, "a second document begins here: a file has one")
	} else if !errors.Is(err, io.EOF) {
		p.yamlError(err)
	}
	return p.resolve(doc.Content[0])
}

var yamlLine = regexp.MustCompile(`^(?:line (\d+): )?((?s).*)$`)

// yamlError notes what the YAML parser could not read. It gives the line alone,
// at the file's end one that there is not.
func (p *parser) yamlError(err error) {
	m := yamlLine.FindStringSubmatch(strings.TrimPrefix(err.Error(), "yaml: "))
	line, _ := strconv.Atoi(m[1])
	last := 1 + bytes.Count(bytes.TrimSuffix(p.data, []byte("\n")), []byte("\n"))
	p.errorAt(min(max(line, 1), last), 1, "this is no YAML: "+m[2])
}

// resolve follows an alias and refuses tags, of which none has a meaning here.
func (p *parser) resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(n.Tag, "!!") {
		p.errorf(n, "YAML takes %s for a tag: put quotes around the whole text", n.Tag)
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.Tag, Line: n.Line, Column: n.Column} // as was meant
	}
	return n
}

// mapping gives the values of a mapping by key and notes keys it must not have.
func (p *parser) mapping(n *yaml.Node, what string, keys []string) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		p.errorf(n, "%s is a mapping with keys %s, not %s", what, list(keys), describe(n))
		return values
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			p.errorf(key, "a key of %s is a word, not %s", what, describe(key))
		case key.Tag == "!!merge":
			p.errorf(key, "YAML's merge key << is not supported: name what stats share under define")
		case !slices.Contains(keys, key.Value):
			p.errorf(key, "%s has no key %s%s", what, key.Value, didYouMean(key.Value, keys))
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
		p.errorf(n, "%s is a list, not %s", what, describe(n))
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
		p.errorf(n, "%s is a text, not %s", what, describe(n))
	case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
		p.errorf(n, "%s is empty", what)
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
		p.errorf(n, "%s is a number, not %s", what, describe(n))
		return 0, false
	}
	return f, true
}

// seconds gives a duration in whole seconds.
func (p *parser) seconds(n *yaml.Node, what string, least, most time.Duration) int64 {
	s, ok := p.text(n, what, MaxName)
	if !ok {
		return int64(least / time.Second)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && n.Tag == "!!int":
		p.errorf(n, "%s has a unit: write %ss, or with m or h", what, s)
	case err != nil:
		p.errorf(n, "%s is a duration such as 10s, 5m or 1h, not %q", what, s)
	case d < least || d > most:
		p.errorf(n, "%s is from %s to %s, not %s", what, short(least), short(most), s)
	case d%time.Second != 0:
		p.errorf(n, "%s is in whole seconds, not %s", what, s)
	default:
		return int64(d / time.Second)
	}
	return int64(least / time.Second)
}

// short writes a duration without the zeros that time.Duration's String has.
func short(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

func (p *parser) parseDefines(n *yaml.Node) {
	p.defined = make(map[string]bool)
	exprs := make(map[string]string)
	nodes := make(map[string]*yaml.Node)
	switch {
	case n == nil:
	case n.Kind != yaml.MappingNode:
		p.errorf(n, "define is a mapping of names to conditions, not %s", describe(n))
	case len(n.Content)/2 > MaxDefines:
		p.errorf(n, "there are %d defines, at most %d are allowed", len(n.Content)/2, MaxDefines)
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], p.resolve(n.Content[i+1])
			name := key.Value
			switch {
			case key.Kind != yaml.ScalarNode || !condition.IsName(name) || len(name) > MaxName:
				p.errorf(key, "a define's name has letters, digits and _ only, begins with no digit, and is no word of the language: not %s", describe(key))
				continue
			case slices.Contains(headerFields, name):
				p.errorf(key, "%s is a field that lines have in their header: a define needs another name", name)
				continue
			case p.defined[name]:
				p.errorf(key, "%s is defined twice", name)
				continue
			}
			p.defined[name] = true
			expr, ok := p.text(value, "a condition", condition.MaxLength)
			if !ok {
				expr = "true" // what uses it is not wrong
			}
			exprs[name], nodes[name] = expr, value
		}
	}
	defines, errs := condition.NewDefines(exprs)
	for _, name := range slices.Sorted(maps.Keys(errs)) {
		p.conditionError(nodes[name], errs[name])
	}
	p.defines = defines
}

// conditionError notes an error within an expression where it is in the file.
func (p *parser) conditionError(n *yaml.Node, err *condition.Error) {
	line, column := position(p.data, n, err.Offset)
	p.errorAt(line, column, err.Message)
}

func (p *parser) parseStats(d *Definitions, n *yaml.Node) map[string]*Stat {
	byName := map[string]*Stat{LinesStat: nil}
	if n == nil {
		return byName
	}
	elements := p.sequence(n, "stats")
	switch {
	case n.Kind == yaml.SequenceNode && len(elements) == 0:
		p.errorf(n, "there are no stats: a file has at least one")
	case len(elements) > MaxStats:
		p.errorf(n, "there are %d stats, at most %d are allowed", len(elements), MaxStats)
		elements = nil
	}
	for _, e := range elements {
		s := p.parseStat(e, byName)
		d.Stats = append(d.Stats, s)
		if len(p.errs) == maxErrors || p.size > MaxComparisons {
			break
		}
	}
	return byName
}

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

func (p *parser) parseStat(n *yaml.Node, byName map[string]*Stat) *Stat {
	before := len(p.errs)
	s := &Stat{}
	values := p.mapping(n, "a stat", statKeys)

	if name := values["name"]; name == nil {
		if n.Kind == yaml.MappingNode {
			p.errorf(n, "this stat has no name")
		}
	} else if text, ok := p.text(name, "a stat's name", MaxName); ok {
		_, taken := byName[text]
		switch {
		case !nameSyntax.MatchString(text):
			p.errorf(name, "a stat's name has letters, digits and . _ - / only, not %q", text)
		case strings.HasPrefix(text, "pulse."):
			p.errorf(name, "names that begin with pulse. are Pulse's own: choose another for %s", text)
		case taken:
			p.errorf(name, "there is a stat %s already", text)
		default:
			s.Name = text
			byName[text] = s
		}
	}

	// A kind that is misspelt has its error already.
	if given := slices.DeleteFunc(slices.Clone(kindKeys), func(k string) bool { return values[k] == nil }); len(given) == 1 {
		p.parseKind(s, given[0], values[given[0]])
	} else if len(given) > 1 {
		p.errorf(values[given[1]], "a stat is of one kind: this is %s", list(given))
	} else if n.Kind == yaml.MappingNode && len(p.errs) == before {
		p.errorf(n, "this stat is of no kind: give it one of %s", list(kindKeys))
	}

	if over := values["over"]; over != nil {
		s.Over = p.seconds(over, "over", time.Second, MaxOver)
	}
	if at := values["at"]; at != nil {
		if s.Kind != "" && s.Kind != "quantiles" {
			p.errorf(at, "at is for quantiles, not for %s", s.Kind)
		}
		s.At = p.parseAt(at)
	}
	if where := values["where"]; where != nil {
		if text, ok := p.text(where, "where", condition.MaxLength); ok {
			s.Where = strings.TrimSpace(text)
			var e *condition.Error
			var err error
			if s.Cond, err = condition.Parse(text, p.defines); errors.As(err, &e) {
				p.conditionError(where, e)
			}
			if p.size += condition.Size(s.Cond); p.size > MaxComparisons {
				p.errorf(where, "the stats have more than %d comparisons, with their defines expanded", MaxComparisons)
				s.Cond = nil
			}
		}
	}
	p.parseLook(s, values)
	return s
}

// parseKind fills in what a kind says, with the defaults of what others may.
func (p *parser) parseKind(s *Stat, kind string, n *yaml.Node) {
	s.Kind = kind
	s.Over = defaultOver
	switch kind {
	case "rate":
		units := []string{"second", "minute"}
		switch unit, ok := p.text(n, "rate", MaxName); {
		case unit == "second":
			s.Per, s.Over, s.Unit = 1, defaultOverPerSecond, "/s"
		case unit == "minute":
			s.Per, s.Over, s.Unit = 60, defaultOverPerMinute, "/min"
		case ok:
			p.errorf(n, "rate is second or minute, not %s%s", unit, didYouMean(unit, units))
		}
		return
	case "quantiles":
		s.At = slices.Clone(defaultAt)
	}
	field, ok := p.text(n, kind, MaxName)
	switch {
	case !ok:
	case n.Tag != "!!str":
		p.errorf(n, "%s takes the name of a field, not %s", kind, describe(n))
	case strings.HasPrefix(field, "$env"):
		p.errorf(n, "%s takes the name of a field as it is, without $env", kind)
	case p.defined[field]:
		p.errorf(n, "%s takes the name of a field, and %s is a define", kind, field)
	default:
		s.Field = field
	}
}

func (p *parser) parseAt(n *yaml.Node) []float64 {
	elements := p.sequence(n, "at")
	if n.Kind == yaml.SequenceNode && (len(elements) == 0 || len(elements) > MaxAt) {
		p.errorf(n, "at has from 1 to %d quantiles, not %d", MaxAt, len(elements))
		return nil
	}
	var at []float64
	for _, e := range elements {
		q, ok := p.number(e, "a quantile")
		switch {
		case !ok:
		case q <= 0 || q > 1:
			p.errorf(e, "a quantile is above 0 and at most 1, not %s", e.Value)
		case len(strconv.FormatFloat(q, 'f', -1, 64)) > len("0.123456"):
			p.errorf(e, "a quantile has at most six decimals, unlike %s", e.Value)
		case slices.Contains(at, q):
			p.errorf(e, "the quantile %s is given twice", e.Value)
		default:
			at = append(at, q)
		}
	}
	return at
}

// parseLook fills in what is for the page alone.
func (p *parser) parseLook(s *Stat, values map[string]*yaml.Node) {
	s.Title = s.Name
	for _, t := range []struct {
		key   string
		to    *string
		limit int
	}{{"title", &s.Title, MaxName}, {"unit", &s.Unit, MaxUnit}, {"help", &s.Help, MaxHelp}} {
		if n := values[t.key]; n != nil {
			if text, ok := p.text(n, t.key, t.limit); ok {
				*t.to = text
			}
		}
	}
	if n := values["reversed"]; n != nil {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&s.Reversed) != nil {
			p.errorf(n, "reversed is true or false, not %s", describe(n))
		}
	}
	for _, t := range []struct {
		key string
		to  **float64
	}{{"warn", &s.Warn}, {"crit", &s.Crit}} {
		if n := values[t.key]; n != nil {
			if f, ok := p.number(n, t.key); ok {
				*t.to = &f
			}
		}
	}
	if s.Warn == nil || s.Crit == nil {
		return
	}
	switch {
	case !s.Reversed && *s.Crit < *s.Warn:
		p.errorf(values["crit"], "crit is below warn: where low values are the bad ones, say reversed: true")
	case s.Reversed && *s.Crit > *s.Warn:
		p.errorf(values["crit"], "crit is above warn, but the stat is reversed: low values are the bad ones")
	}
}

func (p *parser) parsePages(d *Definitions, n *yaml.Node, byName map[string]*Stat) {
	if n == nil {
		return
	}
	panels := 0
	titles := make(map[string]bool)
	for _, e := range p.sequence(n, "pages") {
		values := p.mapping(e, "a page", pageKeys)
		var page Page
		if title := values["title"]; title != nil {
			page.Title, _ = p.text(title, "title", MaxName)
			if titles[page.Title] && page.Title != "" {
				p.errorf(title, "there is a page %q already", page.Title)
			}
			titles[page.Title] = true
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no title")
		}
		if rows := values["rows"]; rows != nil {
			for _, r := range p.sequence(rows, "rows") {
				names := p.sequence(r, "a row")
				// Aliases can repeat rows and pages: the bound is on their sum.
				if panels += max(1, len(names)); panels > MaxPanels {
					p.errorf(r, "the pages have more than %d panels", MaxPanels)
					return
				}
				page.Rows = append(page.Rows, p.parseRow(names, byName))
			}
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no rows")
		}
		d.Pages = append(d.Pages, page)
		if len(p.errs) == maxErrors || len(d.Pages) > MaxPanels {
			return
		}
	}
}

func (p *parser) parseRow(names []*yaml.Node, byName map[string]*Stat) []string {
	var row []string
	for _, n := range names {
		name, ok := p.text(n, "the name of a stat", MaxName)
		if !ok {
			continue
		}
		if _, known := byName[name]; !known {
			near := suggest.Nearest(name, slices.Values(slices.Sorted(maps.Keys(byName))))
			if near != "" {
				near = ": did you mean " + near + "?"
			}
			p.errorf(n, "there is no stat %s%s", name, near)
		}
		row = append(row, name)
	}
	return row
}

// didYouMean is the end of a message about a word that is none of those known.
func didYouMean(word string, known []string) string {
	if near := suggest.Nearest(word, slices.Values(known)); near != "" {
		return ": did you mean " + near + "?"
	}
	return " (there are " + list(known) + ")"
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
