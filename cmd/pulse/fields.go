package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/survey"
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

// shownStats is how many definitions to begin with are printed.
const shownStats = 12

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
		return usagef("--last %s is not a valid duration: write one above 0, such as 5m", s.last)
	}
	return s.logSettings.check(words)
}

func (s *fieldsSettings) run(ctx context.Context, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	var found *survey.Survey
	if s.asksKafka() {
		found, err = s.surveyKafka(ctx, e, definitions)
	} else {
		found, err = s.surveyLog(ctx, e, definitions)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.Stdout)
	printSurvey(out, found)
	return out.Flush()
}

func (s *fieldsSettings) surveyLog(ctx context.Context, e *environment, d *stats.Definitions) (*survey.Survey, error) {
	l, err := s.open(ctx, e, d)
	if err != nil {
		return nil, err
	}
	found := survey.New(survey.NewReader(d.Formats, l.written.Unix()))
	return found, eachLogLine(ctx, l.lines, found.Add)
}

func printSurvey(w io.Writer, s *survey.Survey) {
	fmt.Fprintf(w, "%d lines\n", s.Lines)
	if s.Unreadable > 0 {
		fmt.Fprintf(w, "%d are longer than 64 KiB and not looked at\n", s.Unreadable)
	}
	formats := s.Formats(survey.MostFields)
	for _, f := range formats {
		fmt.Fprintf(w, "\n%s: %d lines, %s\n", f.Name, f.Lines, share(f.Lines, s.Lines))
		printFields(w, f)
	}
	fmt.Fprint(w, "\n# Definitions to begin with\nstats:\n  - {name: lines, rate: second}\n")
	for _, stat := range suggestions(formats) {
		fmt.Fprintf(w, "  - %s\n", stat)
	}
	printShapes(w, s)
}

func printFields(w io.Writer, f survey.Format) {
	if len(f.Fields) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  field\tlines\tis\tdistinct\texamples")
	for _, t := range f.Fields {
		distinct := fmt.Sprint(t.Distinct)
		if t.Many {
			distinct = "> " + distinct
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", t.Name, share(t.Lines, f.Lines), strings.Join(t.Types, ", "), distinct, strings.Join(t.Examples, "  "))
	}
	table.Flush()
	if f.More {
		fmt.Fprintf(w, "  and more: at most %d fields are listed\n", len(f.Fields))
	}
}

// suggestions are stats of fields that most lines of a format have, each field once.
func suggestions(formats []survey.Format) (stats []string) {
	seen := map[string]bool{}
	byName := slices.SortedFunc(slices.Values(formats), func(a, b survey.Format) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range byName {
		for _, field := range f.Fields {
			if field.Stat == "" || seen[field.Name] {
				continue
			}
			seen[field.Name] = true
			if stats = append(stats, field.Stat); len(stats) == shownStats {
				return stats
			}
		}
	}
	return stats
}

func printShapes(w io.Writer, s *survey.Survey) {
	shapes, rough := s.Shapes()
	if len(shapes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n# Lines that no format fits: the %d shapes of most lines, and patterns for formats: in the definitions\n", len(shapes))
	if rough {
		fmt.Fprintln(w, "# There are many shapes: those of few lines may have more than is said.")
	}
	for _, shape := range shapes {
		fmt.Fprintf(w, "# %s of all lines: %s\n", share(shape.Lines, s.Lines), shape.Example)
		if shape.Pattern != "" {
			fmt.Fprintf(w, "  - {name: NAME, pattern: '%s'}\n", strings.ReplaceAll(shape.Pattern, "'", "''"))
		}
	}
}

func share(n, of int64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }
