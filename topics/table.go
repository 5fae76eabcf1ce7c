package topics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/timing"
)

// Bounds on the records of the merger's table.
const (
	MaxTableSnapshots = 256     // in one record
	TableSeconds      = 600     // snapshots that are so much older than others of a release are not in it: no page shows them
	MaxClockIngesters = 8       // named with clocks
	maxTableValue     = 1 << 20 // bytes
)

// clocksPrefix begins the keys that hold Clocks. No stat of a definitions file
// has such a name.
const clocksPrefix = "pulse.clocks."

// ClocksKey is the key of the clocks as a partition of the fragments topic knows
// them.
func ClocksKey(partition int32) string { return clocksPrefix + strconv.Itoa(int(partition)) }

// A TableEntry is what a key of the merger's table holds: the snapshots of a partition's
// stats that were released together, at a key that leads to the partition; or clocks, or a
// catalog, or a history. Mergers of before 2026-11-28 wrote a stat's newest snapshots at its
// name: whose a snapshot is, it says itself. All of them are in the topic of merged snapshots
// too: of two for the same second the higher revision holds, wherever it was read.
type TableEntry struct {
	Snapshots []stats.Snapshot
	Clocks    *Clocks
	Catalog   *Catalog
	History   *History
	Bad       error // why none is there
}

// Clocks says how far each source partition has come, so that a reader can tell
// whom a second waits for.
type Clocks struct {
	Version   string  `json:"definitions"`
	Partition int32   `json:"partition"` // of the fragments topic: who says it
	Closed    int64   `json:"closed"`    // the last second that has closed there, Unix time; -1: none
	Seconds   []int64 `json:"seconds"`   // the watermark of each source partition; -1: it has no clock yet

	// Ingesters are those whose ticks moved the watermarks, as far as this partition
	// knows them, the one that is ahead first: whom to look for where all partitions stand still.
	Ingesters []string `json:"ingesters,omitempty"`
	// Ahead are those whose clocks are so many seconds ahead of all others that they count
	// for nothing.
	Ahead map[string]int64 `json:"ahead,omitempty"`
}

// AppendTableSnapshots appends the value that holds snapshots: a JSON array.
func AppendTableSnapshots(b []byte, snapshots []stats.Snapshot) []byte {
	b = append(b, '[')
	for i, s := range snapshots {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.AppendJSON(b)
	}
	return append(b, ']')
}

// Append appends the value that holds clocks: a JSON object.
func (c Clocks) Append(b []byte) []byte {
	value, _ := json.Marshal(c) // numbers and a string cannot fail
	return append(b, value...)
}

// DecodeTableEntry reads a record of the merger's table. It never fails: an
// entry that cannot be read has Bad set.
func DecodeTableEntry(key string, value []byte) TableEntry {
	if len(value) > maxTableValue {
		return TableEntry{Bad: fmt.Errorf("table entry %.80q: %d bytes, more than %d", key, len(value), maxTableValue)}
	}
	if strings.HasPrefix(key, clocksPrefix) {
		var c Clocks
		if err := json.Unmarshal(value, &c); err != nil {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: %w", key, err)}
		}
		if len(c.Seconds) > MaxPartitions {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: clocks of %d partitions, more than %d", key, len(c.Seconds), MaxPartitions)}
		}
		if c.Partition < 0 || c.Partition >= MaxPartitions || !isSecond(c.Closed) || slices.ContainsFunc(c.Seconds, func(second int64) bool { return !isSecond(second) }) {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: a partition or second out of bounds", key)}
		}
		if len(c.Ingesters) > MaxClockIngesters || slices.ContainsFunc(c.Ingesters, func(id string) bool { return len(id) > MaxIngester }) {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: ingesters out of bounds", key)}
		}
		if len(c.Ahead) > MaxClockIngesters {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: ingesters out of bounds", key)}
		}
		for id, seconds := range c.Ahead {
			if len(id) > MaxIngester || seconds < 0 || seconds > timing.LastSecond {
				return TableEntry{Bad: fmt.Errorf("table entry %.80q: ingesters out of bounds", key)}
			}
		}
		return TableEntry{Clocks: &c}
	}
	if gen, ok := strings.CutPrefix(key, catalogPrefix); ok {
		c, err := decodeCatalog(gen, value)
		if err != nil {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: %w", key, err)}
		}
		return TableEntry{Catalog: c}
	}
	if version, ok := strings.CutPrefix(key, historyPrefix); ok {
		h, err := decodeHistory(version, value)
		if err != nil {
			return TableEntry{Bad: fmt.Errorf("table entry %.80q: %w", key, err)}
		}
		return TableEntry{History: h}
	}
	snapshots, err := stats.ParseSnapshots(value)
	if err != nil {
		return TableEntry{Bad: fmt.Errorf("table entry %.80q: %w", key, err)}
	}
	if len(snapshots) > MaxTableSnapshots {
		return TableEntry{Bad: fmt.Errorf("table entry %.80q: %d snapshots, more than %d", key, len(snapshots), MaxTableSnapshots)}
	}
	return TableEntry{Snapshots: snapshots}
}

// isSecond reports whether a second of clocks is one, after which there is another
// one, or -1.
func isSecond(second int64) bool { return second >= -1 && second < timing.LastSecond }

// Ahead reports whether a record's snapshot is so far ahead of the record that no
// clock can have closed its second: see timing.PointAhead.
func Ahead(r *kgo.Record, s stats.Snapshot) bool {
	return s.Time > r.Timestamp.Unix()+timing.PointAhead
}
