package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
)

// idle makes a server without Kafka that is not run: tests put points into its
// store, and get asks its handler. change may alter its Config.
func idle(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	c := Config{Definitions: two()}
	if change != nil {
		change(&c)
	}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	s.usual.minutes = noMinutes{}
	s.followMarks = func(context.Context) {}
	s.followAlerts = func(context.Context) {}
	s.fill = func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	}
	return s
}

// noMinutes is a log without a past.
type noMinutes struct{}

func (noMinutes) Each(context.Context, int64, int64, func(topics.Minute)) error { return nil }

// inMemory runs a server in a synctest bubble until the test ends; dial reaches it.
func inMemory(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	s := idle(t, change)
	s.listenOn(&memory{conns: make(chan net.Conn), closed: make(chan struct{})})
	start(t, s)
	return s
}

// quiet is idle, run on a port of its own: for browsers.
func quiet(t testing.TB, all ...*stats.Stat) *Server {
	t.Helper()
	s := idle(t, func(c *Config) {
		if len(all) > 0 {
			c.Definitions = &stats.Definitions{Lateness: 2, Stats: all}
		}
		for _, st := range all {
			if st.Title == "" {
				st.Title = st.Name
			}
		}
	})
	onPort(t, s)
	return s
}

// onPort runs a server on a free port until the test ends.
func onPort(t testing.TB, s *Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listenOn(l)
	start(t, s)
}

// start runs a server until the test ends, and fails it if Run does.
func start(t testing.TB, server *Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// memory is a listener whose connections are pipes, so that a server and its
// clients live in one synctest bubble.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (m *memory) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.closed:
		return nil, errors.New("the server does not listen")
	}
}

// open opens a websocket at a path, with a header, and gives the server's answer.
func open(s *Server, path string, h http.Header) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{EnableCompression: true}
	if m, ok := s.listener.(steadyListener).Listener.(*memory); ok {
		dialer.NetDial = func(string, string) (net.Conn, error) { return m.dial() }
	}
	return dialer.Dial("ws"+strings.TrimPrefix(s.URL(), "http")+path, h)
}

// dial opens a websocket as a browser on the same host does.
func dial(t testing.TB, s *Server) *websocket.Conn {
	t.Helper()
	conn, _, err := open(s, "/ws", http.Header{"Origin": {s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// message is what a page gets.
type message struct {
	Type    string              `json:"type"`
	Now     float64             `json:"now"`
	Clocks  []int64             `json:"clocks"`
	Stats   []map[string]any    `json:"stats"`
	Pages   []map[string]any    `json:"pages"`
	History [][]any             `json:"history"`
	Last    bool                `json:"last"`
	Points  [][]json.RawMessage `json:"points"`
}

// next reads one message.
func next(t testing.TB, conn *websocket.Conn) message {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(time.Duration(testkit.Factor()) * time.Minute)) //nolint:errcheck // the read fails then
	_, data, err := conn.ReadMessage()
	if err != nil {
		t.Fatalf("no message: %v", err)
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v in %.300s", err, data)
	}
	return m
}

// welcome reads the first messages: the configuration, with the history in it.
func welcome(t testing.TB, conn *websocket.Conn) message {
	t.Helper()
	m := next(t, conn)
	if m.Type != "config" {
		t.Fatalf("the first message is of type %q", m.Type)
	}
	for last := false; !last; {
		piece := next(t, conn)
		if piece.Type != "history" {
			t.Fatalf("a message of type %q is before the end of the history", piece.Type)
		}
		m.History = append(m.History, piece.History...)
		last = piece.Last
	}
	return m
}

// untilPoint reads messages until one has the value of a stat's second.
func untilPoint(t testing.TB, conn *websocket.Conn, stat int, second int64, value string) {
	t.Helper()
	want := fmt.Sprint(stat, " ", second, " ", value)
	for range 1000 {
		for _, p := range next(t, conn).Points {
			if fmt.Sprint(string(p[0]), " ", string(p[1]), " ", string(p[2])) == want {
				return
			}
		}
	}
	t.Fatalf("the point %s never came", want)
}

// untilClosed reads messages until the connection ends, and gives how.
func untilClosed(t testing.TB, conn *websocket.Conn) error {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(time.Duration(testkit.Factor()) * time.Minute)) //nolint:errcheck // the read fails then
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return err
		}
	}
}

// get asks a server's handler; change may alter the request.
func get(t testing.TB, s *Server, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	return do(t, s, http.MethodGet, path, change)
}

// do asks a server's handler, in this goroutine.
func do(t testing.TB, s *Server, method, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Host = "localhost"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	answer := w.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// setNotes gives a store notes as an internal stat does.
func setNotes(s *Store, notes map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setNotes(stats.SubjectLines, notes)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testkit.Eventually(t, what, func() error {
		if !ok() {
			return errors.New("not yet")
		}
		return nil
	})
}
