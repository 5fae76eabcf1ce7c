// Package traffic makes recordings of made-up traffic, for tests, benchmarks
// and the demo. They look alive: the load wobbles, a few domains get most of
// it, latencies are log-normal, and every few minutes something goes wrong for
// half a minute. The same Options give the same bytes.
package traffic

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Options say what recording to make.
type Options struct {
	Kind     string        // one of Kinds
	Lines    int           // how many
	Rate     float64       // lines per second, on average
	Seed     uint64        // another seed is another recording
	Start    time.Time     // of the first line
	Disorder time.Duration // by how much lines are out of order, at most; whole seconds
	Garbage  float64       // the part of the lines that are garbage, 0 to 1
}

// A format appends a line of the current second, without a line's end.
type format func(g *generator, b []byte, micros int) []byte

var formats = map[string]format{
	"router":   router,
	"combined": combined,
	"access":   access,
	"pulse":    pulse,
	"json":     jsonLine,
	"heroku":   drain,
	"hostile":  hostile,
	"mixed":    mixed,
}

// Kinds gives the kinds of recordings.
func Kinds() []string { return slices.Sorted(maps.Keys(formats)) }

// A generator makes the lines of one recording.
type generator struct {
	*rand.Rand
	format  format
	garbage float64
	clock   clock
	scene   scene
	world   *world
}

// Write writes a recording. The error is of the options or of w.
func Write(w io.Writer, o Options) error {
	f, ok := formats[o.Kind]
	switch {
	case !ok:
		return fmt.Errorf("there is no kind %q: choose one of %s", o.Kind, strings.Join(Kinds(), ", "))
	case !(o.Rate > 0):
		return fmt.Errorf("a rate of %v gives no lines: it is above 0", o.Rate)
	case o.Disorder < 0 || o.Disorder > time.Hour:
		return fmt.Errorf("a disorder of %s is not from 0s to 1h", o.Disorder)
	case !(o.Garbage >= 0 && o.Garbage <= 1):
		return fmt.Errorf("garbage is a part of the lines, from 0 to 1, not %v", o.Garbage)
	}
	g := &generator{
		Rand:    rand.New(rand.NewPCG(o.Seed, 0x70756c7365)),
		format:  f,
		garbage: o.Garbage,
		world:   newWorld(),
	}

	// Lines that come late wait in a ring of as many seconds as they may be
	// late by; each second begins with those that have come by then.
	held := make([][]byte, max(1, int(o.Disorder/time.Second)))
	var buf []byte
	written := 0
	for second := 0; written < o.Lines; second++ {
		slot := second % len(held)
		buf = append(buf[:0], held[slot]...)
		held[slot] = held[slot][:0]

		start := o.Start.Add(time.Duration(second) * time.Second)
		g.clock.set(start)
		g.scene.set(g.world, o.Seed, second, start)
		n := min(int(o.Rate*g.scene.load*(1+0.05*g.NormFloat64())+g.Float64()), o.Lines-written)
		for i := range n {
			micros := int((float64(i) + g.Float64()) / float64(n) * 1e6)
			to := &buf
			if len(held) > 1 && g.IntN(8) == 0 {
				u := g.Float64()
				to = &held[(second+1+int(u*u*float64(len(held)-1)))%len(held)]
			}
			*to = append(g.line(*to, micros), '\n')
			written++
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		if written == o.Lines { // those that are late still
			for i := range held {
				if _, err := w.Write(held[(second+1+i)%len(held)]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (g *generator) line(b []byte, micros int) []byte {
	if g.garbage > 0 && g.Float64() < g.garbage {
		return g.appendGarbage(b, micros)
	}
	return g.format(g, b, micros)
}

// appendGarbage appends what real streams have beside their lines.
func (g *generator) appendGarbage(b []byte, micros int) []byte {
	start := len(b)
	switch kind := g.IntN(1000); {
	case kind == 0: // too long to be read
		b = append(b, "what came next: "...)
		return append(b, strings.Repeat("x", 66<<10)...)
	case kind < 5: // a clock that is wrong
		return append(b, "2038-01-19T03:14:07.000000+00:00 10.0.0.1 local7.info nginx[1] - - at=start"...)
	case kind < 50:
		return b // nothing
	case kind < 200: // bytes of any value
		for range 1 + g.IntN(120) {
			if c := byte(g.Uint32()); c != '\n' {
				b = append(b, c)
			}
		}
		return b
	case kind < 500: // cut off
		b = g.format(g, b, micros)
		return b[:start+g.IntN(len(b)-start)]
	case kind < 800:
		b = append(b, "\tat com.example.shop.Cart.total(Cart.java:"...)
		b = appendInt(b, 10+g.IntN(400))
		return append(b, ')')
	}
	return append(b, words[g.IntN(len(words))]...)
}

var words = []string{
	"Segmentation fault (core dumped)", "-----> Compiled slug size is 42.1MB", "=", "a = b = c", "{", "{\"level\":\"inf",
	"Error: connect ECONNREFUSED 127.0.0.1:6379", "größer als erwartet: 50 % über dem Üblichen", "<notsyslog>", "null",
}
