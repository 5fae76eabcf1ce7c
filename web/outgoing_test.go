package web

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulse/cmd/dev/testkit"
)

// Clients that read so slowly that they are not cut for it hold no more than what all
// clients may, and do not keep anything from others.
func TestSlowClientsHoldLittle(t *testing.T) {
	for _, path := range []string{"/api/stats", "/api/stats/a?from=1100&to=1299", "/ws"} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil)
			const most = 1 << 20
			s.hub.outgoing.most = most
			long := `"` + strings.Repeat("x", 500) + `"` // of which 300 are sent
			if path == "/api/stats" {
				long = `"` + strings.Repeat("x", 60<<10) + `"`
			}
			second := int64(1000)
			fill := func() {
				put(s.store, point("a", second, long), point("b", second, long))
				second++
				s.hub.publish()
			}
			for range 300 {
				fill()
			}
			held := func() (bytes int64, clients int) {
				o := &s.hub.outgoing
				o.mu.Lock()
				defer o.mu.Unlock()
				return o.bytes, o.all.Len()
			}
			peak := int64(0)
			var slow []net.Conn
			leave := func() {
				for _, c := range slow {
					c.Close()
				}
				time.Sleep(progressWithin) // till they see it
			}
			defer leave()
			for i := range testkit.Size(40, 100) {
				c, err := s.listener.(steadyListener).Listener.(*memory).dial()
				if err != nil {
					t.Fatal(err)
				}
				slow = append(slow, c)
				go func() {
					fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", strings.ReplaceAll(path, "1299", fmt.Sprint(1200+i%100)))
					if _, err := io.ReadFull(c, make([]byte, 200)); err != nil { // the head
						return
					}
					for { // a byte now and then is progress
						time.Sleep(progressWithin / 8)
						if _, err := c.Read(make([]byte, 1)); err != nil {
							return
						}
					}
				}()
				synctest.Wait()
				fill()
				bytes, _ := held()
				peak = max(peak, bytes)
			}
			time.Sleep(4 * progressWithin)
			bytes, clients := held()
			if bytes == 0 || clients == 0 || clients == len(slow) {
				t.Fatalf("%s: %d clients hold %d bytes: nothing is shown by this", path, clients, bytes)
			}
			// One that is larger than all may be comes through alone.
			if one := int64(400 << 10); bytes > most && clients > 1 || peak > most+one {
				t.Errorf("%s: %d slow clients hold %d bytes, %d at most, want %d", path, clients, bytes, peak, int64(most))
			}
			if s.hub.cut.Load() == 0 {
				t.Errorf("%s: none of them was cut", path)
			}

			quick, err := s.listener.(steadyListener).Listener.(*memory).dial()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(quick, "GET /api/stats HTTP/1.0\r\nHost: localhost\r\n\r\n")
			answer, err := io.ReadAll(quick)
			if err != nil || !strings.Contains(string(answer), " 200 OK") || !strings.HasSuffix(string(answer), "}\n") {
				t.Errorf("%s: who reads gets %.60q (%d bytes), %v", path, answer, len(answer), err)
			}
			leave()
			if bytes, clients := held(); bytes != 0 || clients != 0 {
				t.Errorf("%s: when all have gone %d hold %d bytes", path, clients, bytes)
			}
		})
	}
}
