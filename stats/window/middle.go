package window

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"pulse/stats/aggregate"
)

// A middle is the partials of the middle of a window as bytes, ascending. They are in the
// window, nothing joins them, and they are not looked at before the window leaves them behind.
type middle struct {
	kind   aggregate.Kind
	chunks []chunk
}

// A chunk is some neighboring partials.
type chunk struct {
	first int64 // second
	parts Fragment
	small []byte // instead: parts compressed
}

// A chunking says what a chunk is.
type chunking struct {
	seconds  int64 // how much it is of, at most
	compress bool
}

var (
	plainMinutes = chunking{seconds: 3600}
	// Neighboring seconds are alike, and most of their counts small. All of a chunk is unpacked
	// at once, and goes a second at a time.
	packedSeconds = chunking{seconds: 60, compress: true}
)

// add adds the partial of a second or minute, which is after all others.
func (m *middle) add(second int64, partial []byte, by chunking) {
	last := len(m.chunks) - 1
	if last < 0 || second >= m.chunks[last].first+by.seconds {
		if last >= 0 {
			m.chunks[last].end(m.kind, by)
		}
		m.chunks = append(m.chunks, chunk{first: second})
		last++
	}
	if len(partial) > 0 { // else it would end the fragment for who reads it
		m.chunks[last].parts.Add(second, partial)
	}
}

// end says that no more is added.
func (c *chunk) end(kind aggregate.Kind, by chunking) {
	if !by.compress {
		c.parts.Clip()
		return
	}
	var small []byte
	columns, others := splitRegisters(kind, c.parts.Bytes())
	for _, b := range [][]byte{columns, unzip(others)} {
		small = encoder().EncodeAll(b, small) // by themselves, since they are not alike
	}
	c.small = bytes.Clone(small)
	c.parts = Fragment{}
}

// bytes is the chunk's fragment.
func (c *chunk) bytes(kind aggregate.Kind) []byte {
	if c.small == nil {
		return c.parts.Bytes()
	}
	b, err := decoder().DecodeAll(c.small, nil)
	if err != nil {
		panic(fmt.Sprintf("stats: what was compressed does not come back: %v", err))
	}
	return joinRegisters(kind, b)
}

// splitRegisters gives a fragment without its partials' registers, and these as columns, with
// how many partials have some before them.
func splitRegisters(kind aggregate.Kind, fragment []byte) (columns, others []byte) {
	var registers [][]byte
	var left Fragment
	for r := newFragmentReader(fragment); r.next(); {
		partial := r.partial
		if at, ok := aggregate.RegistersAt(kind, partial); ok {
			end := at + aggregate.RegistersLen
			registers = append(registers, partial[at:end])
			partial = slices.Concat(partial[:at], partial[end:])
		}
		left.Add(r.second, partial)
	}
	columns = binary.AppendUvarint(nil, uint64(len(registers)))
	if len(registers) > 0 {
		columns = aggregate.AppendColumns(columns, registers)
	}
	return columns, left.Bytes()
}

// joinRegisters is the fragment of which splitRegisters made columns, behind which the others
// are, unzipped.
func joinRegisters(kind aggregate.Kind, b []byte) []byte {
	n, size := binary.Uvarint(b)
	b = b[size:]
	if n == 0 {
		return zip(b)
	}
	registers, b := aggregate.CutColumns(b, int(n)) // #nosec G115 -- of a chunk
	var whole Fragment
	for r := newFragmentReader(zip(b)); r.next(); {
		partial := r.partial
		if at, ok := aggregate.RegistersAt(kind, partial); ok {
			partial = slices.Concat(partial[:at], registers[0], partial[at:])
			registers = registers[1:]
		}
		whole.Add(r.second, partial)
	}
	return whole.Bytes()
}

// unzip puts every other uvarint of some bytes behind the others: steps and counts, which
// are each like those of their kind, take a tenth less when they are compressed apart. The
// bytes may be any; how many are those of the first half is before them.
func unzip(b []byte) []byte {
	halves := [2][]byte{make([]byte, 0, len(b)), nil}
	for i := 0; len(b) > 0; i = 1 - i {
		n := uvarintLen(b)
		halves[i] = append(halves[i], b[:n]...)
		b = b[n:]
	}
	return slices.Concat(binary.AppendUvarint(nil, uint64(len(halves[0]))), halves[0], halves[1])
}

// zip takes back what unzip did.
func zip(b []byte) []byte {
	first, n := binary.Uvarint(b)
	b = b[n:]
	halves := [2][]byte{b[:first], b[first:]}
	all := make([]byte, 0, len(b))
	for i := 0; len(halves[i]) > 0; i = 1 - i {
		n := uvarintLen(halves[i])
		all = append(all, halves[i][:n]...)
		halves[i] = halves[i][n:]
	}
	return all
}

// uvarintLen is how long the uvarint at the start of some bytes is, at most as long as these.
func uvarintLen(b []byte) int {
	if i := slices.IndexFunc(b, func(c byte) bool { return c < 0x80 }); i >= 0 {
		return i + 1
	}
	return len(b)
}

var (
	// Its window bounds what it keeps of its own; more of a chunk finds no more that is alike.
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<19))
		if err != nil {
			panic(err) // the options are fixed
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err) // as above
		}
		return d
	})
)

// unpack makes entries again of the chunks that begin before the window does.
func (s *Series) unpack() {
	n := 0
	for ; n < len(s.middle.chunks) && s.middle.chunks[n].first < s.from; n++ {
		var parts []second
		for r := newFragmentReader(s.middle.chunks[n].bytes(s.middle.kind)); r.next(); {
			parts = append(parts, second{second: r.second, packed: r.partial, added: true})
		}
		s.seconds = slices.Insert(s.seconds, s.edge, parts...)
		s.edge += len(parts)
		s.hi += len(parts)
	}
	clear(s.middle.chunks[:n])
	s.middle.chunks = s.middle.chunks[n:]
}
