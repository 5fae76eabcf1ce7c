package topics

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/line"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/watermark"
)

// Keys of a raw record's headers. The values are text, so that they can be read
// with kcat.
const (
	headerIngester   = "ingester"
	headerClock      = "clock"      // Unix milliseconds
	headerDomain     = "domain"     // whose clock
	headerMap        = "map"        // from to milli, if recorded times are mapped
	headerSince      = "since"      // Unix seconds; there in ticks alone
	headerPartitions = "partitions" // in ticks
	headerLeaving    = "leaving"    // "true" in an ingester's last tick
	headerOrigins    = "origins"    // which of a pack's lines came from where; see Origins
	headerPartition  = "partition"  // in copies: the partition of the log
	headerGrown      = "grown"      // "from to" in the records of a growth, in partitions
	headerClocks     = "clocks"     // in these: the watermark, as base64
)

// Domains of a clock.
const (
	WallDomain      = "wall"       // the wall clock
	RecordingPrefix = "recording:" // and the recording's id
)

// Bounds on what comes from outside.
const (
	MaxPack       = 900 << 10             // bytes of lines in one raw record
	MaxIngester   = watermark.MaxIngester // bytes of an ingester's id
	MaxDomain     = 64                    // bytes of a domain
	MaxPartitions = 64                    // of a topic
	maxClock      = timing.LastSecond*1000 + 999
)

// A RawHeader says whose a raw record is, and at which time of its clock.
type RawHeader struct {
	Ingester string
	Clock    int64  // Unix milliseconds; of a tick a whole second
	Domain   string // WallDomain, or RecordingPrefix and an id
	Map      line.Mapping
	Origins  string   // of a pack's lines, as Origins has made them; empty if they have none
	Tick     *RawTick // nil: the record is a pack of lines
	Growth   *Growth  // nil, but in the records that a growth begins with, which have no lines

	runs []line.Run // what Origins says
}

// Runs are the origins of a pack's lines, in their order, of a header that was
// parsed; nil if no line has one.
func (h RawHeader) Runs() []line.Run { return h.runs }

// A RawTick is an ingester's word that all seconds below its clock are over.
type RawTick struct {
	Since      int64 // Unix second: since when it has covered every second
	Partitions int32 // how many the ingester sends ticks to
	Leaving    bool  // the ingester's last one
}

// Second is the whole second of the clock.
func (h RawHeader) Second() int64 { return h.Clock / 1000 }

// Recorded reports whether the record is of a recording, with original times or
// with mapped ones: its ingester's clock is made of the lines' times.
func (h RawHeader) Recorded() bool {
	return strings.HasPrefix(h.Domain, RecordingPrefix) || !h.Map.Identity()
}

// Pack is what a record with these lines is to those who fold them; watermark is that of its
// partition before it, -1 if there is none.
func (h RawHeader) Pack(lines []byte, watermark int64) program.Pack {
	second := h.Second()
	p := program.Pack{Lines: lines, Second: second, Floor: max(second, watermark), Map: h.Map, Runs: h.Runs(), Recorded: h.Recorded(), Clock: watermark}
	if !p.Recorded {
		p.Ingester = h.Ingester
	}
	return p
}

// Headers returns the header as a Kafka record carries it.
func (h RawHeader) Headers() []kgo.RecordHeader {
	headers := []kgo.RecordHeader{
		{Key: headerIngester, Value: []byte(h.Ingester)},
		{Key: headerClock, Value: strconv.AppendInt(nil, h.Clock, 10)},
		{Key: headerDomain, Value: []byte(h.Domain)},
	}
	if !h.Map.Identity() {
		headers = append(headers, kgo.RecordHeader{
			Key: headerMap, Value: fmt.Appendf(nil, "%d %d %d", h.Map.From, h.Map.To, h.Map.Milli)})
	}
	if h.Origins != "" {
		headers = append(headers, kgo.RecordHeader{Key: headerOrigins, Value: []byte(h.Origins)})
	}
	if g := h.Growth; g != nil {
		headers = append(headers,
			kgo.RecordHeader{Key: headerGrown, Value: fmt.Appendf(nil, "%d %d", g.From, g.To)},
			kgo.RecordHeader{Key: headerClocks, Value: base64.RawStdEncoding.AppendEncode(nil, g.Clock.AppendBinary(nil))})
	}
	if t := h.Tick; t != nil {
		headers = append(headers,
			kgo.RecordHeader{Key: headerSince, Value: strconv.AppendInt(nil, t.Since, 10)},
			kgo.RecordHeader{Key: headerPartitions, Value: strconv.AppendInt(nil, int64(t.Partitions), 10)})
		if t.Leaving {
			headers = append(headers, kgo.RecordHeader{Key: headerLeaving, Value: []byte("true")})
		}
	}
	return headers
}

// CopyHeaders returns the headers of a copy of a raw record of a partition.
func CopyHeaders(r *kgo.Record, partition int32) []kgo.RecordHeader {
	return append(slices.Clip(r.Headers), kgo.RecordHeader{Key: headerPartition, Value: strconv.AppendInt(nil, int64(partition), 10)})
}

// SourceOf is the partition of which a record is a copy; an error says that it is not a copy.
func SourceOf(r *kgo.Record) (int32, error) {
	n, err := parseHeader(Lookup(r.Headers)(headerPartition), headerPartition, MaxPartitions-1)
	return int32(n), err
}

// ValidIngester reports whether an ingester's id has only letters, digits, dots, dashes
// and underscores: it is shown to people, in logs and on terminals.
func ValidIngester(id string) bool {
	return !strings.ContainsFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	})
}

// ParseRawHeader reads the headers that Headers made; get returns the value of a
// key, nil if there is none. An error says that the record is not Pulse's.
func ParseRawHeader(get func(key string) []byte) (RawHeader, error) {
	h := RawHeader{Ingester: string(get(headerIngester)), Domain: string(get(headerDomain))}
	if h.Ingester == "" || len(h.Ingester) > MaxIngester {
		return RawHeader{}, fmt.Errorf("raw record: header %s has %d bytes, not 1 to %d", headerIngester, len(h.Ingester), MaxIngester)
	}
	if h.Domain != WallDomain && !strings.HasPrefix(h.Domain, RecordingPrefix) || len(h.Domain) > MaxDomain {
		return RawHeader{}, fmt.Errorf("raw record: header %s is %.80q, not %q or %q and an id", headerDomain, h.Domain, WallDomain, RecordingPrefix)
	}
	if !ValidIngester(h.Ingester) {
		return RawHeader{}, fmt.Errorf("raw record: header %s is %q, which has other characters than letters, digits, dots, dashes and underscores", headerIngester, h.Ingester)
	}
	var err error
	if h.Clock, err = parseHeader(get(headerClock), headerClock, maxClock); err != nil {
		return RawHeader{}, err
	}
	if text := get(headerMap); text != nil {
		if h.Map, err = parseMapping(string(text)); err != nil {
			return RawHeader{}, err
		}
	}
	h.Origins = string(get(headerOrigins))
	if h.runs, err = ParseOrigins(h.Origins); err != nil {
		return RawHeader{}, err
	}
	if text := get(headerGrown); text != nil {
		if h.Growth, err = parseGrowth(text, get(headerClocks)); err == nil && h.Growth.Clock.Second()*1000 != h.Clock {
			err = fmt.Errorf("raw record: a growth at %d has the clocks of %d", h.Clock, h.Growth.Clock.Second())
		}
		return h, err
	}
	since := get(headerSince)
	if since == nil {
		return h, nil
	}
	if h.Clock%1000 != 0 {
		return RawHeader{}, fmt.Errorf("raw record: a tick's clock is %d, not a whole second", h.Clock)
	}
	h.Tick = &RawTick{Leaving: string(get(headerLeaving)) == "true"}
	if h.Tick.Since, err = parseHeader(since, headerSince, maxClock/1000); err != nil {
		return RawHeader{}, err
	}
	partitions, err := parseHeader(get(headerPartitions), headerPartitions, MaxPartitions)
	if err != nil {
		return RawHeader{}, err
	}
	if partitions == 0 {
		return RawHeader{}, errors.New("raw record: a tick for no partitions")
	}
	h.Tick.Partitions = int32(partitions)
	return h, nil
}

// parseHeader reads a number from 0 to most.
func parseHeader(text []byte, key string, most int64) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("raw record: header %s is %.40q, not a number up to %d", key, text, most)
	}
	return n, nil
}

func parseMapping(text string) (line.Mapping, error) {
	wrong := fmt.Errorf("raw record: header %s is %.80q, not three numbers", headerMap, text)
	fields := strings.Split(text, " ")
	if len(fields) != 3 {
		return line.Mapping{}, wrong
	}
	from, err1 := strconv.ParseInt(fields[0], 10, 64)
	to, err2 := strconv.ParseInt(fields[1], 10, 64)
	milli, err3 := strconv.ParseUint(fields[2], 10, 32)
	if err1 != nil || err2 != nil || err3 != nil {
		return line.Mapping{}, wrong
	}
	return line.Mapping{From: from, To: to, Milli: uint32(milli)}, nil
}

// Lookup looks up a record's headers: it gives the value of a key, nil if there is
// none.
func Lookup(headers []kgo.RecordHeader) func(key string) []byte {
	return func(key string) []byte {
		for _, h := range headers {
			if h.Key == key {
				return h.Value
			}
		}
		return nil
	}
}

// A Growth is what all partitions of the log say, in one transaction, when it gets more of
// them: to those that are there it says that the others begin, and to these how. They begin
// at a savepoint of the others: at a second that no clock had reached, with the clocks of
// those that were writing.
type Growth struct {
	From, To int32                // how many partitions there were, and are
	Clock    *watermark.Watermark // with which the new ones begin
}

// At is the second from which on ingesters write to the new partitions too.
func (g *Growth) At() int64 { return g.Clock.Second() }

// Begins reports whether a partition is one of the new ones.
func (g *Growth) Begins(partition int32) bool { return partition >= g.From && partition < g.To }

func parseGrowth(text, clocks []byte) (*Growth, error) {
	from, to, _ := strings.Cut(string(text), " ")
	f, err := parseHeader([]byte(from), headerGrown, MaxPartitions)
	if err != nil {
		return nil, err
	}
	t, err := parseHeader([]byte(to), headerGrown, MaxPartitions)
	if err != nil {
		return nil, err
	}
	if f < 1 || t <= f {
		return nil, fmt.Errorf("raw record: a growth from %d to %d partitions", f, t)
	}
	binary, err := base64.RawStdEncoding.DecodeString(string(clocks))
	if err != nil {
		return nil, fmt.Errorf("raw record: header %s: %w", headerClocks, err)
	}
	clock, err := watermark.Decode(binary)
	if err != nil {
		return nil, fmt.Errorf("raw record: header %s: %w", headerClocks, err)
	}
	if clock.Second() < 0 {
		return nil, errors.New("raw record: a growth at no second")
	}
	return &Growth{int32(f), int32(t), clock}, nil
}
