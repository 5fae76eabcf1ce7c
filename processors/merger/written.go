package merger

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"pulse/topics"
)

// Written reports whether there are the raw records that a cover is of. One that another
// program wrote, of records that never come, would hide all that come.
type Written func(*topics.Cover) (bool, error)

// endsWithin is how long a broker has to say where a topic ends.
const endsWithin = 10 * time.Second

// WrittenTo is of the topic of raw records, and how it is laid out. A receiver has read what
// its cover is of, so that a topic's end has to be asked for only when a cover is beyond the
// one that is known.
func WrittenTo(ctx context.Context, admin *topics.Admin, raw string, log topics.Layouts) Written {
	var mu sync.Mutex
	var ends kadm.ListedOffsets
	within := func(c *topics.Cover) bool {
		end, ok := ends.Lookup(raw, c.Partition)
		return ok && c.End < end.Offset
	}
	return func(c *topics.Cover) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		// A cover for fewer partitions is of before a growth.
		layout, err := log(c.Partitions)
		if err != nil || c.Partitions > layout.Used {
			return false, err
		}
		if within(c) {
			return true, nil
		}
		ctx, cancel := context.WithTimeout(ctx, endsWithin)
		defer cancel()
		now, err := admin.ListEndOffsets(ctx, raw)
		if err == nil {
			err = now.Error()
		}
		if err == nil {
			ends = now
		}
		return within(c), err
	}
}
