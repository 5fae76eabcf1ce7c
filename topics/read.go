package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Span is the offsets [From, To) of a partition.
type Span struct{ From, To int64 }

// A Section is a part of a topic as it was at one moment: a span of each
// partition, empty ones too.
type Section map[int32]Span

// Newest is the last n offsets of each partition. A transaction's end takes an
// offset too, so that they may be fewer records.
func (s Section) Newest(n int64) Section {
	newest := Section{}
	for p, span := range s {
		newest[p] = Span{max(span.From, span.To-n), span.To}
	}
	return newest
}

// Of is a section's span of one partition.
func (s Section) Of(partition int32) Section { return Section{partition: s[partition]} }

// Readable is all of a topic that can be read now. It ends before the first record
// of a transaction that is still open, even if others behind it are committed, so
// that who reads it does not wait for a transaction's end, which may not come.
func (a *Admin) Readable(ctx context.Context, topic string) (Section, error) {
	return a.section(ctx, topic, a.ListStartOffsets, a.ListCommittedOffsets)
}

// Whole is all of a topic that has been written, open transactions included:
// who reads it waits until they end.
func (a *Admin) Whole(ctx context.Context, topic string) (Section, error) {
	return a.section(ctx, topic, a.ListStartOffsets, a.ListEndOffsets)
}

// Written is what of Readable was written at from or later, and before to, by the
// times of Kafka's records; they ascend, but for seconds. The zero time for to is
// not a bound.
func (a *Admin) Written(ctx context.Context, topic string, from, to time.Time) (Section, error) {
	after := func(t time.Time) func(context.Context, ...string) (kadm.ListedOffsets, error) {
		return func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return a.ListOffsetsAfterMilli(ctx, max(t.UnixMilli(), 0), topics...)
		}
	}
	end := a.ListCommittedOffsets
	if !to.IsZero() {
		end = after(to)
	}
	return a.section(ctx, topic, after(from), end)
}

func (a *Admin) section(ctx context.Context, topic string, first, end func(context.Context, ...string) (kadm.ListedOffsets, error)) (Section, error) {
	from, err := listed(ctx, topic, first)
	if err != nil {
		return nil, err
	}
	to, err := listed(ctx, topic, end)
	if err != nil {
		return nil, err
	}
	s := Section{}
	for p, o := range to {
		s[p] = Span{min(from[p].Offset, o.Offset), o.Offset}
	}
	return s, nil
}

// listed asks for an offset of each partition of a topic.
func listed(ctx context.Context, topic string, list func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]kadm.ListedOffset, error) {
	offsets, err := list(ctx, topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the offsets of %s: %w", topic, err)
	}
	return offsets[topic], nil
}

// quiet is for how long no record comes until Read looks whether retention has
// taken those that it waits for.
const quiet = time.Second

// Transactional reports whether a record was written in a transaction. What Pulse writes so
// nobody forges who may only write to the topic: it takes a transactional id too.
func Transactional(r *kgo.Record) bool { return r.Attrs.IsTransactional() }

// ErrForeign is of a record that is not of a transaction, where Pulse's are.
var ErrForeign = errors.New("it was not written in a transaction, as what Pulse writes here is")

// Read calls do with the records of a section of a topic, those of each partition
// in order, until do returns false. What a transaction that failed has written is
// not among them.
func (a *Admin) Read(ctx context.Context, topic string, s Section, do func(*kgo.Record) bool) error {
	left, begin := maps.Clone(s), map[int32]kgo.Offset{}
	maps.DeleteFunc(left, func(_ int32, span Span) bool { return span.From >= span.To })
	if len(left) == 0 {
		return nil
	}
	for p, span := range left {
		begin[p] = kgo.NewOffset().At(span.From)
	}
	a.kafka.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: begin})
	defer a.kafka.PurgeTopicsFromConsuming(topic)
	for len(left) > 0 {
		fetches, err := a.poll(ctx)
		if err != nil {
			return fmt.Errorf("cannot read %s, partitions %v: %w", topic, slices.Sorted(maps.Keys(left)), err)
		}
		if fetches.Empty() {
			if err := a.dropTaken(ctx, topic, left); err != nil {
				return err
			}
		}
		for r := range fetches.RecordsAll() {
			span, ok := left[r.Partition]
			if !ok || r.Offset < span.From {
				continue
			}
			// A transaction's end is not a record, but it may be the last of its partition.
			if r.Offset < span.To && !r.Attrs.IsControl() && !do(r) {
				return nil
			}
			span.From = r.Offset + 1
			if left[r.Partition] = span; span.From >= span.To {
				delete(left, r.Partition)
			}
		}
	}
	return nil
}

// poll waits for records, but not for long.
func (a *Admin) poll(ctx context.Context) (kgo.Fetches, error) {
	waiting, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	fetches := a.kafka.PollFetches(waiting)
	switch err := fetches.Err(); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case fetches.Empty() && waiting.Err() != nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return fetches, nil
}

// dropTaken leaves out the partitions of which retention has taken what is left.
func (a *Admin) dropTaken(ctx context.Context, topic string, left Section) error {
	starts, err := listed(ctx, topic, a.ListStartOffsets)
	if err != nil {
		return err
	}
	maps.DeleteFunc(left, func(p int32, span Span) bool {
		start, ok := starts[p]
		return ok && start.Offset >= span.To
	})
	return nil
}
