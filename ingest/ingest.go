// Package ingest brings lines from the outside world into the topic
// events.raw. Inputs give lines; a Packer makes them into packs and ticks by
// a clock, the only place where time enters Pulse, since nobody downstream reads
// one (DESIGN.md); a Producer sends these to Kafka. Live runs inputs by the wall clock, Replay
// a recording by its own lines' times.
package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"pulse/stats/line"
	"pulse/topics"
)

// linger is how long a pack stays open at most, by the wall clock.
const linger = 100 * time.Millisecond

// An Output takes the records of an ingester. A Producer is one.
type Output interface {
	// Produce takes a record and returns when it has room for the next. It
	// keeps the order of each partition's records, and calls Done when the
	// record is acknowledged. If it fails it has not taken the record, and
	// the ingester must end.
	Produce(ctx context.Context, r Record) error
	// Partitions is how many partitions of events.raw the records of a clock's
	// second are for. It never becomes less.
	Partitions(second int64) int32
	// Newest returns the headers of the newest record of each partition
	// that holds any.
	Newest(ctx context.Context) ([]topics.RawHeader, error)
}

// A Committer is an Output whose records come into being together with positions.
type Committer interface {
	Output
	// Uncommitted is how many bytes of records wait for Commit.
	Uncommitted() int
	// Commit writes the records that were produced since the last one, and the
	// positions: both or nothing.
	Commit(ctx context.Context, positions Positions) error
}

// A Batch is what an input hands over at a time.
type Batch struct {
	// Lines are whole lines with a line feed between them, in order. They
	// are copied when the batch is taken.
	Lines []byte
	// Origin is what the input knows of the lines beside their text.
	Origin line.Origin
	// Positions are where the input goes on after these lines, and those of
	// all batches before; a Committer keeps them. Nil is one that is not needed
	// any longer.
	Positions Positions
	// Acked, if not nil, is called once after all of the batch's lines are
	// acknowledged by Kafka, or with an error when one of them never will
	// be; not at all if the batch was never looked at. It must return soon.
	Acked func(error)
}

// An Input is a source of lines from the outside world.
type Input interface {
	// Run hands over batches until there are no more, or ctx ends. Take
	// blocks while Kafka takes no more, which slows the input down; it may
	// be called by several goroutines. If it fails the batch was not taken,
	// and Run ends. An input that ended because ctx did returns nil or an
	// error that is ctx's.
	Run(ctx context.Context, take func(context.Context, Batch) error) error
}

// NewID returns an ingester's id: eight random hexadecimal digits.
func NewID() string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// fixedID is an id that begins with a name and is the same for the same parts.
func fixedID(name string, parts ...string) string {
	suffix := fmt.Sprintf("-%08x", crc32.ChecksumIEEE([]byte(strings.Join(parts, "\x00"))))
	return name[:min(len(name), topics.MaxIngester-len(suffix))] + suffix
}

// identify checks an ingester's id, or makes one.
func identify(id string) (string, error) {
	if id == "" {
		return NewID(), nil
	}
	if len(id) > topics.MaxIngester {
		return "", fmt.Errorf("--id %q is too long: at most %d bytes", id, topics.MaxIngester)
	}
	if !topics.ValidIngester(id) {
		return "", fmt.Errorf("--id %q is not valid: use only letters, digits, dots, dashes and underscores", id)
	}
	return id, nil
}

// checkWall refuses topics that hold a recording with its original times:
// there what goes by the wall clock would be refused.
func checkWall(newest []topics.RawHeader) error {
	for _, h := range newest {
		if h.Domain == topics.WallDomain {
			return nil
		}
	}
	if len(newest) > 0 {
		return fmt.Errorf("these topics hold a recording with its original times (%s), with which other lines cannot be mixed: choose another --prefix", newest[0].Domain)
	}
	return nil
}

// graceful returns a context that ends topics.LeaveTimeout after ctx does.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(topics.LeaveTimeout):
			cancel()
		case <-grace.Done():
		}
	})
	return grace, func() { stop(); cancel() }
}
