package broker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A partition is what a folder of kfake's holds of one.
type partition struct {
	topic     string
	number    int32
	dir       string
	compacted bool // so that offsets may be missing

	kept     snapshot // as of the last start, or the last end that was no kill
	segments []segment
	end      int64                 // the offset behind the last batch
	latest   int64                 // time of a batch, in milliseconds
	open     map[int64]transaction // by the producer's id
	aborted  []abortedTransaction
	left     []transaction       // that have no end though their producers went on
	ends     map[int64]batch     // the last of each producer's, by its id
	commits  map[producer]bool   // of those that were asked for
	windows  map[int64]*sequence // by the producer's id; of compacted ones they cannot be told
	damage   []string            // what is lost
	unwhole  []string            // what was not written to its end, and acknowledged to nobody
}

// A transaction is what one wrote to a partition.
type transaction struct {
	producer    producer
	first, last int64 // offsets
}

// A segment is one file of a partition.
type segment struct {
	base             int64 // its name
	size             int64
	batches          int
	first, last      int64 // offsets
	rewrite, reindex bool
}

// A snapshot is what kfake keeps of a partition, with which it loads a segment at a
// time. Without it, or when segments are not as it says, it loads all at once, and
// gives up transactions that were open in a way that it has forgotten at the next
// start.
type snapshot struct {
	Version          int                  `json:"version"`
	HighWatermark    int64                `json:"high_watermark"`
	LastStableOffset int64                `json:"last_stable_offset"`
	LogStartOffset   int64                `json:"log_start_offset"`
	Epoch            int32                `json:"epoch"`
	LeaderNode       int32                `json:"leader_node,omitempty"`
	MaxTimestamp     int64                `json:"max_timestamp"`
	CreatedAt        time.Time            `json:"created_at"`
	AbortedTxns      []abortedTransaction `json:"aborted_txns,omitempty"`
	Segments         []snapshotSegment    `json:"segments"`
}

type abortedTransaction struct {
	ProducerID  int64 `json:"producer_id"`
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset"`
}

type snapshotSegment struct {
	BaseOffset int64 `json:"base_offset"`
	Size       int64 `json:"size"`
}

const snapshotFile = "snapshot.json"

func (p *partition) path(base int64, extension string) string {
	return filepath.Join(p.dir, strconv.FormatInt(base, 10)+extension)
}

// read reads all that there is, a segment at a time into *buffer, and notes which of
// the producers asked for have committed.
func (p *partition) read(buffer *[]byte, asked map[producer]bool) error {
	*p = partition{topic: p.topic, number: p.number, dir: p.dir, compacted: p.compacted,
		open: map[int64]transaction{}, ends: map[int64]batch{}, commits: map[producer]bool{}, windows: map[int64]*sequence{}}
	switch text, err := os.ReadFile(filepath.Join(p.dir, snapshotFile)); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && json.Unmarshal(text, &p.kept) != nil:
		p.kept = snapshot{} // all but the first offset is in the segments
	}
	bases, err := p.bases()
	if err != nil {
		return err
	}
	for i, base := range bases {
		if *buffer, err = readInto(p.path(base, ".dat"), *buffer); err != nil {
			return err
		}
		entries, err := os.ReadFile(p.path(base, ".idx"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if i == 0 {
			p.end = base
		}
		p.readSegment(base, *buffer, entries, i == len(bases)-1, asked)
	}
	if lost := p.kept.HighWatermark; p.end < lost && len(p.damage) == 0 && (len(bases) > 0 || p.kept.LogStartOffset < lost) {
		p.lost(p.dir, "records are missing at the end", max(p.end, p.kept.LogStartOffset), lost)
	}
	return nil
}

// bases lists the segments, in order.
func (p *partition) bases() ([]int64, error) {
	files, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var bases []int64
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); ok && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// readInto reads a file into a buffer that may be too small.
func readInto(name string, buffer []byte) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return buffer, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buffer, err
	}
	buffer = slices.Grow(buffer[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, buffer)
	return buffer, err
}

func (p *partition) readSegment(base int64, raw, entries []byte, isLast bool, asked map[producer]bool) {
	s := segment{base: base, size: int64(len(raw)), first: p.end, last: p.end - 1}
	name := p.path(base, ".dat")
	for pos := 0; ; {
		b, at, ok := nextBatch(raw, pos, p.end)
		if at > pos {
			s.rewrite = true
			where := fmt.Sprintf("bytes %d to %d are damaged", pos, at-1)
			switch acknowledged := s.batches < len(entries)/indexEntry; {
			case ok && (b.first > p.end || p.compacted):
				p.lost(name, where, p.end, b.first)
			case !ok && (acknowledged || !isLast):
				p.lost(name, where, p.end, max(p.end, p.kept.HighWatermark))
			default:
				p.unwhole = append(p.unwhole, fmt.Sprintf("%s: %d bytes", name, at-pos))
			}
		} else if ok && !p.compacted && b.first > p.end {
			s.rewrite = true
			p.lost(name, fmt.Sprintf("records are missing before byte %d", at), p.end, b.first)
		}
		if !ok {
			if at == pos && isLast && s.batches < len(entries)/indexEntry {
				p.lost(name, "its end is cut off", p.end, max(p.end, p.kept.HighWatermark))
			}
			break
		}
		if s.batches == 0 {
			s.first = b.first
		}
		s.batches++
		s.last = b.last
		s.reindex = s.reindex || !indexed(entries, s.batches-1)
		p.add(b, asked)
		pos = at + b.size
	}
	s.reindex = s.reindex || len(entries) != s.batches*indexEntry
	p.segments = append(p.segments, s)
}

// indexed reports whether an index has an entry for the n-th batch.
func indexed(entries []byte, n int) bool {
	if len(entries) < (n+1)*indexEntry {
		return false
	}
	e := entries[n*indexEntry:][:indexEntry]
	return e[1] == byte(crc32.Checksum(e[2:], castagnoli)) && binary.LittleEndian.Uint32(e[2:]) == 0
}

// lost notes the loss of the records from an offset to before another.
func (p *partition) lost(file, what string, from, to int64) {
	records := "an unknown number of records of"
	if to > from {
		records = fmt.Sprintf("the records from offset %d to %d of", from, to-1)
	}
	p.damage = append(p.damage, fmt.Sprintf("%s: %s; lost: %s topic %s, partition %d", file, what, records, p.topic, p.number))
}

// add notes what a batch says, in the order of offsets.
func (p *partition) add(b batch, asked map[producer]bool) {
	p.end, p.latest = b.last+1, max(p.latest, b.maxTime)
	id := b.producer.id
	t, open := p.open[id]
	switch {
	case b.control:
		if open && !b.commit {
			p.aborted = append(p.aborted, abortedTransaction{id, t.first, b.last})
		}
		delete(p.open, id)
		if b.producer != nobody {
			p.ends[id] = b
		}
		if b.commit && asked[b.producer] {
			p.commits[b.producer] = true
		}
		return
	case b.transactional && open && t.producer == b.producer:
		t.last = b.last
		p.open[id] = t
	case b.transactional:
		if open {
			p.left = append(p.left, t)
		}
		p.open[id] = transaction{b.producer, b.first, b.last}
	}
	if id >= 0 && !p.compacted {
		w := p.windows[id]
		if w == nil {
			w = &sequence{}
			p.windows[id] = w
		}
		w.add(b)
	}
}

// A sequence is the sequence numbers of the last five batches of a producer, by which
// those are known that it sends twice.
type sequence struct {
	PID       int64        `json:"pid"`
	Topic     string       `json:"topic"`
	Partition int32        `json:"partition"`
	Entries   [5]sentBatch `json:"entries"`
	Count     uint8        `json:"count"`
	At        uint8        `json:"at"`
	Epoch     int16        `json:"epoch"`
	Seen      bool         `json:"seen"`
	Next      int32        `json:"next_seq"`
}

type sentBatch struct {
	First  int32 `json:"first_seq"`
	Next   int32 `json:"next_seq"`
	Offset int64 `json:"offset"`
}

func (s *sequence) add(b batch) {
	if b.producer.epoch != s.Epoch {
		*s = sequence{Epoch: b.producer.epoch}
	}
	s.Seen = true
	s.Next = int32((int64(b.sequence) + b.last - b.first + 1) % math.MaxInt32)
	s.Entries[s.At] = sentBatch{b.sequence, s.Next, b.first}
	s.At = (s.At + 1) % 5
	s.Count = min(s.Count+1, 5)
}
