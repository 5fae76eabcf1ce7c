package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

func TestReconnectingClientGetsHistoryThenLivePoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		put(s.store, point("a", 1000, "1"), point("a", 1001, "2"))
		first := dial(t, s)
		m := welcome(t, first)
		if len(m.Stats) != len(two().All()) || fmt.Sprint(m.History) != "[[0 1000 1 2]]" {
			t.Fatalf("the first message is %+v, want the configuration with the history of a", m)
		}
		put(s.store, point("a", 1002, "3"))
		untilPoint(t, first, 0, 1002, "3")
		first.Close()

		put(s.store, point("a", 1003, "4"))
		again := dial(t, s)
		if m := welcome(t, again); fmt.Sprint(m.History) != "[[0 1000 1 2 3 4]]" {
			t.Fatalf("after reconnecting the history is %v, want all four points", m.History)
		}
		put(s.store, point("b", 1004, "null"))
		untilPoint(t, again, 1, 1004, "null")
	})
}

// A client that never reads keeps nobody from being served, and is cut.
func TestClientThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		deaf := time.Now()
		dial(t, s)
		conn := dial(t, s)
		next(t, conn)
		for i := int64(0); s.hub.cut.Load() == 0; i++ {
			if time.Since(deaf) > 2*progressWithin {
				t.Fatal("the client that never reads was never cut")
			}
			put(s.store, point("b", 1000+i, fmt.Sprint(i)))
			untilPoint(t, conn, 1, 1000+i, fmt.Sprint(i))
			time.Sleep(heartbeat)
		}
		if took := time.Since(deaf); took < progressWithin {
			t.Errorf("the client that never reads was cut after %v, want %v at least", took, progressWithin)
		}
		synctest.Wait()
		if n := s.hub.clients.Load(); n != 1 {
			t.Errorf("%d clients are left, want the one that reads", n)
		}
	})
}

// The same over TCP, where the kernel keeps much for the one that never reads.
func TestClientThatNeverReadsTCP(t *testing.T) {
	testkit.Long(t)
	s, err := New(Config{Definitions: two(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s.fill = func(ctx context.Context, ready func()) error {
		<-ctx.Done()
		return nil
	}
	l := s.listener.(steadyListener)
	l.within = 300 * time.Millisecond
	s.listener = l
	start(t, s)
	deaf, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL(), "http")+"/ws", nil) // without compression
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	conn := dial(t, s)
	next(t, conn)

	// Frames fill what the kernel keeps for the deaf one, and then it stands
	// still; each of them must reach the other.
	long := `"` + strings.Repeat("x", 60<<10) + `"`
	for i := int64(0); s.hub.cut.Load() == 0; i++ {
		if i > 20_000 {
			t.Fatal("the client that never reads was never cut")
		}
		put(s.store, point("a", 1000+i, long), point("b", 1000+i, fmt.Sprint(i)))
		s.hub.publish()
		untilPoint(t, conn, 1, 1000+i, fmt.Sprint(i))
	}
	eventually(t, "one client is left", func() bool { return s.hub.clients.Load() == 1 })
}

// A write that moves no bytes fails after its time, one that moves some does not.
func TestSteadyConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := steadyConn{Conn: near, within: progressWithin}
		go func() {
			// 1 KB/s: slow, but going on.
			buffer := make([]byte, 1024)
			for range 20 {
				time.Sleep(time.Second)
				if _, err := far.Read(buffer); err != nil {
					t.Error(err)
				}
			}
		}()
		if n, err := conn.Write(make([]byte, 20<<10)); n != 20<<10 || err != nil {
			t.Errorf("writing to a slow reader gave %d, %v, want all of it", n, err)
		}
		before := time.Now()
		_, err := conn.Write(make([]byte, 20<<10))
		if took := time.Since(before); !errors.Is(err, os.ErrDeadlineExceeded) || took != progressWithin {
			t.Errorf("writing to nobody failed with %v after %v, want a timeout after %v", err, took, progressWithin)
		}
	})
}

// A slow client gets one frame with the newest of each point, not those between.
func TestSlowClientCoalesces(t *testing.T) {
	store := NewStore(two())
	h := NewHub(store, two(), "", time.Now)
	_, version := h.Welcome(Subscription{})
	for revision := range 50 {
		p := point("a", 1000, fmt.Sprint(revision))
		p.Revision = revision
		put(store, p)
		h.publish()
	}
	_, upTo, err := h.Next(t.Context(), Subscription{}, version)
	if err != nil {
		t.Fatal(err)
	}
	if got := allChanges(store, nil, version, upTo); got != `,"points":[[0,1000,49]]` {
		t.Errorf("after 50 revisions a slow client gets %s, want the last alone", got)
	}
}

func TestFramesAreShared(t *testing.T) {
	store := NewStore(two())
	h := NewHub(store, two(), "", time.Now)
	first, version := h.Welcome(Subscription{})
	if again, _ := h.Welcome(Subscription{}); again != first {
		t.Error("two clients of one version got two first messages")
	}
	put(store, point("a", 1000, "1"))
	h.publish()
	frame, _, _ := h.Next(t.Context(), Subscription{}, version)
	if again, _, _ := h.Next(t.Context(), Subscription{}, version); again != frame {
		t.Error("two clients of one version got two frames")
	}
	for range maxShared * 2 {
		h.publish()
	}
	for after := range uint64(maxShared * 2) {
		if _, _, err := h.Next(t.Context(), Subscription{}, after); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.current.Load().shared); n > maxShared {
		t.Errorf("%d frames are kept, more than %d", n, maxShared)
	}
}

func TestHubTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := NewStore(two())
		h := NewHub(store, two(), "", time.Now)
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx)
		}()
		_, version := h.Welcome(Subscription{})

		// Without news a heartbeat comes, so that silence is not death.
		before := time.Now()
		_, version, _ = h.Next(ctx, Subscription{}, version)
		if took := time.Since(before); took != heartbeat {
			t.Errorf("the heartbeat came after %v, want %v", took, heartbeat)
		}
		// News come at the next tick, all in one frame.
		before = time.Now()
		put(store, point("a", 1000, "1"), point("b", 1000, "2"))
		_, after, _ := h.Next(ctx, Subscription{}, version)
		if took := time.Since(before); took > tick || after != version+1 {
			t.Errorf("news came after %v in %d frames, want %v and one", took, after-version, tick)
		}
		cancel()
		<-done
	})
}

// A frame is made as soon as all stats have a second that had the one before it; if one of them
// does not come, it waits for that a little.
func TestHubGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewStore(two())
		h := NewHub(store, two(), "", time.Now)
		go h.Run(t.Context())
		_, version := h.Welcome(Subscription{})
		second := int64(1000)
		for _, c := range []struct {
			name   string
			points func() // of the next second
			within time.Duration
			want   string
		}{
			{"the first points", func() { put(store, point("a", second, "1"), point("b", second, "2")) }, settle, `[[0,1000,1],[1,1000,2]]`},
			{"both go on", func() {
				put(store, point("a", second, "1"))
				time.Sleep(5 * time.Millisecond)
				put(store, point("b", second, "2"))
			}, 5 * time.Millisecond, `[[0,1001,1],[1,1001,2]]`},
			{"one amends the second before first", func() {
				amended := point("b", second-1, "3")
				amended.Revision = 1
				put(store, amended, point("b", second, "2"))
				time.Sleep(5 * time.Millisecond)
				put(store, point("a", second, "1"))
			}, 5 * time.Millisecond, `[[0,1002,1],[1,1001,3],[1,1002,2]]`},
			{"an amendment alone", func() {
				second--
				amended := point("a", second, "4")
				amended.Revision = 1
				put(store, amended)
			}, settle, `[[0,1002,4]]`},
			{"some seconds at once", func() {
				put(store, point("a", second, "1"), point("a", second+1, "1"))
				time.Sleep(5 * time.Millisecond)
				put(store, point("b", second, "2"))
				time.Sleep(5 * time.Millisecond)
				second++
				put(store, point("b", second, "2"))
			}, 10 * time.Millisecond, `[[0,1003,1],[0,1004,1],[1,1003,2],[1,1004,2]]`},
			{"one ends", func() { put(store, point("a", second, "1")) }, settle, `[[0,1005,1]]`},
			{"it has ended", func() { put(store, point("a", second, "1")) }, settle, `[[0,1006,1]]`},
			{"nobody waits for it", func() { put(store, point("a", second, "1")) }, 0, `[[0,1007,1]]`},
		} {
			time.Sleep(tick)
			before := time.Now()
			c.points()
			second++
			_, upTo, err := h.Next(t.Context(), Subscription{}, version)
			if err != nil {
				t.Fatal(err)
			}
			if got := allChanges(store, nil, version, upTo); got != `,"points":`+c.want || upTo != version+1 {
				t.Errorf("%s: %d frames have %s, want one of %s", c.name, upTo-version, got, c.want)
			}
			if took := time.Since(before); took != c.within {
				t.Errorf("%s: the frame came after %v, want %v", c.name, took, c.within)
			}
			version = upTo
		}
	})
}

// TestClosedIsOfTheNewest: that all stats have come to a second is no longer so once one is at the next.
func TestClosedIsOfTheNewest(t *testing.T) {
	store := NewStore(two())
	h := NewHub(store, two(), "", time.Now)
	put(store, point("a", 1000, "1"), point("b", 1000, "2"))
	h.publish() // which notes what is to come to the next second
	for i, c := range []struct {
		point stats.Snapshot
		want  int
	}{
		{point("a", 1001, "1"), 0},
		{point("b", 1001, "2"), 1},
		{point("a", 1002, "1"), 0},
		{point("b", 1002, "2"), 1},
	} {
		put(store, c.point)
		if got := len(store.Closed()); got != c.want {
			t.Errorf("after %d points %d, want %d", i+1, got, c.want)
		}
	}
}

// How long after a second's end its frame is made is measured for each stat, once
// the store is up to date; a recording of another time is left out.
func TestDelay(t *testing.T) {
	now := time.Unix(2000, 0)
	store := NewStore(two())
	h := NewHub(store, two(), "", func() time.Time { return now })
	show := func(at float64, points ...stats.Snapshot) {
		now = time.UnixMilli(int64(at * 1000))
		put(store, points...)
		h.publish()
	}
	show(2000, point("a", 1990, "1")) // the first point
	show(2001, point("a", 1999, "1")) // not live yet
	h.live.Store(true)
	show(2001.2, point("a", 2000, "1"), point("b", 2000, "1")) // 0.2 s for a; of b the first
	show(2002.1, point("a", 2000, "2"), point("b", 2001, "1")) // a revision; 0.1 s for b
	show(2004.5, point("a", 2002, "1"), point("a", 2001, "1")) // 1.5 and 2.5 s
	show(9000, point("a", 2003, "1"))                          // a recording
	own := prometheus.NewRegistry()
	own.MustRegister(h.delay)
	families, err := own.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := families[0].GetMetric()[0]
	if n, sum := got.GetHistogram().GetSampleCount(), got.GetHistogram().GetSampleSum(); n != 4 || math.Abs(sum-4.3) > 1e-6 {
		t.Errorf("%d delays of %v s were measured, want 4 of 4.3", n, sum)
	}
}

// A client that talks is sent away: it has little to say.
func TestTalkingClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		conn := dial(t, s)
		if err := conn.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := untilClosed(t, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection was not closed")
		}
	})
}

// Connections beyond the bound are closed at once, and those that end make room.
func TestCrowdedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
		s := idle(t, nil)
		s.listenOn(m)
		l := s.listener.(steadyListener)
		if n := cap(l.room); n != maxConnections {
			t.Errorf("%d connections may be open, want %d", n, maxConnections)
		}
		l.room = make(chan struct{}, 2)
		s.listener = l
		start(t, s)
		ask := func(c net.Conn) error {
			if _, err := fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				return err
			}
			_, err := c.Read(make([]byte, 4096))
			return err
		}
		var open []net.Conn
		for range 2 {
			c, err := m.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := ask(c); err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
		}
		third, err := m.dial()
		if err != nil {
			t.Fatal(err)
		}
		if ask(third) == nil {
			t.Error("a connection beyond the bound is answered")
		}
		open[0].Close()
		synctest.Wait()
		fourth, err := m.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer fourth.Close()
		if err := ask(fourth); err != nil {
			t.Errorf("one has gone, and the next is not answered: %v", err)
		}
	})
}
