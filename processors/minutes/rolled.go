package minutes

import (
	"pulse/stats"
	"pulse/topics"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A Rolled rolls up final snapshots that are not in stats.merged, and that begin with a
// minute and end with one: what comes of them is what a Processor would have written.
type Rolled struct {
	roller *roller
	out    batch
}

// NewRolled returns one of a definitions version, for a topic of minutes with so many
// partitions.
func NewRolled(d *stats.Definitions, n topics.Names, partitions int32) *Rolled {
	return &Rolled{newRoller(d.All(), n.Version), batch{topic: n.Minutes(), marks: n.Marks(), lines: make([][]byte, partitions)}}
}

// Add takes a snapshot; those of a stat come in their order.
func (r *Rolled) Add(p stats.Snapshot) { r.roller.take(p, 0, r.out.add, r.out.mark) }

// Digest takes what a minute's numbers come to.
func (r *Rolled) Digest(m topics.Minute) { r.out.add(m) }

// Records are what is to be written, minutes first that are not whole.
func (r *Rolled) Records() ([]*kgo.Record, error) {
	for _, o := range r.roller.open {
		r.roller.end(o, r.out.add)
	}
	return r.out.end(), r.out.err
}
