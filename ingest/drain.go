package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/line"
	"pulse/topics"
	"pulse/topics/throttle"
)

const (
	// drainHeaders and drainRequest bound how long a request's headers, and
	// all of it, take to come; drainIdle how long a connection waits for the
	// next one.
	drainHeaders = 10 * time.Second
	drainRequest = 25 * time.Second
	drainIdle    = 25 * time.Second

	// drainAge is how long a connection is used. Logplex then connects anew,
	// so that its load spreads over the ingesters that there are.
	drainAge = 5 * time.Minute

	// drainAck is how long a request waits for Kafka.
	drainAck = 10 * time.Second

	// drainStall is how long Kafka acknowledges nothing before requests are
	// refused without being looked at. So when it goes away, few requests are
	// told to come again whose lines it gets in the end all the same.
	drainStall = 2 * time.Second

	// maxTokenText bounds what is kept of a header's value.
	maxTokenText = 128
)

// drainOf is the kind of the inputs whose senders speak a dialect.
func drainOf(speaks *dialect) *Kind {
	return &Kind{Name: speaks.name, Docs: []KindDoc{speaks.doc}, New: func() Config { return &drainConfig{speaks: speaks} }}
}

type drainConfig struct {
	speaks      *dialect
	address     text
	sources     drainSources
	certificate keyPair
	reading     Reading
}

func (c *drainConfig) Settings() []Setting {
	settings := []Setting{
		{Flag: c.speaks.name, Help: c.speaks.help, Value: &c.address},
		{Flag: "drain-sources", Key: "sources", Value: &c.sources,
			Help: "who may send over HTTP or gRPC, a comma list of `name=token`; an inputs file can give more"},
	}
	if c.speaks.joins {
		settings = append(settings, c.reading.join())
	}
	if c.speaks.raw {
		settings = append(settings, c.reading.unwrap())
	}
	return append(settings, c.certificate.settings()...)
}

func (c *drainConfig) Open(o Opening) (*Opened, error) {
	if len(c.sources) == 0 {
		return nil, asked("without sources it would accept lines from anyone: give --drain-sources name=token, or sources in an inputs file")
	}
	config, err := c.certificate.config()
	if err != nil {
		return nil, err
	}
	listener, err := listenTCP(string(c.address))
	if err != nil {
		return nil, err
	}
	d, err := newDrainOf(c.speaks, o.Name, listener, config, c.sources, o.Log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	c.reading.Formats = o.Formats
	d.Reading = c.reading
	return &Opened{Input: d, Restore: d.Restore, Reload: c.certificate.reload(), Addr: d.Addr(), Counters: []Counter{
		{"pulse_drain_requests_total", "Requests.", &d.Counts.Requests},
		{"pulse_drain_denied_requests_total", "Requests with a wrong token or password, or without one.", &d.Counts.Denied},
		{"pulse_drain_accepted_lines_total", "Lines of requests that were accepted.", &d.Counts.Accepted},
		{"pulse_drain_repeated_lines_total", "Lines of requests that came a second time and were accepted.", &d.Counts.Repeated},
		{"pulse_drain_refused_lines_total", "Lines that were rejected, alone or with their whole request.", &d.Counts.Refused},
		{"pulse_drain_unsure_lines_total", "Lines of requests that were answered with 503 although Kafka may get them in the end.", &d.Counts.Unsure},
		{"pulse_drain_lost_messages_total", "Messages that Logplex reports as dropped.", &d.Counts.Lost},
		{overMetric, overHelp, &d.Counts.Over},
	}}, nil
}

// drainSources is the setting of who may send: as a text a comma list of name=token,
// in an inputs file a list with all that a DrainSource has.
type drainSources []DrainSource

func (d *drainSources) String() string {
	var names []string
	for _, s := range *d {
		names = append(names, s.Name)
	}
	return strings.Join(names, ",") // a token is a secret
}

func (d *drainSources) Set(v string) error {
	for item := range strings.SplitSeq(v, ",") {
		name, token, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || token == "" {
			return errors.New("write name=token; separate several with commas")
		}
		*d = append(*d, DrainSource{Name: name, Token: token})
	}
	return nil
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *drainSources) UnmarshalYAML(node *yaml.Node) error {
	keys := []string{"name", "token", "user", "password", "fields"}
	for _, source := range node.Content {
		for i := 0; i+1 < len(source.Content); i += 2 {
			if key := source.Content[i]; !slices.Contains(keys, key.Value) {
				return fmt.Errorf("line %d: a source has no setting %q: its settings are %s", key.Line, key.Value, strings.Join(keys, ", "))
			}
		}
	}
	return node.Decode((*[]DrainSource)(d))
}

// A DrainSource is a sender that a Drain lets in: by its token, or its user and
// password, or all of them.
type DrainSource struct {
	// Name becomes the field drain of its lines.
	Name string
	// Token is what Logplex says as Logplex-Drain-Token, and others as a bearer token;
	// empty: anything.
	Token string
	// User and Password are those of basic authentication; empty: none.
	User, Password string
	// Fields are more fields of its lines, which these cannot overwrite.
	Fields map[string]string
}

// Fields of the lines of inputs that know where they come from.
const (
	fieldInput  = "input"       // the input's name
	fieldTopic  = "topic"       // of Kafka's
	fieldRemote = "remote"      // the sender's address, without a port
	fieldDrain  = "drain"       // the source's name
	fieldToken  = "drain_token" // what Logplex-Drain-Token said
)

// DrainCounts count lines, once for each time that they are sent, and what
// happened to connections.
type DrainCounts struct {
	Accepted atomic.Int64 // lines that were taken
	Repeated atomic.Int64 // lines of requests that were known again
	Unsure   atomic.Int64 // lines answered with 503 that Kafka may still get
	Refused  atomic.Int64 // all other lines, as far as known
	Requests atomic.Int64 // all requests
	Denied   atomic.Int64 // requests with a wrong token or password, or none
	Lost     atomic.Int64 // messages that Logplex says it has dropped
	Over     atomic.Int64 // connections closed because there were too many
}

// A Drain is an input of what others send over HTTP in a dialect of theirs, such as
// Heroku's Logplex. A request is taken as a whole, but for lines that its answer names
// as rejected where the dialect can do so, or not at all. It is answered with
//
//   - success when Kafka has acknowledged all of its lines;
//   - 503 when it has not, or not in time: the sender sends it again;
//   - 4xx when it can never be taken: the sender drops it.
//
// A request that has the Logplex-Frame-Id of one that was taken within the last
// ten minutes, and is among the last 65,536, is not taken again but gets the
// answer of the first. A restart forgets these, unless an ingester with positions keeps their
// positions: what was acknowledged just before, but not answered, then comes twice.
type Drain struct {
	Counts DrainCounts
	// Reading is how the lines of a request are joined, if it is set before Run.
	Reading Reading

	speaks   *dialect
	name     string
	listener net.Listener
	sources  []drainSource
	notices  *throttle.Logger
	now      func() time.Time

	unpackers *unpackers
	memory    budget
	receiving chan struct{} // has as many as messages are received over gRPC
	repeats   repeats

	mu       sync.Mutex
	waiting  int       // deliveries that Kafka has not acknowledged
	progress time.Time // when it acknowledged last, or had nothing to
}

// A drainSource is a DrainSource made ready.
type drainSource struct {
	name                  string
	token, user, password [sha256.Size]byte
	anyToken, noPassword  bool
	pairs                 []string
}

// NewDrain returns the drain of Logplex that listens on a listener, with TLS if there is a
// config; name becomes the field input of its lines. It fails if there is no source, or one
// that lets everybody in.
func NewDrain(name string, listener net.Listener, config *tls.Config, sources []DrainSource, log *slog.Logger) (*Drain, error) {
	return newDrainOf(logplex, name, listener, config, sources, log)
}

func newDrainOf(speaks *dialect, name string, listener net.Listener, config *tls.Config, sources []DrainSource, log *slog.Logger) (*Drain, error) {
	d := &Drain{speaks: speaks, name: name, now: time.Now, unpackers: newUnpackers(speaks.unpacked), memory: budget{most: speaks.memory}}
	d.receiving = make(chan struct{}, grpcReceived)
	d.notices = newNotices(log)
	d.listener = limit(listener, cmp.Or(speaks.connections, MaxConnections), func() { d.Counts.Over.Add(1) })
	if config != nil {
		if speaks.grpc {
			config = config.Clone()
			config.NextProtos = []string{"h2"}
		}
		d.listener = tls.NewListener(d.listener, config)
	}
	if len(sources) == 0 {
		return nil, errors.New("without sources it would accept lines from anyone: give it a source with a token or a password")
	}
	for _, s := range sources {
		if s.Name == "" {
			return nil, errors.New("a source has no name: give it one")
		}
		if s.Token == "" && s.Password == "" {
			return nil, fmt.Errorf("source %s has neither token nor password and would accept lines from anyone: give it one", s.Name)
		}
		source := drainSource{
			name: s.Name, token: sha256.Sum256([]byte(s.Token)), anyToken: s.Token == "",
			user: sha256.Sum256([]byte(s.User)), password: sha256.Sum256([]byte(s.Password)), noPassword: s.Password == "",
		}
		for key, value := range s.Fields {
			switch key {
			case fieldInput, fieldRemote, fieldDrain, fieldToken:
				return nil, fmt.Errorf("source %s: the field name %s is reserved: choose another", s.Name, key)
			}
			source.pairs = append(source.pairs, key, value)
		}
		// The longest address and token must have room.
		longest := make([]byte, maxTokenText)
		if _, err := d.origin(&source, string(longest), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%interface-name"); err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		d.sources = append(d.sources, source)
	}
	return d, nil
}

// Restore makes the drain know the requests that one before it took, whose positions
// an ingester kept, and hand over positions itself. It is for before Run.
func (d *Drain) Restore(positions Positions) { d.repeats.restore(positions) }

// Addr is where the drain listens.
func (d *Drain) Addr() net.Addr { return d.listener.Addr() }

func (d *Drain) origin(s *drainSource, token, remote string) (line.Origin, error) {
	pairs := append([]string{fieldInput, d.name, fieldDrain, s.name, fieldToken, token, fieldRemote, remote}, s.pairs...)
	return line.NewOrigin(append(pairs, line.UnwrapField, cmp.Or(d.Reading.Unwrap, d.speaks.unwrap))...)
}

type connectedKey struct{}

// Run implements Input.
func (d *Drain) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	if d.speaks.grpc {
		return d.runGRPC(ctx, take)
	}
	server := &http.Server{
		Handler:           d.handler(ctx, take),
		ReadHeaderTimeout: drainHeaders,
		ReadTimeout:       drainRequest,
		WriteTimeout:      drainRequest + drainAck + drainHeaders,
		IdleTimeout:       drainIdle,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(d.notices.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectedKey{}, d.now())
		},
		Protocols: new(http.Protocols),
	}
	// Logplex speaks HTTP/1.1, and each of its connections holds little.
	server.Protocols.SetHTTP1(true)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(d.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("drain on %s: %w", d.Addr(), err)
	case <-ctx.Done():
	}
	// Requests that were taken get their answer.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), topics.LeaveTimeout)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close()
	}
	return nil
}

// handler serves requests; ctx is the input's.
func (d *Drain) handler(ctx context.Context, take func(context.Context, Batch) error) http.Handler {
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, r *http.Request) {
		d.Counts.Requests.Add(1)
		if at, ok := r.Context().Value(connectedKey{}).(time.Time); ok && d.now().Sub(at) >= drainAge {
			w.Header().Set("Connection", "close")
		}
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // none of a bad one
		answer := d.serve(ctx, r, media, take)
		answer.count.Add(int64(max(answer.lines, 0)))
		if answer.status == http.StatusOK {
			d.speaks.accept(w, media, answer.reply)
			return
		}
		// What is left of the body is not worth reading.
		w.Header().Set("Connection", "close")
		switch answer.status {
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Basic realm="pulse"`)
		case http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", "1")
		}
		d.sayRefused(answer.status, answer.reason, r.RemoteAddr)
		d.speaks.refuse(w, media, answer.status, answer.reason)
	}
	for _, path := range d.speaks.paths {
		mux.HandleFunc("POST "+path, serve)
		mux.HandleFunc("PUT "+path, serve)
	}
	mux.HandleFunc("/", d.elsewhere)
	for path, text := range d.speaks.greetings {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if d.authorise(r.Header) == nil {
				w.Header().Set("WWW-Authenticate", `Basic realm="pulse"`)
				d.speaks.refuse(w, "", http.StatusUnauthorized, unauthorized)
				return
			}
			d.speaks.accept(w, "", []byte(text))
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PRI" {
			d.refuseUnread(w, r, http.StatusHTTPVersionNotSupported, "the sender speaks HTTP/2, as gRPC does: send OTLP over gRPC to --otlp-grpc, all else over HTTP/1.1")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// elsewhere answers requests that are for no path of the dialect's.
func (d *Drain) elsewhere(w http.ResponseWriter, r *http.Request) {
	paths := strings.Join(d.speaks.paths, ", ")
	d.refuseUnread(w, r, http.StatusNotFound,
		fmt.Sprintf("there is nothing at %s %.80s: lines are taken by POST at %s", r.Method, r.URL.Path, strings.ReplaceAll(paths, "{$}", "")))
}

// refuseUnread answers a request that is not one of the dialect's.
func (d *Drain) refuseUnread(w http.ResponseWriter, r *http.Request, status int, reason string) {
	d.Counts.Requests.Add(1)
	d.sayRefused(status, reason, r.RemoteAddr)
	w.Header().Set("Connection", "close")
	d.speaks.refuse(w, "", status, reason)
}

// sayRefused tells the log of a request that was answered with a code.
func (d *Drain) sayRefused(code any, reason, remote string) {
	d.notices.Warn(fmt.Sprintf("rejected a request to the %s input with %v", d.speaks.name, code), "input", d.name,
		"because", reason, "remote", remote)
}

// An answer is what becomes of a request.
type answer struct {
	status int           // http.StatusOK, or why it is refused
	reason string        // what a refused sender is told
	lines  int           // as far as they are known
	count  *atomic.Int64 // of the DrainCounts that the lines belong to
	reply  []byte        // what a dialect says of a request that was taken
}

func (d *Drain) refuse(status int, reason string, lines int) answer {
	return answer{status: status, reason: reason, lines: lines, count: &d.Counts.Refused}
}

// What a sender is told when Kafka is away, and when it may not send.
const (
	away         = "Kafka is not acknowledging records now: send again"
	unauthorized = "wrong token, user or password"
)

func (d *Drain) serve(ctx context.Context, r *http.Request, media string, take func(context.Context, Batch) error) answer {
	// How many lines are refused unread is known from the sender alone.
	said, counted := msgCount(r)
	source := d.authorise(r.Header)
	if source == nil {
		d.Counts.Denied.Add(1)
		return d.refuse(http.StatusUnauthorized, unauthorized, said)
	}
	if !slices.Contains(d.speaks.media, media) {
		return d.refuse(http.StatusUnsupportedMediaType, "the Content-Type is not "+strings.Join(d.speaks.media, " or "), said)
	}
	if d.stalled() {
		return d.refuse(http.StatusServiceUnavailable, away, said)
	}
	body, err := d.readBody(r)
	held := cap(body)
	release := func() { d.memory.give(held) }
	encoding := r.Header.Get("Content-Encoding")
	if isPlainBody(encoding) && media == protobufMedia && d.speaks.snappy {
		encoding = "snappy"
	}
	if err == nil && !isPlainBody(encoding) {
		var unpacked []byte
		unpacked, err = d.unpackers.unpack(encoding, body, &d.memory)
		release()
		body, held = unpacked, cap(unpacked)
	}
	var set lineSet
	if err == nil {
		set, err = d.speaks.read(request{r.URL.Path, media, body}, &d.memory)
		held += set.held
	}
	if err != nil {
		release()
		return d.unreadable(err, said)
	}
	if counted && said != set.frames {
		release()
		return d.refuse(http.StatusBadRequest, fmt.Sprintf("the body has %d frames, but Logplex-Msg-Count says %d", set.frames, said), set.count)
	}
	set.held = held
	return d.deliver(ctx, parcel{
		lineSet: set, source: source, remote: r.RemoteAddr,
		token: bounded(r.Header.Get("Logplex-Drain-Token")), frame: r.Header.Get("Logplex-Frame-Id"),
	}, take)
}

// unreadable is the answer to a body that an error says cannot be read.
func (d *Drain) unreadable(err error, said int) answer {
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%w: send requests of at most %d bytes, %d when decompressed", err, d.speaks.body, d.speaks.unpacked)
	}
	return d.refuse(statusOf(err), err.Error(), said)
}

// A parcel is the lines of a request, and whom they are from.
type parcel struct {
	lineSet
	source       *drainSource
	remote       string // the sender's address and port
	token, frame string // what Logplex says as its token, and as the request's id
}

// deliver hands over a parcel, and waits for Kafka. It gives the parcel's memory back.
func (d *Drain) deliver(ctx context.Context, p parcel, take func(context.Context, Batch) error) answer {
	release := func() { d.memory.give(p.held) }
	d.Counts.Refused.Add(int64(p.rejected))
	if p.rejected > 0 {
		d.notices.Warn("rejected lines of a request", "input", d.name, "because", p.because, "lines", p.rejected, "remote", p.remote)
	}
	from, err := d.origin(p.source, p.token, remoteHost(p.remote))
	if err != nil {
		release()
		return d.refuse(http.StatusBadRequest, err.Error(), p.count)
	}

	if events := d.Reading.joiner(from); events.active() {
		// It is mostly shorter; each line's line feed may become two bytes more.
		room := 2*len(p.lines) + 2*len(lineBreak)*p.count
		if !d.memory.take(room) {
			release()
			return d.refuse(http.StatusServiceUnavailable, away, p.count)
		}
		p.held += room
		p.lines = events.rest(p.lines)
	}
	delivery, first := newDelivery(), true
	var id requestID
	if p.frame != "" {
		id = newRequestID(p.source.name, p.token, p.frame)
		delivery, first = d.repeats.begin(id, d.now())
	}
	if !first {
		release()
	} else {
		d.track(+1)
		finish := func(err error) {
			delivery.end.Do(func() {
				if err != nil && p.frame != "" {
					d.repeats.forget(id, delivery)
				}
				delivery.err = err
				d.track(-1)
				close(delivery.done)
			})
		}
		go func() {
			ctx, cancel := context.WithTimeout(ctx, drainAck)
			defer cancel()
			var positions Positions
			if p.frame != "" {
				positions = d.repeats.position(id, d.now())
			}
			err := take(ctx, Batch{Lines: p.lines, Origin: from, Positions: positions, Acked: finish})
			release()
			if err != nil {
				finish(err)
			} else {
				d.Counts.Lost.Add(p.lost)
			}
		}()
	}

	// A request that was not even taken in time is known by then not to be.
	timeout := time.NewTimer(drainAck + time.Second)
	defer timeout.Stop()
	select {
	case <-delivery.done:
	case <-timeout.C:
		return answer{status: http.StatusServiceUnavailable, reason: away, lines: p.count, count: &d.Counts.Unsure}
	}
	switch {
	case delivery.err != nil:
		return d.refuse(http.StatusServiceUnavailable, away, p.count)
	case !first:
		return answer{status: http.StatusOK, lines: p.count, count: &d.Counts.Repeated, reply: p.reply}
	}
	return answer{status: http.StatusOK, lines: p.count, count: &d.Counts.Accepted, reply: p.reply}
}

// track counts deliveries that Kafka has not acknowledged.
func (d *Drain) track(change int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == 0 || change < 0 {
		d.progress = d.now()
	}
	d.waiting += change
}

// stalled tells whether Kafka has acknowledged nothing for a while, though there
// was something.
func (d *Drain) stalled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting > 0 && d.now().Sub(d.progress) > drainStall
}

// authorise returns the source that a request with these headers is from, or nil. It takes the same
// time whatever is wrong.
func (d *Drain) authorise(h http.Header) *drainSource {
	user, password, _ := (&http.Request{Header: h}).BasicAuth()
	token := sha256.Sum256([]byte(d.speaks.token(h)))
	userSum, passwordSum := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	var found *drainSource
	for i := range d.sources {
		s := &d.sources[i]
		right := subtle.ConstantTimeCompare(token[:], s.token[:])
		if s.anyToken {
			right = 1
		}
		if !s.noPassword {
			right &= subtle.ConstantTimeCompare(userSum[:], s.user[:]) & subtle.ConstantTimeCompare(passwordSum[:], s.password[:])
		}
		if right == 1 && found == nil {
			found = s
		}
	}
	return found
}

// errBusy is what a body gets for which there is no memory now.
var errBusy = errors.New("too many requests are waiting: send again later")

// readBody reads a request's body. What it returns is taken from the memory that
// the drain has, with an error too.
func (d *Drain) readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > int64(d.speaks.body) {
		return nil, errTooLarge
	}
	var body []byte
	for {
		if len(body) == cap(body) {
			// What a sender says of the length costs nothing: what it sends does.
			grown := min(max(1<<10, 2*cap(body)), d.speaks.body+1)
			if !d.memory.take(grown) {
				return body, errBusy
			}
			bigger := append(make([]byte, 0, grown), body...)
			d.memory.give(cap(body))
			body = bigger
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > d.speaks.body:
			return body, errTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, fmt.Errorf("cannot read the body: %w", err)
		}
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errEncoding):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// msgCount is what a sender says of the number of frames, if it does.
func msgCount(r *http.Request) (n int, ok bool) {
	text := r.Header.Get("Logplex-Msg-Count")
	if text == "" {
		return 0, false
	}
	count, err := strconv.ParseUint(text, 10, 24)
	if err != nil {
		return -1, true // no number of frames is that
	}
	return int(count), true
}

// bounded is what is kept of a header's value.
func bounded(text string) string { return text[:min(len(text), maxTokenText)] }
