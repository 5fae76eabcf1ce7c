package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/line"
	"pulse/stats/program"
	"pulse/topics"
)

var tailCommand = command{
	name: "tail", summary: "print lines as they come into Kafka", usage: "[flags]", about: `
Prints lines as they come into Kafka, from now on, those of one partition in
their order:

    pulse tail --where 'source == "heroku" && status >= 500'

With --json each is an object: the line, what its input knows of it (origin), and
whose record it came in, at which time of that ingester's clock.`,
	settings: func() settings { return &tailSettings{} },
}

type tailSettings struct {
	roleFlags
	where, stat string
	asJSON      bool
}

func (s *tailSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.where, "where", "", "print only lines that meet this `condition`, written as in a definitions file")
	f.StringVar(&s.stat, "stat", "", "print only lines that count in the stat of this `name`")
	f.BoolVar(&s.asJSON, "json", false, "print each line as a JSON object, with its origin")
}

func (s *tailSettings) check(words []string) error {
	if s.where != "" && s.stat != "" {
		return usagef("--where and --stat cannot be used together: give one")
	}
	return noWords(words)
}

func (s *tailSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	matcher, err := tailMatcher(role.definitions, s.where, s.stat)
	if err != nil {
		return err
	}
	from, err := newestOffsets(ctx, role)
	if err != nil {
		return err
	}
	role.log.Debug("printing the lines that come from now on")
	client, err := kgo.NewClient(append(role.cluster.ClientOptions("pulse-tail"),
		kgo.ConsumePartitions(from),
		topics.WithoutSession,
		kgo.FetchMaxWait(100*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer client.Close()
	out := bufio.NewWriter(e.Stdout)
	print := linePrinter(out, s.asJSON)
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(_ string, partition int32, err error) {
			role.log.Warn("cannot read events.raw; retrying", "partition", partition, "error", err)
		})
		fetches.EachRecord(func(r *kgo.Record) { printPack(matcher, r, print) })
		// It fails when nobody reads any longer: `pulse tail | head`.
		if err := out.Flush(); err != nil {
			return fmt.Errorf("cannot write lines: %w", err)
		}
	}
}

// A printer prints a line of a record's.
type printer func(h topics.RawHeader, from line.Origin, text []byte)

// linePrinter prints lines, or JSON objects.
func linePrinter(out *bufio.Writer, asJSON bool) printer {
	if !asJSON {
		return func(_ topics.RawHeader, _ line.Origin, text []byte) {
			out.Write(bytes.ReplaceAll(text, []byte("\u2028"), []byte{'\n'})) // lines that were joined
			out.WriteByte('\n')
		}
	}
	object := json.NewEncoder(out)
	object.SetEscapeHTML(false)
	return func(h topics.RawHeader, from line.Origin, text []byte) {
		object.Encode(tailLine{clockText(h), h.Ingester, maps.Collect(from.Fields()), string(text)}) // a bufio.Writer keeps its error for Flush
	}
}

// A tailLine is a line as --json prints it.
type tailLine struct {
	Clock    string            `json:"clock,omitempty"`
	Ingester string            `json:"ingester,omitempty"`
	Origin   map[string]string `json:"origin"`
	Line     string            `json:"line"`
}

// clockText is the time of a record's clock; there is none in a record of others'.
func clockText(h topics.RawHeader) string {
	if h.Ingester == "" {
		return ""
	}
	return time.UnixMilli(h.Clock).UTC().Format("2006-01-02T15:04:05.000Z")
}

// printPack prints the lines of a record that a matcher finds, all if it is nil.
func printPack(matcher *program.Matcher, r *kgo.Record, print printer) {
	h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
	if err != nil && matcher != nil {
		return // what is not a pack of Pulse's has lines too, but they are in no stat
	}
	runs := h.Runs()
	for text := range bytes.SplitSeq(r.Value, []byte{'\n'}) {
		if text = bytes.TrimSuffix(text, []byte{'\r'}); len(text) == 0 {
			continue // no run counts it
		}
		var from line.Origin
		if len(runs) > 0 {
			from = runs[0].From
			if runs[0].Lines--; runs[0].Lines == 0 {
				runs = runs[1:]
			}
		}
		if matcher == nil {
			print(h, from, text)
			continue
		}
		pack := program.Pack{Lines: text, Second: h.Second(), Map: h.Map, Runs: []line.Run{{Lines: 1, From: from}}, Recorded: h.Recorded()}
		matcher.Match(pack, math.MinInt64, math.MaxInt64, func(int64, []byte) bool {
			print(h, from, text)
			return true
		})
	}
}

// tailMatcher is what says which lines are printed; nil: all.
func tailMatcher(d *stats.Definitions, where, stat string) (*program.Matcher, error) {
	if where == "" && stat == "" {
		return nil, nil
	}
	if where != "" {
		stat = "tail"
		with, err := d.Where(stat, where)
		if err != nil {
			var at *condition.Error
			if errors.As(err, &at) {
				return nil, usagef("--where, at byte %d: %s", at.Offset+1, at.Message)
			}
			return nil, usagef("--where: %w", err)
		}
		with.Stats = with.Stats[len(with.Stats)-1:]
		d = with
	}
	if _, err := d.Named(stat); err != nil {
		return nil, usagef("--stat: %w", err)
	}
	compiled, err := program.Compile(d)
	if err != nil {
		return nil, err
	}
	matcher, err := compiled.NewMatcher(stat)
	if err != nil {
		return nil, usagef("--stat: %w", err)
	}
	return matcher, nil
}

// newestOffsets are where events.raw ends now.
func newestOffsets(ctx context.Context, r *role) (map[string]map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := r.cluster.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	topic := r.names.Raw()
	all, err := admin.Readable(ctx, topic)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("there is no topic %s at %s: create it with `pulse topics --create`", topic, strings.Join(r.cluster.Brokers, ", "))
	}
	if err != nil {
		return nil, r.cluster.Unreachable(err)
	}
	ends := map[int32]kgo.Offset{}
	for partition, span := range all {
		ends[partition] = kgo.NewOffset().At(span.To)
	}
	return map[string]map[int32]kgo.Offset{topic: ends}, nil
}
