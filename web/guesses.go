package web

import (
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// freeGuesses are the wrong passwords that an address may send at once; after
	// them it has one for every guessEvery.
	freeGuesses = 10
	guessEvery  = 2 * time.Second
	// proxied is how many times as many, and as often, a proxy may pass on, whatever it says
	// of whom they are from: it may be no proxy, but somebody who makes addresses up.
	proxied = 20
	// knownFor is how long an address is remembered that had the right password.
	knownFor = 24 * time.Hour
)

// A client is whom a request is from: an address, and, if a proxy says which, the proxy's.
type client struct{ from, by netip.Prefix }

// LogValue implements slog.LogValuer.
func (c client) LogValue() slog.Value {
	if c.by.IsValid() {
		return slog.StringValue(c.from.String() + " by " + c.by.String())
	}
	return slog.StringValue(c.from.String())
}

// guesses slows down who tries passwords. Who makes addresses up, or has very many, empties
// the bucket of a proxy, or of all that are not remembered; so these are not those of an
// address that has had the right password.
type guesses struct {
	mu     sync.Mutex
	tried  buckets                    // of addresses
	passed buckets                    // of proxies
	known  map[netip.Prefix]time.Time // addresses that had the right password, and when
	swept  time.Time                  // when old ones of these were last forgotten
}

func newGuesses() *guesses {
	return &guesses{tried: buckets{atOnce: freeGuesses, every: guessEvery}, passed: buckets{atOnce: proxied * freeGuesses, every: guessEvery / proxied}}
}

// wait is how long a client has to wait until its next guess is looked at.
func (g *guesses) wait(c client, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at, known := g.known[c.from]; known && now.Sub(at) < knownFor {
		if _, tried := g.tried.full[c.from]; !tried {
			return 0
		}
		return g.tried.wait(c.from, now)
	}
	left := g.tried.wait(c.from, now)
	if c.by.IsValid() {
		left = max(left, g.passed.wait(c.by, now))
	}
	return left
}

// add counts a wrong guess of a client.
func (g *guesses) add(c client, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tried.take(c.from, now)
	if c.by.IsValid() {
		g.passed.take(c.by, now)
	}
}

// knew remembers that a client had the right password.
func (g *guesses) knew(c client, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil {
		g.known = map[netip.Prefix]time.Time{}
	}
	if _, known := g.known[c.from]; !known && len(g.known) >= maxBuckets {
		if now.Sub(g.swept) >= time.Minute {
			g.swept = now
			maps.DeleteFunc(g.known, func(_ netip.Prefix, at time.Time) bool { return now.Sub(at) >= knownFor })
		}
		if len(g.known) >= maxBuckets {
			return
		}
	}
	g.known[c.from] = now
}

// visitor is whom a request is from: its peer's address, or, if the peer is a proxy
// on this machine or in a private network, the last address that the proxies tell,
// which the nearest one has added itself.
func visitor(r *http.Request) client {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return client{}
	}
	addr := peer.Addr().Unmap()
	if told := r.Header.Values("X-Forwarded-For"); len(told) > 0 && (addr.IsLoopback() || addr.IsPrivate()) {
		last := told[len(told)-1]
		last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		if a, err := netip.ParseAddr(last); err == nil {
			return client{network(a.Unmap()), network(addr)}
		}
	}
	return client{from: network(addr)}
}

// network is what counts as one address: of IPv6 a network, since each customer has a whole
// one.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
