package line

import "encoding/binary"

// A keyTable maps texts to small numbers. It is open-addressed by a text's
// first eight bytes, last eight bytes and length, so that a text of up to 16
// bytes is found by comparing three words.
type keyTable struct {
	mask    uint64
	entries []keyEntry
}

type keyEntry struct {
	first, last uint64
	size        uint32 // the length plus 1; 0: free
	value       uint32
	text        string
}

// Odd constants with well mixed bits (xxHash64's primes).
const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
)

// lowBytes masks the first n bytes of a little-endian word.
var lowBytes = [16]uint64{
	0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1,
	1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1,
}

// load gives the eight bytes at i as a little-endian word.
func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// ends gives the first and the last eight bytes of b[start:end], which has
// eight bytes after it. A text shorter than eight is both.
func ends(b []byte, start, end int) (first, last uint64) {
	n := end - start
	mask := lowBytes[min(n, 8)&15]
	return load(b, start) & mask, load(b, start+max(n-8, 0)) & mask
}

func keyHash(first, last uint64, size uint32) uint64 {
	return (first ^ last*prime2 + uint64(size)) * prime1 >> 32
}

func newKeyTable(m map[string]uint32) *keyTable {
	n := 8
	for n < 4*len(m) {
		n *= 2
	}
	t := &keyTable{mask: uint64(n - 1), entries: make([]keyEntry, n)}
	for text, v := range m {
		b := append([]byte(text), make([]byte, Padding)...)
		first, last := ends(b, 0, len(text))
		size := uint32(len(text) + 1)
		i := keyHash(first, last, size) & t.mask
		for t.entries[i].size != 0 {
			i = (i + 1) & t.mask
		}
		t.entries[i] = keyEntry{first, last, size, v, text}
	}
	return t
}

// find looks b[start:end] up, which has eight bytes after it.
func (t *keyTable) find(b []byte, start, end int) (uint32, bool) {
	first, last := ends(b, start, end)
	size := uint32(end - start + 1)
	for i := keyHash(first, last, size) & t.mask; i < uint64(len(t.entries)); i = (i + 1) & t.mask {
		e := &t.entries[i]
		if e.first == first && e.last == last && e.size == size && (size <= 17 || e.text == string(b[start:end])) {
			return e.value, true
		}
		if e.size == 0 {
			return 0, false
		}
	}
	return 0, false
}
