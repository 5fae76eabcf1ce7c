package main

import (
	"context"
	"fmt"
	"time"

	"pulse/stats/mark"
	"pulse/topics"
	"pulse/web"
)

var markCommand = command{
	name: "mark", summary: "set a mark on all charts: a deploy, a change, a drill", usage: "TEXT [flags]", about: `
Sets a mark at a second, which stands on every chart of the dashboard from then on:

    pulse mark v142 --name deploy --link https://ci.example/builds/142

The same mark set twice is there once. Marks that lines tell of need no command: see marks
in docs/definitions.md. Where Kafka cannot be reached, POST /api/marks does the same.`,
	settings: func() settings { return &markSettings{} },
}

type markSettings struct {
	logFlags
	kafkaFlags
	mark mark.Mark
}

func (s *markSettings) add(f *flags) {
	f.StringVar(&s.mark.Name, "name", web.DefaultMark, "what kind of thing it is: a `name` such as deploy")
	f.StringVar(&s.mark.Link, "link", "", "the `address` where it leads")
	s.mark.Time = -1
	f.Func("time", "the `time` when it was, such as 2026-11-22T09:31:34Z, or 09:31 for the last one in UTC; now, if it is not given", pastFlag(&s.mark.Time))
	s.kafkaFlags.add(f)
	s.logFlags.add(f)
}

func (s *markSettings) check(words []string) error {
	if len(words) != 1 {
		return usagef("give one text, in quotes if it has blanks: pulse mark \"v142 to production\"")
	}
	s.mark.Text = words[0]
	if s.mark.Time < 0 {
		s.mark.Time = time.Now().Unix()
	}
	if err := topics.CheckMark(s.mark); err != nil {
		return usagef("%w", err)
	}
	return nil
}

func (s *markSettings) run(ctx context.Context, e *environment) error {
	cluster, err := s.cluster()
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := cluster.PutMark(ctx, topics.Names{Prefix: s.prefix}, s.mark); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Stdout, "marked %s: %s %s\n", utc(s.mark.Time), s.mark.Name, s.mark.Text)
	return err
}
