package web

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"pulse/stats"
)

const (
	tick      = 100 * time.Millisecond // between two frames, where there is news
	heartbeat = time.Second            // between two frames, where there is none
	maxShared = 64                     // different catching-up frames that are kept for sharing
)

// A Hub turns the changes of a store into frames, and each frame once into the
// bytes of a websocket message, however many clients there are. It keeps no
// queue for a client: one that falls behind asks for all that changed since
// what it last got, and so is given the newest values and never old ones.
type Hub struct {
	store  *Store
	config []byte // the fixed part of the first message: `"key":value,…`
	now    func() time.Time

	frames  atomic.Uint64 // published
	clients atomic.Int64
	cut     atomic.Uint64 // clients that were cut for making no progress

	mu        sync.Mutex
	version   uint64
	last      time.Time                             // of the last frame
	published chan struct{}                         // closed when version moves
	shared    map[uint64]*websocket.PreparedMessage // the changes since a version
	first     *websocket.PreparedMessage            // what a new client gets
}

// NewHub has the frames of what changes in store; the pages and the looks of
// its stats are d's. build names the page's files: a page reloads itself when it
// changes. now is the clock of this process, which pages set theirs by.
func NewHub(store *Store, d *stats.Definitions, build string, now func() time.Time) *Hub {
	h := &Hub{store: store, config: configuration(store, d, build), now: now, published: make(chan struct{})}
	h.publish()
	return h
}

// configuration has the pages, and of the stats what a page needs to draw them.
func configuration(store *Store, d *stats.Definitions, build string) []byte {
	type page struct {
		Title string     `json:"title"`
		Rows  [][]string `json:"rows"`
	}
	type stat struct {
		Name     string    `json:"name"`
		Title    string    `json:"title"`
		Unit     string    `json:"unit,omitempty"`
		Help     string    `json:"help,omitempty"`
		Kind     string    `json:"kind"`
		Per      int64     `json:"per,omitempty"`
		Field    string    `json:"field,omitempty"`
		Where    string    `json:"where,omitempty"`
		Over     int64     `json:"over"`
		At       []float64 `json:"at,omitempty"`
		Warn     *float64  `json:"warn,omitempty"`
		Crit     *float64  `json:"crit,omitempty"`
		Reversed bool      `json:"reversed,omitempty"`
	}
	pages, all := []page{}, []stat{}
	for _, p := range d.Pages {
		pages = append(pages, page(p))
	}
	for _, s := range store.stats {
		all = append(all, stat{s.Name, s.Title, s.Unit, s.Help, s.Kind, s.Per, s.Field, s.Where, s.Over, s.At, s.Warn, s.Crit, s.Reversed})
	}
	b := []byte(`"generation":`)
	b = strconv.AppendQuote(b, store.gen)
	b = append(b, `,"build":`...)
	b = strconv.AppendQuote(b, build)
	b = append(b, `,"window":`...)
	b = strconv.AppendInt(b, Window, 10)
	b = append(b, `,"pages":`...)
	b = append(b, mustJSON(pages)...)
	b = append(b, `,"stats":`...)
	return append(b, mustJSON(all)...)
}

// mustJSON marshals what cannot fail: strings, numbers and slices of them.
// Infinite thresholds could; the definitions' parser refuses them.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Run publishes frames until ctx is done: at each tick where there is news, and
// at each heartbeat, so that a page can tell silence from a dead connection.
func (h *Hub) Run(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if h.store.Changed() || h.silentFor() >= heartbeat {
				h.publish()
			}
		}
	}
}

// silentFor is the time since the last frame.
func (h *Hub) silentFor() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now().Sub(h.last)
}

// publish ends a version and wakes the clients.
func (h *Hub) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version = h.store.Cut()
	h.last = h.now()
	h.shared = map[uint64]*websocket.PreparedMessage{}
	h.first = nil
	close(h.published)
	h.published = make(chan struct{})
	h.frames.Add(1)
}

// Welcome is the first message for a client (configuration and history), and
// the version that it has.
func (h *Hub) Welcome() (*websocket.PreparedMessage, uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first == nil {
		b := h.appendHead(nil, "config")
		b = append(b, ',')
		b = append(b, h.config...)
		b = append(b, `,"history":`...)
		b = h.store.AppendHistory(b)
		b = append(b, '}')
		first, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
		if err != nil {
			return nil, 0, err
		}
		h.first = first
	}
	return h.first, h.version, nil
}

// Next waits for a version after the given one and gives all that changed since.
func (h *Hub) Next(ctx context.Context, after uint64) (*websocket.PreparedMessage, uint64, error) {
	for {
		h.mu.Lock()
		if h.version > after {
			defer h.mu.Unlock()
			return h.since(after)
		}
		published := h.published
		h.mu.Unlock()

		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-published:
		}
	}
}

// since has the frame of the changes after a version; h.mu is held.
func (h *Hub) since(after uint64) (*websocket.PreparedMessage, uint64, error) {
	if m := h.shared[after]; m != nil {
		return m, h.version, nil
	}
	b := h.appendHead(nil, "points")
	b = append(b, `,"points":`...)
	b = h.store.AppendChanges(b, after, h.version)
	b = append(b, '}')
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
	if err != nil {
		return nil, 0, err
	}
	if len(h.shared) < maxShared {
		h.shared[after] = m
	}
	return m, h.version, nil
}

// appendHead appends what every message starts with: its type, the time by
// this process's clock, and how far the sources' clocks are.
func (h *Hub) appendHead(b []byte, kind string) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, `","now":`...)
	b = strconv.AppendFloat(b, math.Round(float64(h.now().UnixMilli()))/1000, 'f', -1, 64)
	b = append(b, `,"clocks":`...)
	return h.store.AppendClocks(b)
}
