package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/oracle"
	"pulse/topics"
)

const (
	narrowedLookback = 3600    // seconds of the longest window that is worked out from the log
	narrowedBytes    = 4 << 30 // of the log that are read
)

// A narrowedQuery asks for the points of a stat at the seconds [from, to] if only lines
// counted that meet a condition too.
type narrowedQuery struct {
	stat, where string
	from, to    int64
}

// narrowed is what was worked out.
type narrowed struct {
	points  []stats.Snapshot
	expired bool // retention has taken some of the lines
	read    readSoFar
}

// Narrowed works points out from the raw log, and tells how much it has read. Whether a line
// was late is told by its own record's clock.
func (l *rawLines) Narrowed(ctx context.Context, q narrowedQuery, tell func(readSoFar)) (narrowed, error) {
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	if err := condition.CheckQuestion(q.where); err != nil {
		return narrowed{}, badQuestion{fmt.Errorf("where: %w", err)}
	}
	d, err := l.definitions.Narrowed(q.stat, q.where)
	if err != nil {
		return narrowed{}, badQuestion{fmt.Errorf("where: %w", err)}
	}
	lookback := int64(0)
	for _, s := range d.Stats {
		lookback = max(lookback, s.Lookback())
	}
	if lookback > narrowedLookback {
		return narrowed{}, badQuestion{fmt.Errorf("its window has %d s: those of up to %d s are worked out from the log", lookback, narrowedLookback)}
	}
	var found narrowed
	evaluator, err := oracle.New(d, func(p stats.Snapshot) {
		if p.Stat == q.stat && p.Time >= q.from && p.Time <= q.to {
			p.Value = bytes.Clone(p.Value)
			found.points = append(found.points, p)
		}
	})
	if err != nil {
		return narrowed{}, badQuestion{fmt.Errorf("where: %w", err)}
	}
	log, err := l.open(ctx)
	if err != nil {
		return narrowed{}, err
	}
	defer log.Close()
	first := max(0, q.from-lookback+1)
	var mu sync.Mutex // of all below: the evaluator is for one goroutine
	told := time.Time{}
	err = log.Each(ctx, first, q.to, func(_ int, s *topics.RawSection) error {
		mu.Lock()
		found.expired = found.expired || s.Expired
		mu.Unlock()
		for {
			packs, err := s.Next(ctx)
			if err != nil || packs == nil {
				return err
			}
			mu.Lock()
			for _, p := range packs {
				pack := packOf(p)
				evaluator.Pack(pack)
				found.read.Lines += int64(bytes.Count(pack.Lines, []byte{'\n'}) + 1)
				found.read.Bytes += int64(len(pack.Lines))
			}
			so := found.read
			news := time.Since(told) > tellEvery
			if news {
				told = time.Now()
			}
			mu.Unlock()
			if so.Bytes > narrowedBytes {
				return badQuestion{errors.New("that is too much log to read at once: ask for fewer seconds")}
			}
			if news {
				tell(so)
			}
		}
	})
	if err != nil {
		return narrowed{}, err
	}
	if !found.expired {
		evaluator.Begin(first)
	}
	evaluator.Start(q.from)
	evaluator.Close(q.to)
	return found, nil
}

// narrowed answers with the points of ?stat= from ?from= to ?to= as they were if only lines
// that meet ?where= counted; those of seconds that have no points are not there.
func (s *Server) narrowed(w http.ResponseWriter, r *http.Request, of *subject) {
	q := narrowedQuery{stat: r.URL.Query().Get("stat"), where: r.URL.Query().Get("where")}
	if _, err := of.definitions.Named(q.stat); err != nil {
		http.Error(w, fmt.Sprintf("%v; /api/stats lists them", err), http.StatusNotFound)
		return
	}
	var err error
	if q.from, q.to, _, err = span(r, of.last); err == nil {
		err = of.missing(of.first, q.to)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.from = max(q.from, of.begins)
	if q.where == "" {
		http.Error(w, "where: a condition is missing; without one /api/stats/NAME has the points", http.StatusBadRequest)
		return
	}
	stream := s.newStream(w, r)
	read, err := s.readers.follow(r.Context(), of.asked(fmt.Sprintf("narrowed %#v", q)), func(ctx context.Context, tell func(any)) (any, error) {
		found, err := of.raw.Narrowed(ctx, q, progressTo(tell))
		if err != nil {
			return nil, err
		}
		return parcelOf(struct {
			Stat    string           `json:"stat"`
			Where   string           `json:"where"`
			Points  []stats.Snapshot `json:"points"`
			Expired bool             `json:"expired"`
			Read    readSoFar        `json:"read"`
			Done    bool             `json:"done"`
		}{q.stat, q.where, append([]stats.Snapshot{}, found.points...), found.expired, found.read, true})
	}, stream.write)
	if stream.fail("lines", q.stat, err) {
		return
	}
	stream.end(read)
}
