package status

import (
	"cmp"
	"fmt"

	"pulse/topics"
)

// A foreignCommit is one of a group of Pulse's that no role can go on from.
type foreignCommit struct {
	group, topic string
	partition    int32
	offset       int64
	why          error
}

// A foreignMember is one of a group of Pulse's that no role is.
type foreignMember struct {
	group, client, host string
	partitions          int
}

// foreign notes a commit if no role goes on from it: err says that its state cannot be read.
func (o *observation) foreign(group, topic string, partition int32, c topics.Commit, err error, p offsets) bool {
	if c.Offset > p.end {
		err = fmt.Errorf("the partition ends at offset %d", p.end)
	}
	if err = cmp.Or(c.Foreign, err); err != nil {
		o.commits = append(o.commits, foreignCommit{group, topic, partition, c.Offset, err})
	}
	return err != nil
}

// strange says who has committed for Pulse's groups, or is a member of one, and is not Pulse's.
func (f *findings) strange(say func(since int64, what, do string)) {
	for _, c := range f.commits {
		say(-1, fmt.Sprintf("the commit of the group %s for %s partition %d, at offset %d, is not one to go on from: %.200v", c.group, c.topic, c.partition, c.offset, c.why),
			"restart the members of the group, which read the partition from its beginning, and see who may commit for it (docs/operate.md)")
	}
	for _, m := range f.members {
		say(-1, fmt.Sprintf("a program other than Pulse, with the client id %q at %s, is a member of the group %s and has %d partitions", m.client, m.host, m.group, m.partitions),
			"end it, and see who may read by this group (docs/operate.md)")
	}
}
