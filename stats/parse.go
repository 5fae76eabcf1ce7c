package stats

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

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
	fileKeys = []string{"lateness", "define", "formats", "derive", "scope", "inlog", "stats", "pages", "marks", "alerts", "routes", "tests"}
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
	from := Source{File: file, Text: string(data), Variables: map[string]string{}}
	p := &parser{
		file: file, data: data,
		lookup: func(name string) (string, bool) {
			value, ok := lookup(name)
			if ok {
				from.Variables[name] = value
			}
			return value, ok
		},
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
	d.Source = from
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
	inlog     bool // and so may a metric that lines name
	derived   map[string]*yaml.Node
	fields    []*derive.Field // derived, in the file's order
	errs      Errors

	byName   map[string]*Stat    // the file's and the internal ones
	variants map[string][]*Stat  // by the name before the scope, the default value's first
	refs     map[string][]string // what a name that is not a stat's stands for: a family's, or the default value's
	combined []combined
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
	inlog := p.parseInlog(top["inlog"])
	p.parseStats(d, top["stats"])
	d.Stats = slices.Concat(d.Stats, inlog, p.parseMarks(top["marks"]))
	if top["stats"] == nil && len(p.errs) == 0 {
		p.errorf(root, "there are no stats: write at least one under the key stats")
	}
	d.Derived = p.orderDerived()
	p.parsePages(d, top["pages"])
	p.parseRoutes(d, top["routes"])
	p.parseAlerts(d, top["alerts"])
	p.parseTests(d, top["tests"])
	return d
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
	defines, errs := condition.NewDefines(exprs, p.deriveIn(n))
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
	p.resolveCombined()
}

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// parseStat reads a stat, and gives it for each value of the scope, the
// default's first, and then what it has beside it; there is one at least.
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

	made := []*Stat{s}
	if s.windowed() {
		made = append(made, s.burnRates()...)
	}
	scoped := p.isScoped(values["scope"], "a stat")
	var all []*Stat
	for _, s := range made {
		variants := []*Stat{s}
		if scoped {
			variants = p.scope.stats(s)
		}
		if s.Name != "" {
			p.enter(values["name"], s.Name, variants)
		}
		if s.OfStats() {
			p.combined = append(p.combined, combined{values[s.Kind], variants})
		}
		all = append(all, variants...)
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
