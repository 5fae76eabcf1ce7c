package main

import (
	"context"
	"fmt"
	"time"

	"pulse/topics"
	"pulse/topics/retry"
)

// growLog lets events.raw have so many partitions. Wherever it is killed, it can be run again:
// nobody uses the new partitions until one transaction says so in all of them.
func (r *role) growLog(ctx context.Context, e *environment, to int32, dryRun bool) error {
	admin, err := r.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	plan, err := admin.PlanGrowth(ctx, r.names, to)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(e.Stdout, format+"\n", args...) }
	raw := r.names.Raw()
	if plan.Done() {
		say("topic %s uses %d partitions: there is nothing to do", raw, to)
		return nil
	}
	if dryRun {
		say("topic %s uses %d of %d partitions. This would", raw, plan.Used, plan.All)
		if plan.All < to {
			say("- add %d partitions to it", to-plan.All)
		}
		say("- wait until the receivers have shared out all %d", to)
		if plan.At() > 0 {
			say("- write one transaction: from a second on, some %v from now, ingesters write to all %d", topics.GrowthAfter, to)
		} else {
			say("- have nothing else to do: nobody has written to it yet")
		}
		say("All other topics stay as they are. New definitions get as many partitions for their own.")
		return nil
	}
	if plan.All < to {
		if err := admin.AddPartitions(ctx, r.names, plan); err != nil {
			return err
		}
		say("added %d partitions to topic %s, which nobody uses yet", to-plan.All, raw)
	}
	if err := r.awaitReceivers(ctx, admin, to); err != nil {
		return err
	}
	at, err := admin.Grow(ctx, r.names, to)
	if err != nil {
		return err
	}
	if at == 0 {
		say("topic %s has %d partitions; who writes to it next uses all of them", raw, to)
		return nil
	}
	say("topic %s has %d partitions; ingesters use all of them from %s UTC on", raw, to, time.Unix(at, 0).UTC().Format(time.TimeOnly))
	return nil
}

// receiversWithin is how long receivers have to share out partitions that were added.
const receiversWithin = 20 * time.Second

// awaitReceivers waits until the receivers of all definitions versions have taken partitions
// that were added; those of versions that nobody runs are not waited for.
func (r *role) awaitReceivers(ctx context.Context, admin *topics.Admin, to int32) error {
	versions, err := admin.Versions(ctx, r.names)
	if err != nil {
		return err
	}
	var groups []string
	for _, version := range versions {
		groups = append(groups, topics.Names{Prefix: r.names.Prefix, Version: version}.ReceiverGroup())
	}
	for started := time.Now(); ; {
		described, err := admin.DescribeGroups(ctx, groups...)
		if err != nil {
			return r.cluster.Unreachable(err)
		}
		missing := ""
		for _, name := range groups {
			taken := int32(0)
			for _, m := range described[name].Members {
				assigned, _ := m.Assigned.AsConsumer()
				for _, t := range assigned.Topics {
					taken += int32(len(t.Partitions))
				}
			}
			if len(described[name].Members) > 0 && taken < to {
				missing = fmt.Sprintf("the receivers of the group %s have taken %d of %d partitions", name, taken, to)
			}
		}
		if missing == "" {
			return nil
		}
		if time.Since(started) > receiversWithin {
			return fmt.Errorf("%w: %s: read their log, and run this again. Until then all goes on as before", topics.ErrCannotGrow, missing)
		}
		if err := retry.Wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
