package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/survey"
)

// TestFields: a log's formats, fields and shapes are told, and what is there to be pasted
// are definitions by which the lines that no format fitted have one.
func TestFields(t *testing.T) {
	var log strings.Builder
	for i := range 300 {
		fmt.Fprintf(&log, "time=2012-11-22T09:31:34Z level=info ms=%d path=/a/%d cached\n", i, i%7)
		if i%3 == 0 {
			fmt.Fprintf(&log, "user %d did \"x%d\" to <b>, it's 0xab%d\n", i, i, i)
		}
	}
	run := func(in string, args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		e := &environment{Stdin: strings.NewReader(in), Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
		if code := e.main(t.Context(), append([]string{"fields"}, args...)); code != exitOK {
			t.Fatalf("pulse fields ends with %d: %s", code, errs.String())
		}
		return out.String()
	}
	got := run(log.String())
	for _, want := range []string{
		"400 lines\n", "\nlogfmt: 300 lines, 75.0 %\n", "\nunparsed: 100 lines, 25.0 %\n",
		`(?m)^  cached +100\.0 % +boolean +1 +true$`, `(?m)^  ms +100\.0 % +number +300 +0  1  2$`, `(?m)^  path +100\.0 % +text +7 +/a/0  /a/1  /a/2$`,
		`(?m)^  - \{name: "ms", quantiles: "ms"\}$`, `(?m)^  - \{name: "by-path", count: lines, by: "path"\}$`,
		`(?m)^# 25\.0 % of all lines: user 0 did "x0" to <b>, it's 0xab0$`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	begin, rest, _ := strings.Cut(got[strings.Index(got, "\nstats:"):], "\n# Lines that no format fits")
	formats := regexp.MustCompile(`(?m)^  - \{name: NAME, .*$`).FindAllString(rest, -1)
	if len(formats) != 1 {
		t.Fatalf("%d patterns in\n%s", len(formats), rest)
	}
	definitions := begin + "formats:\n" + formats[0] + "\n"
	d, err := stats.Parse("pasted", []byte(definitions))
	if err != nil {
		t.Fatalf("%v in\n%s", err, definitions)
	}
	s := survey.New(survey.NewReader(d.Formats, 0))
	for text := range strings.Lines(log.String()) {
		if err := s.Add("", []byte(strings.TrimSpace(text))); err != nil {
			t.Fatal(err)
		}
	}
	if found := s.Formats(0); len(found) != 2 || found[1].Name != "NAME" || found[1].Lines != 100 {
		t.Errorf("by the pattern %s the lines are %v", formats[0], found)
	}
}
