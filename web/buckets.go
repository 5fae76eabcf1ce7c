package web

import (
	"maps"
	"net/netip"
	"time"
)

// maxBuckets bounds the addresses that are remembered. Beyond it all others share a bucket.
const maxBuckets = 10_000

// buckets bound how often something is done from each address: so many times at once, and
// then once in a while (a leaky bucket, as RFC 6585 leaves it to the server). Who uses them
// has a lock.
type buckets struct {
	atOnce int
	every  time.Duration
	full   map[netip.Prefix]time.Time // when the bucket of an address is full again
	// swept is when addresses whose buckets are full were last forgotten: not for each
	// take beyond the room, since that costs as much as there is room.
	swept time.Time
}

// wait is how long an address has to wait until it may take.
func (b *buckets) wait(from netip.Prefix, now time.Time) time.Duration {
	full, remembered := b.full[from]
	if !remembered && len(b.full) >= maxBuckets {
		full = b.full[netip.Prefix{}]
	}
	if full.IsZero() {
		return 0 // the time since then is beyond a Duration
	}
	return max(full.Add(-time.Duration(b.atOnce-1)*b.every).Sub(now), 0)
}

// take counts what was done from an address.
func (b *buckets) take(from netip.Prefix, now time.Time) {
	if b.full == nil {
		b.full = map[netip.Prefix]time.Time{}
	}
	if len(b.full) >= maxBuckets && now.Sub(b.swept) >= b.every {
		b.swept = now
		maps.DeleteFunc(b.full, func(_ netip.Prefix, full time.Time) bool { return !full.After(now) })
	}
	if _, remembered := b.full[from]; !remembered && len(b.full) >= maxBuckets {
		from = netip.Prefix{}
	}
	full := b.full[from]
	if full.Before(now) {
		full = now
	}
	b.full[from] = full.Add(b.every)
}
