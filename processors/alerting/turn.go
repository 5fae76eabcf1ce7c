package alerting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"pulse/stats/alert"
	"pulse/topics"
)

// While definitions are rolled out, processes of two definitions versions follow the same
// alerts, and one of them writes: that of which a process was started last, once its points have
// come as far as what the other one remembers. Who wrote before is fenced off, stands aside,
// and takes its turn again when nobody else is there.

// errAside is that a process of another definitions version, started later, writes.
var errAside = errors.New("another definitions version follows the alerts")

// errCaughtUp is that the points of this definitions version have come as far as another's.
var errCaughtUp = errors.New("caught up with another definitions version")

// A turn is whether a process may write.
type turn struct {
	since time.Time // since when this definitions version does
	until int64     // 0, or the second up to which its points have to come first
}

// turnOf decides by what is remembered. IsThere reports whether processes of another version
// are at work, and caughtUp says that errCaughtUp was returned before.
func turnOf(version string, started time.Time, caughtUp bool, memories []topics.AlertMemory, isThere func(version string) (bool, error)) (turn, error) {
	mine := turn{since: started}
	writes := false // this version does already
	for _, m := range memories {
		if m.Version == version {
			writes = true
			if m.Since.After(mine.since) {
				mine.since = m.Since
			}
		}
	}
	there := map[string]bool{}
	for _, m := range memories {
		if m.Version == version {
			continue
		}
		if _, asked := there[m.Version]; !asked {
			var err error
			if there[m.Version], err = isThere(m.Version); err != nil {
				return mine, err
			}
		}
		if there[m.Version] && m.Since.After(mine.since) {
			return mine, errAside
		}
	}
	var newest time.Time // of the others
	for _, m := range memories {
		if m.Version == version {
			continue
		}
		if m.Since.After(newest) {
			newest = m.Since
		}
		if !there[m.Version] || caughtUp {
			continue
		}
		t, err := load(&alert.Rule{Name: m.Alert, When: alert.Threshold{Stat: m.Stat, AnyKey: m.AnyKey}}, m)
		if err != nil {
			return mine, err
		}
		mine.until = max(mine.until, t.Last())
	}
	if !newest.Before(mine.since) { // so that who is away finds who took its place
		mine.since = newest.Add(time.Millisecond)
	}
	if writes && slices.ContainsFunc(memories, func(m topics.AlertMemory) bool { return m.Version == version && !m.Since.Before(newest) }) {
		mine.until = 0
	}
	return mine, nil
}

// turn asks whose turn it is.
func (p *Processor) turn(ctx context.Context, admin *topics.Admin, memories []topics.AlertMemory) (turn, error) {
	return turnOf(p.config.Names.Version, p.started, p.caughtUp.Load(), memories, func(version string) (bool, error) {
		names := p.config.Names
		names.Version = version
		described, err := admin.DescribeGroups(ctx, names.AlertGroup())
		if err == nil {
			err = described.Error()
		}
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return false, fmt.Errorf("cannot describe the group %s: %w", names.AlertGroup(), err)
		}
		return len(described[names.AlertGroup()].Members) > 0, nil
	})
}
