package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxUnpackedMiB is what a batch of records may decompress to, in MiB. Where a batch comes to
// more, all who read its partition stand still.
const MaxUnpackedMiB = maxUnpacked >> 20

// TooLarge is the batch that an error is about, if it is of one that decompresses to more
// than any reader takes; else nil.
func TooLarge(err error) *kgo.ErrDecompressTooLarge {
	var batch *kgo.ErrDecompressTooLarge
	errors.As(err, &batch)
	return batch
}

// Pass deletes the batch of an offset, which must be one that is too large, and all before
// it in its partition, so that who reads there goes on after it. It returns the offset
// from which on there are records then.
func (a *Admin) Pass(ctx context.Context, topic string, partition int32, offset int64) (next int64, err error) {
	whole, err := a.Whole(ctx, topic)
	if err != nil {
		return 0, err
	}
	span, ok := whole[partition]
	if !ok || offset < span.From || offset >= span.To {
		return 0, fmt.Errorf("topic %s has no offset %d in partition %d", topic, offset, partition)
	}
	err = a.Read(ctx, topic, Section{partition: {offset, offset + 1}}, func(*kgo.Record) bool { return false })
	batch := TooLarge(err)
	switch {
	case err == nil:
		return 0, fmt.Errorf("topic %s, partition %d: the batch of offset %d can be read, so nothing is deleted", topic, partition, offset)
	case batch == nil:
		return 0, err
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: batch.NextOffset})
	answer, err := a.DeleteRecords(ctx, offsets)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("cannot delete the records of %s, partition %d, before offset %d: %w", topic, partition, batch.NextOffset, err)
	}
	return batch.NextOffset, nil
}
