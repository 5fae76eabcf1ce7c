package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

// maxPlay is how many seconds after the one that is asked for an answer has at most.
const maxPlay = 120

// published reads what was published of all stats from one instant up to before another,
// in Unix seconds, and gives each snapshot with the second in which it was. Where nothing
// was it gives what was last before.
type published interface {
	Published(ctx context.Context, from, to int64, take func(p stats.Snapshot, at time.Time) bool) error
}

// Published implements published.
func (m *merged) Published(ctx context.Context, from, to int64, take func(p stats.Snapshot, at time.Time) bool) error {
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	admin, err := m.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	until := time.Time{}
	if to < time.Now().Unix() {
		until = time.Unix(to, 0)
	}
	where, err := admin.Written(ctx, m.topic, time.Unix(max(from, 0), 0), until)
	if err != nil {
		return err
	}
	empty := true
	for _, s := range where {
		empty = empty && s.From >= s.To
	}
	if empty {
		whole, err := admin.Readable(ctx, m.topic)
		if err != nil {
			return err
		}
		for p, n := range m.perPartition(int32(len(where))) {
			where[p] = topics.Span{From: max(whole[p].From, where[p].To-n), To: where[p].To}
		}
	}
	return admin.Read(ctx, m.topic, where, func(r *kgo.Record) bool {
		p, err := stats.ParseSnapshot(r.Value)
		return err != nil || take(p, r.Timestamp)
	})
}

// perPartition is how many records each partition has of a store's window, at most times.
func (m *merged) perPartition(partitions int32) map[int32]int64 {
	n := map[int32]int64{}
	for _, s := range m.store.stats {
		n[topics.Partition(s.Name, partitions)] += ringSize * recordsPerPoint
	}
	return n
}

// empty gives a store that knows the same definitions versions, and no point.
func (s *Store) empty() *Store {
	e := NewStore(s.definitions)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.shown, e.begun, e.catalogs = s.shown, s.begun, slices.Clone(s.catalogs)
	return e
}

// A wallQuestion is what a page is to be told of a second that is over.
type wallQuestion struct {
	at   int64
	play int64 // seconds after it
	bare bool  // without what was there at the second
}

// wall answers a question with the messages that a socket would have sent, a line each: of
// the second what was known then, and then, for each second, what came.
func (s *Server) wall(ctx context.Context, q wallQuestion) (*parcel, error) {
	store, size := s.store.empty(), 0
	later := map[int64][]stats.Snapshot{}
	from := q.at - ringSize
	if q.bare {
		from = q.at
	}
	if err := s.published.Published(ctx, from, q.at+q.play, func(p stats.Snapshot, at time.Time) bool {
		if !at.After(time.Unix(q.at, 0)) {
			if !q.bare {
				store.Upsert(p, at)
			}
			return true
		}
		second := at.Add(time.Second - 1).Unix() // by which it was there
		later[second] = append(later[second], p)
		size += len(p.Value)
		return size <= maxAnswer
	}); err != nil {
		return nil, err
	}
	if size > maxAnswer {
		return nil, errTooLarge
	}
	now := time.Unix(q.at, 0)
	told := &Hub{store: store, now: func() time.Time { return now }}
	all := s.hub.order(nil)
	var b []byte
	if !q.bare {
		pieces := store.History(nil, all, maxAnswer)
		for i, piece := range pieces {
			b = append(told.appendHead(b, "history"), piece...)
			if i == len(pieces)-1 {
				b = append(b, `,"last":true`...)
			}
			b = append(b, "}\n"...)
		}
	}
	version := store.Cut()
	for second := q.at + 1; second <= q.at+q.play; second++ {
		now = time.Unix(second, 0)
		for _, p := range later[second] {
			store.Upsert(p, now)
		}
		after := version
		version = store.Cut()
		for _, piece := range store.Changes(nil, after, version, maxAnswer, onePoint) {
			b = append(append(told.appendHead(b, "points"), piece...), "}\n"...)
		}
		if len(b) > maxAnswer {
			return nil, errTooLarge
		}
	}
	return &parcel{data: b, size: int64(cap(b))}, nil
}

// then answers with the wall as it was at the second ?at=, and, with ?play=, with what came
// in so many seconds after it.
func (s *Server) then(w http.ResponseWriter, r *http.Request) {
	q := wallQuestion{bare: r.URL.Query().Get("bare") == "true"}
	var err error
	if q.at, err = second(r.URL.Query().Get("at"), -1); err == nil && q.at < 0 {
		err = fmt.Errorf("say when: Unix seconds, or a time such as 2026-11-22T10:31:05Z")
	}
	if err != nil {
		http.Error(w, "at: "+err.Error(), http.StatusBadRequest)
		return
	}
	if text := r.URL.Query().Get("play"); text != "" {
		if q.play, err = strconv.ParseInt(text, 10, 64); err != nil || q.play < 0 || q.play > maxPlay {
			http.Error(w, fmt.Sprintf("play: %.40q is not a number of seconds from 0 to %d", text, maxPlay), http.StatusBadRequest)
			return
		}
	}
	if now := time.Now().Unix(); q.at+q.play > now {
		if q.play = now - q.at; q.play < 0 {
			http.Error(w, "at: this second is still to come", http.StatusBadRequest)
			return
		}
	}
	read, err := s.readers.read(r.Context(), fmt.Sprint("wall ", q), func(ctx context.Context) (any, error) {
		return s.wall(ctx, q)
	})
	if s.refuseRead(w, "the wall of then", "", err) {
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	w.Header().Set("Cache-Control", "no-store")
	s.send(w, r, read.(*parcel))
}
