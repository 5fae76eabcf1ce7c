package web

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// A client that says slow gets a frame every three seconds, until it says fast; one that
// says anything else is not listened to.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		conn := dial(t, s)
		welcome(t, conn)
		say := func(text string) {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		every := func() time.Duration {
			next(t, conn)
			begun := time.Now()
			next(t, conn)
			next(t, conn)
			return time.Since(begun) / 2
		}
		if got := every(); got > heartbeat {
			t.Errorf("frames come every %v", got)
		}
		say("slow")
		next(t, conn)
		if got := every(); got < slowEvery || got > slowEvery+heartbeat {
			t.Errorf("to a slow client frames come every %v", got)
		}
		say("fast")
		next(t, conn)
		if got := every(); got > heartbeat {
			t.Errorf("to one that is fast again they come every %v", got)
		}
		say("hello")
		untilClosed(t, conn)
	})
}
