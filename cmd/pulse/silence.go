package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/alert"
	"pulse/topics"
)

var silenceCommand = command{
	name: "silence", summary: "keep alerts from being sent for a while", usage: "[ALERT] [flags]", about: `
Keeps an alert, in whose name * stands for any text, from being sent for a while. It
still fires, and is on the page. Without an alert the silences are listed. With --stats
it is checked that there is such an alert.

    pulse silence checkout-errors --for 2h --why "deploy of 12.3"
    pulse silence 'checkout-*' --from 22:00 --until 22:30 --why "deploy of 12.4"
    pulse silence --end ID`,
	settings: func() settings { return &silenceSettings{} },
}

type silenceSettings struct {
	roleFlags
	alert    string
	key      optionalText
	lasts    time.Duration
	from     string
	until    string
	who, why string
	end      string
}

// An optionalText is the value of a flag that may be empty on purpose.
type optionalText struct{ text *string }

func (o *optionalText) String() string {
	if o == nil || o.text == nil {
		return ""
	}
	return *o.text
}

// Set implements flag.Value.
func (o *optionalText) Set(text string) error {
	o.text = &text
	return nil
}

func (s *silenceSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.Var(&s.key, "only", "only this `key` of the alert, in which * stands for any text")
	f.Func("for", "for how `long`, at most 720h; by default, an hour", func(text string) error {
		if err := (*duration)(&s.lasts).Set(text); err != nil {
			return err
		}
		if s.lasts <= 0 {
			return errors.New("write more than 0, such as 30m; pulse silence --end ID ends a silence")
		}
		return nil
	})
	f.StringVar(&s.from, "from", "", "from this `time` on, such as 2026-11-22T22:00:00Z, or 22:00 for the next one in UTC; by default, now")
	f.StringVar(&s.until, "until", "", "up to this `time`, instead of --for")
	f.StringVar(&s.who, "who", "", "who silences it; by default, the `name` of this user")
	f.StringVar(&s.why, "why", "", "a `text` for the others")
	f.StringVar(&s.end, "end", "", "end the silence with this `id` now")
}

func (s *silenceSettings) check(words []string) error {
	if len(words) > 1 {
		return usagef("%q: give one alert; * stands for any text in its name", words[1])
	}
	if len(words) == 1 {
		s.alert = words[0]
	}
	switch {
	case s.alert != "" && s.end != "":
		return usagef("--end ends a silence: leave out %q", s.alert)
	case s.lasts != 0 && s.until != "":
		return usagef("--for and --until say the same: give one of them")
	case s.alert == "" && (s.why != "" || s.key.text != nil || s.from != "" || s.until != "" || s.lasts != 0):
		return usagef("say which alert is silenced, such as pulse silence checkout-errors --why deploy")
	case s.alert != "" && s.why == "":
		return usagef("a silence needs a reason: give it as --why TEXT")
	}
	return nil
}

func (s *silenceSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	silences, err := role.silences(ctx)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	switch {
	case s.end != "":
		for _, one := range silences.Current(now) {
			if one.ID == s.end {
				fmt.Fprintf(e.Stdout, "ended the silence of %s\n", one.Alert)
				return role.cluster.PutSilence(ctx, role.names, one.ID, nil)
			}
		}
		return usagef("there is no silence %q: pulse silence lists them", s.end)
	case s.alert == "":
		return listSilences(e, silences, now)
	}
	one := topics.Silence{ID: topics.NewSilenceID(), Alert: s.alert, Key: s.key.text, Who: cmp.Or(s.who, userName()), Why: s.why}
	if one.From, one.Until, err = s.span(now); err == nil {
		err = one.Check()
	}
	if err != nil {
		return usageError{err}
	}
	// Who is called at night may not have the file; who gives it hears of a wrong name.
	if s.file == "" {
		fmt.Fprintln(e.Stderr, "pulse silence: the name is not checked without --stats: pulse silence lists what is silenced, and so does the page")
	} else if !slices.ContainsFunc(role.definitions.Alerts, func(r *alert.Rule) bool { return one.Names(r.Name) }) {
		return usagef("there is no alert %s in the definitions", s.alert)
	}
	if len(silences.Current(now)) >= topics.MaxSilences {
		return fmt.Errorf("there are %d silences, and no more are allowed: end some with pulse silence --end", topics.MaxSilences)
	}
	if err := role.cluster.PutSilence(ctx, role.names, one.ID, &one); err != nil {
		return err
	}
	from := ""
	if one.From.After(now) {
		from = "from " + one.From.Format(time.RFC3339) + " "
	}
	fmt.Fprintf(e.Stdout, "%s is silenced %suntil %s; pulse silence --end %s ends it\n", s.alert, from, one.Until.Format(time.RFC3339), one.ID)
	return nil
}

// span is from when to when an alert is silenced.
func (s *silenceSettings) span(now time.Time) (from, until time.Time, err error) {
	if from = now; s.from != "" {
		if from, err = nextTime(s.from, now); err != nil {
			return from, until, fmt.Errorf("--from: %w", err)
		}
	}
	if until = from.Add(cmp.Or(s.lasts, time.Hour)); s.until != "" {
		if until, err = nextTime(s.until, from); err != nil {
			return from, until, fmt.Errorf("--until: %w", err)
		}
	}
	if !until.After(now) {
		return from, until, fmt.Errorf("it would be over since %s", until.Format(time.RFC3339))
	}
	return from, until, nil
}

// nextTime reads a time, or a time of day in UTC, of which the next one after another time is
// meant.
func nextTime(text string, after time.Time) (time.Time, error) {
	if next, ok := timeOfDay(text, after); ok {
		if !next.After(after) {
			next = next.AddDate(0, 0, 1)
		}
		return next, nil
	}
	var second int64
	if timeFlag(&second)(text) != nil {
		return time.Time{}, errors.New("write a time such as 2026-11-22T22:00:00Z, or 22:00 for the next one in UTC")
	}
	return time.Unix(second, 0).UTC(), nil
}

// userName is who calls.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return cmp.Or(os.Getenv("USER"), "somebody")
}

func listSilences(e *environment, silences *topics.Silences, now time.Time) error {
	table := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "alert\tfrom\tuntil\twho\twhy\tid")
	for _, one := range silences.Current(now) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", alert.Name(one.Alert, one.Key), one.From.Format(time.RFC3339), one.Until.Format(time.RFC3339), one.Who, one.Why, one.ID)
	}
	return table.Flush()
}

// silences reads those that there are.
func (r *role) silences(ctx context.Context) (*topics.Silences, error) {
	admin, err := r.cluster.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	all := &topics.Silences{}
	readable, err := admin.Readable(ctx, r.names.Silences())
	if err == nil {
		err = admin.Read(ctx, r.names.Silences(), readable, func(one *kgo.Record) bool { all.Put(one); return true })
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		err = fmt.Errorf("the topic %s does not exist: create it with `pulse topics --create` and a definitions file that has alerts", r.names.Silences())
	}
	return all, err
}
