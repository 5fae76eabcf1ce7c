package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
)

const (
	readersAtOnce = 4  // answers that are read from Kafka at a time
	maxQueue      = 64 // more that wait for their turn
	// Explanations hold much, and take all processors.
	explainersAtOnce = 1
	maxExplainQueue  = 16
)

// errCrowded says that more questions wait than are kept.
var errCrowded = errors.New("too many requests for history are waiting; try again in a moment")

// readers is the budget of requests that read Kafka. Each has its turn, equal
// questions share an answer, and what nobody waits for any longer is stopped. A turn goes
// to the address that has fewest, and where the queue is full who has most in it gives way, so
// that nobody can keep others from asking.
type readers struct {
	most int // that read or wait

	mu      sync.Mutex
	turns   int // that are free
	asked   map[string]*question
	waiting []*question // for their turns, in the order in which they were asked
	askers  map[client]*asker
	queued  int // that read or wait
}

type askerKey struct{}

// withAsker puts whom a request is from into its context.
func withAsker(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askerKey{}, visitor(r))))
	})
}

// An asker is an address, with how many of its questions are read and wait.
type asker struct{ reading, waiting int }

// A question is one that is being answered, for all who ask it.
type question struct {
	of       string
	from     *asker        // who asked it first
	address  client        // from's
	answered chan struct{} // closed when answer and err are there
	answer   any
	err      error
	askers   int
	state    questionState
	turn     chan struct{} // closed when it does not wait any longer
	cancel   context.CancelFunc

	partial any           // what is known of the answer so far; nil: nothing
	told    chan struct{} // closed when there is another partial
}

type questionState uint8

const (
	questionWaits questionState = iota
	questionReads
	questionGivesWay // it has left the queue for another one
)

func newReaders(atOnce, queue int) *readers {
	return &readers{turns: atOnce, most: atOnce + queue, asked: map[string]*question{}, askers: map[client]*asker{}}
}

// read returns what do returns for a question, which may be another request's answer:
// nobody may change it. It fails with errCrowded if the queue is full.
func (r *readers) read(ctx context.Context, of string, do func(context.Context) (any, error)) (any, error) {
	return r.follow(ctx, of, func(ctx context.Context, _ func(any)) (any, error) { return do(ctx) }, func(any) {})
}

// follow is read of an answer that takes its time: do tells what it knows so far, and
// heard is called with the newest of that, nil before there is any: at once, and again
// when it changes.
func (r *readers) follow(ctx context.Context, of string, do func(ctx context.Context, tell func(any)) (any, error), heard func(any)) (any, error) {
	from, _ := ctx.Value(askerKey{}).(client)
	r.mu.Lock()
	q := r.asked[of]
	if q == nil {
		if r.queued >= r.most && !r.giveWay(from) {
			r.mu.Unlock()
			return nil, errCrowded
		}
		q = r.enter(from, of)
		var reading context.Context
		reading, q.cancel = context.WithCancel(context.WithoutCancel(ctx))
		go r.answer(reading, q, do)
	}
	q.askers++
	partial, told := q.partial, q.told
	r.mu.Unlock()

	for {
		heard(partial)
		select {
		case <-q.answered:
			return q.answer, q.err
		case <-told:
			r.mu.Lock()
			partial, told = q.partial, q.told
			r.mu.Unlock()
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			if q.askers--; q.askers == 0 {
				q.cancel()
				r.forget(q) // who asks now does not get what is being stopped
			}
			return nil, ctx.Err()
		}
	}
}

// tell gives those who ask a question what is known of its answer.
func (r *readers) tell(q *question, partial any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.partial = partial
	close(q.told)
	q.told = make(chan struct{})
}

// answer waits for its turn, and answers a question.
func (r *readers) answer(ctx context.Context, q *question, do func(context.Context, func(any)) (any, error)) {
	defer q.cancel()
	select {
	case <-q.turn:
	case <-ctx.Done():
	}
	r.mu.Lock()
	if q.state == questionWaits {
		r.dequeue(q)
	}
	reads := q.state == questionReads
	r.mu.Unlock()
	switch {
	case reads:
		q.answer, q.err = do(ctx, func(partial any) { r.tell(q, partial) })
	case q.state == questionGivesWay:
		q.err = errCrowded
	default:
		q.err = ctx.Err()
	}
	if reads {
		r.mu.Lock()
		r.turns++
		q.from.reading--
		r.leave(q)
		r.mu.Unlock()
	}
	close(q.answered)
}

// enter puts a question into the queue; r.mu is held, as it is in all that follow.
func (r *readers) enter(from client, of string) *question {
	q := &question{of: of, address: from, from: r.askers[from], answered: make(chan struct{}), turn: make(chan struct{}), told: make(chan struct{})}
	if q.from == nil {
		q.from = &asker{}
		r.askers[from] = q.from
	}
	q.from.waiting++
	r.queued++
	r.asked[of] = q
	r.waiting = append(r.waiting, q)
	r.next()
	return q
}

// next gives turns, each to the first question of an address that has fewest.
func (r *readers) next() {
	for r.turns > 0 && len(r.waiting) > 0 {
		q := slices.MinFunc(r.waiting, func(a, b *question) int { return cmp.Compare(a.from.reading, b.from.reading) })
		r.waiting = slices.DeleteFunc(r.waiting, func(w *question) bool { return w == q })
		r.turns--
		q.from.waiting--
		q.from.reading++
		q.state = questionReads
		close(q.turn)
	}
}

// giveWay takes the newest question of the address with most that wait out of the queue,
// unless from has nearly as many, and reports whether there is room now.
func (r *readers) giveWay(from client) bool {
	var mine asker
	if known := r.askers[from]; known != nil {
		mine = *known
	}
	if len(r.waiting) == 0 {
		return false
	}
	most := slices.MaxFunc(r.waiting, func(a, b *question) int { return cmp.Compare(a.from.waiting, b.from.waiting) }).from
	if most.waiting <= mine.waiting+1 {
		return false
	}
	for _, q := range slices.Backward(r.waiting) {
		if q.from == most {
			r.dequeue(q)
			q.state = questionGivesWay
			close(q.turn)
			return true
		}
	}
	return false
}

// dequeue takes a question out that waits.
func (r *readers) dequeue(q *question) {
	r.waiting = slices.DeleteFunc(r.waiting, func(w *question) bool { return w == q })
	q.from.waiting--
	r.leave(q)
}

// leave forgets a question that neither waits nor reads any longer.
func (r *readers) leave(q *question) {
	r.forget(q)
	r.queued--
	if *q.from == (asker{}) {
		delete(r.askers, q.address)
	}
	r.next()
}

func (r *readers) forget(q *question) {
	if r.asked[q.of] == q {
		delete(r.asked, q.of)
	}
}

// refuseRead answers a request if the history or lines of a stat could not be read, and
// reports whether it has.
func (s *Server) refuseRead(w http.ResponseWriter, what, stat string, err error) bool {
	if err == nil {
		return false
	}
	if status, text := s.refusal(what, stat, err); status != 0 {
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "2")
		}
		http.Error(w, text, status)
	}
	return true
}

// refusal is what is answered instead of what could not be read; 0: nobody is there.
func (s *Server) refusal(what, stat string, err error) (status int, text string) {
	bad := badQuestion{}
	gone := notThere{}
	switch {
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Error()
	case errors.As(err, &gone):
		return http.StatusNotFound, gone.Error()
	case errors.Is(err, context.Canceled):
		return 0, ""
	case errors.Is(err, errCrowded):
		return http.StatusServiceUnavailable, err.Error()
	case errors.Is(err, errTooLarge):
		return http.StatusBadRequest, err.Error()
	}
	s.config.Logger.Warn("cannot read "+what, "stat", stat, "error", err)
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusBadGateway, "cannot read " + what + " from Kafka in time; ask for fewer seconds, or try again later"
	}
	return http.StatusBadGateway, "cannot read " + what + " from Kafka; try again later"
}
