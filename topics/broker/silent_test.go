package broker

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestSilent: who is silent for longer than a session is over, but not before,
// and not while the group waits for all to join.
func TestSilent(t *testing.T) {
	start := time.Now()
	s := &sessions{heard: map[member]time.Time{}, limit: map[string]time.Duration{"g": 6 * time.Second}}
	members := func(group, state string, ids ...string) kadm.DescribedGroups {
		d := kadm.DescribedGroup{Group: group, State: state}
		for _, id := range ids {
			d.Members = append(d.Members, kadm.DescribedGroupMember{MemberID: id})
		}
		return kadm.DescribedGroups{group: d}
	}
	for _, step := range []struct {
		at    time.Duration
		heard string
		in    kadm.DescribedGroups
		want  []string
	}{
		{0, "", members("g", "PreparingRebalance", "a", "b"), nil},
		{8 * time.Second, "", members("g", "PreparingRebalance", "a", "b"), nil},
		{14 * time.Second, "", members("g", "Stable", "a", "b", "c"), nil},
		{15 * time.Second, "a", members("g", "Stable", "a", "b", "c"), []string{"b"}},
		{20 * time.Second, "", members("g", "Stable", "a", "c"), nil},
		{21 * time.Second, "", members("g", "Stable", "a", "c"), []string{"c"}},
		{60 * time.Second, "", members("h", "Stable", "d"), nil}, // nobody knows its limit
		{105 * time.Second, "", members("h", "Stable", "d"), nil},
		{106 * time.Second, "", members("h", "Stable", "d"), []string{"d"}},
	} {
		if step.heard != "" {
			heartbeat := kmsg.NewPtrHeartbeatRequest()
			heartbeat.Group, heartbeat.MemberID = "g", step.heard
			s.hear(heartbeat, start.Add(step.at))
		}
		var got []string
		for _, m := range s.silent(step.in, start.Add(step.at)) {
			got = append(got, m.id)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("after %v the sessions of %v are over, want %v", step.at, got, step.want)
		}
	}
}
