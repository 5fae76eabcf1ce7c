package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"pulse/stats/line"
	"pulse/stats/program"
)

var whyCommand = command{
	name: "why", summary: "say what a value is made of", usage: "STAT TIME [flags]", about: `
Says what the value of a stat at a time, such as 2026-11-22T09:31:34Z, is made of: its
revisions, and of the lines in its window which ingesters sent them, in which segments
of events.raw they are, and which came too late to count.

With --line 'TEXT' it needs no Kafka and no time: it says which stats count the line, and
of STAT, if one is given, which condition says no.`,
	settings: func() settings { return &whySettings{} },
}

type whySettings struct {
	roleFlags
	stat string
	at   int64
	line string
}

func (s *whySettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.line, "line", "", "say which stats count a line of this `text`")
}

func (s *whySettings) check(words []string) error {
	if s.line != "" {
		if len(words) > 1 {
			return usagef("with --line there is at most the name of a stat, not %q", words[1])
		}
		if len(words) == 1 {
			s.stat = words[0]
		}
		return nil
	}
	if len(words) != 2 {
		return usagef("give the name of a stat and a time, such as 2026-11-22T09:31:34Z")
	}
	s.stat = words[0]
	if err := pastFlag(&s.at)(words[1]); err != nil {
		return usagef("%s is not a time: %w", words[1], err)
	}
	return nil
}

func (s *whySettings) run(ctx context.Context, e *environment) error {
	w := bufio.NewWriter(e.Stdout)
	defer w.Flush()
	if s.line != "" {
		return s.explainLine(w, e)
	}
	role, err := s.open(e)
	if err != nil {
		return err
	}
	admin, err := role.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := role.checkTopicsBy(ctx, admin); err != nil {
		return err
	}
	stat, err := role.definitions.Named(s.stat)
	if err != nil {
		return usageError{err}
	}
	seconds, end := stat.Window+stat.Expire, stat.End(s.at)
	from := end + 1 - seconds
	fmt.Fprintf(w, "%s at %s, of the %s from %s on\n", stat.Name, utc(s.at), plural(int(seconds), "second"), utc(from))
	if err := printRevisions(ctx, w, admin, role.names, stat.Name, s.at); err != nil {
		return err
	}
	o, err := findOrigins(ctx, admin, role, stat.Name, from, end)
	if err != nil {
		return err
	}
	o.print(w)
	return nil
}

// explainLine says what stats make of a line.
func (s *whySettings) explainLine(w io.Writer, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	compiled, err := program.Compile(definitions)
	if err != nil {
		return err
	}
	x := compiled.NewExplainer(time.Now().Unix())
	x.Parse(line.Origin(""), []byte(s.line))
	names := x.Stats()
	if s.file == "" {
		fmt.Fprintln(w, "by Pulse's own definitions, as --stats names no file:")
	}
	if len(names) == 0 {
		fmt.Fprintln(w, "no stat counts it")
	}
	for _, name := range names {
		fmt.Fprintf(w, "%s counts it\n", name)
	}
	if s.stat == "" || slices.Contains(names, s.stat) {
		return nil
	}
	why, err := x.Why(s.stat)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(w, "%s does not: %s\n", s.stat, why)
	return nil
}
