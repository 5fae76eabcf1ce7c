package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
	"pulse/topics/broker"
)

// TestSessionsEnd: a process that is killed while it waits to join a group does
// not keep the partitions that it is given.
func TestSessionsEnd(t *testing.T) {
	testkit.Long(t) // a session is 6 s at least
	t.Parallel()
	const group, topic, session = "group", "topic", 6 * time.Second
	b, err := broker.Start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx := t.Context()
	survivor, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(session), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(4*time.Second),
		kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer survivor.Close()
	admin := kadm.NewClient(survivor)
	if _, err := admin.CreateTopic(ctx, 4, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	members := func(n int) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("%d members", n), func() error {
			described, err := admin.DescribeGroups(ctx, group)
			if err != nil {
				return err
			}
			if g := described[group]; g.State != "Stable" || len(g.Members) != n {
				return fmt.Errorf("%s, with %d", g.State, len(g.Members))
			}
			return nil
		})
	}
	for killed := false; !killed; {
		members(1)
		killed = joinAndDie(ctx, t, b.Addrs(), group, topic, session)
	}
	members(2) // the dead one is taken for one that is alive
	members(1)
}

// joinAndDie joins a group, and breaks the connection while the broker waits for
// the others to join. It reports whether that came in time: at the next heartbeat
// they have heard of it, and then it leaves.
func joinAndDie(ctx context.Context, t *testing.T, brokers []string, group, topic string, session time.Duration) (killed bool) {
	t.Helper()
	victim, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	join := kmsg.NewJoinGroupRequest()
	join.Group, join.ProtocolType = group, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = int32(session.Milliseconds()), 4000
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Topics = []string{topic}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", metadata.AppendTo(nil)
	join.Protocols = append(join.Protocols, protocol)
	response, err := join.RequestWith(ctx, victim)
	if err != nil || response.ErrorCode != kerr.MemberIDRequired.Code {
		t.Fatalf("joining: %v, error code %d", err, response.ErrorCode)
	}
	join.MemberID = response.MemberID
	joining, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err = join.RequestWith(joining, victim); err != nil {
		return true
	}
	leave := kmsg.NewLeaveGroupRequest()
	leave.Group = group
	leaving := kmsg.NewLeaveGroupRequestMember()
	leaving.MemberID = join.MemberID
	leave.Members = append(leave.Members, leaving)
	if _, err := leave.RequestWith(ctx, victim); err != nil {
		t.Fatal(err)
	}
	return false
}
