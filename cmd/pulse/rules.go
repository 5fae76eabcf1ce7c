package main

import (
	"context"

	"pulse/stats/export"
)

var rulesCommand = command{
	name: "rules", summary: "print the alerts as rules of Prometheus", usage: "[flags] > rules.yml", about: `
Prints the alerts of the definitions as alerting rules for a Prometheus that has
pulse_stat.`,
	settings: func() settings { return &rulesSettings{} },
}

type rulesSettings struct{ statsFlag }

func (s *rulesSettings) check(words []string) error { return noWords(words) }

func (s *rulesSettings) run(_ context.Context, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	rules, err := export.Rules(definitions)
	if err == nil && rules == nil {
		err = errNoAlerts
	}
	if err != nil {
		return err
	}
	_, err = e.Stdout.Write(rules)
	return err
}
