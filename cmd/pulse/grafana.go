package main

import (
	"context"
	"path/filepath"
	"strings"

	"pulse/stats/export"
)

var grafanaCommand = command{
	name: "grafana", summary: "print the pages as a dashboard of Grafana", usage: "[flags] > dashboard.json", about: `
Prints the pages of the definitions as a dashboard to import into Grafana, on a data
source of Prometheus that has pulse_stat.`,
	settings: func() settings { return &grafanaSettings{} },
}

type grafanaSettings struct {
	statsFlag
	title string
}

func (s *grafanaSettings) add(f *flags) {
	s.statsFlag.add(f)
	f.StringVar(&s.title, "title", "", "the dashboard's `title`; by default Pulse and the file's name")
}

func (s *grafanaSettings) check(words []string) error { return noWords(words) }

func (s *grafanaSettings) run(_ context.Context, e *environment) error {
	definitions, err := s.load()
	if err != nil {
		return err
	}
	title := s.title
	if title == "" {
		name := filepath.Base(s.file)
		title = strings.TrimSpace("Pulse " + strings.TrimSuffix(strings.TrimPrefix(name, "."), filepath.Ext(name)))
	}
	board, err := export.Grafana(definitions, title)
	if err != nil {
		return err
	}
	_, err = e.Stdout.Write(board)
	return err
}
