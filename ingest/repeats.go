package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Requests are known again for ten minutes, or as long as they are among the
// last 65,536. A new process knows those that an ingester kept positions of.
const (
	repeatWindow = 10 * time.Minute
	maxRepeats   = 1 << 16
)

// repeats knows requests again that a sender sends twice because it did not hear
// of the first one's end.
type repeats struct {
	mu    sync.Mutex
	known map[requestID]*delivery
	order []delivered // oldest first

	keeps bool        // known requests have positions
	gone  []requestID // are not known any longer, and still have one
}

// A requestID tells requests apart; it is a hash of what the sender says, so that
// it has a size.
type requestID [16]byte

func newRequestID(source, token, id string) requestID {
	h := sha256.Sum256([]byte(source + "\x00" + token + "\x00" + id))
	return requestID(h[:16])
}

// A delivery is what becomes of a request's lines.
type delivery struct {
	done chan struct{} // closed when err is known
	end  sync.Once
	err  error // they were not taken, or never will be acknowledged
}

type delivered struct {
	id requestID
	*delivery
	at time.Time
}

func newDelivery() *delivery { return &delivery{done: make(chan struct{})} }

// begin returns the delivery of a request, and whether it is the first with that
// id. If it is, finish must be called.
func (r *repeats) begin(id requestID, now time.Time) (d *delivery, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 && (len(r.order) >= maxRepeats || now.Sub(r.order[0].at) > repeatWindow) {
		old := r.order[0]
		if r.known[old.id] == old.delivery {
			delete(r.known, old.id)
			if r.keeps {
				r.gone = append(r.gone, old.id)
			}
		}
		r.order = r.order[1:]
	}
	if d := r.known[id]; d != nil {
		return d, false
	}
	d = newDelivery()
	if r.known == nil {
		r.known = make(map[requestID]*delivery)
	}
	r.known[id] = d
	r.order = append(r.order, delivered{id, d, now})
	return d, true
}

// forget lets a request be sent again: the first one's lines are lost.
func (r *repeats) forget(id requestID, d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[id] == d {
		delete(r.known, id)
	}
}

// frameKeys begin the keys of requests' positions, whose values are the times at which
// they came.
const frameKeys = "frame "

func (id requestID) key() string { return frameKeys + hex.EncodeToString(id[:]) }

// position is that of a request, with those that are not needed any longer; nil if
// nobody keeps them.
func (r *repeats) position(id requestID, now time.Time) Positions {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.keeps {
		return nil
	}
	positions := Positions{}
	for _, old := range r.gone {
		positions[old.key()] = nil
	}
	r.gone = nil
	positions[id.key()] = strconv.AppendInt(nil, now.Unix(), 10)
	return positions
}

// restore makes known what an ingester before this one took, and asks for positions
// from now on.
func (r *repeats) restore(positions Positions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keeps = true
	if r.known == nil {
		r.known = make(map[requestID]*delivery)
	}
	for key, value := range positions {
		text, ok := strings.CutPrefix(key, frameKeys)
		if !ok {
			continue
		}
		var id requestID
		seconds, err := strconv.ParseInt(string(value), 10, 64)
		if n, bad := hex.Decode(id[:], []byte(text[:min(len(text), 2*len(id))])); err != nil || bad != nil || n != len(id) {
			continue // none of ours
		}
		d := newDelivery()
		close(d.done)
		r.known[id] = d
		r.order = append(r.order, delivered{id, d, time.Unix(seconds, 0)})
	}
	slices.SortFunc(r.order, func(a, b delivered) int { return a.at.Compare(b.at) })
}
