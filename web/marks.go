package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/mark"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	// DefaultMark is the name of marks that people make and give none.
	DefaultMark = "mark"
	// maxMarkBody is how many bytes a request to set a mark has at most.
	maxMarkBody = 16 << 10
	// markedAhead is how far after now, in seconds, a mark may be.
	markedAhead = 24 * 3600
	// maxMarksTold bounds the bytes of the marks that a page is told each time that they change;
	// the others are counted.
	maxMarksTold = 1 << 20
)

// mark takes what a point of a stat of marks says; s.mu is held.
func (s *Store) mark(st *stats.Stat, p stats.Snapshot) {
	marks, more, err := st.Marks(p)
	if err != nil {
		return // what is published can be read
	}
	s.marked(s.marks.Add(marks...), s.marks.More(p.Time, st.Mark.Name, more))
}

// marked notes whether there is news of marks; s.mu is held.
func (s *Store) marked(changes ...bool) {
	for _, changed := range changes {
		if changed {
			s.marksVersion = s.version + 1
			s.tell()
		}
	}
}

// Mark takes a record of the topic of marks.
func (s *Store) Mark(m topics.MarkRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.More > 0 {
		s.marked(s.marks.More(m.Time, m.Name, m.More))
	} else {
		s.marked(s.marks.Add(m.Mark))
	}
}

// Marks gives the marks of [from, to], and how many more there are: see mark.Set.
func (s *Store) Marks(from, to int64) ([]mark.Mark, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.Between(from, to)
}

// marksFull reports whether no further mark is shown in the minute of a second.
func (s *Store) marksFull(second int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.Full(second)
}

// AppendMarks appends the member "marks" of a message, with a comma before it, if they
// changed after a version: those of a page's window that are seen (nil: all), and how many more
// there are.
func (s *Store) AppendMarks(b []byte, seen func(mark.Mark) bool, after uint64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marksVersion <= after {
		return b
	}
	b = append(b, `,"marks":`...)
	return append(b, mustJSON(newMarksAnswer(maxMarksTold, seen)(s.marks.Between(s.newest-s.size, s.newest+markedAhead)))...)
}

// marksAnswer is what pages and clients are told of marks.
type marksAnswer struct {
	Marks []mark.Mark `json:"marks"`
	More  uint64      `json:"more,omitempty"`
}

// newMarksAnswer makes one of marks, and of how many more there are: of the marks with the
// first that have about so many bytes. Who sees but some of them is not told of more.
func newMarksAnswer(most int, seen func(mark.Mark) bool) func(marks []mark.Mark, more uint64) marksAnswer {
	return func(marks []mark.Mark, more uint64) marksAnswer {
		if seen != nil {
			marks, more = slices.DeleteFunc(slices.Clone(marks), func(m mark.Mark) bool { return !seen(m) }), 0
		}
		for i, m := range marks {
			if most -= m.Size(); most < 0 {
				marks, more = marks[:i], more+uint64(len(marks)-i)
				break
			}
		}
		return marksAnswer{append([]mark.Mark{}, marks...), more}
	}
}

// marker keeps marks that people make.
type marker interface {
	PutMark(ctx context.Context, m mark.Mark) error
}

// marking is what a server needs for marks.
type marking struct {
	marker       marker
	marksRefused atomic.Uint64             // because their minute had enough
	followMarks  func(ctx context.Context) // gives the store those that are kept
}

// markTopic is the topic of marks.
type markTopic struct {
	cluster topics.Cluster
	names   topics.Names
}

// PutMark writes a mark, and returns when it is kept.
func (t *markTopic) PutMark(ctx context.Context, m mark.Mark) error {
	return t.cluster.PutMark(ctx, t.names, m)
}

// follow gives a store the marks that are kept, and those that come, until ctx is done.
func (t *markTopic) follow(ctx context.Context, store *Store, notices *throttle.Logger) {
	for ctx.Err() == nil {
		if err := t.read(ctx, store); ctx.Err() == nil {
			notices.Warn("cannot read the marks; retrying", "topic", t.names.Marks(), "error", err)
			retry.Wait(ctx, retryAfter)
		}
	}
}

func (t *markTopic) read(ctx context.Context, store *Store) error {
	client, err := kgo.NewClient(append(t.cluster.ClientOptions("pulse-web"), kgo.ConsumeTopics(t.names.Marks()), topics.WithoutSession, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for r := range fetches.RecordsAll() {
			if m, err := topics.MarkOf(r); err == nil {
				store.Mark(m)
			} else {
				store.Refuse()
			}
		}
	}
}

// listMarks answers with the marks of the seconds from ?from= to ?to=.
func (s *Server) listMarks(w http.ResponseWriter, r *http.Request) {
	to, err := second(r.URL.Query().Get("to"), max(s.store.Newest(), time.Now().Unix()))
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	from, err := second(r.URL.Query().Get("from"), max(0, to-Window+1))
	if err != nil {
		http.Error(w, "from: "+err.Error(), http.StatusBadRequest)
		return
	}
	if from > to || to-from > maxMinutes {
		http.Error(w, fmt.Sprintf("from must be before to, by %d s at most", maxMinutes), http.StatusBadRequest)
		return
	}
	s.sendAll(w, r, "application/json", func() (*parcel, error) {
		seen := whoIs(r.Context()).scope.marks(s.config.Definitions)
		return parcelOf(newMarksAnswer(maxAnswer/madeAtOnce, seen)(s.store.Marks(from, to)))
	})
}

// setMark sets the mark that a request's body says.
func (s *Server) setMark(w http.ResponseWriter, r *http.Request) {
	m, err := readMark(http.MaxBytesReader(w, r.Body, maxMarkBody), time.Now())
	if err == nil {
		err = topics.CheckMark(m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s.refuseChange(w, r, "marks") {
		s.marksRefused.Add(1)
		return
	}
	if s.store.marksFull(m.Time) {
		s.marksRefused.Add(1)
		s.store.Mark(topics.MarkRecord{Mark: m}) // it is counted where the others are
		http.Error(w, fmt.Sprintf("there are %d marks in this minute already: this one is counted, but not kept", mark.MaxMinute), http.StatusTooManyRequests)
		return
	}
	if err := s.marker.PutMark(r.Context(), m); err != nil {
		s.config.Logger.Warn("cannot write a mark", "error", err)
		http.Error(w, "cannot write the mark to Kafka; try again later", http.StatusBadGateway)
		return
	}
	s.store.Mark(topics.MarkRecord{Mark: m})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(m) //nolint:errcheck // the client is gone
}

// readMark reads a mark as a client writes it: a text, and perhaps a name, a link and a time.
func readMark(body io.Reader, now time.Time) (mark.Mark, error) {
	asked := struct {
		Text string    `json:"text"`
		Name string    `json:"name"`
		Link string    `json:"link"`
		Time time.Time `json:"time"`
	}{Name: DefaultMark, Time: now}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return mark.Mark{}, fmt.Errorf(`the body must be JSON such as {"text":"v142"}, perhaps with name, link and time: %w`, err)
	}
	if asked.Text == "" {
		return mark.Mark{}, errors.New("the mark has no text")
	}
	if asked.Time.After(now.Add(markedAhead * time.Second)) {
		return mark.Mark{}, errors.New("the mark's time is more than a day ahead")
	}
	return mark.Mark{Time: asked.Time.Unix(), Name: asked.Name, Text: asked.Text, Link: asked.Link}, nil
}
