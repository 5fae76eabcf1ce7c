package topics

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/alert"
)

// Silences are those of the topic, as its records come. It is for any number of
// goroutines.
type Silences struct {
	mu   sync.Mutex
	byID map[string]Silence
}

// Put takes a record of the topic. One that is not a silence, or for which there is no
// room, is passed over; those that were over when it was written make room.
func (s *Silences) Put(r *kgo.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := SilenceOf(r)
	if err != nil {
		delete(s.byID, string(r.Key))
		return
	}
	if s.byID == nil {
		s.byID = map[string]Silence{}
	}
	if len(s.byID) >= MaxSilences {
		maps.DeleteFunc(s.byID, func(_ string, old Silence) bool { return !old.Until.After(r.Timestamp) })
	}
	if _, known := s.byID[one.ID]; known || len(s.byID) < MaxSilences {
		s.byID[one.ID] = one
	}
}

// SilenceOf reads a record of the topic of silences.
func SilenceOf(r *kgo.Record) (Silence, error) {
	one, err := ParseSilence(r.Value)
	if err == nil && one.ID != string(r.Key) {
		err = errors.New("a silence whose key is not its id")
	}
	return one, err
}

// Of is the silence of a subject at a time that ends last.
func (s *Silences) Of(subject alert.Subject, at time.Time) (longest Silence, silenced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byID {
		if one.Holds(subject, at) && (!silenced || one.Until.After(longest.Until)) {
			longest, silenced = one, true
		}
	}
	return longest, silenced
}

// Current are those that are not over at a time, the one that ends first first.
func (s *Silences) Current(at time.Time) []Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Silence, 0, len(s.byID))
	for _, one := range s.byID {
		if one.Until.After(at) {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b Silence) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.ID, b.ID)) })
	return all
}

// NewSilenceID makes an id.
func NewSilenceID() string { return rand.Text()[:10] }

// PutSilence writes a silence, and returns when it is kept; nil ends the one with the id.
func (c Cluster) PutSilence(ctx context.Context, n Names, id string, s *Silence) error {
	client, err := kgo.NewClient(c.ClientOptions("pulse-silence")...)
	if err != nil {
		return err
	}
	defer client.Close()
	record := &kgo.Record{Topic: n.Silences(), Key: []byte(id)}
	if s != nil {
		if record.Value, err = json.Marshal(s); err != nil {
			return err
		}
	}
	return client.ProduceSync(ctx, record).FirstErr()
}
