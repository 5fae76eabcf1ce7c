package explain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"

	"pulse/stats/line"
	"pulse/stats/program"
)

var (
	newline   = []byte{'\n'}
	errEnough = errors.New("enough was read")
)

const (
	// maxText bounds the text of a value: longer ones are not compared.
	maxText = 200
	// seed of the choice of segments.
	seed = 17
	// levels of segments: one of level n is read if at most 1/2^n of the segments are.
	levels = 24
	// checked is after how many lines it is looked how much has been counted.
	checked = 256
)

// maxEntries bounds the values that are counted of the segments of one level, of all
// fields and parts: each level has half as many segments as the one before, so that all
// have some eight times as many. When there are more, those that were seen least are
// forgotten, as lossy counting has it (G. Manku, R. Motwani, "Approximate Frequency Counts
// over Data Streams", VLDB 2002): a value that comes again may then have been counted too
// few times, by counts.missed at most; and numbers lose digits. It is constant but for
// tests.
var maxEntries = 1 << 16

// mostLines are read of each side; of a longer one whole segments are left out. It is
// constant but for tests.
var mostLines int64 = 1_000_000

// counts are of the lines of one side.
type counts struct {
	lines   uint64   // that count
	fields  []*field // as names are numbered; nil: no line had it
	share   float64  // of the log's lines that were read
	missed  uint64
	dropped uint // bits of numberCodes
}

// A field is what a field's values were.
type field struct {
	values  map[uint64]*count // by the hash of the text
	numbers map[numberCode]uint64
	texts   uint64 // values that are not numbers
}

type count struct {
	text string
	n    uint64
}

// counting counts the sides of a question.
type counting struct {
	program  *program.Program
	question Question
	names    []string
	bound    *Bound
	tell     func(lines, bytes int64)
}

// level gives the level of a segment: half of them have level 0, half of the others 1,
// and so on. They are the same for whoever asks.
func level(part int, segment uint64) int {
	x := segment + uint64(part+1)*0x9e3779b97f4a7c15 + seed // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return min(bits.TrailingZeros64(x^x>>31), levels-1)
}

// count reads a side. Where it has more than mostLines lines, segments of the lowest levels
// are left out, of as many levels as it takes.
func (c *counting) count(ctx context.Context, s side) (*counts, error) {
	var read [levels]atomic.Int64 // lines of the side's seconds, by level
	least := func() int {         // the level from which on segments are read
		total := int64(0)
		for l := levels - 1; l >= 0; l-- {
			if total += read[l].Load(); total > mostLines {
				return l + 1
			}
		}
		return 0
	}
	parts := make([][levels]*counts, len(s.parts))
	err := s.each(ctx, func(ctx context.Context, i int, p Part) error {
		matcher, err := c.question.matcher(ctx, c.program)
		if err != nil {
			return err
		}
		slots := make([]line.Slot, len(c.names))
		for n, name := range c.names {
			slots[n] = c.program.Slot(name)
		}
		return p(ctx, func(segment uint64, p program.Pack) error {
			l := level(i, segment)
			lines := int64(bytes.Count(p.Lines, newline))
			c.tell(lines, int64(len(p.Lines)))
			if s.from <= p.Second && p.Second <= s.to { // what is around has few that count
				read[l].Add(lines)
			}
			if l < least() {
				parts[i][l] = nil
				return nil
			}
			if parts[i][l] == nil {
				parts[i][l] = newCounts(len(c.names))
			}
			c.pack(matcher, slots, p, s, parts[i][l], max(1, maxEntries/len(s.parts)))
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	all, from := newCounts(len(c.names)), least()
	kept, total := int64(0), int64(0)
	for l := range levels {
		total += read[l].Load()
		if l >= from {
			kept += read[l].Load()
			for i := range parts {
				all.join(parts[i][l])
			}
		}
	}
	all.share = 1
	if kept < total {
		all.share = float64(kept) / float64(total)
	}
	return all, nil
}

func newCounts(names int) *counts { return &counts{fields: make([]*field, names)} }

// pack counts the lines of a pack, of which so many values are kept.
func (c *counting) pack(matcher *program.Matcher, slots []line.Slot, p program.Pack, s side, into *counts, most int) {
	measured := line.None
	if c.bound != nil {
		measured = c.program.Slot(c.bound.Field)
	}
	matcher.Match(p, s.from, s.to, func(_ int64, text []byte) bool {
		if measured != line.None {
			event, ok := matcher.Field(measured)
			if !ok {
				return true
			}
			if v, ok := event.Number(measured); !ok || !c.bound.meets(v.Float64()) {
				return true
			}
		}
		if into.lines++; into.lines%checked == 0 {
			into.trim(most)
		}
		for n, slot := range slots {
			event, ok := matcher.Field(slot)
			if !ok {
				continue
			}
			value := event.Bytes(slot)
			if len(value) > maxText || len(value) == 0 {
				continue
			}
			f := into.fields[n]
			if f == nil {
				f = &field{values: map[uint64]*count{}, numbers: map[numberCode]uint64{}}
				into.fields[n] = f
			}
			if number, ok := event.Number(slot); ok {
				f.numbers[codeOf(number.Float64()).coarse(into.dropped)]++
			} else {
				f.texts++
			}
			h := event.Hash(slot)
			of := f.values[h]
			if of == nil {
				of = &count{text: string(value)}
				f.values[h] = of
			}
			of.n++
		}
		return true
	})
	into.trim(most)
}

// A numberCode is a number but for the end of its fraction: whole numbers up to 512 are
// exact, others less by 0.4 % at most.
type numberCode uint32

const (
	codeShift = 44 // of a float64's 52 bits of fraction 8 are kept
	codeBits  = 64 - codeShift
)

func codeOf(v float64) numberCode { return numberCode(math.Float64bits(v) >> codeShift) }

// coarse is the code without some bits.
func (c numberCode) coarse(bits uint) numberCode { return c >> bits << bits }

func (c numberCode) number() float64 { return math.Float64frombits(uint64(c) << codeShift) }

// entries is how many values there are, and how many numbers.
func (c *counts) entries() (values, numbers int) {
	for _, f := range c.fields {
		if f != nil {
			values, numbers = values+len(f.values), numbers+len(f.numbers)
		}
	}
	return values, numbers
}

// trim forgets some if there are more values, or numbers, than most.
func (c *counts) trim(most int) {
	values, numbers := c.entries()
	if values > most {
		c.forget(most / 2)
	}
	for ; numbers > most && c.dropped < codeBits; _, numbers = c.entries() {
		c.dropped += 2
		for _, f := range c.fields {
			if f == nil {
				continue
			}
			coarse := map[numberCode]uint64{}
			for v, n := range f.numbers {
				coarse[v.coarse(c.dropped)] += n
			}
			f.numbers = coarse
		}
	}
}

// forget forgets those values that were seen least, until there are no more than most.
func (c *counts) forget(most int) {
	var seen []uint64
	for _, f := range c.fields {
		if f != nil {
			for _, v := range f.values {
				seen = append(seen, v.n)
			}
		}
	}
	if len(seen) <= most {
		return
	}
	slices.Sort(seen)
	least := seen[len(seen)-most-1]
	c.missed += least
	for _, f := range c.fields {
		if f != nil {
			maps.DeleteFunc(f.values, func(_ uint64, v *count) bool { return v.n <= least })
		}
	}
}

// join adds what others are.
func (c *counts) join(others *counts) {
	if others == nil {
		return
	}
	c.lines += others.lines
	c.missed += others.missed
	for n, f := range others.fields {
		of := c.fields[n]
		if of == nil || f == nil {
			c.fields[n] = cmp.Or(of, f)
			continue
		}
		of.texts += f.texts
		for v, n := range f.numbers {
			of.numbers[v] += n
		}
		for h, v := range f.values {
			if had := of.values[h]; had != nil {
				had.n += v.n
				had.text = min(had.text, v.text)
			} else {
				of.values[h] = v
			}
		}
	}
}

// numeric reports whether a field is of numbers to be compared as such: there are some
// that differ, and no texts.
func numeric(fields ...*field) bool {
	different := map[numberCode]bool{}
	for _, f := range fields {
		if f == nil {
			continue
		}
		if f.texts > 0 {
			return false
		}
		for v := range f.numbers {
			different[v] = true
		}
	}
	return len(different) > maxDifferent
}

// maxDifferent is how many different numbers of a field are compared one by one, such as
// statuses.
const maxDifferent = 50

// quantiles are the nearest ranks of numbers with their counts, at ascending quantiles; 0
// where there are no numbers.
func (f *field) quantiles(at ...float64) []float64 {
	total := uint64(0)
	for _, n := range f.numbers {
		total += n
	}
	found := make([]float64, len(at))
	next, passed := 0, uint64(0)
	for _, v := range slices.SortedFunc(maps.Keys(f.numbers), func(a, b numberCode) int { return cmp.Compare(a.number(), b.number()) }) {
		passed += f.numbers[v]
		for ; next < len(at) && passed >= max(1, uint64(math.Ceil(at[next]*float64(total)))); next++ {
			found[next] = v.number()
		}
	}
	return found
}
