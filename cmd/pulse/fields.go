package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
)

var fieldsCommand = command{
	name: "fields", summary: "what a log has: formats, fields, and stats to begin with", usage: "[LOG...] [flags]", about: `
Prints what logs (or standard input, -) have: for each format its share of the lines,
for each of its fields in how many lines it is, what it is, how many different values
it has, and examples; definitions to begin with; and for lines that no format fits the
heaviest shapes, each with an example and a pattern for the definitions file. With
--kafka it is of the lines that came into Kafka of late:

  pulse fields --kafka localhost:9092 --last 5m`,
	settings: func() settings { return &fieldsSettings{} },
}

// Bounds of what is remembered of a log, whatever its size.
const (
	mostFields   = 300  // of a format; what comes later is only counted
	mostDistinct = 1000 // values of a field
	mostExamples = 3    // of a field
	longest      = 60   // bytes of an example of a value
	mostShapes   = 2000 // of unparsed lines, before the lightest go
	shownShapes  = 50
	shownStats   = 12
)

type fieldsSettings struct {
	logSettings
	kafkaFlags
	flags *flags
	last  time.Duration
}

func (s *fieldsSettings) add(f *flags) {
	s.flags = f
	s.logSettings.add(f)
	s.kafkaFlags.add(f)
	f.durationVar(&s.last, "last", 10*time.Minute, "with --kafka, the lines that came within this `duration`")
}

func (s *fieldsSettings) check(words []string) error {
	switch {
	case s.asksKafka() && len(words) > 0:
		return usagef("--kafka reads the topic events.raw, not %s: give one of them", words[0])
	case s.asksKafka() && s.reading != (ingest.Reading{}):
		return usagef("--format, --zone, --columns, --unwrap, --join and --undated are for logs: the topic events.raw says how its lines are read")
	case s.last <= 0:
		return usagef("--last %s is not a while: write one such as 5m", s.last)
	}
	return s.logSettings.check(words)
}

func (s *fieldsSettings) run(ctx context.Context, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	survey := newSurvey(allFields{formats: definitions.Formats, near: time.Now().Unix()})
	if s.asksKafka() {
		err = s.surveyKafka(ctx, e, survey)
	} else {
		err = s.surveyLog(ctx, e, definitions, survey)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.Stdout)
	survey.print(out)
	return out.Flush()
}

func (s *fieldsSettings) surveyLog(ctx context.Context, e *environment, d *stats.Definitions, survey *survey) error {
	l, err := s.open(ctx, e, d)
	if err != nil {
		return err
	}
	survey.near = l.written.Unix()
	return eachLogLine(ctx, l.lines, survey.add)
}

// A survey is what a log has.
type survey struct {
	allFields
	lines, unreadable int64
	found             map[string]*formatTally
	shapes            map[string]*shapeTally // of unparsed lines
	dropped           bool                   // light shapes went
	seed              maphash.Seed
}

func newSurvey(read allFields) *survey {
	return &survey{allFields: read, found: map[string]*formatTally{}, shapes: map[string]*shapeTally{}, seed: maphash.MakeSeed()}
}

type formatTally struct {
	lines  int64
	fields map[string]*fieldTally
	more   bool // there were more than mostFields
}

type fieldTally struct {
	lines, numbers, bools int64
	distinct              map[uint64]bool
	examples              []string
}

type shapeTally struct {
	lines   int64
	example string
}

func (s *survey) add(from line.Origin, text []byte) error {
	s.lines++
	if len(text) > line.MaxLen {
		s.unreadable++
		return nil
	}
	if err := s.read(from, text); err != nil {
		return err
	}
	name, _, _ := strings.Cut(s.format(), ",") // half understood ones are of it too
	f := s.found[name]
	if f == nil {
		f = &formatTally{fields: map[string]*fieldTally{}}
		s.found[name] = f
	}
	f.lines++
	if s.event.Shape() <= line.Unparsed {
		s.addShape(string(text))
		return nil
	}
	s.each(func(name string, v condition.Constant) {
		t := f.fields[name]
		if t == nil {
			if len(f.fields) == mostFields {
				f.more = true
				return
			}
			t = &fieldTally{distinct: map[uint64]bool{}}
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
	if t.distinct[hash] || len(t.distinct) > mostDistinct {
		return
	}
	t.distinct[hash] = true
	if len(t.examples) < mostExamples {
		t.examples = append(t.examples, shortened(text, longest))
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

func (s *survey) addShape(text string) {
	const most = 300
	shape := variable.ReplaceAllStringFunc(shortened(text, most), func(found string) string {
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
	s.shapes[shape] = &shapeTally{1, shortened(text, most)}
}

// heaviest gives the shapes, those of most lines first.
func (s *survey) heaviest() []string {
	return byLines(s.shapes, func(t *shapeTally) int64 { return t.lines })
}

// byLines gives the names of tallies, those of most lines first.
func byLines[T any](tallies map[string]T, lines func(T) int64) []string {
	return slices.SortedFunc(maps.Keys(tallies), func(a, b string) int {
		return cmp.Or(cmp.Compare(lines(tallies[b]), lines(tallies[a])), strings.Compare(a, b))
	})
}

func (s *survey) print(w io.Writer) {
	fmt.Fprintf(w, "%d lines\n", s.lines)
	if s.unreadable > 0 {
		fmt.Fprintf(w, "%d are longer than 64 KiB and not looked at\n", s.unreadable)
	}
	for _, name := range byLines(s.found, func(t *formatTally) int64 { return t.lines }) {
		f := s.found[name]
		fmt.Fprintf(w, "\n%s: %d lines, %s\n", name, f.lines, share(f.lines, s.lines))
		f.print(w)
	}
	s.printStats(w)
	s.printShapes(w)
}

// sorted gives the names of the fields, those of most lines first.
func (f *formatTally) sorted() []string {
	return byLines(f.fields, func(t *fieldTally) int64 { return t.lines })
}

func (f *formatTally) print(w io.Writer) {
	if len(f.fields) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  field\tlines\tis\tdistinct\texamples")
	for _, name := range f.sorted() {
		t := f.fields[name]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", name, share(t.lines, f.lines), t.types(), t.count(), strings.Join(t.examples, "  "))
	}
	table.Flush()
	if f.more {
		fmt.Fprintf(w, "  and more fields than %d\n", mostFields)
	}
}

func (t *fieldTally) types() string {
	var types []string
	for _, is := range []struct {
		name string
		n    int64
	}{{"number", t.numbers}, {"boolean", t.bools}, {"text", t.lines - t.numbers - t.bools}} {
		if is.n > 0 {
			types = append(types, is.name)
		}
	}
	return strings.Join(types, ", ")
}

// count is how many different values there are, as far as they were counted.
func (t *fieldTally) count() string {
	if len(t.distinct) > mostDistinct {
		return fmt.Sprintf("> %d", mostDistinct)
	}
	return fmt.Sprint(len(t.distinct))
}

func share(n, of int64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }

var noName = regexp.MustCompile(`[^A-Za-z0-9._/-]+`)

// suggestions are stats of fields that most lines of a format have.
func (s *survey) suggestions() (stats []string) {
	const fewKeys = 100
	seen := map[string]bool{}
	for _, of := range slices.Sorted(maps.Keys(s.found)) {
		f := s.found[of]
		for _, name := range f.sorted() {
			t := f.fields[name]
			quoted := fmt.Sprintf("%q", name)
			var stat string
			switch {
			case seen[name] || name == "msg" || name == "time" || 2*t.lines < f.lines || noName.MatchString(name) || len(t.distinct) < 2:
				continue
			case t.numbers == t.lines && len(t.distinct) > fewKeys:
				stat = fmt.Sprintf("{name: %q, quantiles: %s}", name, quoted)
			case len(t.distinct) <= fewKeys:
				stat = fmt.Sprintf("{name: %q, count: lines, by: %s}", "by-"+name, quoted)
			default:
				stat = fmt.Sprintf("{name: %q, unique: %s}", "different-"+name, quoted)
			}
			seen[name] = true
			if stats = append(stats, stat); len(stats) == shownStats {
				return stats
			}
		}
	}
	return stats
}

func (s *survey) printStats(w io.Writer) {
	fmt.Fprint(w, "\n# Definitions to begin with\nstats:\n  - {name: lines, rate: second}\n")
	for _, stat := range s.suggestions() {
		fmt.Fprintf(w, "  - %s\n", stat)
	}
}

func (s *survey) printShapes(w io.Writer) {
	shapes := s.heaviest()
	if len(shapes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n# Lines that no format fits: the %d shapes of most lines, and patterns for formats: in the definitions\n", min(len(shapes), shownShapes))
	if s.dropped {
		fmt.Fprintln(w, "# There are many shapes: those of few lines may have more than is said.")
	}
	for _, shape := range shapes[:min(len(shapes), shownShapes)] {
		t := s.shapes[shape]
		fmt.Fprintf(w, "# %s of all lines: %s\n", share(t.lines, s.lines), t.example)
		if p := patternOf(shape); p != "" {
			fmt.Fprintf(w, "  - {name: NAME, pattern: '%s'}\n", strings.ReplaceAll(p, "'", "''"))
		}
	}
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
