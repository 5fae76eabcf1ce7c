package topics

import (
	"encoding/binary"
	"errors"
	"fmt"

	"pulse/stats/cursor"
	"pulse/stats/timing"
)

// MaxPart is the most bytes of a fragment that one record carries; a longer one
// goes in parts.
const MaxPart = 512 << 10

// Bounds on what a decoded record may say.
const (
	maxParts = 1 << 10 // of one fragment
	maxGaps  = 1 << 10 // in one cover
)

// MaxBundled is the most bytes of a fragment in a Bundle.
const MaxBundled = MaxPart / 4

// A Fragment is what one segment of a source partition adds to one stat, or a part
// of that, as a record of its own: it is too large for a Bundle. The record's key
// names the stat.
type Fragment struct {
	Partition   int32 // the source partition
	End         int64 // the offset of the tick that ends the segment
	Part, Parts int   // which part this is, from 0, and how many there are
	Data        []byte
}

// A Bundle is fragments of one segment that are for the same partition of the
// fragments topic: a record for each would cost more than what is in it.
type Bundle struct {
	Partition int32  // the source partition
	End       int64  // the offset of the tick that ends the segment
	Data      []byte // whole fragments by their stats' names: see AppendNamed
}

// A Cover ends a segment: what the segment added to the stats of one partition of
// the fragments topic is complete if so many Fragments of it are there.
type Cover struct {
	Partition  int32 // the source partition
	Partitions int32 // how many source partitions there are
	Start, End int64 // the segment (Start, End] of offsets; Start is -1 or the tick before
	Fragments  int   // of the segment in this partition of the fragments topic: whole ones, and parts

	Before, After int64             // the watermark around the segment; Before is -1 in a partition's first cover
	First         int64             // in the first cover: no line of the partition counts before First less the lateness
	FromSavepoint bool              // the first cover of a definitions version that began behind a Savepoint: seconds before First are not known
	Ended         bool              // the segment's tick is a recording's last, and later than its lines: the recording has no second after Before
	Stale         []timing.Interval // seconds of [Before, After) that are not covered

	// Earliest and Latest are the first and the last second at which lines of the
	// segment count, in internal stats too; 0: it has none, but of an unknown time.
	Earliest, Latest int64

	// Lost, unless zero, are the raw records that retention took before
	// they were read: of the segment, those with offsets in [From, To).
	Lost Lost
}

// Lost is an interval of offsets, [From, To).
type Lost struct{ From, To int64 }

// Empty reports whether nothing is lost.
func (l Lost) Empty() bool { return l.To <= l.From }

// A Savepoint is a tick behind which a receiver of another definitions version can begin:
// what is known there of the ingesters' clocks, which no definitions change.
type Savepoint struct {
	Partition int32  // the source partition
	Offset    int64  // of the tick
	State     []byte // the metadata of a receiver's commit of that tick
}

// A Message is what one record of the fragments topic says: one of these, or, of
// a record that nobody here wrote, none.
type Message struct {
	Fragment  *Fragment
	Bundle    *Bundle
	Cover     *Cover
	Savepoint *Savepoint
	Bad       error // why none is there
}

// First bytes of the records. A new form gets a new one.
const (
	kindFragment  = 'f'
	kindBundle    = 'b'
	kindCover     = 'C'
	kindSavepoint = 'w'
)

// Append appends the record's value.
func (f *Fragment) Append(b []byte) []byte {
	b = append(b, kindFragment)
	b = binary.AppendUvarint(b, uint64(f.Partition))
	b = binary.AppendUvarint(b, uint64(f.End))
	b = binary.AppendUvarint(b, uint64(f.Part))
	b = binary.AppendUvarint(b, uint64(f.Parts))
	return append(b, f.Data...)
}

// Append appends the record's value. What AppendNamed appends behind it is more
// Data.
func (u *Bundle) Append(b []byte) []byte {
	b = append(b, kindBundle)
	b = binary.AppendUvarint(b, uint64(u.Partition))
	b = binary.AppendUvarint(b, uint64(u.End))
	return append(b, u.Data...)
}

// What a Cover's record has beside what all have: bits of its second byte.
const (
	coverFromSavepoint = 1 << iota
	coverEnded
	coverLines // Earliest and Latest
	coverLost
	coverBits = iota
)

// Append appends the record's value.
func (c *Cover) Append(b []byte) []byte {
	var has byte
	for i, is := range [coverBits]bool{c.FromSavepoint, c.Ended, c.Earliest > 0, !c.Lost.Empty()} {
		if is {
			has |= 1 << i
		}
	}
	b = append(b, kindCover, has)
	b = binary.AppendUvarint(b, uint64(c.Partition))
	b = binary.AppendUvarint(b, uint64(c.Partitions))
	b = binary.AppendUvarint(b, uint64(c.End))
	b = binary.AppendUvarint(b, uint64(c.End-c.Start))
	b = binary.AppendUvarint(b, uint64(c.Fragments))
	b = binary.AppendUvarint(b, uint64(c.Before+1))
	b = binary.AppendUvarint(b, uint64(c.After-c.Before))
	if c.Before < 0 || c.FromSavepoint {
		b = binary.AppendUvarint(b, uint64(c.First))
	}
	b = binary.AppendUvarint(b, uint64(len(c.Stale)))
	at := c.Before
	for _, g := range c.Stale {
		b = binary.AppendUvarint(b, uint64(g.From-at))
		b = binary.AppendUvarint(b, uint64(g.To-g.From))
		at = g.To
	}
	if c.Earliest > 0 {
		b = binary.AppendUvarint(b, uint64(c.Earliest))
		b = binary.AppendUvarint(b, uint64(c.Latest-c.Earliest))
	}
	if !c.Lost.Empty() {
		b = binary.AppendUvarint(b, uint64(c.Lost.From))
		b = binary.AppendUvarint(b, uint64(c.Lost.To-c.Lost.From))
	}
	return b
}

// Append appends the record's value.
func (w *Savepoint) Append(b []byte) []byte {
	b = append(b, kindSavepoint)
	b = binary.AppendUvarint(b, uint64(w.Partition))
	b = binary.AppendUvarint(b, uint64(w.Offset))
	return append(b, w.State...)
}

// DecodeMessage reads a record's value. It never fails: a record of no kind that
// is known has Bad set, so that it can be counted and passed. A fragment's and a
// bundle's Data and a savepoint's State are parts of value.
func DecodeMessage(value []byte) Message {
	if len(value) == 0 {
		return Message{Bad: errors.New("fragments record: empty")}
	}
	d := cursor.New(value[1:])
	switch value[0] {
	case kindFragment:
		f := &Fragment{Partition: int32(d.Uint(MaxPartitions - 1)), End: d.Uint(maxOffset)}
		f.Part, f.Parts = int(d.Uint(maxParts-1)), int(d.Uint(maxParts))
		f.Data = d.Rest()
		if !d.OK() || f.Part >= f.Parts || len(f.Data) > MaxPart {
			return Message{Bad: errors.New("fragments record: a fragment out of bounds")}
		}
		return Message{Fragment: f}
	case kindBundle:
		u := &Bundle{Partition: int32(d.Uint(MaxPartitions - 1)), End: d.Uint(maxOffset)}
		u.Data = d.Rest()
		if !d.OK() || len(u.Data) > MaxPart {
			return Message{Bad: errors.New("fragments record: a bundle out of bounds")}
		}
		return Message{Bundle: u}
	case kindCover:
		c := decodeCover(&d)
		if !d.Done() {
			return Message{Bad: errors.New("fragments record: a cover out of bounds")}
		}
		return Message{Cover: c}
	case kindSavepoint:
		w := &Savepoint{Partition: int32(d.Uint(MaxPartitions - 1)), Offset: d.Uint(maxOffset)}
		w.State = d.Rest()
		if !d.OK() || len(w.State) == 0 || len(w.State) > CommitMetadata {
			return Message{Bad: errors.New("fragments record: a savepoint out of bounds")}
		}
		return Message{Savepoint: w}
	}
	return Message{Bad: fmt.Errorf("fragments record: of kind %d, which this program does not know", value[0])}
}

func decodeCover(d *cursor.Cursor) *Cover {
	has := d.Uint(1<<coverBits - 1)
	c := &Cover{FromSavepoint: has&coverFromSavepoint != 0, Ended: has&coverEnded != 0,
		Partition: int32(d.Uint(MaxPartitions - 1)), Partitions: int32(d.Uint(MaxPartitions)), End: d.Uint(maxOffset)}
	c.Start = c.End - d.Uint(c.End+1)
	c.Fragments = int(d.Uint(maxOffset))
	c.Before = d.Uint(timing.LastSecond+1) - 1
	c.After = c.Before + d.Uint(timing.LastSecond-c.Before)
	if c.Before < 0 || c.FromSavepoint {
		c.First = d.Uint(timing.LastSecond)
	}
	if c.Partition >= c.Partitions || c.Start >= c.End || (c.FromSavepoint || c.Ended) && c.Before < 0 {
		d.Fail()
	}
	at := c.Before
	for range d.Uint(maxGaps) {
		var g timing.Interval
		g.From = at + d.Uint(c.After-at)
		g.To = g.From + d.Uint(c.After-g.From)
		if g.To <= g.From || g.From < 0 {
			d.Fail()
		}
		if !d.OK() {
			return c
		}
		c.Stale = append(c.Stale, g)
		at = g.To
	}
	if has&coverLines != 0 {
		if c.Earliest = d.Uint(timing.LastSecond); c.Earliest == 0 {
			d.Fail()
		}
		c.Latest = c.Earliest + d.Uint(timing.LastSecond-c.Earliest)
	}
	if has&coverLost != 0 {
		c.Lost.From = d.Uint(c.End)
		c.Lost.To = c.Lost.From + d.Uint(c.End-c.Lost.From)
		if c.Lost.Empty() {
			d.Fail()
		}
	}
	return c
}

// maxOffset is far beyond any offset, and sums of two such still fit.
const maxOffset = 1 << 62
