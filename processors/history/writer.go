package history

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/processors/minutes"
	"pulse/stats"
	"pulse/topics"
)

const (
	// recordBytes bounds the snapshots of one record: a value may be of 64 KiB.
	recordBytes = 512 << 10
	// heldBytes is how much is held of a chunk before it is written.
	heldBytes = 8 << 20
)

// A writer writes chunks.
type writer struct {
	client     *kgo.Client
	names      topics.Names
	partitions map[string]int32 // of topics

	lines   map[string][]byte // snapshots that are in no record yet, by stat
	held    int               // bytes of them, and of records
	records []*kgo.Record
	places  map[int32][2]int64 // of the chunk's records that are written
}

func newWriter(ctx context.Context, c topics.Cluster, n topics.Names) (*writer, error) {
	w := &writer{names: n, partitions: map[string]int32{}}
	for _, topic := range []string{n.History(), n.Minutes(), n.Table()} {
		var err error
		if w.partitions[topic], err = topics.PartitionCount(ctx, c, topic); err != nil {
			return nil, err
		}
	}
	var err error
	w.client, err = kgo.NewClient(append(c.ClientOptions("pulse-history"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	return w, err
}

// begin begins a chunk.
func (w *writer) begin() {
	w.lines, w.held, w.records, w.places = map[string][]byte{}, 0, nil, map[int32][2]int64{}
}

// point takes a snapshot.
func (w *writer) point(p stats.Snapshot) {
	lines := w.lines[p.Stat]
	before := len(lines)
	lines = append(p.AppendJSON(lines), '\n')
	w.held += len(lines) - before
	w.lines[p.Stat] = lines
	if len(lines) >= recordBytes {
		w.cut(p.Stat)
	}
}

// cut makes a record of a stat's snapshots.
func (w *writer) cut(stat string) {
	if lines := w.lines[stat]; len(lines) > 0 {
		w.records = append(w.records, &kgo.Record{Topic: w.names.History(), Partition: topics.Partition(stat, w.partitions[w.names.History()]), Key: []byte(stat), Value: lines})
		w.lines[stat] = nil
	}
}

// room writes what is held if it is much.
func (w *writer) room(ctx context.Context) error {
	if w.held < heldBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *writer) flush(ctx context.Context) error {
	for stat := range w.lines {
		w.cut(stat)
	}
	results := w.client.ProduceSync(ctx, w.records...)
	if err := results.FirstErr(); err != nil {
		return fmt.Errorf("cannot write to %s: %w", w.names.History(), err)
	}
	for _, r := range results {
		place, ok := w.places[r.Record.Partition]
		if !ok {
			place[0] = r.Record.Offset
		}
		w.places[r.Record.Partition] = [2]int64{min(place[0], r.Record.Offset), max(place[1], r.Record.Offset+1)}
	}
	w.records, w.held = nil, 0
	return nil
}

// end writes what is left of a chunk, and its minutes, and gives where its snapshots are.
func (w *writer) end(ctx context.Context, rolled *minutes.Rolled) (map[int32][2]int64, error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	records, err := rolled.Records()
	if err != nil {
		return nil, err
	}
	if err := w.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("cannot write to %s: %w", w.names.Minutes(), err)
	}
	return w.places, nil
}

// tell writes what is known of the history by now.
func (w *writer) tell(ctx context.Context, h topics.History) error {
	key, table := topics.HistoryKey(h.Version), w.names.Table()
	r := &kgo.Record{Topic: table, Partition: topics.Partition(key, w.partitions[table]), Key: []byte(key), Value: h.Append(nil)}
	if err := w.client.ProduceSync(ctx, r).FirstErr(); err != nil {
		return fmt.Errorf("cannot write to %s: %w", table, err)
	}
	return nil
}
