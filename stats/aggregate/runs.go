package aggregate

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A run is codes with their counts, as bytes: by code ascending, the step from the code before,
// or at first the code itself, and the count, as uvarints.

// checkRun finds what is wrong with bytes that are to be a run; it may be empty.
func checkRun(b []byte) error {
	code := uint64(0)
	for first := true; len(b) > 0; first = false {
		// Four codes at once whose steps and counts are a byte each, as most are, and not 0.
		const (
			low  = 0x7f7f7f7f7f7f7f7f
			even = 0x00ff00ff00ff00ff
		)
		for !first && len(b) >= 8 {
			w := binary.LittleEndian.Uint64(b)
			if w&^low != 0 || (w+low)&^low != ^uint64(low) {
				break
			}
			code += (w & even) * 0x0001000100010001 >> 48
			b = b[8:]
		}
		if len(b) == 0 {
			break
		}
		step, rest, ok := uvarint(b, codes-1)
		if !ok {
			return ErrMalformed
		}
		n, rest, ok := uvarint(rest, maxCount)
		if !ok || n == 0 {
			return ErrMalformed
		}
		code += step
		if code >= codes || step == 0 && !first {
			return ErrMalformed
		}
		b = rest
	}
	if code >= codes {
		return ErrMalformed
	}
	return nil
}

// nextOf reads a code and its count from the front of a run, of which code was before.
func nextOf(code uint32, run []byte) (next uint32, n uint64, rest []byte) {
	if len(run) >= 2 && run[0]|run[1] < 0x80 {
		return code + uint32(run[0]), uint64(run[1]), run[2:]
	}
	return nextLong(code, run)
}

func nextLong(code uint32, run []byte) (next uint32, n uint64, rest []byte) {
	step, size := binary.Uvarint(run)
	n, more := binary.Uvarint(run[size:])
	return code + uint32(step), n, run[size+more:]
}

// eachOf calls f with each code and count of a run.
func eachOf(run []byte, f func(code uint32, n uint64)) {
	for code := uint32(0); len(run) > 0; {
		var n uint64
		code, n, run = nextOf(code, run)
		f(code, n)
	}
}

// A codeCounter merges runs. It counts codes in pages, which know which codes they have, so that
// these come out in order and nothing is sorted. Its memory grows with the intervals of codes in
// use, to 4 MB at most.
type codeCounter struct {
	pages [pages]*page
	used  [pages/64 + 1]uint64 // bits: the pages that have something
}

type page struct {
	used   [1 << pageBits / 64]uint64 // bits: the codes that are there
	counts [1 << pageBits]uint64
}

const (
	pageBits = 7
	pages    = codes>>pageBits + 1
)

// codeCounters are empty ones.
var codeCounters = sync.Pool{New: func() any { return new(codeCounter) }}

// pageOf returns the page that has a code, to which something is added.
func (c *codeCounter) pageOf(code uint32) *page {
	i := code >> pageBits
	c.used[i/64] |= 1 << (i % 64)
	p := c.pages[i]
	if p == nil {
		p = new(page)
		c.pages[i] = p
	}
	return p
}

func (p *page) add(code uint32, n uint64) {
	i := code & (1<<pageBits - 1)
	p.used[i/64] |= 1 << (i % 64)
	p.counts[i] += n
}

// add counts a code n more times.
func (c *codeCounter) add(code uint32, n uint64) { c.pageOf(code).add(code, n) }

// addRun counts the codes of a run.
func (c *codeCounter) addRun(run []byte) {
	var p *page
	at := uint32(pages)
	for code := uint32(0); len(run) > 0; {
		var n uint64
		if len(run) >= 2 && run[0]|run[1] < 0x80 { // as in nextOf, which is too large to be inlined
			code, n, run = code+uint32(run[0]), uint64(run[1]), run[2:]
		} else {
			code, n, run = nextLong(code, run)
		}
		if code>>pageBits != at {
			at = code >> pageBits
			p = c.pageOf(code)
		}
		p.add(code, n)
	}
}

// appendRun appends all that was counted as a run, and empties the codeCounter.
func (c *codeCounter) appendRun(b []byte) []byte {
	before := uint32(0)
	for i, used := range c.used {
		for ; used != 0; used &= used - 1 {
			at := uint32(i*64 + bits.TrailingZeros64(used))
			p := c.pages[at]
			for j, used := range p.used {
				for ; used != 0; used &= used - 1 {
					k := j*64 + bits.TrailingZeros64(used)
					code := at<<pageBits | uint32(k)
					b = binary.AppendUvarint(b, uint64(code-before))
					b = binary.AppendUvarint(b, p.counts[k])
					p.counts[k] = 0
					before = code
				}
				p.used[j] = 0
			}
		}
		c.used[i] = 0
	}
	return b
}
