package main

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A proxy stands between clients and a broker, which tells clients the proxy's
// address for its own, and does to connections what bad networks do.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	chance  *rand.Rand
	trouble trouble
	changed chan struct{} // closed when trouble changes
	links   map[*link]bool
	cut     int // connections
}

// A trouble is what is wrong with a network.
type trouble struct {
	least, most time.Duration // each connection dies at an age between them; 0: none does
	latency     time.Duration // each way
	silent      direction     // nothing comes through that way, and nobody is told
}

// A direction is one of the two ways of a connection, or none.
type direction int

const (
	neither direction = iota
	toBroker
	toClient
)

// listen returns a proxy on a free port. Serve lets clients in.
func listen(seed uint64) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &proxy{listener: l, chance: rand.New(rand.NewPCG(seed, 5)), changed: make(chan struct{}), links: map[*link]bool{}}, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// serve leads clients to target until close.
func (p *proxy) serve(target string) {
	p.target = target
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.connect(client)
	}
}

// set makes the network so from now on, for connections that there are too.
func (p *proxy) set(t trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = t
	close(p.changed)
	p.changed = make(chan struct{})
	for l := range p.links {
		l.doom(p.lifetime())
	}
}

// cuts is how many connections were cut.
func (p *proxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// lifetime returns how long a connection has; 0: for ever.
func (p *proxy) lifetime() time.Duration {
	if p.trouble.most == 0 {
		return 0
	}
	return p.trouble.least + time.Duration(p.chance.Int64N(int64(p.trouble.most-p.trouble.least)+1))
}

// A link is one connection through a proxy.
type link struct {
	proxy          *proxy
	client, broker net.Conn
	end            *time.Timer
	once           sync.Once
	closed         chan struct{}
}

func (p *proxy) connect(client net.Conn) {
	broker, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	l := &link{proxy: p, client: client, broker: broker, closed: make(chan struct{})}
	p.mu.Lock()
	p.links[l] = true
	l.doom(p.lifetime())
	p.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { l.pass(toBroker, client, broker) })
	wg.Go(func() { l.pass(toClient, broker, client) })
	wg.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// doom lets the link die after a time, or live if it is 0. The proxy is locked.
func (l *link) doom(after time.Duration) {
	if l.end != nil {
		l.end.Stop()
		l.end = nil
	}
	if after > 0 {
		l.end = time.AfterFunc(after, func() {
			l.proxy.mu.Lock()
			l.proxy.cut++
			l.proxy.mu.Unlock()
			l.close()
		})
	}
}

// close ends the link as a crash does: what is under way is lost, both sides
// get a reset.
func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		for _, c := range []net.Conn{l.client, l.broker} {
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			c.Close()
		}
	})
}

// inFlight bounds how many reads are under way in one direction.
const inFlight = 256

// pass carries bytes one way.
func (l *link) pass(way direction, from, to net.Conn) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, inFlight)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				l.proxy.mu.Lock()
				due := time.Now().Add(l.proxy.trouble.latency)
				l.proxy.mu.Unlock()
				select {
				case pieces <- piece{buf[:n], due}:
				case <-l.closed:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer l.close()
	for p := range pieces {
		if !l.wait(way, p.due) {
			return
		}
		if _, err := to.Write(p.data); err != nil {
			return
		}
	}
}

// wait waits until bytes that are due can pass; false: the link is closed.
func (l *link) wait(way direction, due time.Time) bool {
	if d := time.Until(due); d > 0 {
		select {
		case <-time.After(d):
		case <-l.closed:
			return false
		}
	}
	for {
		l.proxy.mu.Lock()
		silent, changed := l.proxy.trouble.silent == way, l.proxy.changed
		l.proxy.mu.Unlock()
		if !silent {
			return true
		}
		select {
		case <-changed:
		case <-l.closed:
			return false
		}
	}
}
