package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// fragmentsRead is how many of the newest records of each fragments partition are looked
// at. The other topics are read for what they say.
const fragmentsRead = 64

var errAhead = errors.New("a point that is ahead of its record")

// A Garbage is the newest record of a partition that no role of Pulse wrote: it is counted
// and passed over. Of each partition only the newest records are read.
type Garbage struct {
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	At        time.Time `json:"at"` // as its writer said, or the broker
	Error     string    `json:"error"`
}

// garbage notes a record that cannot be read.
func (o *observation) garbage(r *kgo.Record, err error) {
	found := Garbage{r.Topic, int(r.Partition), r.Offset, r.Timestamp.UTC(), strings.ToValidUTF8(fmt.Sprintf("%.200s", err), "\ufffd")}
	for i, g := range o.notOurs {
		if g.Topic == found.Topic && g.Partition == found.Partition {
			if found.Offset > g.Offset {
				o.notOurs[i] = found
			}
			return
		}
	}
	o.notOurs = append(o.notOurs, found)
}

// strangers looks for records of the fragments topic that no role of Pulse wrote.
func (o *observer) strangers(ctx context.Context, seen *observation) error {
	fragments := o.names.Fragments()
	return o.read(ctx, seen, fragments, o.section(fragments).Newest(fragmentsRead), func(r *kgo.Record) {
		if m := topics.DecodeMessage(r.Value); m.Bad != nil {
			seen.garbage(r, m.Bad)
		}
	})
}

// allGarbage is what was found, in the order of topics and partitions.
func (o *observation) allGarbage() []Garbage {
	slices.SortFunc(o.notOurs, func(a, b Garbage) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return a.Partition - b.Partition
	})
	return append([]Garbage{}, o.notOurs...)
}

// textOfGarbage is what people read of it.
func (s *Status) textOfGarbage() string {
	if len(s.Garbage) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nnot written by Pulse, and passed over; check which programs write to these topics:\n")
	rows := [][]string{{"topic", "partition", "offset", "time", "error"}}
	for _, g := range s.Garbage {
		rows = append(rows, []string{g.Topic, fmt.Sprint(g.Partition), fmt.Sprint(g.Offset), s.time(&g.At), g.Error})
	}
	columns(&b, rows)
	return b.String()
}
