// Package web serves the dashboard: it reads the newest points of every stat
// from Kafka (view.go) into a store (store.go), makes frames of what changes
// (hub.go), gives them to browsers over a websocket each (client.go), and has
// the page that draws them (static/).
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"pulse/stats"
	"pulse/stats/explain"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/throttle"
	"pulse/web/prom"
)

const (
	maxClients     = 20_000
	maxConnections = maxClients + 4096
	maxHeaderBytes = 16 << 10
	headerWithin   = 5 * time.Second
	idleFor        = 60 * time.Second
	goodbyeWithin  = 3 * time.Second
)

// Config is what a Server needs.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	Addr        string // host:port to listen on; port 0 takes a free one
	Logger      *slog.Logger

	Metrics prometheus.Gatherer // what /metrics has besides the server's own; may be nil

	Access        *Access  // who may come in; nil: everybody
	Origins       []string // whose pages may open sockets besides the server's own, as https://host
	EmbedFrom     []string // sites whose pages may show this one in a frame, as https://host
	ForceHTTPS    bool     // redirect what came as plain HTTP, here or to the proxy
	CanonicalHost string   // redirect from other hosts to this one; "" keeps any
	URL           *url.URL // by which browsers reach the page, where it is known: a scheme and a host
	Hosts         []string // names of the page besides that of URL, for one without a login; AnyValue: all
	AllowEdit     bool     // who has the role Edit may save and delete incidents, and try and save definitions

	DefinitionsFile DefinitionsFile  // where definitions are saved; nil: nowhere
	Recording       func() Recording // that this process reads into the log; nil: none
}

// A Server is the web role.
type Server struct {
	config       Config
	access       *Access
	changing     *changing
	refusals     throttle.Logger
	store        *Store
	hub          *Hub
	history      history
	minutes      minuteHistory
	raw          rawHistory
	alerts       *alerts
	followAlerts func(ctx context.Context)
	incidents    incidents
	marking
	usual        usual
	published    published
	program      *program.Program
	promql       *prom.API
	readers      *readers
	explanations *readers
	making       chan struct{} // holds one for each answer about all stats that is being made
	drafts       chan struct{} // holds one for each draft that is being tried
	listener     net.Listener
	onLoopback   bool // only programs on this machine can connect
	port         string
	machine      string // this machine's name
	mux          *http.ServeMux
	handler      http.Handler
	ready        atomic.Bool
	upgrader     websocket.Upgrader
	clients      sync.WaitGroup
	stopping     context.Context // what the clients' connections last for
	stop         context.CancelFunc
	door         sync.Mutex // held while a client is admitted, and while stop is called
	// fill keeps the store up to date until ctx is done, and calls ready once
	// it has what was there at the start.
	fill func(ctx context.Context, ready func()) error
}

// history reads the points of a stat that are older than the store has.
type history interface {
	Points(ctx context.Context, stat string, from, to int64) ([]stats.Snapshot, error)
}

// minuteHistory reads the minutes of a stat that begin in [from, to].
type minuteHistory interface {
	Minutes(ctx context.Context, stat string, from, to int64) ([]topics.Minute, error)
}

// rawHistory finds lines, those around one, what lines have, and what is different about
// some seconds; it tells meanwhile what it has found, or read.
type rawHistory interface {
	Lines(ctx context.Context, q lineQuery, tell func(foundLines)) (foundLines, error)
	Around(ctx context.Context, at place) (neighborhood, error)
	Narrowed(ctx context.Context, q narrowedQuery, tell func(readSoFar)) (narrowed, error)
	Survey(ctx context.Context, from, to int64, tell func(readSoFar)) (surveyed, error)
	Explain(ctx context.Context, q explain.Question, tell func(readSoFar)) (explain.Answer, error)
}

// New makes a server and takes its port, so that URL can be told before Run.
func New(c Config) (*Server, error) {
	s, err := newServer(c)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot serve the page on %s: another program uses this port; stop it, or choose another port with --http: %w", c.Addr, err)
	} else if err != nil {
		return nil, fmt.Errorf("cannot serve the page on %q: %w", c.Addr, err)
	}
	s.listenOn(l)
	if s.access.open() && !s.onLoopback {
		s.config.Logger.Warn("anyone who can reach this machine can see the page: give --http-auth or --http-token-file, or --http localhost:PORT", "address", l.Addr())
	}
	return s, nil
}

// listenOn sets where the server takes connections from.
func (s *Server) listenOn(l net.Listener) {
	s.listener = steadyListener{l, progressWithin, make(chan struct{}, maxConnections)}
	addr, ok := l.Addr().(*net.TCPAddr)
	s.onLoopback = ok && addr.IP.IsLoopback()
	if ok {
		s.port = strconv.Itoa(addr.Port)
	}
	s.machine, _ = os.Hostname() // without one it has no name
}

// newServer makes a server that listens nowhere yet.
func newServer(c Config) (*Server, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Access == nil {
		var err error
		if c.Access, err = NewAccess(AccessConfig{}); err != nil {
			return nil, err
		}
	}
	if c.AllowEdit && c.Access.open() {
		return nil, errors.New("nobody can be allowed to edit without a login or tokens: give --http-auth or --http-token-file")
	}
	compiled, err := program.Compile(c.Definitions)
	if err != nil {
		return nil, err
	}
	s := &Server{program: compiled, readers: newReaders(readersAtOnce, maxQueue), explanations: newReaders(explainersAtOnce, maxExplainQueue), making: make(chan struct{}, madeAtOnce), drafts: make(chan struct{}, maxDrafts), changing: newChanging(), config: c, access: c.Access, store: NewStore(c.Definitions)}
	page := files()
	s.hub = NewHub(s.store, c.Definitions, build(page), time.Now)
	s.hub.share, s.hub.embeds = c.Access.shares(), len(c.EmbedFrom) > 0
	s.hub.edit = c.AllowEdit
	view := newView(c, s.store)
	s.history, s.published, s.fill = view.merged, view.merged, view.Run
	s.raw = &rawLines{liveLog(c.Cluster, c.Names, c.Definitions), compiled, c.Definitions}
	s.incidents = &incidentTopics{c.Cluster, c.Names, c.Definitions}
	s.refusals.Log = c.Logger
	marks := &markTopic{c.Cluster, c.Names}
	s.hub.recording = c.Recording
	s.alerts = newAlerts(c.Definitions, c.Cluster)
	if len(c.Definitions.Alerts) > 0 {
		s.hub.alerts = s.alerts.version.Load
	}
	s.followAlerts = func(ctx context.Context) {
		s.alerts.follow(ctx, c.Cluster, c.Names, &throttle.Logger{Log: c.Logger})
	}
	s.marker, s.followMarks = marks, func(ctx context.Context) { marks.follow(ctx, s.store, &throttle.Logger{Log: c.Logger}) }
	byMinute := &minutes{topicReader{c.Cluster, c.Names.Minutes()}, s.store}
	s.minutes, s.usual.minutes = byMinute, byMinute
	s.promql = s.newPromQL()
	s.mux = s.routes(page)
	s.handler = s.guard(withAsker(s.allow(s.mux)))
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout:  headerWithin,
		ReadBufferSize:    maxMessage,
		WriteBufferSize:   4 << 10,
		WriteBufferPool:   &sync.Pool{},
		CheckOrigin:       s.mayOpen,
		EnableCompression: true,
	}
	return s, nil
}

// URL is where the page is, as a browser on this machine reaches it.
func (s *Server) URL() string {
	addr := s.listener.Addr().(*net.TCPAddr)
	host := "localhost"
	if !addr.IP.IsUnspecified() && !addr.IP.IsLoopback() {
		host = addr.IP.String()
	}
	scheme := "http://"
	if s.access.certFile != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// Ready reports whether the store has what Kafka had when the server started.
func (s *Server) Ready() bool { return s.ready.Load() }

// admit counts a client in, unless there are too many or the server stops.
func (s *Server) admit() bool {
	s.door.Lock()
	defer s.door.Unlock()
	if s.stopping.Err() != nil || s.hub.clients.Load() >= maxClients {
		return false
	}
	s.hub.clients.Add(1)
	s.clients.Add(1)
	return true
}

// leave counts a client out that was admitted.
func (s *Server) leave() {
	s.hub.clients.Add(-1)
	s.clients.Done()
}

// serve takes connections, by TLS if there is a certificate.
func (s *Server) serve(server *http.Server) error {
	if s.access.certFile == "" {
		return server.Serve(s.listener)
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.access.certified}
	return server.ServeTLS(s.listener, "", "")
}

// recall reads which fields lines had in the last hour, as far as it is rolled up.
func (s *Server) recall(ctx context.Context) {
	newest := s.store.Newest()
	if newest == 0 {
		return // nothing was published yet
	}
	minutes, err := s.minutes.Minutes(ctx, stats.FieldsStat, newest-remembered, newest)
	if err != nil && ctx.Err() == nil {
		s.config.Logger.Warn("cannot read which fields the lines of the last hour had: warnings of missing fields cover only newer lines", "error", err)
	}
	s.store.Recall(minutes)
}

// Run serves until ctx is done, and then says goodbye to every client. Kafka
// being away ends nothing: pages are told what is unknown until it is back.
func (s *Server) Run(ctx context.Context) error {
	defer s.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{
		Handler:           s.handler,
		ConnContext:       withConn,
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       2 * headerWithin, // no request has a body that is read
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(io.Discard, "", 0), // what peers do wrong is theirs
		Protocols:         new(http.Protocols),
	}
	// A client of HTTP/2 may leave two hundred answers unread on one connection, each of
	// which would hold memory for as long as the client likes.
	server.Protocols.SetHTTP1(true)

	var running sync.WaitGroup
	running.Go(func() { s.hub.Run(ctx) })
	running.Go(func() { s.followMarks(ctx) })
	if p := s.access.provider; p != nil {
		running.Go(func() {
			p.keepTrying(ctx, func(err error) {
				s.refusals.Warn("the provider of logins cannot be asked; others go on", "issuer", p.config.Issuer, "error", err)
			})
		})
	}
	running.Go(func() { s.followAlerts(ctx) })
	running.Go(func() {
		if err := s.fill(ctx, func() {
			s.ready.Store(true)
			s.hub.live.Store(true)
			running.Go(func() { s.recall(ctx) })
		}); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	})
	running.Go(func() {
		if err := s.serve(server); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("the page's server stopped: %w", err))
		}
	})
	s.config.Logger.Info("serving the page", "url", s.URL())

	<-ctx.Done()
	s.door.Lock()
	s.stop()
	s.door.Unlock()
	soon, done := context.WithTimeout(context.Background(), goodbyeWithin)
	defer done()
	if server.Shutdown(soon) != nil {
		server.Close() //nolint:errcheck // the listener is closed already
	}
	s.clients.Wait()
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
