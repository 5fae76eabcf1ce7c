package topics

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// History is the topic of final snapshots of seconds before the first one that a definitions
// version published, worked out of the log: see package history.
func (n Names) History() string { return n.Prefix + "stats.history" }

// HistoryGroup is the group whose member works them out.
func (n Names) HistoryGroup() string { return n.Prefix + "history." + n.Version }

// MaxChunks bounds the chunks of a History.
const MaxChunks = 1024

// A History says which seconds before a definitions version's first are worked out, and
// where they are: [From, To) of [Goal, To). It has those stats that no other version had
// published there with the same meaning.
type History struct {
	Version string  `json:"definitions"`
	From    int64   `json:"from"`   // Unix time
	To      int64   `json:"to"`     // the first second that the version published itself
	Goal    int64   `json:"goal"`   // where it is to begin: as far back as is wanted, and as there is log
	Chunks  []Chunk `json:"chunks"` // the newest first; each ends where the one before it begins
}

// A Chunk is where the snapshots of some seconds are.
type Chunk struct {
	From    int64              `json:"from"`    // its first second
	Records map[int32][2]int64 `json:"records"` // by partition of the topic: the first offset, and the one after the last
}

// Done reports whether there is nothing left to be worked out.
func (h *History) Done() bool { return h.From <= h.Goal }

// Has reports whether a second is worked out.
func (h *History) Has(second int64) bool { return h.From <= second && second < h.To }

// Spans are where the snapshots of the seconds [from, to] are in a partition, the oldest
// seconds first.
func (h *History) Spans(partition int32, from, to int64) (spans []Span) {
	end := h.To
	for _, c := range h.Chunks {
		if records, ok := c.Records[partition]; ok && c.From <= to && from < end {
			spans = append(spans, Span{records[0], records[1]})
		}
		end = c.From
	}
	slices.Reverse(spans)
	return spans
}

// historyPrefix begins the keys that hold a History. No stat of a definitions file has such
// a name.
const historyPrefix = "pulse.history."

// HistoryKey is the key of a definitions version's History in the merger's table.
func HistoryKey(version string) string { return historyPrefix + version }

// Append appends the value that holds a history: a JSON object.
func (h History) Append(b []byte) []byte {
	value, _ := json.Marshal(h) // numbers and a string cannot fail
	return append(b, value...)
}

func decodeHistory(version string, value []byte) (*History, error) {
	var h History
	if err := json.Unmarshal(value, &h); err != nil {
		return nil, err
	}
	if h.Version != version || h.Version == "" || h.Goal < 0 || h.From < h.Goal || h.To < h.From || !isSecond(h.To) || len(h.Chunks) > MaxChunks {
		return nil, fmt.Errorf("a history of %.20q from second %d to %d is not of this definitions version, or out of bounds", h.Version, h.From, h.To)
	}
	end := h.To
	for _, c := range h.Chunks {
		if c.From < h.From || c.From >= end || len(c.Records) > MaxPartitions {
			return nil, errors.New("the chunks of a history do not follow each other")
		}
		for partition, records := range c.Records {
			if partition < 0 || records[0] < 0 || records[1] < records[0] {
				return nil, errors.New("a chunk of a history is nowhere")
			}
		}
		end = c.From
	}
	return &h, nil
}

// Catalogs are those of definitions versions, the one that began last first.
type Catalogs []Catalog

// Put takes a version's catalog in.
func (c *Catalogs) Put(one Catalog) {
	*c = slices.DeleteFunc(*c, func(o Catalog) bool { return o.Version == one.Version })
	*c = append(*c, one)
	slices.SortFunc(*c, func(a, b Catalog) int {
		return cmp.Or(cmp.Compare(b.First, a.First), cmp.Compare(a.Version, b.Version))
	})
}

// Before is the catalog of the version that published a second before the first one of
// another version; nil: none did.
func (c Catalogs) Before(first, second int64) *Catalog {
	i := slices.IndexFunc(c, func(c Catalog) bool { return c.First <= second && c.First < first })
	if i < 0 {
		return nil
	}
	return &c[i]
}

// Find is the catalog of a version; nil: it is not known.
func (c Catalogs) Find(version string) *Catalog {
	i := slices.IndexFunc(c, func(c Catalog) bool { return c.Version == version })
	if i < 0 {
		return nil
	}
	return &c[i]
}

// Catalogs reads those of all definitions versions, and the history of the one of n; nil:
// there is none.
func (a *Admin) Catalogs(ctx context.Context, n Names) (catalogs Catalogs, history *History, err error) {
	all, err := a.Readable(ctx, n.Table())
	if err != nil {
		return nil, nil, err
	}
	err = a.Read(ctx, n.Table(), all, func(r *kgo.Record) bool {
		switch key := string(r.Key); {
		case strings.HasPrefix(key, catalogPrefix):
			if c := DecodeTableEntry(key, r.Value).Catalog; c != nil {
				catalogs.Put(*c)
			}
		case key == HistoryKey(n.Version):
			if h := DecodeTableEntry(key, r.Value).History; h != nil {
				history = h
			}
		}
		return true
	})
	return catalogs, history, err
}
