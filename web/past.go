package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"pulse/stats"
	"pulse/stats/window"
	"pulse/topics"
)

// Bounds of one request for history.
const (
	maxRange   = 3600           // seconds that are read one by one
	maxMinutes = 31 * 24 * 3600 // seconds that are read by the minute
	maxColumns = 5000           // intervals of one answer
)

// past answers with a stat's points of the seconds from ?from= to ?to=, both
// included; without them, with those of the page's window. With ?step= it
// answers with intervals of so many seconds.
func (s *Server) past(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	i, ok := s.store.index[name]
	if !ok {
		http.Error(w, fmt.Sprintf("there is no stat %.80q; /api/stats lists them", name), http.StatusNotFound)
		return
	}
	from, to, step, err := span(r, s.store.Newest())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	read, err := s.readers.read(r.Context(), fmt.Sprintf("points %s %d %d %d", name, from, to, step), func(ctx context.Context) (any, error) {
		answer := struct {
			Stat    string           `json:"stat"`
			Version string           `json:"version"`
			Step    int64            `json:"step,omitempty"`
			Points  []stats.Snapshot `json:"points,omitzero"`
			Extents []extent         `json:"extents,omitzero"`
			Filling *filling         `json:"filling,omitempty"`
		}{Stat: name, Version: s.store.gen, Step: step}
		if h, ok := s.store.filling(name); ok {
			answer.Filling = &filling{formatSecond(h.From), formatSecond(h.Goal)}
		}
		var err error
		if step == 0 {
			answer.Points, err = s.points(ctx, name, from, to)
		} else {
			answer.Extents, err = s.extents(ctx, i, from, to, step)
		}
		if err != nil {
			return nil, err
		}
		return parcelOf(answer)
	})
	if s.refuseRead(w, "the history", name, err) {
		return
	}
	jsonHeader(w)
	s.send(w, r, read.(*parcel))
}

// A filling is how far a stat's past has been worked out of the log by now, which goes on:
// from when on it is there, and from when on it is to be.
type filling struct {
	From string `json:"from"`
	Goal string `json:"goal"`
}

// span reads what seconds a request asks for, of which the newest is the last; step is 0 if
// it asks for each.
func span(r *http.Request, newest int64) (from, to, step int64, err error) {
	if to, err = second(r.URL.Query().Get("to"), newest); err != nil {
		return 0, 0, 0, fmt.Errorf("to: %w", err)
	}
	if from, err = second(r.URL.Query().Get("from"), max(0, to-Window+1)); err != nil {
		return 0, 0, 0, fmt.Errorf("from: %w", err)
	}
	if text := r.URL.Query().Get("step"); text != "" {
		if step, err = strconv.ParseInt(text, 10, 64); err != nil || step < 1 || step > maxMinutes {
			return 0, 0, 0, fmt.Errorf("step: %.40q is not a number of seconds from 1 to %d", text, maxMinutes)
		}
	}
	seconds := to - from + 1
	byMinute := step > 0 && step%minuteSeconds == 0
	switch {
	case seconds < 1:
		err = errors.New("from must not be after to")
	case !byMinute && seconds > maxRange:
		err = fmt.Errorf("for more than %d s, step must be a multiple of %d", maxRange, minuteSeconds)
	case seconds > maxMinutes:
		err = fmt.Errorf("from must not be more than %d s before to", maxMinutes)
	case byMinute && seconds/step > maxColumns:
		err = fmt.Errorf("there are more than %d steps: give a larger step", maxColumns)
	}
	return from, to, step, err
}

// points gives a stat's points of [from, to], oldest first: those that the store
// has, and before them what Kafka has.
func (s *Server) points(ctx context.Context, name string, from, to int64) ([]stats.Snapshot, error) {
	points, oldest := s.store.Range(name, from, to)
	if from < oldest && from <= to {
		older, err := s.history.Points(ctx, name, from, min(to, oldest-1))
		if err != nil {
			return nil, err
		}
		points = append(older, points...)
	}
	return append([]stats.Snapshot{}, points...), nil
}

// intervals gives what is known of a stat in [from, to], by step seconds. Steps
// of whole minutes are made of minutes, from the one that from is in, and of the
// points that came since the last one was rolled up.
func (s *Server) extents(ctx context.Context, stat int, from, to, step int64) ([]extent, error) {
	st := s.store.stats[stat]
	var all []extent
	var minutes []topics.Minute
	if step%minuteSeconds == 0 {
		from -= from % minuteSeconds
		var err error
		if minutes, err = s.minutes.Minutes(ctx, st.Name, from, to); err != nil {
			return nil, err
		}
		for _, m := range minutes {
			if m.Seconds+m.Clockless > 0 { // else only its numbers are known so far
				all = append(all, ofMinute(m))
				from = m.Time + minuteSeconds
			}
		}
		// Before that nothing was rolled up, as there was nothing, or not yet.
		from = max(from, to-maxRange+1)
	}
	points, err := s.points(ctx, st.Name, from, to)
	if err != nil {
		return nil, err
	}
	for _, p := range points {
		if one := ofPoint(p, st.Top > 0, from, to); p.StaleSince == 0 {
			all = append(all, one)
		} else {
			splitClockless(one, step, func(part extent) { all = append(all, part) })
		}
	}
	all = thin(all, step)
	if kind := s.program.Kind(stat); window.Digests(kind) {
		if err := addDigests(all, minutes, step, kind); err != nil {
			s.config.Logger.Warn("cannot read a minute's digest", "stat", st.Name, "error", err)
		}
	}
	return all, nil
}
