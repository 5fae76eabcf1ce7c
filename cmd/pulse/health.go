package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A container without a shell or curl has this for its health check.
var healthCommand = command{
	name: "health", summary: "ask a role whether it is well, for container health checks", usage: "URL", about: `
Asks URL, say http://localhost:9100/readyz, and fails unless the answer is 200.`,
	settings: func() settings { return &healthSettings{} },
}

type healthSettings struct {
	url     string
	timeout time.Duration
}

func (s *healthSettings) add(f *flags) {
	f.durationVar(&s.timeout, "timeout", 2*time.Second, "how long to wait for the answer, a `duration`")
}

func (s *healthSettings) check(words []string) (err error) {
	s.url, err = oneWord(words, "URL")
	return err
}

func (s *healthSettings) run(ctx context.Context, _ *environment) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return usageError{err}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", s.url, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
