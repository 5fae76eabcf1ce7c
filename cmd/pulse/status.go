package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"pulse/processors/status"
)

var statusCommand = command{
	name: "status", summary: "show what is behind, since when, and who owns what", usage: "[flags]", about: `
Says whether every second closes in time, and if not, what is behind, since when
and what to do. Give it the roles' own --kafka, --prefix and --stats. It ends
with exit code 4 if something is behind.`,
	settings: func() settings { return &statusSettings{limits: status.DefaultLimits} },
}

type statusSettings struct {
	roleFlags
	limits status.Limits
	asJSON bool
}

func (s *statusSettings) add(f *flags) {
	f.durationVar(&s.limits.Behind, "max-behind", s.limits.Behind, "how far behind anything may be, a `duration`")
	f.Float64Var(&s.limits.Discarded, "max-discarded", s.limits.Discarded, "the `share` of the newest minute's lines that may be late or unreadable, from 0 to 1")
	f.BoolVar(&s.asJSON, "json", false, "print everything as one JSON object")
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
	s.logFlags.add(f)
}

func (s *statusSettings) check(words []string) error {
	if s.limits.Behind <= 0 {
		return usagef("--max-behind is %v: write a duration above 0", s.limits.Behind)
	}
	if !(s.limits.Discarded >= 0 && s.limits.Discarded <= 1) {
		return usagef("--max-discarded is %v: write a number from 0 to 1", s.limits.Discarded)
	}
	return noWords(words)
}

func (s *statusSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	seen, err := role.status(ctx, s.limits)
	if err != nil {
		if s.asJSON { // who reads it need not read stderr too
			encodeJSON(e.Stdout, unseen{Headline: "not well: " + err.Error(), Problems: []status.Problem{{What: err.Error()}}}) //nolint:errcheck // err matters more
		}
		return err
	}
	if s.asJSON {
		err = encodeJSON(e.Stdout, seen)
	} else {
		_, err = io.WriteString(e.Stdout, seen.Text())
	}
	if err == nil && !seen.Well {
		err = errBehind
	}
	return err
}

// status looks at the topics and groups, by one client.
func (r *role) status(ctx context.Context, l status.Limits) (*status.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := r.cluster.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	if err := r.checkTopicsBy(ctx, admin); err != nil {
		return nil, err
	}
	return status.Look(ctx, admin, r.names, r.definitions, time.Now(), l)
}

func encodeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// errBehind ends `pulse status` with its own exit code, once everything is printed.
var errBehind = errors.New("something is not well; see above")

// unseen is what --json prints when there is nothing to judge: no broker, say.
type unseen struct {
	Well     bool             `json:"well"`
	Headline string           `json:"headline"`
	Problems []status.Problem `json:"problems"`
}
