package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// An openTransaction holds up all who read a partition from an offset on.
type openTransaction struct {
	topic     string
	partition int32
	offset    int64  // of its first record there
	producer  int64  // Kafka's number of who writes it
	id        string // the transactional id; "": it is not known
	since     int64  // Unix time of its beginning, or, where that is not known, of its last record; -1: not known
}

// transactions finds those that are open, one of each partition that has one. Whose they are is
// not said to everybody who asks.
func (o *observer) transactions(ctx context.Context, seen *observation) error {
	held := kadm.TopicsSet{}
	for topic, partitions := range o.readable {
		for p, readable := range partitions {
			if end, _ := o.ends.Lookup(topic, p); readable.Offset < end.Offset {
				held.Add(topic, p)
				seen.transactions = append(seen.transactions, openTransaction{topic: topic, partition: p, offset: readable.Offset, producer: -1, since: -1})
			}
		}
	}
	if len(held) == 0 {
		return nil
	}
	slices.SortFunc(seen.transactions, func(a, b openTransaction) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	producers, _ := o.admin.DescribeProducers(ctx, held)
	ids := map[int64]kadm.DescribedTransaction{}
	for i := range seen.transactions {
		t := &seen.transactions[i]
		for _, p := range producers[t.topic].Partitions[t.partition].ActiveProducers {
			if p.CurrentTxnStartOffset == t.offset {
				t.producer, t.since = p.ProducerID, p.LastTimestamp/1000
				ids[p.ProducerID] = kadm.DescribedTransaction{}
			}
		}
	}
	if listed, err := o.admin.ListTransactions(ctx, slices.Collect(maps.Keys(ids)), nil); err == nil && len(ids) > 0 {
		described, _ := o.admin.DescribeTransactions(ctx, listed.TransactionalIDs()...)
		for _, d := range described {
			ids[d.ProducerID] = d
		}
	}
	for i := range seen.transactions {
		if d, known := ids[seen.transactions[i].producer]; known && d.TxnID != "" {
			seen.transactions[i].id = d.TxnID
			if d.StartTimestamp > 0 {
				seen.transactions[i].since = d.StartTimestamp / 1000
			}
		}
	}
	return nil
}

// held says which transactions have been open for long.
func (f *findings) held(say func(since int64, what, do string)) {
	var long []openTransaction
	for _, t := range f.transactions {
		if t.since >= 0 && f.now.Sub(time.Unix(t.since, 0)) > f.limits.Behind {
			long = append(long, t)
		}
	}
	slices.SortStableFunc(long, func(a, b openTransaction) int { return cmp.Compare(a.producer, b.producer) })
	for i, t := range long {
		if i > 0 && long[i-1].producer == t.producer {
			continue // it is said
		}
		more := 0
		for _, other := range long[i+1:] {
			if other.producer == t.producer {
				more++
			}
		}
		where := fmt.Sprintf("%s partition %d from offset %d on", t.topic, t.partition, t.offset)
		if more > 0 {
			where += fmt.Sprintf(" (and %d more partitions)", more)
		}
		say(t.since, fmt.Sprintf("a transaction of %q (producer %d) is open, and holds up all who read %s", cmp.Or(t.id, "?"), t.producer, where),
			fmt.Sprintf("end the program that writes it, or abort it: kafka-transactions.sh abort --topic %s --partition %d --start-offset %d (docs/operate.md)", t.topic, t.partition, t.offset))
	}
}
