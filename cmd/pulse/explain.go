package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"pulse/stats/explain"
	"pulse/web"
)

var explainCommand = command{
	name: "explain", summary: "say what is different about some seconds of a stat: which values of which fields", usage: "STAT --from TIME --to TIME [flags]", about: `
Compares the lines that a stat counts in the seconds from --from to --to with those of
as many seconds before, or from --against on, and names the values of fields that
explain most of the rise, or the fall. The lines are read from Kafka:

    pulse explain errors --from 2026-11-22T09:31:00Z --to 2026-11-22T09:32:59Z

docs/operate.md says how values are ranked and told from chance.`,
	settings: func() settings { return &explainSettings{} },
}

type explainSettings struct {
	roleFlags
	question explain.Question
	against  int64 // -1: just before
	given    struct{ from, to bool }
	asJSON   bool
}

func (s *explainSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	s.against = -1
	f.Func("from", "the first `time`, such as 2026-11-22T09:31:34Z, or 09:31:34 for the last one in UTC", func(text string) error {
		s.given.from = true
		return pastFlag(&s.question.From)(text)
	})
	f.Func("to", "the last `time`, inclusive", func(text string) error {
		s.given.to = true
		return pastFlag(&s.question.To)(text)
	})
	f.Func("against", "the first `time` of the seconds to compare with; by default as many as there are, just before", pastFlag(&s.against))
	f.StringVar(&s.question.Where, "where", "", "only lines that meet this `condition`, such as 'customer == \"acme\"'")
	f.BoolVar(&s.asJSON, "json", false, "print a JSON object, as /api/explain has it")
}

func (s *explainSettings) check(words []string) error {
	if len(words) != 1 || !s.given.from || !s.given.to {
		return usagef("name one stat, and the seconds to explain by --from and --to")
	}
	s.question.Stat = words[0]
	if s.question = s.question.Before(); s.against >= 0 {
		s.question.Against = s.against
	}
	if err := s.question.Check(); err != nil {
		return usagef("%w", err)
	}
	return nil
}

func (s *explainSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	if err := s.question.CheckWhere(role.definitions); err != nil {
		return usagef("%w", err)
	}
	if s.file == "" { // another file may be tried, but not by forgetting which one is meant
		if err := role.checkTopics(ctx); err != nil {
			return err
		}
	}
	answer, err := web.Explain(ctx, role.cluster, role.names, role.definitions, s.question)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.Stdout)
	if s.asJSON {
		err = json.NewEncoder(out).Encode(answer)
	} else {
		printAnswer(out, answer)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// printAnswer prints an answer for people; out keeps its error.
func printAnswer(out io.Writer, a explain.Answer) {
	q := a.Question
	what := "lines"
	if a.Bound != nil {
		than := "above"
		if a.Bound.Less {
			than = "below"
		}
		what = fmt.Sprintf("lines whose %s is %s %s", a.Bound.Field, than, number(a.Bound.Than))
	}
	if q.Where != "" {
		what += " where " + q.Where
	}
	fmt.Fprintf(out, "%s: %s %s from %s to %s; %s from %s on%s\n", q.Stat, number(a.Lines), what, utc(q.From), utc(q.To), number(a.Before), utc(q.Against), approximately(a))
	if a.Expired {
		fmt.Fprintln(out, "some of these seconds are no longer kept")
	}
	switch {
	case len(a.Values) == 0:
		fmt.Fprintf(out, "no value of a field explains it better than chance, of %d that were tried\n", a.Tried)
	case a.New:
		fmt.Fprintln(out, "one of the two has no lines; the most frequent values of the other:")
	default:
		fmt.Fprintf(out, "what explains it, of %d values that were tried:\n", a.Tried)
	}
	for _, v := range a.Values {
		fmt.Fprintf(out, "%6s  %s = %s  %s lines, %s of all; before %s, %s\n", percent(v.Part), v.Field, v.Value, number(v.Lines), percent(v.Share), number(v.Before), percent(v.ShareBefore))
	}
	for _, n := range a.Numbers {
		fmt.Fprintf(out, "%s: p50 %s, p90 %s, p99 %s; before p50 %s, p90 %s, p99 %s\n", n.Field, number(n.Now.P50), number(n.Now.P90), number(n.Now.P99), number(n.Before.P50), number(n.Before.P90), number(n.Before.P99))
	}
}

// approximately says which share of the lines was read, if not all were.
func approximately(a explain.Answer) string {
	read := math.Min(a.Read, a.ReadBefore)
	if read == 1 {
		return ""
	}
	return fmt.Sprintf(" (≈ estimated from %s of the lines)", percent(read))
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }

func number(n float64) string { return strings.TrimSuffix(strconv.FormatFloat(n, 'g', 6, 64), ".0") }
