package main

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
)

// TestLeave: a static member is missed for its session's time, and one with
// --leave is gone when its process has ended.
func TestLeave(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	d := deploy(t, writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s")), 2, 0)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(d.cluster.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for role, group := range map[string]string{"receive": d.names.ReceiverGroup(), "merge": d.names.MergerGroup()} {
		members := func() (names []string) {
			groups, err := kadm.NewClient(client).DescribeGroups(t.Context(), group)
			if err != nil {
				return nil // a broker that is elsewhere right now
			}
			for _, m := range groups[group].Members {
				if m.InstanceID != nil {
					names = append(names, *m.InstanceID)
				}
			}
			return names
		}
		stays := d.start(role, "--instance", "stays")
		joins(t, "stays", members)
		stays.terminate()
		if got := members(); len(got) != 1 {
			t.Errorf("%s: the group has %v; a restarted member should find its place", role, got)
		}
		goes := d.start(role, "--instance", "host", "--leave")
		joins(t, host, members)
		goes.terminate()
		if slices.Contains(members(), host) {
			t.Errorf("%s: the member that has left is still in the group", role)
		}
	}
	refused(t, d.env, exitUsage, []string{"--leave", "--instance"}, "merge", "--leave")
}

// joins waits until a static member is one of a group's.
func joins(t *testing.T, name string, members func() []string) {
	t.Helper()
	testkit.Eventually(t, name+" joins", func() error {
		if all := members(); !slices.Contains(all, name) {
			return fmt.Errorf("the members are %q", all)
		}
		return nil
	})
}
