package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"pulse/processors/status"
)

// statusCommand is `pulse status`.
func statusCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	l := status.DefaultLimits
	f := newFlags(e, "status", "[flags]", `
Says whether every second closes in time, and if not, what is behind, since when
and what to do. Give it the roles' own --kafka, --prefix and --stats. It ends
with exit code 4 if something is behind.`)
	f.durationVar(&l.Behind, "max-behind", l.Behind, "the `time` that anything may be behind")
	f.Float64Var(&l.Discarded, "max-discarded", l.Discarded, "the `share` of the newest minute's lines that may be late or unreadable, from 0 to 1")
	asJSON := f.Bool("json", false, "print all of it as one JSON object")
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.logFlags.add(f)
	if err := f.parse(args); err != nil {
		return err
	}
	if l.Behind <= 0 {
		return usagef("--max-behind is %v: more than 0", l.Behind)
	}
	if !(l.Discarded >= 0 && l.Discarded <= 1) {
		return usagef("--max-discarded is %v: from 0 to 1", l.Discarded)
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	s, err := role.status(ctx, l)
	if err != nil {
		if *asJSON { // who reads it need not read stderr too
			encodeJSON(e.Stdout, unseen{Headline: "not well: " + err.Error(), Problems: []status.Problem{{What: err.Error()}}}) //nolint:errcheck // err matters more
		}
		return err
	}
	if *asJSON {
		err = encodeJSON(e.Stdout, s)
	} else {
		_, err = io.WriteString(e.Stdout, s.Text())
	}
	if err == nil && !s.Well {
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
	return status.Look(ctx, admin, r.names, time.Now(), l)
}

func encodeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// errBehind ends `pulse status` with its own exit code; all is said then.
var errBehind = errors.New("something is behind")

// unseen is what --json prints when there is nothing to judge: no broker, say.
type unseen struct {
	Well     bool             `json:"well"`
	Headline string           `json:"headline"`
	Problems []status.Problem `json:"problems"`
}
