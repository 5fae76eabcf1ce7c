package web

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// What people set with a request, such as marks and silences: of each address, or of each
// proxy, so many at once, and then one in a while. A team's deploys are far below it.
const (
	changesAtOnce = 120
	changeEvery   = time.Second
)

// changing bounds how often people set something.
type changing struct {
	mu   sync.Mutex
	made buckets
}

func newChanging() *changing {
	return &changing{made: buckets{atOnce: changesAtOnce, every: changeEvery}}
}

// refuseChange answers a request that wants to set one of what, if its client sets too many,
// and reports whether it has.
func (s *Server) refuseChange(w http.ResponseWriter, r *http.Request, what string) bool {
	c, now := visitor(r), time.Now()
	from := c.from
	if c.by.IsValid() {
		from = c.by // what it tells may be made up
	}
	s.changing.mu.Lock()
	defer s.changing.mu.Unlock()
	wait := s.changing.made.wait(from, now)
	if wait == 0 {
		s.changing.made.take(from, now)
		return false
	}
	s.refusals.Warn(what+" were refused: too many came from one address", "from", c)
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	http.Error(w, "too many "+what+" came from this address; try again in a moment", http.StatusTooManyRequests)
	return true
}
