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
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/derive"
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
	MaxLink     = 1_000  // bytes of a link

	MaxComparisons = 1 << 20 // of all stats together, with the defines expanded

	MaxLateness = time.Hour

	maxErrors = 100 // that are reported
)

// DefaultLateness is the lateness of a file that gives none, in seconds.
const DefaultLateness = 2

// The keys of each mapping in a file, in the order in which messages and
// suggestions give them.
var (
	fileKeys = []string{"lateness", "define", "formats", "derive", "scope", "stats", "pages", "tests"}
	statKeys = slices.Concat([]string{"name"}, Kinds, optionKeys)
	pageKeys = []string{"title", "rows", "scope"}

	optionKeys = append(optionNames(), "where", "each", "scope",
		"title", "unit", "warn", "crit", "reversed", "help", "link")
)

// otherWords are what other tools call keys of a stat.
var otherWords = func() map[string]string {
	words := map[string]string{
		"window": "over", "filter": "where", "if": "where", "group_by": "by", "limit": "top",
		"label": "title", "description": "help", "url": "link",
	}
	for _, d := range aggregate.Kinds {
		for _, alias := range d.Aliases {
			words[alias] = d.Name
		}
	}
	return words
}()

// headerFields are fields that many lines have in their header. A define of
// such a name would change what the name means in a condition.
var headerFields = []string{"source", "level", "ps", "slot", "instance_id", "cloud", "msg", "line", "unparsed"}

// Parse reads a definitions file, whose name is for the messages alone. An
// error is of type Errors and has all that is wrong with the file. No
// environment variable is set for it.
func Parse(file string, data []byte) (*Definitions, error) {
	return ParseEnv(file, data, func(string) (string, bool) { return "", false })
}

// ParseEnv is Parse with a lookup for the environment variables that the file
// refers to. What it says depends on their values then, and so may its
// definitions version.
func ParseEnv(file string, data []byte, lookup Lookup) (*Definitions, error) {
	p := &parser{
		file: file, data: data, lookup: lookup,
		sources:  make(map[*yaml.Node]source),
		byName:   make(map[string]*Stat),
		variants: make(map[string][]*Stat),
		refs:     make(map[string][]string),
		derived:  make(map[string]*yaml.Node),
	}
	for _, s := range internalStats {
		p.byName[s.Name] = s
	}
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
	lookup  Lookup
	sources map[*yaml.Node]source // of values that are not as the file has them
	defines *condition.Defines
	defined map[string]bool
	scope   *scope // nil: there is none
	size    int    // comparisons so far

	derivable bool // an expression may stand where a field does
	derived   map[string]*yaml.Node
	fields    []*derive.Field // derived, in the file's order
	errs      Errors

	byName   map[string]*Stat    // the file's and the internal ones
	variants map[string][]*Stat  // by the name before the scope, the default value's first
	refs     map[string][]string // what a name that is not a stat's stands for: a family's, or the default value's
	ratios   []ratio
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
	p.parseFormats(d, top["formats"])
	p.parseDerived(d, top["derive"])
	p.scope = p.parseScope(top["scope"])
	p.parseStats(d, top["stats"])
	if top["stats"] == nil && len(p.errs) == 0 {
		p.errorf(root, "there are no stats: write at least one under the key stats")
	}
	d.Derived = p.orderDerived()
	p.parsePages(d, top["pages"])
	p.parseTests(d, top["tests"])
	return d
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
	p.errorAt(line, 1+utf8.RuneCount(text)-utf8.RuneCount(bytes.TrimLeft(text, " ")), "this is not valid YAML: "+m[2])
}

// maxYAMLLines is how far behind the start of what could not be read the line is
// sought that is wrong.
const maxYAMLLines = 100

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

// seconds gives a duration in whole seconds.
func (p *parser) seconds(n *yaml.Node, what string, least, most time.Duration) int64 {
	s, ok := p.text(n, what, MaxName)
	if !ok {
		return int64(least / time.Second)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && n.Tag == "!!int":
		p.errorf(n, "%s needs a unit: write %ss, or use m or h", what, s)
	case err != nil:
		p.errorf(n, "%s must be a duration such as 10s, 5m or 1h, not %q", what, s)
	case d < least || d > most:
		p.errorf(n, "%s must be from %s to %s, not %s", what, short(least), short(most), s)
	case d%time.Second != 0:
		p.errorf(n, "%s must be whole seconds, not %s", what, s)
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
		p.errorf(n, "define must be a mapping of names to conditions, not %s", describe(n))
	case len(n.Content)/2 > MaxDefines:
		p.errorf(n, "there are %d defines, at most %d are allowed", len(n.Content)/2, MaxDefines)
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], p.resolve(n.Content[i+1])
			name := key.Value
			switch {
			case key.Kind != yaml.ScalarNode || !condition.IsName(name) || len(name) > MaxName:
				p.errorf(key, "a define's name has letters, digits and _ only, begins with no digit, and is not a reserved word: not %s", describe(key))
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
	p.textError(n, err.Offset, err.Message)
}

// textError notes an error at a byte of a text.
func (p *parser) textError(n *yaml.Node, offset int, message string) {
	n, offset = p.origin(n, offset)
	line, column := position(p.data, n, offset)
	p.errorAt(line, column, message)
}

func (p *parser) parseStats(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	elements := p.sequence(n, "stats")
	switch {
	case n.Kind == yaml.SequenceNode && len(elements) == 0:
		p.errorf(n, "there are no stats: write at least one")
	case len(elements) > MaxStats:
		p.errorf(n, "there are %d stats, at most %d are allowed", len(elements), MaxStats)
		elements = nil
	}
	for _, e := range elements {
		family := valueOf(e, "name")
		for _, member := range p.members(e) {
			before := len(p.errs)
			stats := p.parseStat(member)
			d.Stats = append(d.Stats, stats...)
			if family != nil && member != e {
				p.refs[family.Value] = append(p.refs[family.Value], stats[0].Name)
			}
			if len(d.Stats) > MaxStats {
				p.errorf(e, "there are more than %d stats, with those of each and scope", MaxStats)
				return
			}
			if len(p.errs) > before {
				break // the others of the family have the same
			}
		}
		if len(p.errs) == maxErrors || p.size > MaxComparisons {
			break
		}
	}
	p.resolveRatios()
}

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// parseStat reads a stat, and gives it for each value of the scope, the
// default's first; there is one at least.
func (p *parser) parseStat(n *yaml.Node) []*Stat {
	before := len(p.errs)
	s := &Stat{}
	values := p.mappingWith(n, "a stat", statKeys, func(key string) string { return statHint(n, key) })

	if name := values["name"]; name == nil {
		if n.Kind == yaml.MappingNode {
			p.errorf(n, "this stat has no name: give it one")
		}
	} else {
		s.Name, _ = p.text(name, "a stat's name", MaxName)
	}

	// A kind that is misspelled has its error already.
	if given := slices.DeleteFunc(slices.Clone(Kinds), func(k string) bool { return values[k] == nil }); len(given) == 1 {
		p.parseKind(s, given[0], values)
	} else if len(given) > 1 {
		p.errorf(values[given[1]], "a stat has one kind: this one has %s", list(given))
	} else if n.Kind == yaml.MappingNode && len(p.errs) == before {
		p.errorf(n, "this stat has no kind: give it one of %s", list(Kinds))
	}

	if where := values["where"]; where != nil {
		s.Cond, s.Where = p.condition(where)
	}
	p.parseLook(s, values)

	all := []*Stat{s}
	if p.isScoped(values["scope"], "a stat") {
		all = p.scope.stats(s)
	}
	if s.Name != "" {
		p.enter(values["name"], s.Name, all)
	}
	if of := values[s.Kind]; s.OfStats() && of.Kind == yaml.SequenceNode && len(of.Content) == 2 {
		p.ratios = append(p.ratios, ratio{of, all})
	}
	for _, s := range all {
		if p.size += condition.Size(s.Cond); p.size > MaxComparisons {
			p.errorf(values["where"], "the stats have more than %d comparisons, with their defines expanded", MaxComparisons)
			break
		}
	}
	return all
}

// statHint is the end of a message about a key that a stat must not have. There
// are too many to list them all: of a stat without a kind it was to be that, of
// another one an option.
func statHint(n *yaml.Node, key string) string {
	if word := otherWords[key]; word != "" {
		return ": did you mean " + word + "?"
	}
	if near := nearest(key, statKeys); near != "" {
		return near
	}
	if slices.ContainsFunc(Kinds, func(kind string) bool { return valueOf(n, kind) != nil }) {
		return " (beside its name and its kind there are " + list(optionKeys) + ")"
	}
	return " (its kind is one of " + list(Kinds) + ")"
}

// enter notes the name that a stat has in the file, and those of its variants.
func (p *parser) enter(n *yaml.Node, written string, all []*Stat) {
	for _, s := range all {
		switch {
		case !nameSyntax.MatchString(s.Name):
			p.errorf(n, "a stat's name has letters, digits and . _ - / only, not %q", s.Name)
		case strings.HasPrefix(written, "pulse."):
			p.errorf(n, "names that begin with pulse. are reserved: choose another for %s", s.Name)
		case len(s.Name) > MaxName:
			p.errorf(n, "a stat's name has %d bytes, at most %d are allowed", len(s.Name), MaxName)
		case p.byName[s.Name] != nil:
			p.errorf(n, "there is already a stat %s: choose another name", s.Name)
		default:
			p.byName[s.Name] = s
			continue
		}
		return
	}
	p.variants[written] = all
	if written != all[0].Name {
		p.refs[written] = []string{all[0].Name}
	}
}

// parseLook fills in what is for the page alone.
func (p *parser) parseLook(s *Stat, values map[string]*yaml.Node) {
	s.Title = s.Name
	for _, t := range []struct {
		key   string
		to    *string
		limit int
	}{{"title", &s.Title, MaxName}, {"unit", &s.Unit, MaxUnit}, {"help", &s.Help, MaxHelp}, {"link", &s.Link, MaxLink}} {
		if n := values[t.key]; n != nil {
			if text, ok := p.text(n, t.key, t.limit); ok {
				*t.to = text
			}
		}
	}
	if s.Link != "" && !strings.HasPrefix(s.Link, "https://") && !strings.HasPrefix(s.Link, "http://") {
		p.errorf(values["link"], "link must begin with https:// or http://, not %s", s.Link)
	}
	if n := values["reversed"]; n != nil {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&s.Reversed) != nil {
			p.errorf(n, "reversed must be true or false, not %s", describe(n))
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
		p.errorf(values["crit"], "crit is below warn: if low values are bad, write reversed: true")
	case s.Reversed && *s.Crit > *s.Warn:
		p.errorf(values["crit"], "crit is above warn, but the stat is reversed: low values are bad")
	}
}

func (p *parser) parsePages(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	panels := 0
	titles := make(map[string]bool)
	var scoped []Page
	for _, e := range p.sequence(n, "pages") {
		values := p.mapping(e, "a page", pageKeys)
		var page Page
		if title := values["title"]; title != nil {
			page.Title, _ = p.text(title, "title", MaxName)
			if titles[page.Title] && page.Title != "" {
				p.errorf(title, "there is already a page %q: choose another title", page.Title)
			}
			titles[page.Title] = true
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no title: give it one")
		}
		if rows := values["rows"]; rows != nil {
			for _, r := range p.sequence(rows, "rows") {
				row := p.parseRow(p.sequence(r, "a row"), MaxPanels-panels)
				// Aliases can repeat rows and pages: the bound is on their sum.
				if panels += max(1, len(row)); panels > MaxPanels {
					p.errorf(r, "the pages have more than %d panels", MaxPanels)
					return
				}
				page.Rows = append(page.Rows, row)
			}
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no rows: give it some under rows")
		}
		d.Pages = append(d.Pages, page)
		if len(p.errs) == maxErrors || len(d.Pages) > MaxPanels {
			return
		}
		if p.isScoped(values["scope"], "a page") {
			scoped = append(scoped, page)
		}
	}
	for _, page := range p.pagesOfOthers(scoped) {
		if titles[page.Title] {
			p.errorf(n, "there is a page %q already, and the scope makes one of that name", page.Title)
		}
		for _, row := range page.Rows {
			panels += len(row)
		}
		d.Pages = append(d.Pages, page)
	}
	if panels > MaxPanels {
		p.errorf(n, "the pages have more than %d panels, with those of the scope", MaxPanels)
	}
}

// parseRow gives the names of a row's stats. The name of a family stands for
// all of them, and one without its scope for the default value's. What is
// beyond limit is left out, but for the first beyond.
func (p *parser) parseRow(names []*yaml.Node, limit int) []string {
	var row []string
	for _, n := range names {
		if len(row) > limit {
			break
		}
		name, ok := p.text(n, "the name of a stat", MaxName)
		if !ok {
			continue
		}
		if p.byName[name] != nil {
			row = append(row, name)
			continue
		}
		refs := p.refs[name]
		if refs == nil {
			p.errorf(n, "there is no stat %s%s", name, nearest(name, slices.Sorted(maps.Keys(p.byName))))
		}
		row = append(row, refs...)
	}
	return row
}

// didYouMean is the end of a message about a word that is not known.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return near
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
