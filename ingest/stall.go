package ingest

import (
	"sync"
	"time"
)

const (
	// tickless is how long Kafka may acknowledge nothing before ticks are
	// left out.
	tickless = time.Second

	// settling is how long they stay left out after that: in which the other
	// ingesters have found the broker again, and what they held is written.
	settling = 3 * time.Second
)

// A stall notices that Kafka acknowledges nothing. Of such a time ticks are left
// out, and for a while after it: of several ingesters one finds the broker
// first, and with its ticks the packs that the others still hold would be late.
// The next tick stands for those that were left out.
type stall struct {
	now func() time.Time

	mu       sync.Mutex
	unacked  int
	progress time.Time // when Kafka acknowledged last, or had nothing to acknowledge
	on       bool
	over     time.Time // when the last one was; zero: there was none
}

// leavesOut reports whether a tick should not be sent now.
func (s *stall) leavesOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.on = s.on || s.unacked > 0 && now.Sub(s.progress) > tickless
	return s.on || !s.over.IsZero() && now.Sub(s.over) < settling
}

// watched is a record of which the stall knows when it is done.
func (s *stall) watched(r Record) Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unacked == 0 {
		s.progress = s.now()
	}
	s.unacked++
	r.done = s.done
	return r
}

func (s *stall) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unacked--
	s.progress = s.now()
	if s.on {
		s.on, s.over = false, s.progress
	}
}
