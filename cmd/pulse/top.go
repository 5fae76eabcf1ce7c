package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"

	"pulse/cmd/pulse/wall"
	"pulse/web"
)

var topCommand = command{
	name: "top", summary: "show the dashboard in a terminal", usage: "[URL] [flags]", about: `
Shows the dashboard in a terminal: of the pulse web at a URL, which may have a user and
a password, or, without one, from Kafka. Keys: 1-9 pages, / find, enter opens, q leaves.

    pulse top http://localhost:8080
    ssh host pulse top`,
	settings: func() settings { return &topSettings{} },
}

type topSettings struct {
	roleFlags
	url   *url.URL // nil: from Kafka
	token string
}

func (s *topSettings) add(f *flags) {
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
	f.StringVar(&s.token, "token", "", "a bearer `token` that the pulse web at the URL takes")
}

func (s *topSettings) check(words []string) error {
	switch len(words) {
	case 0:
		if s.token != "" {
			return usagef("--token is for a pulse web: give its URL")
		}
		return nil
	case 1:
	default:
		return usagef("give one URL")
	}
	u, err := url.Parse(words[0])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return usagef("the address of a pulse web begins with http:// or https://, such as http://localhost:8080") // it may have a password
	}
	s.url = u
	return nil
}

func (s *topSettings) run(ctx context.Context, e *environment) error {
	terminal, ok := e.Stdout.(cleaner)
	if !ok {
		return errors.New("pulse top needs a terminal; with ssh: ssh -t HOST pulse top")
	}
	if term, _ := e.LookupEnv("TERM"); term == "dumb" {
		return errors.New("pulse top needs a terminal that can be drawn on, and TERM is dumb: use another terminal, or pulse status")
	}
	if s.url != nil {
		return wall.Run(ctx, s.url, s.token, plain(e.LookupEnv), e.Stdin, terminal.to)
	}
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	// A dashboard of its own, for this process alone.
	token := rand.Text()
	access, err := web.NewAccess(web.AccessConfig{Tokens: []string{token}})
	if err != nil {
		return err
	}
	server, err := web.New(web.Config{Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Addr: "127.0.0.1:0", Access: access})
	if err != nil {
		return err
	}
	at, err := url.Parse(server.URL())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx) })
	group.Go(func() error {
		defer stop()
		return wall.Run(ctx, at, token, plain(e.LookupEnv), e.Stdin, terminal.to)
	})
	return group.Wait()
}

// plain reports whether the locale says that a terminal has no UTF-8. Many have no locale and
// UTF-8 all the same.
func plain(lookup func(string) (string, bool)) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale, _ := lookup(name); locale != "" {
			locale = strings.ToUpper(locale)
			return !strings.Contains(locale, "UTF-8") && !strings.Contains(locale, "UTF8")
		}
	}
	return false
}
