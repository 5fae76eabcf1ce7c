package survey

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
)

// Bounds of what is remembered of a log, whatever its size.
const (
	MostFields   = 300  // of a format; what comes later is only counted
	MostDistinct = 1000 // values of a field
	mostTop      = 5    // values of a field that are named with their lines
	mostExamples = 3    // of a field
	longest      = 60   // bytes of a value that is shown
	mostShapes   = 2000 // of unparsed lines, before the lightest go
	shownShapes  = 50
	longestShape = 300 // bytes of a line of a shape
)

// A Survey is what a log has. It is for one goroutine.
type Survey struct {
	Lines      int64
	Unreadable int64 // of these, those that are too long to be looked at

	reader  *Reader
	found   map[string]*formatTally
	shapes  map[string]*shapeTally // of unparsed lines
	dropped bool                   // light shapes went
	seed    maphash.Seed
}

// New makes a Survey of what a Reader reads.
func New(r *Reader) *Survey {
	return &Survey{reader: r, found: map[string]*formatTally{}, shapes: map[string]*shapeTally{}, seed: maphash.MakeSeed()}
}

type formatTally struct {
	lines  int64
	fields map[string]*fieldTally
	more   bool // there were more than MostFields
}

type fieldTally struct {
	lines, numbers, bools int64
	values                map[uint64]*valueTally // the first MostDistinct
	many                  bool                   // there were more
	examples              []string
}

type valueTally struct {
	lines int64
	text  string
}

type shapeTally struct {
	lines   int64
	example string
}

// Add takes a line of an origin, without its line feed.
func (s *Survey) Add(from line.Origin, text []byte) error {
	s.Lines++
	if len(text) > line.MaxLen {
		s.Unreadable++
		return nil
	}
	if err := s.reader.Read(from, text); err != nil {
		return err
	}
	name, _, _ := strings.Cut(s.reader.Format(), ",") // half understood ones are of it too
	f := s.found[name]
	if f == nil {
		f = &formatTally{fields: map[string]*fieldTally{}}
		s.found[name] = f
	}
	f.lines++
	if !s.reader.Parsed() {
		s.addShape(string(text))
		return nil
	}
	s.reader.Each(func(name string, v condition.Constant) {
		t := f.fields[name]
		if t == nil {
			if len(f.fields) == MostFields {
				f.more = true
				return
			}
			t = &fieldTally{values: map[uint64]*valueTally{}}
			f.fields[name] = t
		}
		t.add(v, s.seed)
	})
	return nil
}

func (t *fieldTally) add(v condition.Constant, seed maphash.Seed) {
	t.lines++
	text := v.Text
	switch v.Type {
	case condition.Num:
		t.numbers++
		text = v.Num.String()
	case condition.Bool:
		t.bools++
		text = fmt.Sprint(v.Bool)
	}
	hash := maphash.String(seed, text)
	if of := t.values[hash]; of != nil {
		of.lines++
		return
	}
	if len(t.values) == MostDistinct {
		t.many = true
		return
	}
	of := &valueTally{1, shortened(text, longest)}
	t.values[hash] = of
	if len(t.examples) < mostExamples {
		t.examples = append(t.examples, of.text)
	}
}

// shortened is a text of at most so many bytes, on one line.
func shortened(text string, most int) string {
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		text = text[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}

// variable is what differs between lines of one shape: what is in quotes, decimals, times of
// day and addresses as a whole, hexadecimal digits, and digits.
var variable = regexp.MustCompile(`"[^"]*"|'[^']*'|[0-9]+(?:[.:][0-9]+)+|\b(?:0x)?[0-9a-fA-F]*[0-9][0-9a-fA-F]*\b|[0-9]+`)

const placeholder = "\x00" // of what is variable

func (s *Survey) addShape(text string) {
	shape := variable.ReplaceAllStringFunc(shortened(text, longestShape), func(found string) string {
		if quote := found[:1]; quote == `"` || quote == "'" {
			return quote + placeholder + quote
		}
		return placeholder
	})
	if t := s.shapes[shape]; t != nil {
		t.lines++
		return
	}
	if len(s.shapes) == mostShapes {
		for _, light := range s.heaviest()[mostShapes/2:] {
			delete(s.shapes, light)
		}
		s.dropped = true
	}
	s.shapes[shape] = &shapeTally{1, shortened(text, longestShape)}
}

// heaviest gives the shapes, those of most lines first.
func (s *Survey) heaviest() []string {
	return byLines(s.shapes, func(t *shapeTally) int64 { return t.lines })
}

// byLines gives the names of tallies, those of most lines first.
func byLines[T any](tallies map[string]T, lines func(T) int64) []string {
	return slices.SortedFunc(maps.Keys(tallies), func(a, b string) int {
		return cmp.Or(cmp.Compare(lines(tallies[b]), lines(tallies[a])), strings.Compare(a, b))
	})
}

// A Format is what lines of one format have.
type Format struct {
	Name   string  `json:"format"` // "unparsed" of those that no format fits
	Lines  int64   `json:"lines"`
	Fields []Field `json:"fields"` // those of most lines first
	More   bool    `json:"more"`   // there are fields beside these
}

// A Field is what a field of one format is.
type Field struct {
	Name     string   `json:"field"`
	Lines    int64    `json:"lines"`    // that have it
	Types    []string `json:"types"`    // of number, boolean, text those that it has
	Distinct int      `json:"distinct"` // values
	Many     bool     `json:"many"`     // there are more, which were not counted
	Top      []Top    `json:"top"`      // the values of most lines
	Examples []string `json:"examples"` // the first values
	Stat     string   `json:"stat"`     // a stat to begin with, as a definitions file has it; "": there is none that makes sense
}

// A Top is a value that many lines have.
type Top struct {
	Value string `json:"value"`
	Lines int64  `json:"lines"`
}

// Formats are those of the log, of most lines first, with as many fields as most of each.
func (s *Survey) Formats(most int) []Format {
	formats := []Format{}
	for _, name := range byLines(s.found, func(t *formatTally) int64 { return t.lines }) {
		t := s.found[name]
		f := Format{Name: name, Lines: t.lines, Fields: []Field{}, More: t.more || len(t.fields) > most}
		names := byLines(t.fields, func(t *fieldTally) int64 { return t.lines })
		for _, name := range names[:min(len(names), most)] {
			f.Fields = append(f.Fields, t.fields[name].field(name, t.lines))
		}
		formats = append(formats, f)
	}
	return formats
}

// field is the tally of a field of a format that so many lines have.
func (t *fieldTally) field(name string, of int64) Field {
	f := Field{Name: name, Lines: t.lines, Types: t.types(), Distinct: len(t.values), Many: t.many, Examples: t.examples, Top: []Top{}}
	values := slices.SortedFunc(maps.Values(t.values), func(a, b *valueTally) int {
		return cmp.Or(cmp.Compare(b.lines, a.lines), strings.Compare(a.text, b.text))
	})
	for _, v := range values[:min(len(values), mostTop)] {
		f.Top = append(f.Top, Top{v.text, v.lines})
	}
	f.Stat = t.stat(name, of)
	return f
}

func (t *fieldTally) types() (types []string) {
	for _, is := range []struct {
		name string
		n    int64
	}{{"number", t.numbers}, {"boolean", t.bools}, {"text", t.lines - t.numbers - t.bools}} {
		if is.n > 0 {
			types = append(types, is.name)
		}
	}
	return types
}

var noName = regexp.MustCompile(`[^A-Za-z0-9._/-]+`)

// fewKeys is how many values a field may have to be counted by them.
const fewKeys = 100

// stat is one of a field that most lines of a format have, which are so many.
func (t *fieldTally) stat(name string, of int64) string {
	quoted := fmt.Sprintf("%q", name)
	switch {
	case name == "msg" || name == "time" || 2*t.lines < of || noName.MatchString(name) || len(t.values) < 2:
		return ""
	case t.numbers == t.lines && len(t.values) > fewKeys:
		return fmt.Sprintf("{name: %q, quantiles: %s}", name, quoted)
	case len(t.values) <= fewKeys:
		return fmt.Sprintf("{name: %q, count: lines, by: %s}", "by-"+name, quoted)
	}
	if condition.IsName(name) && t.isPath() {
		return fmt.Sprintf("{name: %q, count: lines, by: route(%s)}", "by-"+name, name)
	}
	if int64(len(t.values)) == t.lines { // each line has its own, which says no more than how many lines there are
		return ""
	}
	return fmt.Sprintf("{name: %q, unique: %s}", "different-"+name, quoted)
}

// isPath reports whether the examples are paths or URLs, whose ids differ but whose routes do
// not.
func (t *fieldTally) isPath() bool {
	return !slices.ContainsFunc(t.examples, func(text string) bool { return !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") })
}

// A Shape is lines that no format fits and that are alike.
type Shape struct {
	Lines   int64  `json:"lines"`
	Example string `json:"example"`
	Pattern string `json:"pattern"` // one for a format of a definitions file; "": there is none
}

// Shapes are those of most lines first. Rough says that there were many, so that those of
// few lines may have more than is said.
func (s *Survey) Shapes() (shapes []Shape, rough bool) {
	shapes = []Shape{}
	heaviest := s.heaviest()
	for _, shape := range heaviest[:min(len(heaviest), shownShapes)] {
		t := s.shapes[shape]
		shapes = append(shapes, Shape{t.lines, t.example, patternOf(shape)})
	}
	return shapes, s.dropped
}

// patternOf gives a pattern that lines of a shape fit, "" if there is none.
func patternOf(shape string) string {
	shape, cut := strings.CutSuffix(shape, "…")
	shape = strings.NewReplacer(`\`, `\\`, "<", `\<`).Replace(shape)
	parts := strings.Split(shape, placeholder)
	var b strings.Builder
	for i, part := range parts {
		if i > 0 && (part != "" || i+1 == len(parts)) { // of holes side by side the last alone
			fmt.Fprintf(&b, "<f%d>", i)
		}
		b.WriteString(part)
	}
	if cut {
		b.WriteString("<_>")
	}
	if _, _, err := format.ParsePattern(b.String()); err != nil {
		return ""
	}
	return b.String()
}
