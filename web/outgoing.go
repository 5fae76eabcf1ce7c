package web

import (
	"bytes"
	"container/list"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

const (
	// maxOutgoing bounds the bytes that clients are sent and have not taken, each of them
	// counted once, however many clients it is for.
	maxOutgoing = 128 << 20
	// littleOutgoing is not counted: a client's kernel buffer is as large.
	littleOutgoing = sendBuffer
	// madeAtOnce are the answers about all stats that are made at a time.
	madeAtOnce = 4
)

// A parcel is something that one client or many are sent.
type parcel struct {
	data     []byte                       // an answer's
	gzip     func() []byte                // the same, compressed; nil: never
	messages []*websocket.PreparedMessage // or a socket's
	size     int64                        // bytes that it holds
	takers   int                          // clients that are taking it; outgoing.mu guards it
}

// parcelOf is an answer in JSON.
func parcelOf(v any) (*parcel, error) {
	var b bytes.Buffer
	err := json.NewEncoder(&b).Encode(v)
	return &parcel{data: b.Bytes(), size: int64(b.Cap())}, err
}

// outgoing knows what clients are sent and have not taken. Who reads too slowly, and not
// so slowly as to be cut for it, would otherwise hold what is long past: when all of it is
// too much, who has been at it for longest is cut.
type outgoing struct {
	most int64
	cut  func() // somebody was cut

	mu    sync.Mutex
	bytes int64
	all   list.List // of *taking, the longest first
}

// A taking is one client's of one parcel.
type taking struct {
	parcel  *parcel
	hang    func() // up on the client
	element *list.Element
}

// take counts a parcel in for a client, until the function that it returns is called.
func (o *outgoing) take(p *parcel, hang func()) (taken func()) {
	if p.size <= littleOutgoing {
		return func() {}
	}
	o.mu.Lock()
	if p.takers++; p.takers == 1 {
		o.bytes += p.size
	}
	t := &taking{parcel: p, hang: hang}
	t.element = o.all.PushBack(t)
	var slow []*taking
	for o.bytes > o.most && o.all.Len() > 1 {
		slow = append(slow, o.all.Front().Value.(*taking))
		o.drop(slow[len(slow)-1])
	}
	o.mu.Unlock()
	for _, s := range slow {
		o.cut()
		s.hang()
	}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.drop(t)
	}
}

// drop counts a taking out, once; o.mu is held.
func (o *outgoing) drop(t *taking) {
	if t.element == nil {
		return
	}
	o.all.Remove(t.element)
	t.element = nil
	if t.parcel.takers--; t.parcel.takers == 0 {
		o.bytes -= t.parcel.size
	}
}

// connKey is where a request's context has its connection.
type connKey struct{}

// withConn is the context of a connection's requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// send writes an answer.
func (s *Server) send(w http.ResponseWriter, r *http.Request, p *parcel) {
	defer s.take(r, p)()
	w.Write(p.data) // #nosec G705 -- its type is said, and nosniff: no browser takes it for a page
}

// take counts a parcel in for a request's client.
func (s *Server) take(r *http.Request, p *parcel) (taken func()) {
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	return s.hub.outgoing.take(p, func() {
		if ok {
			conn.Close()
		}
	})
}

// sendAll writes an answer about all stats: those are large, and made for one client each,
// some at a time.
func (s *Server) sendAll(w http.ResponseWriter, r *http.Request, kind string, make func() (*parcel, error)) {
	select {
	case s.making <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	p, err := make()
	taken := func() {}
	if err == nil {
		taken = s.take(r, p)
	}
	<-s.making
	defer taken()
	if err != nil {
		s.config.Logger.Warn("cannot answer", "path", r.URL.Path, "error", err)
		http.Error(w, "the values cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Write(p.data) //nolint:errcheck // the client is gone
}
