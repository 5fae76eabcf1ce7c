package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

// role is what the roles that work on Kafka have in common.
type role struct {
	log         *slog.Logger
	cluster     topics.Cluster
	names       topics.Names
	definitions *stats.Definitions
	metrics     metrics
	recording   *recording // that this process reads into the log; nil: none
}

// roleFlags are the flags of such a role.
type roleFlags struct {
	logFlags
	kafkaFlags
	statsFlag
	opsFlags
}

func (r *roleFlags) add(f *flags) {
	r.kafkaFlags.add(f)
	r.statsFlag.add(f)
	r.opsFlags.add(f)
	r.logFlags.add(f)
}

// open makes of the flags what a role works with. The topics may not be there.
func (r *roleFlags) open(e *environment) (*role, error) {
	cluster, err := r.cluster()
	if err != nil {
		return nil, usageError{err}
	}
	role, err := r.openOn(e, cluster)
	if err == nil {
		role.metrics.process()
	}
	return role, err
}

// openOn is open for a cluster that no flag names, and for a process with metrics of its own.
func (r *roleFlags) openOn(e *environment, cluster topics.Cluster) (*role, error) {
	log, err := r.logger(e.Stderr)
	if err != nil {
		return nil, err
	}
	definitions, err := r.load()
	if err != nil {
		return nil, err
	}
	return r.roleOf(log, cluster, definitions), nil
}

// roleOf is a role with definitions.
func (r *roleFlags) roleOf(log *slog.Logger, cluster topics.Cluster, d *stats.Definitions) *role {
	names := topics.Names{Prefix: r.prefix, Version: d.Version()}
	m := newMetrics()
	m.version(names.Version)
	return &role{log: log, cluster: cluster, names: names, definitions: d, metrics: m}
}

// topicOptions are what these definitions ask of topics.
func (r *role) topicOptions() topics.Options {
	return topics.OptionsOf(r.definitions)
}

// startTimeout bounds how long a command that starts waits for an answer from
// Kafka. One that has worked waits for as long as it takes; but who has just
// written down a wrong address should hear of it, and a supervisor tries again.
// Where nothing answers at all, the client gives up after ten seconds; the rest is
// for a broker that is slow.
const startTimeout = 30 * time.Second

// checkTopics fails unless the topics exist with the right settings.
func (r *role) checkTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := r.cluster.Admin(kgo.WithContext(ctx))
	if err != nil {
		return err
	}
	defer admin.Close()
	return r.checkTopicsBy(ctx, admin)
}

// checkTopicsBy is checkTopics by a client that there is. Where only topics of
// other definitions are there it asks about --stats first: topics made for a wrong
// file stay.
func (r *role) checkTopicsBy(ctx context.Context, admin *topics.Admin) error {
	err := admin.Check(ctx, r.names, r.topicOptions())
	if !errors.Is(err, topics.ErrTopics) {
		return err
	}
	others, listErr := admin.Versions(ctx, r.names)
	if listErr != nil || len(others) == 0 || slices.Contains(others, r.names.Version) {
		return err
	}
	return fmt.Errorf("this definitions file has version %s, Kafka has topics of %s. Give --stats the file that the running roles use.\nTo roll out a new file: %w",
		r.names.Version, strings.Join(others, ", "), err)
}

// openWithTopics is open for a role whose topics must be there.
func (r *roleFlags) openWithTopics(ctx context.Context, e *environment) (*role, error) {
	role, err := r.open(e)
	if err != nil {
		return nil, err
	}
	return role, role.checkTopics(ctx)
}
