package web

import (
	"context"
	"errors"
	"net/http"
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
// questions share an answer, and what nobody waits for any longer is stopped.
type readers struct {
	turns chan struct{} // holds one for each that reads
	most  int           // that read or wait

	mu     sync.Mutex
	asked  map[string]*question
	queued int
}

// A question is one that is being answered, for all who ask it.
type question struct {
	answered chan struct{} // closed when answer and err are there
	answer   any
	err      error
	askers   int
	cancel   context.CancelFunc

	partial any           // what is known of the answer so far; nil: nothing
	told    chan struct{} // closed when there is another partial
}

func newReaders(atOnce, queue int) *readers {
	return &readers{turns: make(chan struct{}, atOnce), most: atOnce + queue, asked: map[string]*question{}}
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
	r.mu.Lock()
	q := r.asked[of]
	if q == nil {
		if r.queued >= r.most {
			r.mu.Unlock()
			return nil, errCrowded
		}
		r.queued++
		q = &question{answered: make(chan struct{}), told: make(chan struct{})}
		var reading context.Context
		reading, q.cancel = context.WithCancel(context.WithoutCancel(ctx))
		r.asked[of] = q
		go r.answer(reading, of, q, do)
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
				r.forget(of, q) // who asks now does not get what is being stopped
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
func (r *readers) answer(ctx context.Context, of string, q *question, do func(context.Context, func(any)) (any, error)) {
	defer q.cancel()
	select {
	case r.turns <- struct{}{}:
		q.answer, q.err = do(ctx, func(partial any) { r.tell(q, partial) })
		<-r.turns
	case <-ctx.Done():
		q.err = ctx.Err()
	}
	r.mu.Lock()
	r.forget(of, q)
	r.queued--
	r.mu.Unlock()
	close(q.answered)
}

func (r *readers) forget(of string, q *question) {
	if r.asked[of] == q {
		delete(r.asked, of)
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
	return http.StatusBadGateway, "cannot read " + what + " from Kafka; try again later"
}
