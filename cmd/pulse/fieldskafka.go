package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/stats/survey"
	"pulse/topics"
)

// asksKafka reports whether --kafka is given, and not only its variable, which may be of
// other commands.
func (s *fieldsSettings) asksKafka() (asked bool) {
	s.flags.Visit(func(f *flag.Flag) { asked = asked || f.Name == "kafka" })
	return asked
}

// surveyKafka surveys the lines that came into the topic events.raw of late.
func (s *fieldsSettings) surveyKafka(ctx context.Context, e *environment, d *stats.Definitions) (*survey.Survey, error) {
	cluster, err := s.cluster()
	if err != nil {
		return nil, usageError{err}
	}
	names := topics.Names{Prefix: s.prefix}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := cluster.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	newest, err := admin.Written(starting, names.Raw(), time.Now().Add(-s.last), time.Time{})
	if err != nil {
		return nil, fmt.Errorf("cannot read topic %s: %w", names.Raw(), cluster.Unreachable(err))
	}
	found := survey.New(survey.NewReader(d.Formats, time.Now().Unix()))
	bar := newProgress(e.Stderr)
	defer bar.end()
	var bytes int64
	var failed error
	err = admin.Read(ctx, names.Raw(), newest, func(r *kgo.Record) bool {
		printPack(nil, r, func(_ topics.RawHeader, from line.Origin, text []byte) {
			if failed == nil {
				failed = found.Add(from, text)
			}
		})
		bytes += int64(len(r.Value))
		bar.show(bytes, 0, found.Lines)
		return failed == nil
	})
	return found, cmp.Or(failed, err)
}
