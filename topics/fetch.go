package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Fetcher reads records of a topic from any offset on, a request at a time. A
// consumer, as Read has it, fetches ahead and takes a few hundred milliseconds to
// begin elsewhere; who jumps about in a log wants neither. It is for many goroutines.
type Fetcher struct {
	client  *kgo.Client
	unpack  kgo.Decompressor
	topic   string
	id      [16]byte
	leaders map[int32]int32 // by partition
}

// Fetcher returns one of a topic. It ends with the Admin.
func (a *Admin) Fetcher(ctx context.Context, topic string) (*Fetcher, error) {
	found, err := a.Metadata(ctx, topic)
	if err == nil {
		err = found.Topics[topic].Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the topic %s: %w", topic, err)
	}
	// The client's own, which has its bound; a new one would take 2 GiB of a batch.
	unpack := a.kafka.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	f := &Fetcher{client: a.kafka, unpack: unpack, topic: topic, id: found.Topics[topic].ID, leaders: map[int32]int32{}}
	for p, detail := range found.Topics[topic].Partitions {
		f.leaders[p] = detail.Leader
	}
	return f, nil
}

// fetchWait is how long a broker waits for records that are not there yet.
const fetchWait = quiet

// Fetch gives the records of a span's first batches, of about so many bytes and of at
// least one batch, and the offset to go on from: they may be none, where what is there
// are the ends of transactions or was taken by retention. The span is not empty, and
// all of it was readable.
func (f *Fetcher) Fetch(ctx context.Context, partition int32, span Span, bytes int32) (records []*kgo.Record, next int64, err error) {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis = int32(fetchWait.Milliseconds())
	request.MinBytes = 1
	request.MaxBytes = bytes
	request.IsolationLevel = 1 // committed records only
	request.SessionEpoch = -1  // without a session
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = f.topic, f.id
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = partition, span.From, bytes
	topic.Partitions = append(topic.Partitions, part)
	request.Topics = append(request.Topics, topic)

	fail := func(err error) ([]*kgo.Record, int64, error) {
		return nil, 0, fmt.Errorf("cannot read %s, partition %d, at offset %d: %w", f.topic, partition, span.From, err)
	}
	answer, err := f.client.Broker(int(f.leaders[partition])).RetriableRequest(ctx, request)
	if err != nil {
		return fail(err)
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return fail(err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return fail(errors.New("the broker answered about something else"))
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: span.From, IsolationLevel: kgo.ReadCommitted(), Topic: f.topic, Partition: partition,
	}, &response.Topics[0].Partitions[0], f.unpack, nil)
	switch {
	case errors.Is(fetched.Err, kerr.OffsetOutOfRange) && fetched.LogStartOffset > span.From:
		return nil, fetched.LogStartOffset, nil
	case fetched.Err != nil:
		return fail(fetched.Err)
	case next <= span.From:
		return fail(errors.New("no records came"))
	}
	records = fetched.Records
	for n := len(records); n > 0 && records[n-1].Offset >= span.To; n = len(records) {
		records = records[:n-1]
	}
	return records, next, nil
}

// First finds about the first record of a span whose clock is at a second or later, as
// a span that begins there. Records' own times say nothing of a recording's clock, so
// that it looks at clocks alone: where they should be if they went on evenly, and
// every other time in the middle of what is left. It reports whether that is the first
// record of the span, so that there may have been some before it.
func (f *Fetcher) First(ctx context.Context, partition int32, span Span, second int64) (from Span, begins bool, err error) {
	low, high := span.From-1, span.To // the record is after low, and at high or before
	var lowClock, highClock int64     // 0: not known
	next := func(round int) int64 {
		switch middle := low + (high-low)/2; {
		case round == 0:
			return span.From
		case round == 1:
			return max(low+1, high-endOfLog)
		case round%2 == 0 && lowClock > 0 && highClock > lowClock:
			at := float64(second-lowClock) / float64(highClock-lowClock) * float64(high-low)
			// Beside it, so that what is left is small whichever side it is on.
			beside := float64(high-low)/interpolated + 1
			if round%4 == 0 {
				beside = -beside
			}
			return min(max(low+int64(at+beside), low+1), high-1)
		default:
			return middle
		}
	}
	for round := 0; high-low > 1; round++ {
		at := next(round)
		clock, offset, err := f.clock(ctx, partition, Span{at, high})
		switch {
		case err != nil:
			return Span{}, false, err
		case offset < 0: // nothing is there
			high = at
		case clock >= second:
			high, highClock = at, clock
		default:
			low, lowClock = offset, clock
		}
	}
	return Span{high, span.To}, high == span.From && highClock > 0, nil
}

const (
	endOfLog     = 16 // offsets before the end of which one is a record's, at most times
	interpolated = 64 // the part of what is left by which First guesses too far, to and fro
)

// clock gives the clock of a span's first raw record, in seconds, and its offset; -1:
// there is none.
func (f *Fetcher) clock(ctx context.Context, partition int32, span Span) (second, offset int64, err error) {
	for span.From < span.To {
		records, next, err := f.Fetch(ctx, partition, span, 1)
		if err != nil {
			return 0, 0, err
		}
		for _, r := range records {
			if h, err := ParseRawHeader(Lookup(r.Headers)); err == nil {
				return h.Second(), r.Offset, nil
			}
		}
		span.From = next
	}
	return 0, -1, nil
}
