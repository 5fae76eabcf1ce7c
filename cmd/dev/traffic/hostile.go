package traffic

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// hostile is the line from which a parser can learn the least; see HostileLine.
func hostile(g *generator, b []byte, _ int) []byte {
	return appendHostile(g.Rand, append(b, g.clock.rfc3339...))
}

// HostileLine gives a new value to every field, and keys in a new order.
func HostileLine(r *rand.Rand, second int64) string {
	return string(appendHostile(r, time.Unix(second, 0).UTC().AppendFormat(nil, "2006-01-02T15:04:05")))
}

func appendHostile(r *rand.Rand, b []byte) []byte {
	b = fmt.Appendf(b, "Z 10.1.2.3 local7.info s%d[%d] - slot%d.%d@c%d - ", r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32())
	keys := []string{"mod", "code", "app_id", "at", "latency", "staleness", "callback", "redis", "action", "app", "fn", "deploy", "error_type", "amqp_message", "cache_purge"}
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, k := range keys[:3+r.IntN(12)] {
		b = fmt.Appendf(b, "%s=%x k%x=v%x ", k, r.Uint32(), r.Uint32(), r.Uint32())
	}
	return b
}
