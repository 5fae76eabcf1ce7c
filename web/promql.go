package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"pulse/stats"
	"pulse/topics"
	"pulse/web/prom"
)

// errStarting says that the history is not known yet.
var errStarting = errors.New("not ready: still reading the newest points from Kafka; try again in a moment")

// newPromQL makes what answers clients of Prometheus.
func (s *Server) newPromQL() *prom.API {
	return prom.New(prom.Config{
		Stats:   s.store.stats,
		History: promHistory{s},
		Budget: func(ctx context.Context, question string, read func(context.Context) (any, error)) (any, error) {
			if !s.Ready() {
				return nil, errStarting
			}
			return s.readers.read(ctx, question, read)
		},
		Hold: func(r *http.Request, size int) (taken func()) {
			return s.take(r, &parcel{size: int64(size)})
		},
		Refusal: func(err error) (int, string) {
			if errors.Is(err, errStarting) {
				return http.StatusServiceUnavailable, err.Error()
			}
			return s.refusal("the history", "of a query", err)
		},
	})
}

// promHistory is what is published, as queries read it.
type promHistory struct{ s *Server }

func (h promHistory) Points(ctx context.Context, stat string, from, to int64) ([]stats.Snapshot, error) {
	if from >= h.Kept(stat) {
		points, _ := h.s.store.Range(stat, from, to)
		return points, nil
	}
	return h.s.points(ctx, stat, from, to)
}

func (h promHistory) Minutes(ctx context.Context, stat string, from, to int64) ([]topics.Minute, error) {
	return h.s.minutes.Minutes(ctx, stat, from, to)
}

// Kept is never after the beginning of the page's window: what Kafka has of that was read.
func (h promHistory) Kept(stat string) int64 {
	newest := h.s.store.Newest()
	if newest == 0 {
		return 0 // nothing was published yet
	}
	_, oldest := h.s.store.Range(stat, 0, 0)
	return min(oldest, newest-Window+1)
}

func (h promHistory) Lines(ctx context.Context, stat string, from, to int64) ([]prom.Line, error) {
	if newest := h.s.store.Newest(); newest > 0 {
		to = min(to, newest) // the lines after it have no points yet
	}
	found, err := h.s.raw.Lines(ctx, lineQuery{stat: stat, from: from, to: to, limit: usualLines}, func(foundLines) {})
	if err != nil {
		return nil, err
	}
	var all []prom.Line
	for _, l := range slices.Backward(found.lines) { // the newest is first there
		all = append(all, prom.Line{Second: l.second, Text: l.text})
	}
	return all, nil
}
