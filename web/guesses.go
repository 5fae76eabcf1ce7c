package web

import (
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
	// maxGuessers bounds the addresses that are remembered. Beyond it all others
	// share one count.
	maxGuessers = 10_000
)

// guesses slows down who tries passwords. Each address has a bucket of freeGuesses
// that fills again with time (a leaky bucket, as RFC 6585 leaves it to the server).
// The zero value is ready.
type guesses struct {
	mu sync.Mutex
	// full is when the bucket of an address is full again.
	full map[netip.Prefix]time.Time
	// swept is when addresses whose buckets are full were last forgotten: not for each
	// guess beyond the room, since that costs as much as there is room.
	swept time.Time
}

// wait is how long an address has to wait until its next guess is looked at.
func (g *guesses) wait(from netip.Prefix, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	full, known := g.full[from]
	if !known && len(g.full) >= maxGuessers {
		full = g.full[netip.Prefix{}]
	}
	if full.IsZero() {
		return 0 // the time since then is beyond a Duration
	}
	return max(full.Add(-(freeGuesses-1)*guessEvery).Sub(now), 0)
}

// add counts a wrong guess of an address.
func (g *guesses) add(from netip.Prefix, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.full == nil {
		g.full = map[netip.Prefix]time.Time{}
	}
	if len(g.full) >= maxGuessers && now.Sub(g.swept) >= guessEvery {
		g.swept = now
		maps.DeleteFunc(g.full, func(_ netip.Prefix, full time.Time) bool { return !full.After(now) })
	}
	if _, known := g.full[from]; !known && len(g.full) >= maxGuessers {
		from = netip.Prefix{}
	}
	full := g.full[from]
	if full.Before(now) {
		full = now
	}
	g.full[from] = full.Add(guessEvery)
}

// visitor is whom a request is from: its peer's address, or, if the peer is a proxy
// on this machine or in a private network, the last address that the proxies tell,
// which the nearest one has added itself. A network of IPv6 counts as one, since
// each customer has a whole one.
func visitor(r *http.Request) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := peer.Addr().Unmap()
	if addr.IsLoopback() || addr.IsPrivate() {
		told := r.Header.Values("X-Forwarded-For")
		if len(told) > 0 {
			last := told[len(told)-1]
			last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
			if a, err := netip.ParseAddr(last); err == nil {
				addr = a.Unmap().WithZone("")
			}
		}
	}
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
