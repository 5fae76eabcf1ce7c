package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"pulse/topics"
	"pulse/topics/incident"
)

var incidentCommand = command{
	name: "incident", summary: "keep an interval of the log for good, with its numbers", usage: "save NAME --from TIME --to TIME | list | print ID | note ID TEXT | delete ID", about: `
Keeps an interval of the log for good, with its numbers:

    pulse incident save "checkout slow" --from 09:10 --to 09:40

copies the raw records that the numbers of these seconds are made of, the clocks and
definitions by which they are, and the numbers into a topic of their own, which has no
retention. The dashboard plays it: /incident/ID. A time is such as 2026-11-22T09:31:34Z,
or 09:31 or 09:31:34 in UTC, the last one that has been.

list prints each incident on a line, print the final snapshots of one as pulse eval
does, note replaces its note, and delete deletes it.`,
	settings: func() settings { return &incidentSettings{} },
}

type incidentSettings struct {
	roleFlags
	do       string
	words    []string // behind it
	from, to string
	note     string
	request  incident.Request
	now      func() time.Time
}

func (s *incidentSettings) add(f *flags) {
	s.now = time.Now
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.from, "from", "", "save from this `time` on")
	f.StringVar(&s.to, "to", "", "save up to this `time`, inclusive")
	f.StringVar(&s.note, "note", "", "save with a note of this `text`")
}

// incidentWords are how many words follow each of what can be done.
var incidentWords = map[string]struct {
	count int
	what  string
}{
	"save": {1, "a name"}, "list": {0, "nothing"}, "print": {1, "an id, as pulse incident list has it"},
	"note": {2, "an id and a text"}, "delete": {1, "an id, as pulse incident list has it"},
}

func (s *incidentSettings) check(words []string) error {
	if len(words) == 0 {
		return usagef("say what to do: save, list, print, note or delete")
	}
	s.do, s.words = words[0], words[1:]
	known, ok := incidentWords[s.do]
	switch {
	case !ok:
		return usagef("%q is not one of save, list, print, note and delete", s.do)
	case len(s.words) != known.count:
		return usagef("give %s to %s", known.what, s.do)
	case s.do != "save" && (s.from != "" || s.to != "" || s.note != ""):
		return usagef("--from, --to and --note are for save")
	case s.do != "save":
		return nil
	}
	s.request = incident.Request{Name: s.words[0], Note: s.note}
	for _, bound := range []struct {
		flag, text string
		second     *int64
	}{{"--from", s.from, &s.request.From}, {"--to", s.to, &s.request.To}} {
		if bound.text == "" {
			return usagef("say which seconds to save: --from and --to")
		}
		var err error
		if *bound.second, err = pastTime(bound.text, s.now()); err != nil {
			return usagef("%s %q: %w", bound.flag, bound.text, err)
		}
	}
	if err := s.request.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// timeOfDay reads a time such as 09:31 or 09:31:34, of the day of a time.
func timeOfDay(text string, day time.Time) (time.Time, bool) {
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return day.Truncate(24 * time.Hour).Add(t.Sub(t.Truncate(24 * time.Hour))), true
		}
	}
	return time.Time{}, false
}

// pastTime reads a whole second: a time, or a time of day, of which the last one is meant.
func pastTime(text string, now time.Time) (second int64, err error) {
	if then, ok := timeOfDay(text, now.UTC()); ok {
		if then.After(now) {
			then = then.AddDate(0, 0, -1)
		}
		return then.Unix(), nil
	}
	if timeFlag(&second)(text) != nil {
		return 0, errors.New("write a time such as 2012-11-22T09:31:34Z, or 09:31 for the last one in UTC")
	}
	return second, nil
}

// pastFlag reads what pastTime does.
func pastFlag(second *int64) func(text string) error {
	return func(text string) (err error) {
		*second, err = pastTime(text, time.Now())
		return err
	}
}

func (s *incidentSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.Stdout)
	defer w.Flush()
	if s.do == "note" {
		return unknownIncident(incident.Annotate(ctx, role.cluster, role.names, s.words[0], s.words[1]))
	}
	admin, err := role.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	switch s.do {
	case "save":
		if err := role.checkTopicsBy(ctx, admin); err != nil {
			return err
		}
		return s.save(ctx, role, e, w)
	case "print":
		return unknownIncident(printIncident(ctx, w, admin, role.names, s.words[0]))
	case "delete":
		return unknownIncident(incident.Delete(ctx, admin, role.names, s.words[0]))
	}
	all, err := incident.List(ctx, admin, role.names)
	if err != nil {
		return err
	}
	for _, one := range all {
		fmt.Fprintf(w, "%s  %q from %s to %s%s\n", one.ID, one.Name, utc(one.From), utc(one.To), incidentRemarks(one, role.names.Version))
	}
	return nil
}

// unknownIncident says of an incident that there is not how to find those that there are.
func unknownIncident(err error) error {
	if errors.Is(err, incident.ErrUnknown) {
		return usagef("%w; `pulse incident list` lists them", err)
	}
	return err
}

func (s *incidentSettings) save(ctx context.Context, role *role, e *environment, w io.Writer) error {
	bar := newProgress(e.Stderr)
	saved, err := incident.Save(ctx, role.cluster, role.names, role.definitions, s.request, s.now(), func(p incident.Progress) {
		bar.show(p.Bytes, 0, p.Records)
	})
	bar.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "saved %s: %d bytes of lines, %s from %s to %s\nit is at /incident/%[1]s of the dashboard\n",
		saved.ID, saved.Bytes, plural(int(saved.Points), "point"), utc(saved.First), utc(saved.To))
	return nil
}

// incidentRemarks are what else is to be said of an incident.
func incidentRemarks(one incident.Incident, version string) string {
	var remarks []string
	if !one.Whole {
		remarks = append(remarks, "not whole: it is being saved, or saving it was interrupted; delete it then")
	}
	if one.Version != version {
		remarks = append(remarks, "of definitions version "+one.Version)
	}
	if one.Note != "" {
		note, _ := json.Marshal(one.Note) // a line of its own must not look like an incident
		remarks = append(remarks, "note "+string(note))
	}
	if remarks == nil {
		return ""
	}
	return "; " + strings.Join(remarks, "; ")
}

// printIncident prints the snapshots of an incident.
func printIncident(ctx context.Context, w io.Writer, admin *topics.Admin, n topics.Names, id string) error {
	one, err := incident.Get(ctx, admin, n, id)
	if err != nil {
		return err
	}
	if !one.Whole {
		return fmt.Errorf("the incident %s is not whole: it is being saved, or saving it was interrupted", id)
	}
	return incident.Points(ctx, admin, n, id, one.First, one.To, func(lines []byte) bool {
		_, err = w.Write(lines)
		return err == nil
	})
}
