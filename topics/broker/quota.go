package broker

import (
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What all clients together may have made: kfake keeps all that it is asked to. Pulse needs
// some hundred partitions, and ten groups and transactional ids at most.
const (
	mostPartitions = 20_000
	mostGroups     = 1000
	mostMembers    = 2000 // of all groups
	mostOffsets    = 20_000
	mostIDs        = 50_000 // transactional ones; kfake forgets them after a week

	maxName     = 249      // bytes of a group's name and of a transactional id, as of topics
	maxProtocol = 64 << 10 // bytes of what a member says of itself
)

// A quota is what clients have made, about: what was asked for counts until it is counted
// again what there is.
type quota struct {
	mu         sync.Mutex
	partitions int
	members    int
	groups     map[string]bool
	ids        map[string]bool
	offsets    map[committed]bool
}

// committed is what a group has an offset of.
type committed struct {
	group, topic string
	partition    int32
}

func newQuota() *quota {
	return &quota{groups: map[string]bool{}, ids: map[string]bool{}, offsets: map[committed]bool{}}
}

// admits reports whether there is room for what a request makes.
func (q *quota) admits(request kmsg.Request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.CreateTopicsRequest:
		n := 0
		for _, t := range r.Topics {
			n += max(int(t.NumPartitions), len(t.ReplicaAssignment), 1)
		}
		return q.makes(n)
	case *kmsg.CreatePartitionsRequest:
		n := 0
		for _, t := range r.Topics {
			n += int(max(t.Count, 0))
		}
		return q.makes(n)
	case *kmsg.JoinGroupRequest:
		size := 0
		for _, p := range r.Protocols {
			size += len(p.Name) + len(p.Metadata)
		}
		return size <= maxProtocol && q.names(r.Group) && q.joins(r.MemberID == "")
	case *kmsg.ConsumerGroupHeartbeatRequest:
		return q.names(r.Group) && q.joins(r.MemberEpoch == 0)
	case *kmsg.AddOffsetsToTxnRequest:
		return q.names(r.Group)
	case *kmsg.OffsetCommitRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if !q.commits(committed{r.Group, t.Topic, p.Partition}) {
					return false
				}
			}
		}
		return q.names(r.Group)
	case *kmsg.TxnOffsetCommitRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if !q.commits(committed{r.Group, t.Topic, p.Partition}) {
					return false
				}
			}
		}
		return q.names(r.Group)
	case *kmsg.InitProducerIDRequest:
		return r.TransactionalID == nil || room(q.ids, *r.TransactionalID, mostIDs) && len(*r.TransactionalID) <= maxName
	}
	return true
}

// makes notes that so many partitions are made, if there is room.
func (q *quota) makes(partitions int) bool {
	if q.partitions+partitions > mostPartitions {
		return false
	}
	q.partitions += partitions
	return true
}

func (q *quota) names(group string) bool {
	return len(group) <= maxName && room(q.groups, group, mostGroups)
}

func (q *quota) joins(anew bool) bool {
	if !anew {
		return true
	}
	q.members++
	return q.members <= mostMembers
}

func (q *quota) commits(c committed) bool {
	return len(c.group) <= maxName && len(c.topic) <= maxName && room(q.offsets, c, mostOffsets)
}

// room reports whether something is in a set, or has room in it, and then puts it there.
func room[K comparable](set map[K]bool, one K, most int) bool {
	if !set[one] && len(set) >= most {
		return false
	}
	set[one] = true
	return true
}

// counted takes the groups that there are.
func (q *quota) counted(groups kadm.DescribedGroups) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.groups)
	q.members = 0
	for name, g := range groups {
		q.groups[name] = true
		q.members += len(g.Members)
	}
	maps.DeleteFunc(q.offsets, func(c committed, _ bool) bool { return !q.groups[c.group] })
}

// full reports whether half of the partitions that there may be were asked for, so that they
// are to be counted.
func (q *quota) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.partitions > mostPartitions/2
}

// listed takes the topics that there are.
func (q *quota) listed(topics kadm.TopicDetails) {
	n := 0
	for _, t := range topics {
		n += len(t.Partitions)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.partitions = n
}
