package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pulse/stats/alert"
	"pulse/topics"
	"pulse/topics/retry"
)

const (
	leastPause = time.Second
	mostPause  = time.Minute
	lookEvery  = 500 * time.Millisecond // whether silences have ended, and what is to be sent again

	maxWaiting = 10_000         // incidents of one route
	maxHeld    = 200            // silenced incidents of which it is written that they were not sent
	maxAge     = 24 * time.Hour // what is older when it is worked out is of a recording
	goneAfter  = time.Hour      // what was over before that, and nobody has heard of, is of no use to anybody

	// overFor is for how long an end is sent again to a receiver that gets again what goes on:
	// one that has restarted may have forgotten it.
	overFor = 15 * time.Minute
)

// An origin is the record that says of an incident.
type origin struct {
	partition int32
	offset    int64
	written   time.Time
}

// An item is an incident as a route knows it.
type item struct {
	Notice
	partition int32
	offset    int64     // of the first record of which something was not sent, or of the last
	sent      bool      // that it began
	over      time.Time // when it was sent that it is over; zero: it was not
	again     time.Time // when it was sent last
}

// unsent reports whether there is something to send, silences aside.
func (i *item) unsent() bool { return !i.sent || i.Over && i.over.IsZero() }

// Counts are what became of notices.
type Counts struct {
	Sent, Refused, Retries atomic.Int64
	Late                   atomic.Int64 // not sent, since they were over for long
	Waiting                atomic.Int64
}

// A queue is what is going on for a route. It goes by states and not by messages: what is
// there and was not sent is sent, in the order in which it came.
type queue struct {
	route    alert.Route
	receiver receiver
	log      *slog.Logger
	now      func() time.Time
	silenced func(alert.Subject, time.Time) bool
	behind   func(alert string) bool // whether what an alert says may be over already
	counts   Counts
	wake     chan struct{}

	mu      sync.Mutex
	items   []*item
	loading map[int32]bool // partitions whose past is being read: nothing of them is sent
	since   time.Time      // since when error is as it is
	failure string
}

type incidentID struct {
	alert.Subject
	kind  alert.State
	since int64
}

// kin is what incidents of the same subject and kind share.
func (i incidentID) kin() incidentID { i.since = 0; return i }

func (n *Notice) incident() incidentID { return incidentID{n.Subject, n.Kind, n.Since} }

// put takes what an incident has come to. Past says that it was sent by a predecessor.
func (q *queue) put(n Notice, from origin, past bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.IndexFunc(q.items, func(i *item) bool { return i.incident() == n.incident() })
	latest := n.Since
	if n.Over {
		latest = n.Until
	}
	recording := from.written.Sub(time.Unix(latest, 0)) > maxAge
	switch {
	case at >= 0 && past && n.Over:
		q.items = slices.Delete(q.items, at, at+1)
	case at >= 0:
		i := q.items[at]
		if !i.unsent() {
			i.offset = from.offset
		}
		if !i.over.IsZero() && (n.Over != i.Over || n.Until != i.Until) {
			i.over, i.sent = time.Time{}, n.Over // that it goes on after all is news
		}
		i.Notice, i.partition = n, from.partition
	case past && n.Over, recording:
	default:
		if len(q.items) >= maxWaiting {
			q.items = slices.DeleteFunc(q.items, func(i *item) bool { return !i.over.IsZero() })
		}
		if len(q.items) >= maxWaiting {
			q.items = slices.Delete(q.items, 0, 1)
			q.counts.Refused.Add(1)
			q.log.Error("too many alerts wait for a receiver; the oldest was dropped", "route", q.route.Name)
		}
		q.items = append(q.items, &item{Notice: n, partition: from.partition, offset: from.offset, sent: past})
	}
}

func (q *queue) load(partition int32, loading bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.loading[partition] = loading
}

// forget drops what is of partitions that other processes have now; nil: of all. It returns
// the keys under which it was written how the route stands with them.
func (q *queue) forget(lost []int32) (keys [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.DeleteFunc(q.items, func(i *item) bool { return lost == nil || slices.Contains(lost, i.partition) })
	if lost == nil {
		clear(q.loading)
	}
	for _, partition := range lost {
		delete(q.loading, partition)
		standing := topics.AlertReceiver{Route: q.route.Name, Partition: partition}
		keys = append(keys, standing.Key())
	}
	return keys
}

func (q *queue) awake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// due gives what is to be sent now.
func (q *queue) due() (batch []*item, notices []Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	waiting := 0
	late := 0
	q.items = slices.DeleteFunc(q.items, func(i *item) bool {
		if !i.Over || i.sent || q.loading[i.partition] {
			return false
		}
		// Nobody has heard of it.
		old := now.Sub(time.Unix(i.Until, 0)) > goneAfter
		if old {
			late++
		}
		return old || q.silenced(i.Subject, now)
	})
	if late > 0 {
		q.counts.Late.Add(int64(late))
		q.log.Warn("did not send alerts that came and went long before they could be sent; the page lists them", "route", q.route.Name, "alerts", late)
	}
	latest := q.latest()
	for _, i := range q.items {
		if q.loading[i.partition] {
			continue
		}
		if i.Over && i.Since < latest[i.incident().kin()] { // its end would be taken for that of what began later
			if i.unsent() {
				i.sent, i.over = true, now
			}
			continue
		}
		again := i.sent && q.receiver.every() > 0 && now.Sub(i.again) >= q.receiver.every()
		quiet := !i.Over && (q.silenced(i.Subject, now) || !i.sent && q.behind(i.Alert))
		if i.unsent() && !quiet {
			waiting++
		}
		if quiet || !i.unsent() && !again || len(batch) >= q.receiver.most() {
			continue
		}
		n := i.Notice
		if n.Over && !i.sent && !n.Withdrawn {
			n.Over, n.Until = false, 0 // first that it began; what did not happen wakes nobody
		}
		batch, notices = append(batch, i), append(notices, n)
	}
	q.counts.Waiting.Store(int64(waiting))
	return batch, notices
}

// latest is when the last incident of each subject and kind began that was sent, for a receiver
// that gets again what goes on: it knows incidents by their labels, which do not have that time.
func (q *queue) latest() map[incidentID]int64 {
	if q.receiver.every() == 0 {
		return nil
	}
	latest := map[incidentID]int64{}
	for _, i := range q.items {
		if kin := i.incident().kin(); i.sent {
			latest[kin] = max(latest[kin], i.Since)
		}
	}
	return latest
}

// done notes what was delivered, or refused for good.
func (q *queue) done(batch []*item, notices []Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for at, i := range batch {
		i.sent, i.again = true, now
		// It may have begun again meanwhile.
		if n := notices[at]; n.Over && i.Over && n.Until == i.Until && i.over.IsZero() {
			i.over = now
		}
	}
	q.items = slices.DeleteFunc(q.items, func(i *item) bool {
		return !i.over.IsZero() && (q.receiver.every() == 0 || now.Sub(i.over) >= overFor)
	})
}

// said notes how sending goes.
func (q *queue) said(failure string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if failure != q.failure || q.since.IsZero() {
		if q.since.IsZero() || (failure == "") != (q.failure == "") {
			q.since = q.now()
		}
		q.failure = failure
	}
}

// run sends until ctx ends.
func (q *queue) run(ctx context.Context) {
	pause := retry.Backoff{Least: leastPause, Most: mostPause}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		batch, notices := q.due()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
			case <-tick.C:
			case <-q.wake:
			}
			continue
		}
		err := q.receiver.send(ctx, notices)
		if errors.Is(err, ErrRefused) && len(notices) > 1 { // one of them may be at fault
			batch, notices = batch[:1], notices[:1]
			err = q.receiver.send(ctx, notices)
		}
		switch {
		case ctx.Err() != nil && err != nil:
			return // a successor sends it
		case err == nil:
			q.counts.Sent.Add(int64(len(notices)))
			q.said("")
		case errors.Is(err, ErrRefused):
			q.counts.Refused.Add(int64(len(notices)))
			q.said(err.Error())
			q.log.Error("a receiver refused alerts, which are not sent again", "route", q.route.Name, "kind", q.route.Kind, "alerts", len(notices), "first", notices[0].title(), "error", err)
		default:
			q.counts.Retries.Add(1)
			q.said(err.Error())
			q.log.Warn("cannot send alerts; retrying", "route", q.route.Name, "kind", q.route.Kind, "alerts", len(notices), "error", err)
			wait := pause.Wait
			if busy, ok := errors.AsType[*busyError](err); ok {
				wait = func(ctx context.Context) error { return retry.Wait(ctx, busy.after) }
			}
			if wait(ctx) != nil {
				return
			}
			continue
		}
		pause.Reset()
		q.done(batch, notices)
	}
}

// standing is how the route stands with what is in a partition of which all before next
// was taken.
func (q *queue) standing(partition int32, next int64) topics.AlertReceiver {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	r := topics.AlertReceiver{Route: q.route.Name, Kind: q.route.Kind, Partition: partition, Offset: next, Refused: q.counts.Refused.Load(), Since: q.since.UTC().Truncate(time.Second), Error: q.failure}
	for _, i := range q.items {
		switch {
		case i.partition != partition || !i.unsent():
		case !i.Over && q.silenced(i.Subject, now):
			r.Silenced++
			if len(r.Held) < maxHeld {
				r.Held = append(r.Held, i.id())
			} else {
				r.Offset = min(r.Offset, i.offset)
			}
		default:
			r.Waiting++
			r.Offset = min(r.Offset, i.offset)
		}
	}
	return r
}

// renew has what is going on in a partition sent to a route that is new.
func (q *queue) renew(partition int32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range q.items {
		if i.partition == partition {
			i.sent = false
		}
	}
}
