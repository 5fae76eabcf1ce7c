package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"pulse/stats"
	"pulse/stats/mark"
	"pulse/stats/timing"
	"pulse/topics/retry"
)

const (
	settle    = 25 * time.Millisecond  // between news and the frame that has it, at most: what closes together goes together
	tick      = 100 * time.Millisecond // between two frames, at least
	heartbeat = time.Second            // between two frames, where there is no news
	pieceSize = 8 << 10                // bytes of a message, about: a page on a slow line takes silence for the end
	maxShared = 64                     // different frames, and first messages, of one edition that are kept for sharing
)

// A Hub turns the changes of a store into frames, and each frame once into the
// bytes of a websocket message, however many clients there are. It keeps no
// queue for a client: one that falls behind asks for all that changed since
// what it last got, and so is given the newest values and never old ones.
type Hub struct {
	store  *Store
	head   []byte   // what is fixed of the first message but for the pages and the stats: `"key":value,…`
	pages  []byte   // the pages as the first message has them
	share  bool     // the server makes share links
	embeds bool     // and other sites may show them in frames
	edit   bool     // who has the role Edit may save incidents, and try and save definitions
	stats  [][]byte // each stat as the first message has it
	rank   []int    // where each stat is on the pages
	now    func() time.Time

	alerts    func() uint64    // the version of what is known of alerts; nil: none is
	recording func() Recording // that is read into the log; nil: none is, as far as is known

	frames  atomic.Uint64 // published
	clients atomic.Int64
	cut     atomic.Uint64 // clients that were cut for making no progress
	live    atomic.Bool   // the store is up to date: from now on delays are measured
	delay   prometheus.Histogram

	outgoing outgoing

	current atomic.Pointer[edition]
	mu      sync.Mutex // held while an edition is made
	last    time.Time  // when the last one was
}

// An edition is what there is to say at a version of the store.
type edition struct {
	version uint64
	changes *parcel       // of all stats since the version before, points together: what nearly every client gets
	over    chan struct{} // closed when the next edition is there

	mu     sync.Mutex
	shared map[frameID]*parcel // other changes
	first  map[string]*parcel  // what a new client gets, by its subscription and role
}

// A Subscription is the stats that a client wants.
type Subscription struct {
	stats selection
	key   string               // equal for equal ones
	pages []byte               // instead of all pages; nil: all
	marks func(mark.Mark) bool // that the client sees; nil: all
	form  form                 // of changed points

	may     Role // what the client's reader may do
	session bool // they logged in by the form
}

// Subscribe makes a Subscription to stats by their names; of none, to all.
func (h *Hub) Subscribe(names []string) (Subscription, error) {
	sel, err := h.store.Select(names)
	if sel == nil {
		return Subscription{}, err
	}
	return Subscription{stats: sel, key: fmt.Sprint([]int(sel))}, nil
}

// A frameID tells the frames of one edition apart.
type frameID struct {
	after uint64
	key   string
	form  form
}

// NewHub has the frames of what changes in store; the pages and the looks of
// its stats are d's. build names the page's files: a page reloads itself when it
// changes. now is the clock of this process, which pages set theirs by.
func NewHub(store *Store, d *stats.Definitions, build string, now func() time.Time) *Hub {
	h := &Hub{store: store, now: now, delay: newDelay()}
	h.outgoing = outgoing{most: maxOutgoing, cut: func() { h.cut.Add(1) }}
	h.configure(d, build)
	h.publish()
	return h
}

// configure sets the fixed part of the first message: the pages, and of the
// stats what a page needs to draw them.
func (h *Hub) configure(d *stats.Definitions, build string) {
	type stat struct {
		Name     string    `json:"name"`
		Title    string    `json:"title"`
		Unit     string    `json:"unit,omitempty"`
		Help     string    `json:"help,omitempty"`
		Kind     string    `json:"kind"`
		Shape    string    `json:"shape"`               // of its values: see package value
		KeyShape string    `json:"key_shape,omitempty"` // of the values of its keys
		Per      int64     `json:"per,omitempty"`
		Field    string    `json:"field,omitempty"`
		By       []string  `json:"by,omitempty"`
		Top      int       `json:"top,omitempty"`
		Rank     float64   `json:"rank,omitempty"` // the quantile by which keys are the greatest
		Of       []string  `json:"of,omitempty"`
		Formula  string    `json:"formula,omitempty"`
		Where    string    `json:"where,omitempty"`
		Over     int64     `json:"over"`
		At       []float64 `json:"at,omitempty"`
		Buckets  []float64 `json:"buckets,omitempty"`
		Link     string    `json:"link,omitempty"`
		Scale    float64   `json:"scale,omitempty"` // of its numbers and thresholds in its unit; 0 is 1
		Warn     *float64  `json:"warn,omitempty"`
		Crit     *float64  `json:"crit,omitempty"`
		Reversed bool      `json:"reversed,omitempty"`
		Mark     bool      `json:"mark,omitempty"` // marks come from it
	}
	h.rank = slices.Repeat([]int{math.MaxInt32}, len(h.store.stats)) // of those that are on none
	ranked := 0
	for _, p := range d.Pages {
		for _, name := range slices.Concat(p.Rows...) {
			if i, ok := h.store.index[name]; ok && h.rank[i] == math.MaxInt32 {
				h.rank[i] = ranked
				ranked++
			}
		}
	}
	for _, s := range h.store.stats {
		a := stat{
			Name: s.Name, Title: s.Title, Unit: s.Unit, Help: s.Help, Link: s.Link,
			Kind: s.Kind, Shape: string(s.Shape()), KeyShape: string(s.KeyShape()), Per: s.Per, Field: s.Field, By: s.GroupBy, Top: s.Top, Rank: s.Rank, Of: s.Of, Where: s.Where, Over: s.Window, At: s.Quantiles, Buckets: s.Buckets,
			Warn: s.Warn, Crit: s.Crit, Reversed: s.Reversed, Mark: s.Mark != nil,
		}
		if scale := s.Scale(); scale != 1 {
			a.Scale = scale
		}
		if s.Formula != nil {
			a.Formula = s.Formula.Text
		}
		h.stats = append(h.stats, mustJSON(a))
	}
	b := []byte(`"version":`)
	b = strconv.AppendQuote(b, h.store.gen)
	b = append(b, `,"build":`...)
	b = strconv.AppendQuote(b, build)
	b = append(b, `,"window":`...)
	b = strconv.AppendInt(b, h.store.window, 10)
	b = append(b, `,"timing":`...)
	b = append(b, mustJSON(pageTiming{timing.Clockless, timing.LateOver, timing.LateShare, timing.UnreadableOver})...)
	h.head, h.pages = b, pagesJSON(d.Pages)
}

// pagesJSON is pages as the first message has them.
func pagesJSON(pages []stats.Page) []byte {
	type page struct {
		Title string     `json:"title"`
		Rows  [][]string `json:"rows"`
	}
	all := []page{}
	for _, p := range pages {
		all = append(all, page(p))
	}
	return mustJSON(all)
}

// pageTiming is what a page needs of the rules of time, in seconds but for the share.
type pageTiming struct {
	Clockless  int64   `json:"clockless"`
	LateOver   int64   `json:"late_over"`
	LateShare  float64 `json:"late_share"`
	Unreadable int64   `json:"unreadable_over"`
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

// Run publishes frames until ctx is done: soon after there is news, and at each
// heartbeat, so that a page can tell silence from a dead connection.
func (h *Hub) Run(ctx context.Context) {
	t := time.NewTimer(heartbeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-h.store.News():
			h.gather(ctx)
		}
		h.publish()
		t.Reset(heartbeat)
	}
}

// gather waits for what closes together: until all stats have that had the second before, and
// where they do not, or it is something else that is new, for settle.
func (h *Hub) gather(ctx context.Context) {
	least := tick - h.silentFor()
	left := time.NewTimer(max(settle, least))
	defer left.Stop()
	retry.Wait(ctx, least) //nolint:errcheck // where ctx is done, the select below ends too
	select {
	case <-ctx.Done():
	case <-left.C:
	case <-h.store.Closed():
	}
}

// silentFor is the time since the last frame.
func (h *Hub) silentFor() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now().Sub(h.last)
}

// newDelay is how long after a second's end the frame that first shows it is made.
// A line was accepted up to a second before that end: of lines that come evenly
// half a second is to be added to the median, and 0.99 s to the 99th percentile.
func newDelay() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "pulse_web_second_shown_seconds",
		Help:    "How long after the end of a second the frame that first shows a stat's value of it was made, recordings of other times aside.",
		Buckets: []float64{0.05, 0.1, 0.15, 0.2, 0.25, 0.31, 0.5, 0.75, 1, 2, 5, 10, 30},
	})
}

// observe measures a second that a frame shows first. A time before its end, or
// minutes after it, is that of a recording.
func (h *Hub) observe(second int64) {
	if late := h.last.Sub(time.Unix(second+1, 0)); h.live.Load() && late >= 0 && late < Window*time.Second {
		h.delay.Observe(late.Seconds())
	}
}

// publish ends a version and wakes the clients.
func (h *Hub) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := &edition{
		version: h.store.Cut(), over: make(chan struct{}),
		shared: map[frameID]*parcel{}, first: map[string]*parcel{},
	}
	h.last = h.now()
	h.store.Advance(h.observe)
	next.changes = h.changes(Subscription{form: together}, next.version-1, next.version)
	h.frames.Add(1)
	if before := h.current.Swap(next); before != nil {
		close(before.over)
	}
}

// Welcome is the first messages for a client, the configuration and then the history
// in pieces, and the version that it has by them. Its data is the first two as JSON, with the
// newest seconds.
func (h *Hub) Welcome(sub Subscription) (*parcel, uint64) {
	e := h.current.Load()
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprint(sub.key, " ", sub.may, sub.session)
	if all := e.first[key]; all != nil {
		return all, e.version
	}
	texts := h.welcome(sub)
	all := parcelOfTexts(texts)
	all.data = slices.Concat([]byte{'['}, texts[0], []byte{','}, texts[1], []byte("]\n"))
	all.size += int64(len(all.data))
	all.gzip = sync.OnceValue(func() []byte { return compress(all.data) })
	if len(e.first) < maxShared {
		e.first[key] = all
	}
	return all, e.version
}

// welcome is the texts of Welcome's messages.
func (h *Hub) welcome(sub Subscription) (texts [][]byte) {
	b := h.appendHead(nil, "config")
	b = append(b, ',')
	b = append(append(b, h.head...), `,"pages":`...)
	if sub.pages != nil {
		b = append(append(b, sub.pages...), `,"scoped":true`...)
	} else {
		b = append(b, h.pages...)
	}
	if sub.may != Nobody { // as of pages that have no reader of their own
		b = append(b, `,"may":"`+sub.may.String()+`"`...)
	}
	if sub.session {
		b = append(b, `,"session":true`...)
	}
	if h.share && sub.may == Edit {
		b = append(b, `,"share":true`...)
		if h.embeds {
			b = append(b, `,"embeds":true`...)
		}
	}
	if h.edit && sub.may == Edit {
		b = append(b, `,"edit":true`...)
	}
	b = append(b, `,"stats":[`...)
	sub.stats.each(len(h.stats), func(place, stat int) {
		if place > 0 {
			b = append(b, ',')
		}
		b = append(b, h.stats[stat]...)
	})
	b = append(b, ']')
	b = h.store.AppendMarks(h.store.AppendNotes(b, sub.stats, 0), sub.marks, 0)
	texts = append(texts, append(b, '}'))
	pieces := h.store.History(sub.stats, h.order(sub.stats), pieceSize)
	for i, piece := range pieces {
		b := append(h.appendHead(nil, "history"), piece...)
		if i == len(pieces)-1 {
			b = append(b, `,"last":true`...)
		}
		texts = append(texts, append(b, '}'))
	}
	return texts
}

// order gives the places of the selected stats as the pages have them: what is on the
// screen first comes first.
func (h *Hub) order(sel selection) []int {
	var order []int
	sel.each(len(h.stats), func(place, _ int) { order = append(order, place) })
	slices.SortStableFunc(order, func(p, q int) int { return h.rank[sel.stat(p)] - h.rank[sel.stat(q)] })
	return order
}

// Next waits for a version after the given one and gives all that changed since.
func (h *Hub) Next(ctx context.Context, sub Subscription, after uint64) (*parcel, uint64, error) {
	e := h.current.Load()
	for e.version <= after {
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-e.over:
		}
		e = h.current.Load()
	}
	if sub.stats == nil && sub.form == together && after == e.version-1 {
		return e.changes, e.version, nil
	}
	id := frameID{after, sub.key, sub.form}
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.shared[id]
	if m == nil {
		m = h.changes(sub, after, e.version)
		if len(e.shared) < maxShared {
			e.shared[id] = m
		}
	}
	return m, e.version, nil
}

// changes has the frame of what changed after one version and up to another, in more
// than one message if it is long.
func (h *Hub) changes(sub Subscription, after, upTo uint64) *parcel {
	return parcelOfTexts(h.frame(sub, after, upTo))
}

// frame is the texts of changes.
func (h *Hub) frame(sub Subscription, after, upTo uint64) (texts [][]byte) {
	for i, piece := range h.store.Changes(sub.stats, after, upTo, pieceSize, sub.form) {
		b := append(h.appendHead(nil, "points"), piece...)
		if i == 0 {
			b = h.store.AppendMarks(h.store.AppendNotes(b, sub.stats, after), sub.marks, after)
		}
		texts = append(texts, append(b, '}'))
	}
	return texts
}

// parcelOfTexts has a message of each text, which is kept as it is and compressed. It
// cannot fail: there is nothing to write to yet.
func parcelOfTexts(texts [][]byte) *parcel {
	p := &parcel{}
	for _, text := range texts {
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
		if err != nil {
			panic(err)
		}
		p.messages = append(p.messages, m)
		p.size += int64(cap(text))
	}
	return p
}

// appendHead appends what every message starts with: its type, the time by
// this process's clock, and how far the sources' clocks are.
func (h *Hub) appendHead(b []byte, kind string) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, `","now":`...)
	b = strconv.AppendFloat(b, math.Round(float64(h.now().UnixMilli()))/1000, 'f', -1, 64)
	if notice := h.store.Notice(h.now()); notice != "" {
		b = append(b, `,"notice":`...)
		b = append(b, mustJSON(notice)...)
	}
	b = h.appendRecording(b)
	if h.alerts != nil {
		b = strconv.AppendUint(append(b, `,"alerts":`...), h.alerts(), 10)
	}
	b = append(b, ',')
	return h.store.AppendClocks(b)
}
