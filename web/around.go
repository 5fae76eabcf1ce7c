package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"pulse/stats/line"
	"pulse/topics"
)

// aroundLines are shown of each side of a line.
const aroundLines = 20

// aroundSeconds are the seconds of each side of a line's record in which its neighbors are
// looked for, one after the other.
var aroundSeconds = []int64{1, 10, 60}

// A place is where a line is: in which pack, and at which byte of it it begins.
type place struct {
	partition int32
	offset    int64
	start     int
}

func (p place) String() string { return fmt.Sprintf("%d/%d/%d", p.partition, p.offset, p.start) }

// parsePlace reads what String gives.
func parsePlace(text string) (p place, err error) {
	if n, err := fmt.Sscanf(text, "%d/%d/%d", &p.partition, &p.offset, &p.start); n != 3 || err != nil || p.String() != text {
		return place{}, fmt.Errorf("at: %.60q is not the position of a line; /api/lines gives it as at", text)
	}
	return p, nil
}

// A neighbor is a line near another one, of the same source.
type neighbor struct {
	at   place
	text string
}

// A neighborhood is the lines around one, oldest first.
type neighborhood struct {
	ingester string
	from     line.Origin
	lines    []neighbor
	found    bool // the line is there
	read     readSoFar
}

// Around gives the lines of the same source, one ingester's file or input, before and after a
// line, as that ingester sent them.
func (l *rawLines) Around(ctx context.Context, at place) (neighborhood, error) {
	ctx, cancel := context.WithTimeout(ctx, linesWithin)
	defer cancel()
	log, err := l.open(ctx)
	if err != nil {
		return neighborhood{}, err
	}
	defer log.Close()
	pack, ok, err := log.At(ctx, at.partition, at.offset)
	if err != nil || !ok {
		return neighborhood{}, err
	}
	all := neighborhood{ingester: pack.Ingester}
	pack.Each(func(start int, from line.Origin, _ []byte) bool {
		if start == at.start {
			all.found, all.from = true, from
		}
		return !all.found
	})
	if !all.found {
		return all, nil
	}
	for _, seconds := range aroundSeconds {
		packs, read, whole, err := sameIngester(ctx, log, pack, seconds)
		if err != nil {
			return neighborhood{}, err
		}
		all.read = read
		var before, after int
		all.lines, before, after = around(packs, at, all.from)
		if before >= aroundLines && after >= aroundLines || !whole {
			break
		}
	}
	return all, nil
}

// sameIngester gives the packs of a pack's ingester that are at most so many seconds from
// it, by partition of the log, and whether that are all of them.
func sameIngester(ctx context.Context, log *openLog, pack topics.RawPack, seconds int64) (parts [][]topics.RawPack, read readSoFar, whole bool, err error) {
	parts = make([][]topics.RawPack, topics.MaxPartitions)
	whole = true
	var mu sync.Mutex
	second := pack.Second()
	err = log.Each(ctx, max(0, second-seconds), second+seconds, func(_ int, s *topics.RawSection) error {
		left := maxScan / len(log.Partitions)
		for {
			packs, err := s.Next(ctx)
			if err != nil || packs == nil {
				return err
			}
			for _, p := range packs {
				if p.Ingester != pack.Ingester || p.Domain != pack.Domain || p.Second() < second-seconds || p.Second() > second+seconds {
					continue
				}
				mu.Lock()
				read.Bytes += int64(len(p.Record.Value))
				if left -= len(p.Record.Value); left < 0 {
					whole = false
				} else {
					parts[p.Source()] = append(parts[p.Source()], p)
				}
				mu.Unlock()
				if left < 0 {
					return nil
				}
			}
		}
	})
	return parts, read, whole, err
}

// around gives the lines of an origin around a place, and how many there are before and
// after it. An ingester gives its packs to the partitions by turns, so that of packs of one
// moment the one of the next partition follows.
func around(parts [][]topics.RawPack, at place, from line.Origin) (lines []neighbor, before, after int) {
	here := -1
	for turn := 0; ; {
		next := -1
		for i := range parts {
			p := (turn + i) % len(parts)
			if len(parts[p]) > 0 && (next < 0 || parts[p][0].Clock < parts[next][0].Clock) {
				next = p
			}
		}
		if next < 0 {
			break
		}
		pack := parts[next][0]
		parts[next], turn = parts[next][1:], next+1
		pack.Each(func(start int, of line.Origin, text []byte) bool {
			if of != from {
				return true
			}
			p := place{pack.Record.Partition, pack.Record.Offset, start}
			if p == at {
				here = len(lines)
			}
			lines = append(lines, neighbor{p, textOf(text)})
			if here < 0 && len(lines) > 2*aroundLines {
				lines = slices.Delete(lines, 0, aroundLines) // too far before it
			}
			return here < 0 || len(lines) <= here+aroundLines
		})
		if here >= 0 && len(lines) > here+aroundLines {
			break
		}
	}
	if here < 0 {
		return nil, 0, 0
	}
	first := max(0, here-aroundLines)
	return lines[first:], here - first, len(lines) - 1 - here
}

// around answers with the lines before and after the one ?at= a place.
func (s *Server) around(w http.ResponseWriter, r *http.Request, of *subject) {
	at, err := parsePlace(r.URL.Query().Get("at"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stream := s.newStream(w, r)
	read, err := s.readers.read(r.Context(), of.asked("around "+at.String()), func(ctx context.Context) (any, error) {
		found, err := of.raw.Around(ctx, at)
		if err != nil {
			return nil, err
		}
		if !found.found {
			return nil, notThere{fmt.Errorf("there is no line at %s: it may have expired", at)}
		}
		return found.answer(at)
	})
	if stream.fail("lines", "", err) {
		return
	}
	stream.end(read)
}

// answer is a neighborhood as the API has it.
func (n neighborhood) answer(at place) (*parcel, error) {
	type line struct {
		At   string `json:"at"`
		Text string `json:"text"`
	}
	answer := struct {
		At       string            `json:"at"`
		Ingester string            `json:"ingester"`
		Origin   map[string]string `json:"origin"`
		Lines    []line            `json:"lines"`
		Done     bool              `json:"done"`
	}{at.String(), n.ingester, maps.Collect(n.from.Fields()), []line{}, true}
	for _, l := range n.lines {
		answer.Lines = append(answer.Lines, line{l.at.String(), l.text})
	}
	return parcelOf(answer)
}
