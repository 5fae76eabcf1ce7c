package topics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"pulse/stats/timing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrAlive is in the error about a definitions version that some process still works by.
var ErrAlive = errors.New("it is in use")

// RemoveVersion deletes what belongs to the definitions version of n alone: its topics
// of fragments, of seconds and of long minutes, and its groups. One that has a process in a group stays
// (ErrAlive); its snapshots stay in any case, for the history of stats that mean
// the same in a later definitions version.
func (a *Admin) RemoveVersion(ctx context.Context, n Names) error {
	groups := []string{n.ReceiverGroup(), n.MergerGroup(), n.MinutesGroup(), n.AlertGroup(), n.HistoryGroup()}
	// The broker itself refuses to delete a group with members; asking first, so
	// that all are there or none.
	described, err := a.DescribeGroups(ctx, groups...)
	if err != nil {
		return a.cluster.Unreachable(err)
	}
	for _, name := range groups {
		if members := len(described[name].Members); members > 0 {
			return fmt.Errorf("definitions version %s: %w: the group %s has %d members; stop the roles that use its definitions first", n.Version, ErrAlive, name, members)
		}
	}
	deleted, err := a.DeleteGroups(ctx, groups...)
	if err != nil {
		return a.cluster.Unreachable(err)
	}
	for _, name := range groups {
		switch err := deleted[name].Err; {
		case errors.Is(err, kerr.NonEmptyGroup):
			return fmt.Errorf("definitions version %s: %w: a process has joined the group %s", n.Version, ErrAlive, name)
		case err != nil && !errors.Is(err, kerr.GroupIDNotFound):
			return fmt.Errorf("cannot delete the group %s: %w", name, err)
		}
	}
	// The fragments last: Versions lists by them what is left.
	for _, name := range []string{n.LongMinutes(), n.Seconds(), n.Fragments()} {
		topic, err := a.DeleteTopic(ctx, name)
		if err == nil {
			err = topic.Err
		}
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("cannot delete the topic %s: %w", name, err)
		}
	}
	return nil
}

// catalogPrefix begins the keys that hold a Catalog. No stat of a definitions
// file has such a name.
const catalogPrefix = "pulse.definitions version."

// CatalogKey is the key of a definitions version's Catalog in the merger's table.
func CatalogKey(version string) string { return catalogPrefix + version }

// A Catalog says what a definitions version has: a reader of another definitions version learns
// from it which of the stats mean the same in both.
type Catalog struct {
	Version string            `json:"definitions"`
	First   int64             `json:"first"` // the first second that it publishes, Unix time
	Stats   map[string]string `json:"stats"` // what each stat means, as a hash
}

// Append appends the value that holds a catalog: a JSON object.
func (c Catalog) Append(b []byte) []byte {
	value, _ := json.Marshal(c) // numbers and strings cannot fail
	return append(b, value...)
}

func decodeCatalog(version string, value []byte) (*Catalog, error) {
	var c Catalog
	if err := json.Unmarshal(value, &c); err != nil {
		return nil, err
	}
	if c.Version != version || c.Version == "" || c.First < 0 || c.First > timing.LastSecond {
		return nil, fmt.Errorf("a catalog of %.20q from second %d on is not of this definitions version", c.Version, c.First)
	}
	return &c, nil
}
