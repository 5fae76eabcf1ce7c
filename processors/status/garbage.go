package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// strangersRead is how many of the newest records are looked at, of each partition of the topics
// that are not read for what they say.
const strangersRead = 64

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

// strangers looks for records that no role of Pulse wrote.
func (o *observer) strangers(ctx context.Context, seen *observation) error {
	n := o.names
	// They are of records that are read already, so that the ends have to be of now.
	ends, err := o.admin.ListEndOffsets(ctx, n.Raw())
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("cannot read the topics' last offsets: %w", err)
	}
	for _, topic := range []string{n.Fragments(), n.Savepoints(), n.Positions(), n.Marks(), n.Alerts(), n.AlertState(), n.Silences()} {
		if _, there := o.readable[topic]; there {
			err := o.read(ctx, seen, topic, o.section(topic).Newest(strangersRead), func(r *kgo.Record) {
				err := foreign(n, r)
				if err == nil && topic == n.Fragments() {
					err = unwritten(topics.DecodeMessage(r.Value), ends[n.Raw()])
				}
				if err != nil {
					seen.garbage(r, err)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// foreign says why a record of one of the topics of strangers is not a role's; nil: it may be one's.
func foreign(n topics.Names, r *kgo.Record) (err error) {
	switch r.Topic {
	case n.Fragments():
		return topics.DecodeMessage(r.Value).Bad
	case n.Savepoints():
		w := topics.DecodeMessage(r.Value)
		if w.Bad == nil && w.Savepoint == nil {
			return errors.New("not a savepoint")
		}
		if w.Savepoint != nil {
			_, err = w.Savepoint.Beginning()
		}
		return cmp.Or(w.Bad, err)
	case n.Positions():
		if !topics.Transactional(r) {
			return topics.ErrForeign
		}
	case n.Marks():
		_, err = topics.MarkOf(r)
	case n.Alerts():
		_, err = topics.TransitionOf(r)
	case n.AlertState():
		if r.Value != nil { // else it is deleted
			_, err = topics.AlertStateOf(r)
		}
	case n.Silences():
		if r.Value != nil {
			_, err = topics.SilenceOf(r)
		}
	}
	return err
}

// unwritten is an error if a record of fragments is of raw records that there are not.
func unwritten(m topics.Message, ends map[int32]kadm.ListedOffset) error {
	partition, to := int32(-1), int64(-1)
	switch {
	case m.Cover != nil && int(m.Cover.Partitions) > len(ends):
		return fmt.Errorf("a cover for %d partitions, of which there are %d", m.Cover.Partitions, len(ends))
	case m.Cover != nil:
		partition, to = m.Cover.Partition, m.Cover.End
	case m.Bundle != nil:
		partition, to = m.Bundle.Partition, m.Bundle.End
	case m.Fragment != nil:
		partition, to = m.Fragment.Partition, m.Fragment.End
	default:
		return nil
	}
	if end, ok := ends[partition]; !ok || to >= end.Offset {
		return fmt.Errorf("of partition %d of the raw records up to offset %d, which is not written", partition, to)
	}
	return nil
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
