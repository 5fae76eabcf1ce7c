package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestQuota: clients may not make partitions, groups, members, offsets and transactional ids
// without end; what is there already goes on.
func TestQuota(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	join := func(group, id, metadata string) kmsg.Request {
		return &kmsg.JoinGroupRequest{Group: group, MemberID: id, Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte(metadata)}}}
	}
	commit := func(partition int32) kmsg.Request {
		return &kmsg.OffsetCommitRequest{Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: partition}}}}}
	}
	initialize := func(id string) kmsg.Request { return &kmsg.InitProducerIDRequest{TransactionalID: &id} }
	for what, c := range map[string]struct {
		make func(i int) kmsg.Request
		most int
		also kmsg.Request // that is still admitted
	}{
		"topics": {func(i int) kmsg.Request {
			return &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: fmt.Sprint(i), NumPartitions: 100}}}
		}, mostPartitions / 100, nil},
		"partitions": {func(int) kmsg.Request {
			return &kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 1000}}}
		}, mostPartitions / 1000, nil},
		"groups":            {func(i int) kmsg.Request { return join(fmt.Sprint(i), "id", "") }, mostGroups, join("0", "id", "")},
		"members":           {func(int) kmsg.Request { return join("g", "", "") }, mostMembers, join("g", "id", "")},
		"heartbeats":        {func(int) kmsg.Request { return &kmsg.ConsumerGroupHeartbeatRequest{Group: "g"} }, mostMembers, nil},
		"offsets":           {func(i int) kmsg.Request { return commit(int32(i)) }, mostOffsets, commit(0)},
		"transactional ids": {func(i int) kmsg.Request { return initialize(fmt.Sprint(i)) }, mostIDs, initialize("0")},
		"long ids":          {func(int) kmsg.Request { return initialize(long) }, 0, nil},
		"long groups":       {func(int) kmsg.Request { return join(long, "id", "") }, 0, nil},
		"large members":     {func(int) kmsg.Request { return join("g", "id", strings.Repeat("x", maxProtocol)) }, 0, nil},
	} {
		q, n := newQuota(), 0
		for q.admits(c.make(n)) && n <= c.most {
			n++
		}
		if n != c.most {
			t.Errorf("%s: %d were admitted, not %d", what, n, c.most)
		}
		if c.also != nil && !q.admits(c.also) {
			t.Errorf("%s: one that is there already is not admitted any more", what)
		}
	}
}

// TestQuotaCounts: what is gone makes room.
func TestQuotaCounts(t *testing.T) {
	q := newQuota()
	q.partitions, q.members = mostPartitions, mostMembers
	for i := range mostGroups {
		q.groups[fmt.Sprint(i)] = true
		q.offsets[committed{fmt.Sprint(i), "t", 0}] = true
	}
	q.counted(kadm.DescribedGroups{"0": {Members: make([]kadm.DescribedGroupMember, 2)}})
	q.listed(kadm.TopicDetails{"t": {Partitions: kadm.PartitionDetails{0: {}}}})
	if q.partitions != 1 || q.members != 2 || len(q.groups) != 1 || len(q.offsets) != 1 || q.full() {
		t.Errorf("the quota has %d partitions, %d members, %d groups, %d offsets", q.partitions, q.members, len(q.groups), len(q.offsets))
	}
}

// TestNoSessions: the broker keeps nothing of what a client fetches: of 20,000 partitions a
// session would, and of 1,000 sessions.
func TestNoSessions(t *testing.T) {
	b, err := Start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetch := kmsg.NewPtrFetchRequest()
	fetch.SessionEpoch = 0 // begins a session
	answer, err := client.SeedBrokers()[0].Request(t.Context(), fetch)
	if err != nil {
		t.Fatal(err)
	}
	if id := answer.(*kmsg.FetchResponse).SessionID; id != 0 {
		t.Errorf("the broker keeps the session %d", id)
	}
}
