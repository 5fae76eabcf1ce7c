package broker

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestHeld: large requests that do not end take no more than they may together, and one
// that does comes through.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts Counts
		g := newGuard(nil, "localhost", &counts, nil)
		const size = 1 << 20
		g.most = 8 * size
		connect := func() (client net.Conn, c *guarded, read chan int) {
			client, server := net.Pipe()
			g.Listener = single{server}
			accepted, err := g.Accept()
			if err != nil {
				t.Fatal(err)
			}
			read = make(chan int)
			go func() {
				defer close(read)
				for { // as kfake does: the size, and then the rest
					head := make([]byte, 4)
					if _, err := io.ReadFull(accepted, head); err != nil {
						accepted.Close()
						return
					}
					n, err := io.ReadFull(accepted, make([]byte, binary.BigEndian.Uint32(head)))
					if err != nil {
						accepted.Close()
						return
					}
					read <- n
				}
			}()
			return client, accepted.(*guarded), read
		}
		begin := request(int16(kmsg.Produce), 9, size)
		var slow []net.Conn
		for range 30 {
			client, _, _ := connect()
			slow = append(slow, client)
			go client.Write(append(begin, make([]byte, size*3/4)...))
			time.Sleep(time.Second)
			synctest.Wait()
			if g.held > g.most {
				t.Fatalf("%d bytes are held, %d may be", g.held, g.most)
			}
		}
		if g.held < g.most/2 || counts.Crowded.Load() < 15 {
			t.Errorf("%d bytes are held, and %d made room: nothing is shown by this", g.held, counts.Crowded.Load())
		}
		client, c, read := connect()
		for _, answers := range []bool{true, true, false, false, false} {
			go client.Write(append(begin, make([]byte, size-8)...))
			if n := <-read; n != size {
				t.Fatalf("a request of %d bytes came through as %d", size, n)
			}
			if answers {
				go io.ReadFull(client, make([]byte, 1))
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		for _, s := range append(slow, client) {
			s.Close()
		}
		synctest.Wait()
		if g.held != 0 || len(g.open) != 0 {
			t.Errorf("when all have gone %d bytes are held, of %d connections", g.held, len(g.open))
		}
	})
}

// request is the beginning of a request of a size.
func request(key, version int16, size uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	return binary.BigEndian.AppendUint32(b, 7)
}
