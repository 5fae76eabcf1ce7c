package line

import "encoding/binary"

// Stops are the places in a part of a line where something can end, found for all of it at
// once with vectors, as simdjson does (Langdale and Lemire, "Parsing gigabytes of JSON per
// second", 2019): a byte's class is a bit that its two halves have in common in two tables of 16
// bytes. To find an end is then to count the zeros of a word, whatever the lengths, where
// a loop over words has a branch that nobody can foresee.
//
// Where there are none, since the machine lacks the instructions, who asks looks at the bytes.
type stops struct {
	from          int        // where the part begins
	first, second *byteMasks // a bit for each byte that is not in the first class, or in the second
	masks         [2]byteMasks
}

// byteMasks has eight bits a byte, and room for the last word to be read from anywhere.
type byteMasks [maxStops/8 + 8]byte

// maxStops is the greatest length of a part and the byte after it: what is longer has no stops.
const maxStops = MaxLen

// noStops has none.
var noStops byteMasks

// Two classes of ASCII bytes, for findStops.
type byteClasses struct {
	low, high [32]byte    // the classes' bits by the lower and by the upper half of a byte, twice
	bits      [2][32]byte // those of each class, over and over
}

// Stops of both ways in which attributes and JSON are read.
var (
	pulseClasses = newByteClasses(
		func(c byte) bool { return class[c]&inKey != 0 },
		func(c byte) bool { return class[c]&inValue != 0 },
	)
	jsonClasses = newByteClasses(
		func(c byte) bool { return c == '"' || c == '\\' },
	)
)

// newByteClasses makes the tables of up to two classes. Bytes with one upper half that are in the same
// classes are a row. Equal rows share a bit, of which there are eight.
func newByteClasses(classes ...func(byte) bool) *byteClasses {
	t, used := new(byteClasses), 0
	rowBits := map[[2]uint16]byte{}
	for high := range 8 {
		for in := range 4 { // in neither class, the first, the second, or both
			var row uint16
			for low := range 16 {
				c, is := byte(high<<4|low), 0
				for i, has := range classes {
					if has(c) {
						is |= 1 << i
					}
				}
				if is == in {
					row |= 1 << low
				}
			}
			if in == 0 || row == 0 {
				continue
			}
			bit, ok := rowBits[[2]uint16{row, uint16(in)}]
			if !ok {
				if used == 8 {
					panic("line: classes of bytes have too many rows")
				}
				bit = 1 << used
				used++
				rowBits[[2]uint16{row, uint16(in)}] = bit
			}
			for i := range 32 {
				if i%16 == high {
					t.high[i] |= bit
				}
				if row>>(i%16)&1 != 0 {
					t.low[i] |= bit
				}
				for k := range t.bits {
					if in>>k&1 != 0 {
						t.bits[k][i] |= bit
					}
				}
			}
		}
	}
	return t
}

// find finds the stops of b[i:end] and that at its end.
func (s *stops) find(b []byte, i, end int, of *byteClasses) {
	s.first, s.second = &noStops, &noStops
	if n := end - i + 1; hasStops && n <= maxStops {
		s.from, s.first, s.second = i, &s.masks[0], &s.masks[1]
		findStops(b[i:end+Padding], n, of, s)
	}
}

// in gives the bits of a mask from i on, of which the first is i's own: at least 57 of them, and above
// them zeros. They are zeros if there are no stops.
func (s *stops) in(m *byteMasks, i int) uint64 {
	at := uint(i - s.from)
	return binary.LittleEndian.Uint64(m[at/8%(maxStops/8):]) >> (at % 8)
}
